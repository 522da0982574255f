"""Why a pod is not well: one compact text, and whether waiting can still help. Pure.

Each rule is a small function from a pod to a `Finding`. `grace` is how long the same finding has to last before
waiting is hopeless; None means that only the end of patience ends the wait.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from components.actions import causes
from components.actions.client import Json
from components.actions.pod_parts import role_of, spec_of, statuses_of
from components.actions.starting import held_back

# A crash loop, or a startup probe that kills again and again, is hopeless from the third end on, once a run that began
# so late in the pod's life has ended, too: applications wait by crashing for a neighbour, such as a database, which
# takes 40 s from when it could start itself. The kubelet pauses for 10, 20 and 40 s between attempts, so the fifth is
# the one that tells, 75 to 90 s after the first, unless patience is shorter.
CRASHES = 3
NEIGHBOUR_SECONDS = 60.0
_PULL_REMEDY = "check the image's name, its tag, and the pull secrets and rights for its registry"
_WAITING: dict[str, tuple[float, str]] = {
    "InvalidImageName": (0.0, "correct the image's name"),
    "ErrImageNeverPull": (0.0, "load the image on the node, or use another imagePullPolicy"),
    "ErrImagePull": (8.0, _PULL_REMEDY),
    "ImagePullBackOff": (8.0, _PULL_REMEDY),
    "RegistryUnavailable": (8.0, _PULL_REMEDY),
    "CreateContainerConfigError": (5.0, "check the ConfigMaps and Secrets that the container refers to"),
    "CreateContainerError": (8.0, "check command, mounts and security context of the container"),
    "RunContainerError": (8.0, "check command, mounts and security context of the container"),
}
_POST_START = "PostStartHookError"
# Reasons of findings about a container that runs, or has run, whatever their grace is: its log may tell more.
_LOGGED = {"NotReady", "Deadlock", "InitNotEnding"}
UNSCHEDULABLE_SECONDS = 30.0
_AT_THE_START = 5.0


@dataclass(frozen=True)
class Finding:
    """One thing that keeps a pod from being well.

    `key` identifies it over time; `container` is empty for the pod as a whole; `previous` tells that the log of
    the container's last run is the one to read.
    """

    pod: str
    container: str
    role: str
    reason: str
    detail: str
    remedy: str
    grace: float | None
    exit_code: int | None = None
    previous: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """Identify the finding; the two words that a kubelet alternates between for a pull are one."""
        reason = "ErrImagePull" if self.reason == "ImagePullBackOff" else self.reason
        return self.pod, self.container, reason

    @property
    def has_log(self) -> bool:
        """Tell whether the container has run, so that its log may say why."""
        return bool(self.container) and (self.exit_code is not None or self.grace is None or self.reason in _LOGGED)

    @property
    def headline(self) -> str:
        """Name pod, container and reason alone."""
        where = f"pod {self.pod}" + (f", {self.role} {self.container}" if self.container else "")
        return f"{where}: {self.reason}"

    def text(self, log: str = "") -> str:
        """Describe the finding in one line, with the container's last words."""
        parts = [self.headline]
        if self.exit_code is not None:
            parts.append(f"exit code {self.exit_code}")
        if self.detail:
            parts.append(self.detail.rstrip("."))
        if log:
            parts.append(f"last log: {log}")
        return "; ".join(parts) + f". Remedy: {causes.of_start(log) or self.remedy}"


def findings(pod: Json) -> list[Finding]:
    """Return what keeps this pod from being well, the most telling first."""
    # A pod that has succeeded has, whatever its sidecars' exit codes are (KEP-753).
    if "deletionTimestamp" in pod["metadata"] or pod.get("status", {}).get("phase") == "Succeeded":
        return []
    return [*_ended(pod), *_unschedulable(pod), *_containers(pod), *_not_ready(pod), *_not_ending(pod)]


def replica_set_finding(replica_set: Json) -> Finding | None:
    """Return why a ReplicaSet cannot create pods: quota, LimitRange, Pod Security, RuntimeClass, a webhook."""
    for condition in replica_set.get("status", {}).get("conditions") or []:
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            message = condition.get("message", "")
            return Finding(
                pod=f"of ReplicaSet {replica_set['metadata']['name']}",
                container="",
                role="",
                reason=condition.get("reason") or "FailedCreate",
                detail=message,
                remedy=admission_remedy(message),
                grace=5.0,
            )
    return None


def admission_remedy(message: str) -> str:
    """Return what helps where pods may not be created."""
    return causes.of_admission(message) or "make room in the quota, or change what admission refuses"


def _ended(pod: Json) -> Iterator[Finding]:
    """Name what ended a pod as a whole: an eviction, a node that could not take it."""
    status = pod.get("status", {})
    if status.get("phase") == "Failed" and status.get("reason"):
        remedy = causes.of_end(status["reason"]) or "its controller makes another; see whether that one stays"
        yield Finding(pod["metadata"]["name"], "", "", status["reason"], status.get("message", ""), remedy, None)


def _unschedulable(pod: Json) -> Iterator[Finding]:
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield Finding(
                pod["metadata"]["name"],
                "",
                "",
                condition.get("reason") or "Unschedulable",
                condition.get("message", ""),
                causes.of_scheduling(condition.get("message", ""))
                or "lower the requests, add nodes, or correct node selectors and tolerations",
                UNSCHEDULABLE_SECONDS,
            )


def _containers(pod: Json) -> Iterator[Finding]:
    for container in statuses_of(pod):
        finding = _container(pod, container)
        if finding is not None:
            held = held_back(pod, container["name"])
            yield replace(finding, detail=_joined(finding.detail, waiting_for_it(held)))


def waiting_for_it(held: list[str]) -> str:
    """Say which containers have not started because of another one; nothing where there are none."""
    return f"{', '.join(held)} {'waits' if len(held) == 1 else 'wait'} for it" if held else ""


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _container(pod: Json, status: Json) -> Finding | None:
    where, name, state = pod["metadata"]["name"], status["name"], status.get("state") or {}
    role = role_of(pod, name)
    waiting = state.get("waiting") or {}
    reason = waiting.get("reason", "")
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    code = ended.get("exitCode")
    crashes = status.get("restartCount", 0) + 1
    hopeless = 0.0 if crashes >= CRASHES and _is_late(pod, ended) else None
    said = waiting.get("message", "") if reason in _WAITING else ended.get("message", "")
    if reason in (*_WAITING, "CrashLoopBackOff") and causes.of_start(said):
        # No number of attempts makes a program of it.
        return Finding(where, name, role, "StartError", said, causes.of_start(said), 0.0)
    if reason in _WAITING:
        grace, remedy = _WAITING[reason]
        return Finding(where, name, role, reason, said, remedy, grace)
    if reason == _POST_START:
        said, remedy = waiting.get("message", ""), "correct the command of its postStart hook, which runs inside it"
        return Finding(where, name, role, _POST_START, said, remedy, hopeless, code)
    ended_now = (state.get("terminated") or {}).get("exitCode")
    # While it backs off, a newer kubelet (seen with 1.37) leaves the state at how the container ended.
    if reason == "CrashLoopBackOff" or (ended_now and crashes >= CRASHES):
        why = f"{ended['reason']}, ended {crashes} times" if ended.get("reason") else f"ended {crashes} times"
        why += f"; {said}" if ended.get("reason") == "StartError" and said else ""
        why, remedy = _memory(pod, name, why) if ended.get("reason") == "OOMKilled" else (why, "see its log")
        return Finding(where, name, role, "CrashLoopBackOff", why, remedy, hopeless, code, previous=not ended_now)
    probing = "running" in state and status.get("started") is False
    if probing and hopeless is not None and _never_ready(pod) and role != "init container":
        why = f"it was started {crashes} times and its startup probe never succeeded"
        remedy = "correct the startup probe, or give it more time with failureThreshold"
        return Finding(where, name, role, "StartupProbeFailed", why, remedy, 0.0, code)
    if ended_now:
        why, remedy = "", "see its log"
        if state["terminated"].get("reason") == "OOMKilled":
            why, remedy = _memory(pod, name, "OOMKilled")
        return Finding(where, name, role, "Failed", why, remedy, None, ended_now, previous=False)
    return None


def _memory(pod: Json, name: str, why: str) -> tuple[str, str]:
    """Return detail and remedy for a container that the kernel ended for want of memory."""
    limit = ((spec_of(pod, name).get("resources") or {}).get("limits") or {}).get("memory")
    if limit is None:
        return _joined(why, "it has no memory limit: the node was out of memory"), "give it a memory limit and request"
    return _joined(why, f"its memory limit is {limit}"), f"raise its memory limit above {limit}, or see what fills it"


def _is_late(pod: Json, ended: Json) -> bool:
    """Tell whether the run that has ended began so late in its pod's life that no neighbour can still be starting."""
    pod_began, began = pod.get("status", {}).get("startTime"), ended.get("startedAt")
    if not pod_began or not began:
        return True
    return (datetime.fromisoformat(began) - datetime.fromisoformat(pod_began)).total_seconds() >= NEIGHBOUR_SECONDS


def _never_ready(pod: Json) -> bool:
    """Tell whether the pod's containers, with its sidecars, were never all ready: the condition is as old as the pod.

    Restarts are counted for a pod's whole life, so in one that was well before they say nothing about now. `Ready`
    would not tell, for a readiness gate may have kept that back all the time.
    """
    status = pod.get("status", {})
    for condition in status.get("conditions") or []:
        if condition["type"] == "ContainersReady" and condition.get("lastTransitionTime") and status.get("startTime"):
            age = datetime.fromisoformat(condition["lastTransitionTime"]) - datetime.fromisoformat(status["startTime"])
            return age.total_seconds() <= _AT_THE_START
    return True


def _not_ready(pod: Json) -> Iterator[Finding]:
    """Name running containers that are not ready; probes may still succeed, so there is no grace to run out."""
    for container in statuses_of(pod):
        role = role_of(pod, container["name"])
        if role == "init container" or "running" not in (container.get("state") or {}) or container.get("ready"):
            continue
        probe = "startup" if container.get("started") is False else "readiness"
        why = f"it runs, but its {probe} probe does not succeed"
        held = waiting_for_it(held_back(pod, container["name"])) if probe == "startup" else ""
        remedy = f"correct the {probe} probe or what it asks"
        where = pod["metadata"]["name"]
        yield Finding(where, container["name"], role, "NotReady", _joined(why, held), remedy, None)


def _not_ending(pod: Json) -> Iterator[Finding]:
    """Name the init container that runs: it may yet end, or wait for what only starts after it."""
    for container in pod.get("status", {}).get("initContainerStatuses") or []:
        name = container["name"]
        running = "running" in (container.get("state") or {}) and not container.get("ready")
        if not running or role_of(pod, name) != "init container":
            continue
        held = held_back(pod, name)
        later = [each for each in held if role_of(pod, each) == "sidecar"]
        remedy = "see what it waits for; an init container has to end"
        if later:
            remedy += f". Should it need sidecar {' or '.join(later)}, let it start after that"
        why = _joined("it runs and has not ended", waiting_for_it(held))
        yield Finding(pod["metadata"]["name"], name, "init container", "InitNotEnding", why, remedy, None)
