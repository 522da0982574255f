"""When a DaemonSet is well, and which of its pods are of its current template: its own rules.

Source: pkg/controller/daemon of k8s.io/kubernetes 1.33 to 1.37.
"""

from components.actions.client import Client, Items, Json, path_of
from components.actions.keepers import is_owned
from components.actions.resize.kinds import is_observed
from components.actions.resize.live import pods_of, selector_text

_HASH = "controller-revision-hash"


def is_well(daemon_set: Json) -> bool:
    """Tell whether each node that is to have a pod has one of the current template that is available. Pure."""
    status = daemon_set.get("status", {})
    wanted = wanted_pods(daemon_set)
    return bool(
        is_observed(daemon_set)
        and status.get("currentNumberScheduled", 0) >= wanted
        and status.get("updatedNumberScheduled", 0) >= wanted
        and status.get("numberAvailable", 0) >= wanted
    )


def wanted_pods(daemon_set: Json) -> int:
    """Return how many nodes are to have a pod, as far as the controller has counted. Pure."""
    return int(daemon_set.get("status", {}).get("desiredNumberScheduled", 0))


def lacks_pods(daemon_set: Json) -> bool:
    """Tell whether pods have yet to be created. Pure."""
    return bool(daemon_set.get("status", {}).get("currentNumberScheduled", 0) < wanted_pods(daemon_set))


def current_pods(client: Client, daemon_set: Json) -> Items:
    """Return the pods of the latest revision; none before the controller has seen the latest spec."""
    if not is_observed(daemon_set):
        return []
    path = path_of("apps/v1", "controllerrevisions", daemon_set["metadata"]["namespace"])
    selector = selector_text(daemon_set["spec"]["selector"])
    revisions = [each for each in client.list(path, label_selector=selector) if is_owned(each, daemon_set)]
    latest = max(revisions, key=lambda each: int(each.get("revision", 0)), default=None)
    if latest is None:
        return []
    wanted = (latest["metadata"].get("labels") or {}).get(_HASH)
    return [pod for pod in pods_of(client, daemon_set) if (pod["metadata"].get("labels") or {}).get(_HASH) == wanted]


def nowhere(daemon_set: Json) -> str:
    """Return that no node is to have a pod, or nothing. Pure."""
    if wanted_pods(daemon_set):
        return ""
    return "no node takes its pods: see node_selector and tolerations, and the labels and taints of the nodes"
