"""What events alone tell of a pod: that a node is on its way, why its sandbox or its volumes cannot be made.

A pod whose runtime or volume is missing stays Pending with `ContainerCreating` for ever; its status does not say why.
"""

import re
from collections.abc import Collection

from components.actions import causes
from components.actions.client import Client, Json, path_of
from components.actions.diagnosis import Finding
from components.actions.errors import ApiError
from components.actions.pod_parts import statuses_of

# Events by which an autoscaler says that a node for the pod is on its way.
_NODE_COMING = {"TriggeredScaleUp", "Nominated"}
_FRESH = 1.0
# The kubelet tries again about every 14 s; until then an event from before may tell of what has been mended since.
_OLD = 16.0
# What a volume takes may come with the next moment; the kubelet tries again after 0.5, 1, 2, 4, 8, 16 s and so on.
_MOUNT_SECONDS = 30.0
_MISSING_CONFIG_MAP = re.compile(r'configmap "([^"]+)" not found')


def of_object(client: Client, namespace: str, name: str) -> list[Json]:
    """Return the events about objects of a name; none when they may not be read."""
    try:
        return client.list(path_of("v1", "events", namespace), field_selector=f"involvedObject.name={name}")
    except ApiError:
        return []


def newest_warning(events: list[Json], reason: str = "") -> Json | None:
    """Return the newest warning, of this reason when one is given."""
    warnings = [e for e in events if e.get("type") == "Warning" and (not reason or e.get("reason") == reason)]
    return max(warnings, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""), default=None)


def node_is_coming(client: Client, namespace: str, pod: str) -> bool:
    """Tell whether an autoscaler has said that a node for the pod is on its way."""
    return any(event.get("reason") in _NODE_COMING for event in of_object(client, namespace, pod))


class Sandboxes:
    """Looks for pods whose sandbox cannot be made, one pod at each look, during one wait.

    An event that was there at the first look is believed only once it lasts longer than the kubelet's pause.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._old: set[str] | None = None

    def finding(self, pods: list[Json]) -> Finding | None:
        """Return why the first pod that waits for its sandbox does not get it, or None."""
        waiting = next(filter(waits_for_sandbox, pods), None)
        events = [] if waiting is None else self._events(waiting)
        if self._old is None:
            self._old = {str(event["metadata"].get("uid")) for event in events}
        if waiting is None:
            return None
        found = start_finding(waiting, events, self._old)
        return None if found is None or self._has_come(waiting, found) else found

    def _has_come(self, pod: Json, mount: Finding) -> bool:
        """Tell whether the ConfigMap that a mount lacked is there by now: the kubelet's next try will find it."""
        missing = _MISSING_CONFIG_MAP.search(mount.detail)
        try:
            return (
                missing is not None
                and self._client.find(path_of("v1", "configmaps", pod["metadata"]["namespace"], missing[1])) is not None
            )
        except ApiError:
            return False

    def _events(self, pod: Json) -> list[Json]:
        return of_object(self._client, pod["metadata"]["namespace"], pod["metadata"]["name"])


def waits_for_sandbox(pod: Json) -> bool:
    """Tell whether a pod is on a node and nothing of it has started yet. Pure."""
    status = pod.get("status", {})
    if not pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
        return False
    if any(c["type"] == "PodReadyToStartContainers" and c["status"] == "True" for c in status.get("conditions") or []):
        return False
    return all("waiting" in (s.get("state") or {}) and not s.get("lastState") for s in statuses_of(pod))


def start_finding(pod: Json, events: list[Json], old: Collection[str] = ()) -> Finding | None:
    """Return why nothing of a pod has started: the newest event that tells a cause; `old` are UIDs of events. Pure."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    while warnings:
        newest = newest_warning(warnings) or {}
        warnings.remove(newest)
        message = str(newest.get("message", ""))
        found = mount_finding(pod, message) if newest.get("reason") == "FailedMount" else None
        if newest.get("reason") == "FailedCreatePodSandBox":
            known = str(newest["metadata"].get("uid")) in old
            found = sandbox_finding(pod, message, _OLD if known else _FRESH)
        if found is not None:
            return found
    return None


def mount_finding(pod: Json, message: str) -> Finding | None:
    """Return the finding for a volume that the kubelet cannot mount, or None for words that tell no cause. Pure."""
    remedy = causes.of_mount(message)
    if not remedy:
        return None
    return Finding(pod["metadata"]["name"], "", "", "FailedMount", message.strip(), remedy, _MOUNT_SECONDS)


def sandbox_finding(pod: Json, message: str, grace: float) -> Finding | None:
    """Return the finding for what the kubelet said of the sandbox, or None when it is not about the runtime. Pure."""
    remedy = causes.of_sandbox(message)
    if not remedy:
        return None
    # Without gRPC's preamble, the sandbox's id and the log that was never written, which tell nobody anything.
    told = re.sub(r'( for sandbox)? "[0-9a-f]{64}"', "", message.rpartition(" desc = ")[2])
    told = re.sub(r"unable to retrieve OCI runtime error \([^)]*\): ", "", told)
    detail = f"node {pod['spec']['nodeName']}: {told}"
    return Finding(pod["metadata"]["name"], "", "", "FailedCreatePodSandBox", detail, remedy, grace)
