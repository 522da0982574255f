"""Pods that ask for a runtime (WASM, say) that the cluster or its nodes have not."""

from collections.abc import Iterator

from components.actions.client import Json
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.actions.wasm import handlers_of
from components.model.facts import Unseen
from components.model.handlers import support

_WORKLOADS = ("deployments", "statefulsets", "daemonsets", "jobs")


def check(snapshot: Snapshot) -> Iterator[Trouble | Unseen]:
    """Yield the workloads, and pods of none, whose RuntimeClass is missing or means a handler that no node has."""
    asking = [(live, live["spec"]["template"]["spec"]) for name in _WORKLOADS for live in snapshot.of(name)]
    asking += [(pod, pod["spec"]) for pod in snapshot.of("pods") if snapshot.owner(pod) is None]
    wanting = [(live, str(spec["runtimeClassName"])) for live, spec in asking if spec.get("runtimeClassName")]
    if not wanting or not snapshot.sees("runtimeclasses"):
        return
    handlers = {str(each["metadata"]["name"]): str(each["handler"]) for each in snapshot.of("runtimeclasses")}
    for live, name in wanting:
        if name not in handlers:
            remedy = f"create the RuntimeClass {name!r} (a WasmRuntime makes one), or name one that is there"
            yield _trouble(snapshot, live, f"it asks for the RuntimeClass {name!r}, which does not exist", remedy)
            continue
        if not snapshot.sees("nodes"):
            continue
        found = support({str(n["metadata"]["name"]): handlers_of(n) for n in snapshot.of("nodes")}, handlers[name])
        if found.answer == "no":
            yield _trouble(snapshot, live, f"it asks for the RuntimeClass {name!r}: {found.reason}", found.remedy)
        elif found.answer == "unknown":
            yield Unseen(found.reason, found.remedy)


def _trouble(snapshot: Snapshot, live: Json, problem: str, remedy: str) -> Trouble:
    subject, objects = snapshot.subject(live)
    return Trouble("runtimes", subject, problem, remedy, objects)
