"""Whether a node only simulates its pods (kwok), so that whatever is said about such pods can say so.

A simulated pod reports that it runs, is ready or was resized as soon as the API asks for it; nothing runs, nothing
restarts, nothing is measured. Source of the marks: https://kwok.sigs.k8s.io/docs/user/kwok-manage-nodes-and-pods/
"""

from components.actions.client import Client, Json, path_of
from components.actions.errors import ApiError

ANNOTATION, FAKE = "kwok.x-k8s.io/node", "fake"
NOTE = "simulated: these pods run nothing"


def is_simulated(node: Json) -> bool:
    """Tell whether this Node is played by kwok: by its annotation, or by the runtime that it reports."""
    runtime = node.get("status", {}).get("nodeInfo", {}).get("containerRuntimeVersion", "")
    return (node["metadata"].get("annotations") or {}).get(ANNOTATION) == FAKE or runtime.startswith("kwok")


def any_simulated(client: Client, pods: list[Json]) -> bool:
    """Tell whether a node of these pods is simulated; a node that may not be read counts as real."""
    return any(is_simulated(node) for node in nodes_of(client, pods).values())


def nodes_of(client: Client, pods: list[Json]) -> dict[str, Json]:
    """Return the nodes that these pods are on, by name; those that are gone or may not be read are left out.

    Raises `ApiError` and `ConnectionProblem` for what else the cluster does not answer.
    """
    found: dict[str, Json] = {}
    for name in sorted({pod["spec"].get("nodeName") for pod in pods} - {None, ""}):
        try:
            node = client.find(path_of("v1", "nodes", name=name))
        except ApiError as error:
            if error.forbidden:
                return found
            raise
        if node is not None:
            found[name] = node
    return found
