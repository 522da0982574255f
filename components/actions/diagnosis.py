"""Why a pod is not well: one compact text, and whether waiting can still help. Pure.

Each rule is a small function from a pod to a `Finding`. `grace` is how long the same finding has to last before
waiting is hopeless; None means that only the end of patience ends the wait.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from components.actions import causes
from components.actions.client import Json

# Crashes before a crash loop counts as hopeless: applications that wait for a neighbour by crashing get two.
CRASHES = 3
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

    def text(self, log: str = "") -> str:
        """Describe the finding in one line, with the container's last words."""
        where = f"pod {self.pod}" + (f", {self.role} {self.container}" if self.container else "")
        parts = [f"{where}: {self.reason}"]
        if self.exit_code is not None:
            parts.append(f"exit code {self.exit_code}")
        if self.detail:
            parts.append(self.detail)
        if log:
            parts.append(f"last log: {log}")
        return "; ".join(parts) + f". Remedy: {causes.of_start(log) or self.remedy}"


def findings(pod: Json) -> list[Finding]:
    """Return what keeps this pod from being well, the most telling first."""
    if "deletionTimestamp" in pod["metadata"]:
        return []
    return [*_unschedulable(pod), *_containers(pod), *_not_ready(pod)]


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


def _unschedulable(pod: Json) -> Iterator[Finding]:
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            yield Finding(
                pod["metadata"]["name"],
                "",
                "",
                condition.get("reason") or "Unschedulable",
                condition.get("message", ""),
                "lower the requests, add nodes, or correct node selectors and tolerations",
                UNSCHEDULABLE_SECONDS,
            )


def _containers(pod: Json) -> Iterator[Finding]:
    roles = {c["name"]: "container" for c in pod["spec"].get("containers") or []}
    for container in pod["spec"].get("initContainers") or []:
        roles[container["name"]] = "sidecar" if container.get("restartPolicy") == "Always" else "init container"
    status = pod.get("status", {})
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(key) or []:
            role = roles.get(container["name"], "container")
            finding = _container(pod["metadata"]["name"], role, container, never_ready=_never_ready(pod))
            if finding is not None:
                yield finding


def _container(pod: str, role: str, status: Json, *, never_ready: bool) -> Finding | None:
    name, state = status["name"], status.get("state") or {}
    waiting = state.get("waiting") or {}
    reason = waiting.get("reason", "")
    ended = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    code = ended.get("exitCode")
    crashes = status.get("restartCount", 0) + 1
    said = waiting.get("message", "") if reason in _WAITING else ended.get("message", "")
    if reason in (*_WAITING, "CrashLoopBackOff") and causes.of_start(said):
        # No number of attempts makes a program of it.
        return Finding(pod, name, role, "StartError", said, causes.of_start(said), 0.0)
    if reason in _WAITING:
        grace, remedy = _WAITING[reason]
        return Finding(pod, name, role, reason, said, remedy, grace)
    ended_now = (state.get("terminated") or {}).get("exitCode")
    # While it backs off, a newer kubelet (seen with 1.37) leaves the state at how the container ended.
    if reason == "CrashLoopBackOff" or (ended_now and crashes >= CRASHES):
        remedy = "see its log; out of memory: raise its limit" if ended.get("reason") == "OOMKilled" else "see its log"
        why = f"{ended['reason']}, ended {crashes} times" if ended.get("reason") else f"ended {crashes} times"
        why += f"; {said}" if ended.get("reason") == "StartError" and said else ""
        hopeless = 0.0 if crashes >= CRASHES else None
        return Finding(pod, name, role, "CrashLoopBackOff", why, remedy, hopeless, code, previous=not ended_now)
    probing = "running" in state and status.get("started") is False
    if probing and crashes >= CRASHES and never_ready:
        why = f"it was started {crashes} times and its startup probe never succeeded"
        remedy = "correct the startup probe, or give it more time with failureThreshold"
        return Finding(pod, name, role, "StartupProbeFailed", why, remedy, 0.0, code)
    if ended_now:
        return Finding(pod, name, role, "Failed", "", "see its log", None, ended_now, previous=False)
    return None


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
    status = pod.get("status", {})
    sidecars = {c["name"] for c in pod["spec"].get("initContainers") or [] if c.get("restartPolicy") == "Always"}
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(key) or []:
            is_sidecar = container["name"] in sidecars
            if key == "initContainerStatuses" and not is_sidecar:
                continue
            if "running" in (container.get("state") or {}) and not container.get("ready"):
                probe = "startup" if container.get("started") is False else "readiness"
                yield Finding(
                    pod["metadata"]["name"],
                    container["name"],
                    "sidecar" if is_sidecar else "container",
                    "NotReady",
                    f"it runs, but its {probe} probe does not succeed",
                    f"correct the {probe} probe or what it asks",
                    None,
                )
