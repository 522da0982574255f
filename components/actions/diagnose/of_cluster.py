"""What keeps a namespace as a whole from working: what a reset, a drain or a deletion that was cut short leaves behind.

The conditions of a namespace that is being deleted are those of pkg/controller/namespace/deletion of Kubernetes.
"""

from collections.abc import Iterator

from components.actions.client import Items, Json, path_of
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.actions.preflight.reading import seen
from components.model.facts import Unseen

_FINALIZERS = (
    "see that the controller that owns the finalizer runs; without it `kubectl patch` takes the finalizer away"
)
_DISCOVERY = "mend or delete the API whose server does not answer: `kubectl get apiservices`"
# Conditions that say why nothing goes on, the most telling first, with what to do.
_HELD_UP = {
    "NamespaceDeletionDiscoveryFailure": _DISCOVERY,
    "NamespaceDeletionGroupVersionParsingFailure": _DISCOVERY,
    "NamespaceDeletionContentFailure": "see who refuses the deletion: a webhook, or the right of the controller",
    "NamespaceFinalizersRemaining": _FINALIZERS,
}
_GOES_ON = "NamespaceContentRemaining"


def check(snapshot: Snapshot) -> Iterator[Trouble | Unseen]:
    """Yield a namespace that is on its way out, and nodes that keep its pods from running."""
    path = path_of("v1", "namespaces", name=snapshot.namespace)
    namespace = seen(f"namespace {snapshot.namespace}", lambda: snapshot.client.find(path), "allow `get` on it")
    if isinstance(namespace, Unseen):
        yield namespace
    elif namespace is not None and "deletionTimestamp" in namespace.get("metadata", {}):
        yield _ending(namespace)
    yield from _nodes(snapshot.of("nodes"), {pod["spec"].get("nodeName") for pod in snapshot.of("pods")})


def _ending(namespace: Json) -> Trouble:
    metadata, subject = namespace["metadata"], f"Namespace {namespace['metadata']['name']}"
    told = {each["type"]: each for each in namespace.get("status", {}).get("conditions") or [] if _holds(each)}
    problem = f"it is being deleted since {metadata['deletionTimestamp']}, so nothing new is made in it"
    for kind, remedy in _HELD_UP.items():
        if kind in told:
            text = f"{problem}; {kind}: {told[kind].get('message', '')}"
            return Trouble("cluster", subject, text, remedy, (subject,))
    if _GOES_ON in told:
        problem += f"; {told[_GOES_ON].get('message', '')}"
    remedy = "wait until it is gone, then deploy again"
    return Trouble("cluster", subject, problem, remedy, (subject,), certain=False)


def _nodes(nodes: Items, used: set[str | None]) -> Iterator[Trouble]:
    """Yield the nodes under the namespace's pods that are not ready; and that no pod finds a node, where that is so."""
    said = {
        str(node["metadata"]["name"]): each for node in nodes for each in _conditions(node) if each["type"] == "Ready"
    }
    ready = [node for node in nodes if _holds(said.get(str(node["metadata"]["name"]), {}))]
    for name, told in said.items():
        if _holds(told) or (ready and name not in used):
            continue
        problem = f"it is not ready: {told.get('reason', '')}: {told.get('message', '')}"
        remedy = "see that its kubelet and container runtime run, and that it reaches the API server"
        yield Trouble("cluster", f"Node {name}", problem, remedy, (f"Node {name}",))
    if ready and all(node["spec"].get("unschedulable") for node in ready):
        names = ", ".join(str(node["metadata"]["name"]) for node in ready)
        problem = "every node is cordoned, so no new pod finds one; a drain or a reset that was cut short leaves that"
        remedy = f"bring it to its end, or `kubectl uncordon {names.replace(', ', ' ')}`"
        yield Trouble("cluster", f"Nodes {names}", problem, remedy, tuple(f"Node {each}" for each in names.split(", ")))


def _conditions(node: Json) -> Items:
    found: Items = node.get("status", {}).get("conditions") or []
    return found


def _holds(condition: Json) -> bool:
    return condition.get("status") == "True"
