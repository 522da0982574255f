"""Pods that ask for a runtime (WASM, say) that the cluster or its nodes have not."""

from collections.abc import Iterator

from components.actions.client import Json
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.actions.node_facts import facts_of
from components.model import wasm_pools
from components.model.facts import Unseen
from components.model.finding import Finding
from components.model.node_features import by_table
from components.model.pools import chosen

_WORKLOADS = ("deployments", "statefulsets", "daemonsets", "jobs")


def check(snapshot: Snapshot) -> Iterator[Trouble | Unseen]:
    """Yield the workloads, and pods of none, whose RuntimeClass is missing or means a handler that no node has."""
    asking = [(live, live["spec"]["template"]["spec"]) for name in _WORKLOADS for live in snapshot.of(name)]
    asking += [(pod, pod["spec"]) for pod in snapshot.of("pods") if snapshot.owner(pod) is None]
    wanting = [(live, spec, str(spec["runtimeClassName"])) for live, spec in asking if spec.get("runtimeClassName")]
    if not wanting or not snapshot.sees("runtimeclasses"):
        return
    classes = {str(each["metadata"]["name"]): each for each in snapshot.of("runtimeclasses")}
    for live, spec, name in wanting:
        if name not in classes:
            remedy = f"create the RuntimeClass {name!r} (a WasmRuntime makes one), or name one that is there"
            yield _trouble(snapshot, live, f"it asks for the RuntimeClass {name!r}, which does not exist", remedy)
            continue
        if not snapshot.sees("nodes"):
            continue
        found = _judged(snapshot, classes[name], spec)
        text = f"it asks for the RuntimeClass {name!r}: {'; '.join(found.evidence)}"
        if found.answer == "no":
            yield _trouble(snapshot, live, text, found.remedy)
        elif found.answer == "unknown":
            yield Unseen("; ".join(found.evidence), found.remedy)


def _judged(snapshot: Snapshot, runtime_class: Json, spec: Json) -> Finding:
    """Return whether the nodes that the class and the pods choose have its handler, pool by pool."""
    placed = (runtime_class.get("scheduling") or {}).get("nodeSelector") or {}
    selector = {**placed, **(spec.get("nodeSelector") or {})}
    every = [facts_of(node) for node in snapshot.of("nodes")]
    # Where no node is chosen the scheduler says so; what there is shows whether any node would do.
    nodes = chosen(every, selector) or every
    return wasm_pools.judged(nodes, str(runtime_class["handler"]), lambda node: by_table(node, "wasm"))


def _trouble(snapshot: Snapshot, live: Json, problem: str, remedy: str) -> Trouble:
    subject, objects = snapshot.subject(live)
    return Trouble("runtimes", subject, problem, remedy, objects)
