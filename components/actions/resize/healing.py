"""Sizes that somebody changed by hand, in a template or in pods: finding them, and putting them back in place.

Pulumi compares with its state, so it sees neither: pods are no resources of a program, and a template is looked at only
in a refresh. What tells them here is who wrote a field (managedFields), so that what an admission webhook or a
VerticalPodAutoscaler gave a pod is not taken for somebody's change.
"""

from collections.abc import Callable, Iterator, Mapping

from components.actions.client import Client, Json
from components.actions.resize.adoption import adopt
from components.actions.resize.autoscalers import read_autoscalers, sizing
from components.actions.resize.journal import FIELD_MANAGER, OWN_MANAGER, read_journal
from components.actions.resize.kinds import Kind, kind_of, workload_path
from components.actions.resize.live import active_pods, by_ordinal, pods_of, replica_sets_of
from components.actions.resize.planning import Plan, plan
from components.actions.resize.pods import pod_sizes
from components.actions.resize.recovery import listed_stateful_sets
from components.actions.resize.resources import Resources, overlaid, same
from components.actions.resize.running import Resized, resize_pods
from components.actions.resize.templates import sizes
from components.actions.resize.verdict import drift, of_update

_OURS = (FIELD_MANAGER, OWN_MANAGER)


class _Settled:
    """A workload whose templates are as they should be, so that only its pods are resized."""

    def __init__(self, client: Client, planned: Plan) -> None:
        self.client = client
        self._path = workload_path(planned.kind, planned.namespace, planned.name)

    def live(self) -> Json:
        return self.client.get(self._path)

    def unheld(self, live: Json) -> Json:
        return live

    def pods(self) -> list[Json]:
        return _current(self.client, self.live())

    def actuated(self, pod: Json) -> None:
        """Do nothing: the pod is of the template's revision already."""


def drifted(client: Client, namespace: str, name: str, kind: Kind = "Deployment") -> list[str]:
    """Say in words which sizes of a workload were changed by hand; nothing when there is no such workload."""
    live = client.find(workload_path(kind, namespace, name))
    return list(_drifted(client, live)) if live else []


def all_drifted(client: Client, namespace: str) -> list[str]:
    """Say the same of every workload of the namespace that Pulumi keeps, with its kind and name.

    Raises `ApiError` when it may not list Deployments; StatefulSets that it may not list are left out.
    """
    found: dict[Kind, list[Json]] = {
        "Deployment": client.list(workload_path("Deployment", namespace)),
        "StatefulSet": listed_stateful_sets(client, namespace),
    }
    return [
        f"{kind} {namespace}/{live['metadata']['name']}: {text}"
        for kind, listed in found.items()
        for live in listed
        if _is_pulumis(live)
        for text in _drifted(client, {**live, "kind": kind})
    ]


def is_recorded(recorded: Mapping[str, Resources], desired: Json) -> bool:
    """Tell whether the sizes on record, by container, are those of a manifest that asks for sizes. Pure.

    What only the record has was filled in by the cluster.
    """
    wanted = sizes(desired["spec"]["template"]) if recorded else {}
    return all(
        name in recorded and same(recorded[name], overlaid(recorded[name], size)) for name, size in wanted.items()
    )


def heal(client: Client, desired: Json, uid: str, *, progress: Callable[[str], None], timeout: float) -> list[str]:
    """Put sizes that are not those of the desired manifest, which is on record, back to them in place.

    Return what was done and what could not be, in words; nothing when there is no drift. Only the object with this UID
    is touched, none that is paused or in the middle of a rollout or resize, and nothing that would take new pods:
    that is said and left. Raises `ResizeFailed` or `PodFailed` for a pod that cannot go back; a template is as before
    then. Calling it again is safe.
    """
    metadata = desired["metadata"]
    namespace, name = metadata.get("namespace") or "default", metadata["name"]
    live = client.find(workload_path(kind_of(desired), namespace, name))
    if live is None or live["metadata"]["uid"] != uid:
        return []
    found = list(_drifted(client, live)) or list(_unrecorded(live, desired))
    if not found:
        return []
    planned = plan(client, desired, uid)
    what = "; ".join(found)
    if planned.outcome == "in-place":
        adopt(client, planned, progress=progress, timeout=timeout)
    elif planned.outcome != "unchanged":
        reasons = [*planned.reasons, *(each.text() for each in planned.verdicts if each.outcome == "rollout")]
        return [f"{what}; left as it is, because it cannot be put back in place: {'; '.join(reasons)}"]
    elif planned.drift:
        what += _heal_pods(client, planned, progress=progress, timeout=timeout).text
    else:
        return []
    return [f"{what}; put back in place"]


def _heal_pods(client: Client, planned: Plan, *, progress: Callable[[str], None], timeout: float) -> Resized:
    settled = _Settled(client, planned)
    template = settled.live()["spec"]["template"]
    return resize_pods(settled, pod_sizes(template, set()), timeout=timeout, say=progress)


def _drifted(client: Client, live: Json) -> Iterator[str]:
    """Yield the hand-made changes of a workload that is in no rollout and no resize."""
    if read_journal(live) is not None or live["spec"].get("paused"):
        return
    for manager, container in _foreign_sizes(live):
        yield f"the template's sizes of container {container} were changed by {manager}"
    pods = [pod for pod in _current(client, live) if _resizes(pod)]
    differing = [(pod, texts) for pod in pods if (texts := drift(live["spec"]["template"], [pod]))]
    metadata = live["metadata"]
    if not differing or sizing(read_autoscalers(client, metadata["namespace"], metadata["name"], kind_of(live))):
        return
    for pod, texts in differing:
        others = ", ".join(e["manager"] for e in _resizes(pod) if not e["manager"].startswith(_OURS))
        yield from (f"{text} (changed by {others or 'a resize that was cut off'})" for text in texts)


def _current(client: Client, live: Json) -> list[Json]:
    """Return the pods of a workload that are of its template: none of a Deployment in a rollout."""
    if kind_of(live) == "Deployment":
        return active_pods(client, replica_sets_of(client, live))
    return of_update(live, by_ordinal(pods_of(client, live)))


def _unrecorded(live: Json, desired: Json) -> Iterator[str]:
    """Yield which sizes of the template are not the desired ones, although nobody else wrote them. Pure.

    That is an update that was killed after the resize and before its record, in a program that was reverted since.
    """
    if live["spec"].get("paused"):
        return
    now = sizes(live["spec"]["template"])
    for name, wanted in sizes(desired["spec"]["template"]).items():
        if name in now and not same(now[name], overlaid(now[name], wanted)):
            yield f"the template's sizes of container {name} are of an update that was cut off"


def _foreign_sizes(live: Json) -> Iterator[tuple[str, str]]:
    """Yield (manager, container) for sizes of the template that somebody else than Pulumi owns alone. Pure."""
    entries = [e for e in live["metadata"].get("managedFields") or [] if not e.get("subresource")]
    ours = {size for entry in entries if entry["manager"].startswith(_OURS) for size in _sized(entry)}
    for entry in entries:
        for container in sorted({container for container, _ in _sized(entry) - ours}):
            yield entry["manager"], container


def _sized(entry: Json) -> set[tuple[str, str]]:
    """Return (container, path of the quantity) for every size of the template in a managedFields entry. Pure."""
    spec = ((((entry.get("fieldsV1") or {}).get("f:spec") or {}).get("f:template") or {}).get("f:spec")) or {}
    found = set()
    for key in ("f:initContainers", "f:containers"):
        for selector, fields in (spec.get(key) or {}).items():
            if not selector.startswith('k:{"name":"'):
                continue
            name = selector.removeprefix('k:{"name":"').removesuffix('"}')
            for section, amounts in (fields.get("f:resources") or {}).items():
                found |= {(name, f"{section}.{amount}") for amount in amounts}
    return found


def _resizes(pod: Json) -> list[Json]:
    """Return the managedFields entries that resizes of a running pod left. Pure."""
    return [entry for entry in pod["metadata"].get("managedFields") or [] if entry.get("subresource") == "resize"]


def _is_pulumis(live: Json) -> bool:
    return any(entry["manager"].startswith(FIELD_MANAGER) for entry in live["metadata"].get("managedFields") or [])
