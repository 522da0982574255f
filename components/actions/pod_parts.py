"""The containers of a pod and what their statuses say, whichever of the pod's lists they stand in. Pure."""

from components.actions.client import Json


def containers_of(pod: Json) -> list[Json]:
    """Return the pod's containers in the order in which they start."""
    return [*(pod["spec"].get("initContainers") or []), *(pod["spec"].get("containers") or [])]


def sidecars_of(pod: Json) -> list[Json]:
    """Return the pod's native sidecars (KEP-753) in the order in which they start."""
    return [each for each in pod["spec"].get("initContainers") or [] if each.get("restartPolicy") == "Always"]


def serving_of(pod: Json) -> list[Json]:
    """Return what runs for as long as the pod: its sidecars and its main containers."""
    return [*sidecars_of(pod), *(pod["spec"].get("containers") or [])]


def spec_of(pod: Json, name: str) -> Json:
    """Return a container of the pod's spec; empty where it has none of that name."""
    return next((each for each in containers_of(pod) if each["name"] == name), {})


def role_of(pod: Json, name: str) -> str:
    """Return what a container of the pod is called: sidecar, init container or container."""
    if any(each["name"] == name for each in sidecars_of(pod)):
        return "sidecar"
    init = any(each["name"] == name for each in pod["spec"].get("initContainers") or [])
    return "init container" if init else "container"


def statuses_of(pod: Json) -> list[Json]:
    """Return the statuses of the pod's containers, those of init containers and sidecars first."""
    status = pod.get("status", {})
    return [each for key in ("initContainerStatuses", "containerStatuses") for each in status.get(key) or []]
