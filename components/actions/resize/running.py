"""Resizing the running pods of one workload, and waiting until the kubelets have done it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.parallel import at_once
from components.actions.resize import stranded
from components.actions.resize.budget import allowed, is_available, read_budgets
from components.actions.resize.pods import (
    Progress,
    is_ready,
    needs_restart,
    progress,
    resize_patch,
    resize_path,
    restart_counts,
)
from components.actions.resize.resources import Resources

_POLL = 0.25
# A refusal that is still there from an earlier resize must not count against this one.
_STALE_SECONDS = 3.0
# How long a status that always agreed has to go on agreeing, where a kubelet does not say what it has seen: a pod that
# was sent back to its old size at once looks done before the kubelet has noticed either change.
_SETTLING_SECONDS = 4.0


class PodFailed(ActionError):  # noqa: N818 - it names the pod, the failure is its content
    """One pod cannot take its new size; `pod` and `reason` say which and why.

    `late` is true when nothing speaks against it but that it was not done in time. `asked` is true when every pod of
    the workload already asks for its new size, so that only kubelets are waited for: template and pods' specs agree.
    """

    def __init__(self, pod: str, reason: str, *, asked: bool = False, late: bool = False) -> None:
        super().__init__(f"pod {pod}: {reason}")
        self.pod = pod
        self.reason = reason
        self.asked = asked
        self.late = late


class Resizable(Protocol):
    """What is resized: the workload as it is now, and its pods."""

    client: Client

    def live(self) -> Json:
        """Return the live workload."""

    def unheld(self, live: Json) -> Json:
        """Return the live workload with the strategy that it has outside of a window."""

    def pods(self) -> list[Json]:
        """Return its living pods, in the order in which they are resized."""

    def actuated(self, pod: Json) -> None:
        """Take note that the kubelet has carried the pod's resize out; called again in every round."""


@dataclass(frozen=True)
class Resized:
    """What it took: the containers that restarted, as `pod/container`, and the pods that were replaced, with why."""

    restarted: list[str]
    replaced: list[str]

    @property
    def text(self) -> str:
        """Say it as the end of a sentence; empty where nothing restarted."""
        parts = (("restarted", self.restarted), ("replaced", self.replaced))
        return "".join(f"; {word}: {', '.join(listed)}" for word, listed in parts if listed)


@dataclass
class _Watched:
    """What was known of a pod when it was first seen, and when it was patched."""

    ready: bool
    restarts: dict[str, int]
    since: float
    restarting: list[str] = field(default_factory=list)
    was_waiting: bool = False


def resize_pods(
    window: Resizable, wanted: dict[str, Resources], *, timeout: float, say: Callable[[str], None]
) -> Resized:
    """Resize every pod of the workload to `wanted`; return what it took.

    Pods are listed anew in every round, so one that appeared meanwhile is resized too. Where a container has to
    restart, only as many pods are without it at a time as the strategy's maxUnavailable and the PodDisruptionBudgets
    allow. A pod that a kubelet would leave with its old limits, because a container of it does not run, is deleted: its
    controller makes another of the new size (see `stranded`). Raises `PodFailed` for a pod that is refused, infeasible,
    in error, or not done within `timeout` seconds; pods that can be asked at once have been, by then.
    """
    deadline = time.monotonic() + timeout
    seen: dict[str, _Watched] = {}
    replaced: list[str] = []
    told = ""
    while True:
        workload = window.unheld(window.live())
        pods = window.pods()
        for pod in pods:
            seen.setdefault(pod["metadata"]["uid"], _Watched(is_ready(pod), restart_counts(pod), time.monotonic()))
        left = _patch(window.client, workload, pods, wanted, seen, replaced)
        states = [(pod, _state(pod, wanted, seen[pod["metadata"]["uid"]])) for pod in pods]
        done = 0
        for pod, state in states:
            if state.state == "done" and not _replaced_after(window.client, pod, seen, replaced):
                window.actuated(pod)
                done += 1
        if told != (told := f"{done} of {len(pods)} pods resized"):
            say(told)
        if done == len(pods):
            return Resized(_restarted(pods, seen), replaced)
        late = time.monotonic() > deadline
        for pod, state in states:
            if state.state == "failed" or (late and state.state != "done"):
                reason = f"{state.text} (not done after {timeout:.0f} s)" if late else state.text
                raise PodFailed(pod["metadata"]["name"], reason, asked=not left, late=state.state != "failed")
        time.sleep(_POLL)


def _patch(
    client: Client,
    workload: Json,
    pods: list[Json],
    wanted: dict[str, Resources],
    seen: dict[str, _Watched],
    replaced: list[str],
) -> int:
    """Patch what has no new size yet, as far as the budget for restarts goes; return how many pods that left."""
    at_least = workload["spec"].get("minReadySeconds", 0)
    away = sum(
        not is_available(pod, at_least) or _state(pod, wanted, seen[pod["metadata"]["uid"]]).state == "waiting"
        for pod in pods
        if resize_patch(pod, wanted) is None
    )
    budget: int | None = None
    left = 0
    chosen: list[tuple[int, Json]] = []
    for index, pod in enumerate(pods):
        patch = resize_patch(pod, wanted)
        if patch is None:
            continue
        if _replace(client, pod, stranded.idle(pod, patch), replaced):
            continue
        restarting = needs_restart(pod, patch)
        # A pod that serves nothing anyway costs no availability.
        if restarting and is_ready(pod):
            if budget is None:
                budgets = read_budgets(client, pod["metadata"]["namespace"], pod["metadata"].get("labels") or {})
                budget = allowed(workload, budgets, away)
            if away >= budget:
                left += 1
                continue
            away += 1
        watched = seen[pod["metadata"]["uid"]]
        watched.restarting = restarting if is_ready(pod) else []
        watched.restarts = restart_counts(pod)
        watched.since, watched.was_waiting = time.monotonic(), False
        chosen.append((index, patch))
    answers = at_once(lambda choice: _send(client, pods[choice[0]], choice[1]), chosen)
    for (index, _), answer in zip(chosen, answers, strict=True):
        if answer is not None:
            if resize_patch(answer, wanted) is not None:
                name = pods[index]["metadata"]["name"]
                raise PodFailed(name, "the server took the resize but stored other resources")
            pods[index] = answer
        else:
            left += 1
    return left


def _replaced_after(client: Client, pod: Json, seen: dict[str, _Watched], replaced: list[str]) -> bool:
    """Replace a pod that ended while it was resized, where its kubelet may have left its cgroup."""
    watched = seen[pod["metadata"]["uid"]]
    return _replace(client, pod, stranded.ended(pod, watched.restarts, watched.restarting), replaced)


def _replace(client: Client, pod: Json, names: list[str], replaced: list[str]) -> bool:
    """Delete a pod that would keep its old limits for the sake of one of these containers; tell whether it did."""
    name = stranded.left(client, pod, names)
    if not name:
        return False
    metadata = pod["metadata"]
    try:
        client.delete(path_of("v1", "pods", metadata["namespace"], metadata["name"]), uid=metadata["uid"])
    except ApiError as error:
        if error.forbidden:
            reason = f"container {name} does not run, so the pod has to be replaced, and may not be: {error.message}"
            raise PodFailed(metadata["name"], reason) from error
        if not error.not_found and not error.conflict:
            raise
    replaced.append(f"{metadata['name']} (its container {name} did not run)")
    return True


def _send(client: Client, pod: Json, patch: Json) -> Json | None:
    metadata = pod["metadata"]
    guarded = patch | {"metadata": {"uid": metadata["uid"]}}
    try:
        return client.patch(resize_path(pod), guarded, kind="strategic")
    except ApiError as error:
        if error.not_found or error.conflict:
            return None
        if error.status in {403, 422}:
            raise PodFailed(metadata["name"], f"the server refuses the resize: {error.message}") from error
        raise


def _state(pod: Json, wanted: dict[str, Resources], watched: _Watched) -> Progress:
    state = progress(pod, wanted, ready_needed=watched.ready)
    age = time.monotonic() - watched.since
    # Absent on servers and kubelets before 1.34.
    observed = pod["status"].get("observedGeneration")
    if state.state == "failed" and age < _STALE_SECONDS and (observed or 0) < pod["metadata"].get("generation", 1):
        return Progress("waiting", state.text)
    if state.state == "waiting":
        watched.was_waiting = True
    if state.state == "done" and observed is None and not watched.was_waiting and age < _SETTLING_SECONDS:
        return Progress("waiting", "the kubelet may not have seen the change yet")
    now = restart_counts(pod)
    if state.state == "done" and any(now.get(n, 0) <= watched.restarts.get(n, 0) for n in watched.restarting):
        return Progress("waiting", f"container {watched.restarting[0]} has not restarted yet")
    return state


def _restarted(pods: list[Json], seen: dict[str, _Watched]) -> list[str]:
    found = []
    for pod in pods:
        before = seen[pod["metadata"]["uid"]].restarts
        found += [
            f"{pod['metadata']['name']}/{name}"
            for name, count in restart_counts(pod).items()
            if count > before.get(name, 0)
        ]
    return found
