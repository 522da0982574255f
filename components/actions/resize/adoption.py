"""Template adoption: a new size for a workload's templates and its running pods, without a rollout.

hold (with a journal) -> templates -> the controller has taken them up -> pods -> the controller takes all pods for
those of the template -> let go. What each step is for a Deployment and for a StatefulSet is in their windows. Each
looks first whether it is done already, so `forward` and `undo` can start from wherever an earlier run was killed. No
step is a contract of Kubernetes; each is checked by what the controller reports.
"""

import copy
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from components.actions.client import Client, Json
from components.actions.errors import ActionError, ApiError, ConnectionProblem
from components.actions.resize.journal import FailurePolicy, Journal
from components.actions.resize.kinds import argument, workload_path
from components.actions.resize.planning import Plan
from components.actions.resize.pods import needs_restart, pod_sizes, resize_patch, resize_path
from components.actions.resize.record import record
from components.actions.resize.resources import Resources
from components.actions.resize.running import PodFailed, Resized, resize_pods
from components.actions.resize.templates import resized
from components.actions.resize.window import Interrupted, NotAdopted, Window
from components.actions.resize.windows import window_of
from components.actions.simulated import NOTE, any_simulated

Say = Callable[[str], None]


class ResizeFailed(ActionError):  # noqa: N818 - a past participle like its siblings
    """A resize did not come through; the text says what stopped it and what state was left.

    `pod` and `reason` name the pod and the cause where it was a pod; `undone` is true when everything is back as
    it was, False when nothing was touched or the work is left for the next run (the text says which).
    """

    def __init__(self, text: str, *, pod: str = "", reason: str = "", undone: bool = False) -> None:
        super().__init__(text)
        self.pod = pod
        self.reason = reason
        self.undone = undone


@dataclass(frozen=True)
class Adopted:
    """A resize that came to an end with the new sizes.

    `text` says what happened, for people. `in_place` is false where new pods are rolled out instead (`rollout`), and
    `waiting` names the pod whose kubelet has yet to carry it out, with its reason (`wait`).
    """

    text: str
    in_place: bool = True
    waiting: str = ""


def adopt(client: Client, plan: Plan, *, progress: Say, timeout: float, policy: FailurePolicy = "rollback") -> Adopted:
    """Carry out a plan whose outcome is `in-place`.

    `timeout` is the seconds the pods may take until the last is actuated. `policy` says what becomes of the resize when
    a kubelet finds it infeasible, defers it for longer, or fails at it. In each case templates and pods agree:

    - `rollback`: templates and pods get their old sizes back, and `ResizeFailed` is raised.
    - `rollout`: the new size stays, and new pods of it are rolled out by the workload's own strategy.
    - `wait`: the new size stays in templates and pods, and the kubelets may carry it out when they can. What the API
      server refuses, or what may not be asked yet for want of a disruption budget, is rolled back all the same.

    Whatever else fails is rolled back. Killed at any point, a Deployment is left paused, and a StatefulSet with
    updateStrategy OnDelete, with a journal, from which `finish` goes on; pods are never replaced by that.
    """
    if plan.outcome != "in-place":
        raise ValueError(f"a plan with outcome {plan.outcome!r} is not carried out in place")
    what = f"{plan.namespace}/{plan.name}"
    live = client.find(workload_path(plan.kind, plan.namespace, plan.name))
    if live is None:
        raise ResizeFailed(f"{plan.kind} {what} is gone; nothing was changed")
    journal = _journal(plan, live, policy)
    window = window_of(client, plan.namespace, plan.name, journal)
    progress(window.opening)
    try:
        window.open()
    except (Interrupted, ApiError) as error:
        raise ResizeFailed(f"{what} was not resized and nothing was changed: {error}") from error
    except ConnectionProblem as error:
        raise ResizeFailed(
            f"{what} was not resized, and may be held: {error}; the same command again brings it to an end"
        ) from error
    try:
        return forward(window, progress=progress, timeout=timeout)
    except Interrupted as error:
        raise ResizeFailed(f"the resize of {what} was left where it was: {error}") from error
    except (PodFailed, NotAdopted, ApiError, ConnectionProblem) as error:
        _undo_after(window, error, progress=progress, timeout=timeout)


def forward(window: Window, *, progress: Say, timeout: float) -> Adopted:
    """Bring a window to the new sizes from wherever it stands, by the journal's policy where a pod cannot follow.

    Raises `PodFailed` where the policy is to roll back.
    """
    started = time.monotonic()
    progress("adopting the new size in the templates")
    window.observed()
    window.set_sizes()
    window.settle()
    wanted = pod_sizes(window.live()["spec"]["template"], set(window.journal.new))
    waiting = ""
    took = Resized([], [])
    try:
        took = resize_pods(window, wanted, timeout=timeout, say=progress)
    except PodFailed as error:
        if window.journal.policy == "rollout":
            window.turn("rollout")
            return roll_out(window, str(error), progress=progress)
        if window.journal.policy == "rollback" or not error.asked:
            raise
        waiting = str(error)
        for pod in window.pods():
            window.actuated(pod)
    window.complete()
    window.close()
    text = f"resized in place{_simulated(window)}: {window.journal.changes()}{took.text}"
    if waiting:
        text += f"; not carried out yet, and left to the kubelet: {waiting}"
    record(window, "ResizeWaiting" if waiting else "ResizedInPlace", text)
    progress(f"{text} ({time.monotonic() - started:.1f} s)")
    return Adopted(text, waiting=waiting)


def roll_out(window: Window, reason: str, *, progress: Say) -> Adopted:
    """End a window, from wherever it stands, with a rollout of the new size; `reason` is why it is none in place."""
    progress("rolling out new pods of the new size")
    _give_back(window)
    window.part()
    text = f"{_rolled('new', window)}{_simulated(window)}: {window.journal.changes()}"
    text += f"; not in place, because a pod cannot follow ({reason})" if reason else ""
    record(window, "ResizeRolledOut", text)
    progress(text)
    return Adopted(text, in_place=False)


def undo(window: Window, *, progress: Say, timeout: float) -> str:
    """Bring a window back to the old sizes from wherever it stands; return what happened, for people.

    Where the server does not let the pods go back in place (1.33 cannot lower a memory limit) the window ends with
    templates of the old size that these pods are not of: the controller rolls out pods of the old size by the
    workload's own strategy, and nothing is left in between.
    """
    old = window.journal.old
    silent = ""
    progress("undoing the resize")
    window.turn("undo")
    wanted = pod_sizes(_with_sizes(window.live()["spec"]["template"], old), set(old))
    stuck = _cannot_go_back(window, wanted)
    took = Resized([], [])
    if not stuck:
        window.set_sizes()
        window.settle()
        try:
            took = resize_pods(window, wanted, timeout=timeout, say=progress)
        except PodFailed as error:
            # Every pod asks for its old size and has it, or will: new pods would gain nothing, and lose these.
            silent = str(error) if error.asked and error.late else ""
            stuck = "" if silent else str(error)
            for pod in window.pods() if silent else ():
                window.actuated(pod)
    if stuck:
        window.part()
    else:
        window.complete()
        window.close()
    text = f"undone{_simulated(window)}: {window.journal.changes()}{took.text}"
    if stuck:
        text += f"; {_rolled('old', window)}, because a pod cannot go back in place ({stuck})"
    if silent:
        text += f"; no kubelet has said so yet: {silent}"
    record(window, "ResizeUndone", text)
    progress(text)
    return text


def left_held(window: Window) -> str:
    """Say what is left when neither way could be gone to its end, and what to do."""
    return (
        f"{window.left}: run the same command again, or `python -m components.actions resize finish "
        f"-n {window.namespace} {argument(window.journal.kind, window.name)}`"
    )


def _journal(plan: Plan, live: Json, policy: FailurePolicy) -> Journal:
    """Return what the run sets out to do, with what it has to put back."""
    stateful = plan.kind == "StatefulSet"
    return Journal(
        plan.uid,
        plan.replica_set,
        live["spec"].get("revisionHistoryLimit", 10),
        plan.old,
        plan.new,
        policy=policy,
        kind=plan.kind,
        strategy=live["spec"].get("updateStrategy", {}) if stateful else {},
        revision=live.get("status", {}).get("updateRevision", "") if stateful else "",
        template=plan.template if stateful else "",
    )


def _rolled(which: str, window: Window) -> str:
    """Say how pods come to the size of the template, where they are not resized to it."""
    if window.journal.strategy.get("type") == "OnDelete":
        return f"pods of the {which} size come when the present ones are deleted (updateStrategy OnDelete)"
    return "new pods are rolled out" if which == "new" else "the old size is rolled out"


def _undo_after(window: Window, error: ActionError, *, progress: Say, timeout: float) -> NoReturn:
    what = f"{window.namespace}/{window.name}"
    pod, reason = getattr(error, "pod", ""), getattr(error, "reason", "") or str(error)
    try:
        result = undo(window, progress=progress, timeout=timeout)
    except ActionError as second:
        raise ResizeFailed(
            f"the resize of {what} failed ({error}) and could not be undone ({second}); {left_held(window)}",
            pod=pod,
            reason=reason,
        ) from error
    raise ResizeFailed(
        f"the resize of {what} failed: {error}; {result}", pod=pod, reason=reason, undone=True
    ) from error


def _give_back(window: Window) -> None:
    """Let the pods that are to be replaced ask for their old size again, as far as the server lets them.

    Nodes and quotas count what is asked for, so what could not be carried out would keep the room of the new pods.
    """
    template = _with_sizes(window.live()["spec"]["template"], window.journal.old)
    wanted = pod_sizes(template, set(window.journal.old))
    for pod in window.outdated():
        patch = resize_patch(pod, wanted)
        if patch is not None and not needs_restart(pod, patch):
            with suppress(ApiError):
                window.client.patch(resize_path(pod), patch, kind="strategic")


def _cannot_go_back(window: Window, wanted: dict[str, Resources]) -> str:
    """Return why a pod cannot be brought to `wanted` in place, or nothing when all can."""
    for pod in window.pods():
        patch = resize_patch(pod, wanted)
        if patch is None:
            continue
        try:
            window.client.patch(resize_path(pod), patch, kind="strategic", dry_run=True)
        except ApiError as error:
            if error.status in {403, 422}:
                return f"pod {pod['metadata']['name']}: {error.message}"
            if not error.not_found:
                raise
    return ""


def _simulated(window: Window) -> str:
    """Return the words that a result needs where the window's pods only say that they were resized."""
    # The result is there already; not being able to read nodes does not change it.
    with suppress(ActionError):
        if any_simulated(window.client, window.pods()):
            return f" ({NOTE})"
    return ""


def _with_sizes(template: Json, wanted: dict[str, Resources]) -> Json:
    changed = copy.deepcopy(template)
    changed["spec"] |= resized(template, wanted)["spec"]
    return changed
