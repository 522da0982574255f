"""Template adoption: a new size for Deployment, ReplicaSet and running pods, without a rollout.

pause (with a journal) -> ReplicaSet template -> Deployment template -> the controller counts all pods as up to date
-> pods -> lift the pause. Each step looks first whether it is done already, so `forward` and `undo` can start from
wherever an earlier run was killed. No step is a contract of Kubernetes; each is checked by what the controller reports.
"""

import copy
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError, ConnectionProblem
from components.actions.resize.journal import OWN_MANAGER, RECORD_ANNOTATION, FailurePolicy, Journal
from components.actions.resize.live import deployment_path, pods_of
from components.actions.resize.ownership import hand_back
from components.actions.resize.planning import Plan
from components.actions.resize.pods import needs_restart, pod_sizes, resize_patch
from components.actions.resize.resources import Resources
from components.actions.resize.running import PodFailed, resize_pods
from components.actions.resize.templates import resized
from components.actions.resize.window import Interrupted, NotAdopted, Window
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

    - `rollback`: Deployment, ReplicaSet and pods get their old sizes back, and `ResizeFailed` is raised.
    - `rollout`: the new size stays, and new pods of it are rolled out by the Deployment's own strategy.
    - `wait`: the new size stays in templates and pods, and the kubelets may carry it out when they can. What the API
      server refuses, or what may not be asked yet for want of a disruption budget, is rolled back all the same.

    Whatever else fails is rolled back. Killed at any point, the Deployment is left paused with a journal, from which
    `finish` goes on; pods are never replaced by that.
    """
    if plan.outcome != "in-place":
        raise ValueError(f"a plan with outcome {plan.outcome!r} is not carried out in place")
    what = f"{plan.namespace}/{plan.name}"
    live = client.find(deployment_path(plan.namespace, plan.name))
    if live is None:
        raise ResizeFailed(f"Deployment {what} is gone; nothing was changed")
    history = live["spec"].get("revisionHistoryLimit", 10)
    journal = Journal(plan.uid, plan.replica_set, history, plan.old, plan.new, policy=policy)
    window = Window(client, plan.namespace, plan.name, journal)
    progress("pausing the Deployment")
    try:
        window.open()
    except (Interrupted, ApiError) as error:
        raise ResizeFailed(f"{what} was not resized and nothing was changed: {error}") from error
    except ConnectionProblem as error:
        raise ResizeFailed(
            f"{what} was not resized, and may be paused: {error}; the same command again brings it to an end"
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
    new = window.journal.new
    progress("adopting the new size in ReplicaSet and Deployment")
    window.observed()
    window.size_replica_set(new)
    window.supersede_twins()
    window.size_deployment(new)
    window.settle()
    template = window.deployment()["spec"]["template"]
    waiting = ""
    restarted: list[str] = []
    try:
        restarted = resize_pods(window, pod_sizes(template, set(new)), timeout=timeout, say=progress)
    except PodFailed as error:
        if window.journal.policy == "rollout":
            window.turn("rollout")
            return roll_out(window, str(error), progress=progress)
        if window.journal.policy == "rollback" or not error.asked:
            raise
        waiting = str(error)
    window.close()
    text = f"resized in place{_simulated(window)}: {window.journal.changes()}"
    if restarted:
        text += f"; restarted: {', '.join(restarted)}"
    if waiting:
        text += f"; not carried out yet, and left to the kubelet: {waiting}"
    _record(window, "ResizeWaiting" if waiting else "ResizedInPlace", text)
    progress(f"{text} ({time.monotonic() - started:.1f} s)")
    return Adopted(text, waiting=waiting)


def roll_out(window: Window, reason: str, *, progress: Say) -> Adopted:
    """End a window, from wherever it stands, with a rollout of the new size; `reason` is why it is none in place."""
    progress("rolling out new pods of the new size")
    _give_back(window)
    _part(window, replica_set=window.journal.old, deployment=window.journal.new)
    text = f"new pods are rolled out{_simulated(window)}: {window.journal.changes()}"
    text += f"; not in place, because a pod cannot follow ({reason})" if reason else ""
    _record(window, "ResizeRolledOut", text)
    progress(text)
    return Adopted(text, in_place=False)


def undo(window: Window, *, progress: Say, timeout: float) -> str:
    """Bring a window back to the old sizes from wherever it stands; return what happened, for people.

    Where the server does not let the pods go back in place (1.33 cannot lower a memory limit) the Deployment gets its
    old template while the ReplicaSet keeps the new one: once the pause is lifted the controller rolls out pods of the
    old size by the Deployment's own strategy, and nothing is left in between.
    """
    old, new = window.journal.old, window.journal.new
    progress("undoing the resize")
    window.turn("undo")
    template = _with_sizes(window.deployment()["spec"]["template"], old)
    wanted = pod_sizes(template, set(old))
    stuck = _cannot_go_back(window, wanted)
    if not stuck:
        window.size_replica_set(old)
        window.restore_twins()
        window.size_deployment(old)
        window.settle()
        try:
            resize_pods(window, wanted, timeout=timeout, say=progress)
        except PodFailed as error:
            stuck = str(error)
    if stuck:
        _part(window, replica_set=new, deployment=old)
    else:
        window.close()
    text = f"undone{_simulated(window)}: {window.journal.changes()}"
    if stuck:
        text += f"; the old size is rolled out, because a pod cannot go back in place ({stuck})"
    _record(window, "ResizeUndone", text)
    progress(text)
    return text


def left_paused(window: Window) -> str:
    """Say what is left when neither way could be gone to its end, and what to do."""
    return (
        "the Deployment is left paused with its journal: run the same command again, or "
        f"`python -m components.actions resize finish -n {window.namespace} {window.name}`"
    )


def _undo_after(window: Window, error: ActionError, *, progress: Say, timeout: float) -> NoReturn:
    what = f"{window.namespace}/{window.name}"
    pod, reason = getattr(error, "pod", ""), getattr(error, "reason", "") or str(error)
    try:
        result = undo(window, progress=progress, timeout=timeout)
    except ActionError as second:
        raise ResizeFailed(
            f"the resize of {what} failed ({error}) and could not be undone ({second}); {left_paused(window)}",
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
    template = _with_sizes(window.deployment()["spec"]["template"], window.journal.old)
    wanted = pod_sizes(template, set(window.journal.old))
    for pod in pods_of(window.client, window.replica_set()):
        patch = resize_patch(pod, wanted)
        if patch is not None and not needs_restart(pod, patch):
            with suppress(ApiError):
                path = path_of("v1", "pods", window.namespace, pod["metadata"]["name"], "resize")
                window.client.patch(path, patch, kind="strategic")


def _part(window: Window, *, replica_set: dict[str, Resources], deployment: dict[str, Resources]) -> None:
    """End the window with templates that differ, so that the controller rolls the Deployment's out."""
    window.size_replica_set(replica_set)
    window.restore_twins()
    window.size_deployment(deployment)
    window.observed()
    # The controller has let go of this ReplicaSet, so nothing but this takes the journal off it.
    window.forget_copies()
    window.close()


def _cannot_go_back(window: Window, wanted: dict[str, Resources]) -> str:
    """Return why a pod cannot be brought to `wanted` in place, or nothing when all can."""
    for pod in pods_of(window.client, window.replica_set()):
        patch = resize_patch(pod, wanted)
        if patch is None:
            continue
        path = path_of("v1", "pods", window.namespace, pod["metadata"]["name"], "resize")
        try:
            window.client.patch(path, patch, kind="strategic", dry_run=True)
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
        if any_simulated(window.client, pods_of(window.client, window.replica_set())):
            return f" ({NOTE})"
    return ""


def _with_sizes(template: Json, wanted: dict[str, Resources]) -> Json:
    changed = copy.deepcopy(template)
    changed["spec"] |= resized(template, wanted)["spec"]
    return changed


def _record(window: Window, reason: str, text: str) -> None:
    """Leave a trace, since `kubectl rollout history` has none: an annotation and an Event, where that is possible."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    path = deployment_path(window.namespace, window.name)
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{window.name[:240]}-", "namespace": window.namespace},
        "involvedObject": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": window.namespace,
            "name": window.name,
            "uid": window.journal.uid,
        },
        "type": "Normal" if reason == "ResizedInPlace" else "Warning",
        "reason": reason,
        "message": text[:1000],
        "action": "Resize",
        "reportingComponent": OWN_MANAGER,
        "reportingInstance": window.journal.transaction,
        "source": {"component": OWN_MANAGER},
        "eventTime": now,
        "firstTimestamp": now[:19] + "Z",
        "lastTimestamp": now[:19] + "Z",
        "count": 1,
    }
    with suppress(ActionError):
        hand_back(window.client, path)
    with suppress(ActionError):
        record = {RECORD_ANNOTATION: f"{now[:19]}Z {text}"}
        window.client.patch(path, {"metadata": {"annotations": record}}, field_manager=OWN_MANAGER)
    with suppress(ActionError):
        window.client.create(path_of("v1", "events", window.namespace), event)
