"""Sidecars that wait for what only starts after them: their startup probe asks a port of a container they hold back."""

from collections.abc import Iterator

from components.actions import events
from components.actions.client import Client, Items, Json
from components.actions.diagnosis import Finding
from components.actions.explaining import refused
from components.actions.pod_parts import role_of
from components.actions.starting import awaited

# A sidecar may yet come to listen on that port itself.
_SECONDS = 20.0


def finding(client: Client, pods: list[Json]) -> Finding | None:
    """Return the first such sidecar of these pods; events are read only where a pod's spec and status look like it."""
    for pod in pods:
        if next(_suspects(pod), None):
            metadata = pod["metadata"]
            return of_pod(pod, events.of_object(client, metadata["namespace"], metadata["name"]))
    return None


def of_pod(pod: Json, told: Items) -> Finding | None:
    """Return the sidecar of this pod whose start waits for a container that waits for it, by the pod's events. Pure.

    It takes all of: the sidecar runs and has not started, its startup probe is refused the connection, and the port is
    one that of all containers only a later one declares.
    """
    for name in _suspects(pod):
        found = awaited(pod, name)
        if found and refused(told, name):
            port, holder = found
            why = (
                f"its startup probe asks port {port}, on which container {holder} listens, and {holder} is started "
                "only once that probe has succeeded: neither ever will"
            )
            remedy = f"let the startup probe ask the sidecar itself; whether {holder} answers is for a readiness probe"
            return Finding(pod["metadata"]["name"], name, "sidecar", "Deadlock", why, remedy, _SECONDS)
    return None


def _suspects(pod: Json) -> Iterator[str]:
    if "deletionTimestamp" in pod["metadata"]:
        return
    for status in pod.get("status", {}).get("initContainerStatuses") or []:
        name = status["name"]
        starting = "running" in (status.get("state") or {}) and status.get("started") is False
        if starting and role_of(pod, name) == "sidecar" and awaited(pod, name):
            yield name
