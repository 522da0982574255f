"""Resizes in place that are stuck, unfinished, were rolled back, or were undone by hand."""

from collections.abc import Iterator

from components.actions.client import Items, Json
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.actions.explaining import when
from components.actions.preflight.reading import seen
from components.actions.resize import all_drifted, all_unfinished
from components.actions.resize.kinds import argument
from components.actions.resize.pods import is_alive
from components.model.facts import Unseen

_CONDITIONS = ("PodResizePending", "PodResizeInProgress")
_RESIZED, _ACTION = "ResizedInPlace", "Resize"


def check(snapshot: Snapshot) -> Iterator[Trouble | Unseen]:
    """Yield what keeps pods and templates from the sizes that were meant."""
    for pod in snapshot.of("pods"):
        if is_alive(pod):
            yield from _stuck(snapshot, pod)
    for resource in ("deployments", "statefulsets"):
        for live in snapshot.of(resource):
            if text := not_resized(snapshot.events_of(live)):
                yield _trouble(snapshot, live, f"its last resize was not done: {text}", "see why, and update it again")
    client, namespace = snapshot.client, snapshot.namespace
    rights = "allow `list` on deployments.apps, replicasets.apps and pods"
    unfinished = seen(
        f"whether resizes in {namespace} are unfinished", lambda: all_unfinished(client, namespace), rights
    )
    for left in () if isinstance(unfinished, Unseen) else unfinished:
        name = f"{left.kind} {namespace}/{left.name}"
        command = f"python -m components.actions resize finish -n {namespace} {argument(left.kind, left.name)}"
        remedy = f"the next update brings it to its end; without Pulumi: `{command}`"
        yield Trouble("resizes", name, str(left), remedy, (name,))
    drifted = seen(f"whether sizes in {namespace} were changed by hand", lambda: all_drifted(client, namespace), rights)
    for text in () if isinstance(drifted, Unseen) else drifted:
        remedy = "the next update of a program that made it puts it back in place"
        yield Trouble("resizes", _subject(snapshot, text), text, remedy, (_subject(snapshot, text),))
    yield from (each for each in (unfinished, drifted) if isinstance(each, Unseen))


def not_resized(events: Items) -> str:
    """Return what our own last event about a workload's resize says, unless that was done. Pure."""
    ours = sorted((event for event in events if event.get("action") == _ACTION), key=when)
    return str(ours[-1].get("message", "")) if ours and ours[-1].get("reason") != _RESIZED else ""


def _stuck(snapshot: Snapshot, pod: Json) -> Iterator[Trouble]:
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] not in _CONDITIONS or condition.get("status") != "True":
            continue
        reason, message = condition.get("reason", ""), condition.get("message", "")
        told = ": ".join(filter(None, [condition["type"], reason, message]))
        remedy = "make room on the node or delete the pod, so that it is placed anew; or take the size back"
        final = reason in ("Infeasible", "Error")
        subject, objects = snapshot.subject(pod)
        text = f"pod {pod['metadata']['name']}: its kubelet has not resized it: {told}"
        yield Trouble("resizes", subject, text, remedy, objects, certain=final)


def _subject(snapshot: Snapshot, text: str) -> str:
    """Return the workload that a text about drift begins with."""
    workloads = [*snapshot.of("deployments"), *snapshot.of("statefulsets")]
    names = [name for name in map(snapshot.name, workloads) if text.startswith((f"{name}:", f"{name} "))]
    return names[0] if names else f"namespace {snapshot.namespace}"


def _trouble(snapshot: Snapshot, live: Json, problem: str, remedy: str) -> Trouble:
    subject, objects = snapshot.subject(live)
    return Trouble("resizes", subject, problem, remedy, objects)
