"""A snapshot and a cluster, object by object: what is missing, what differs and where, what is there besides.

Both are compared without what belongs to one cluster (`components.model.normal`), and without the objects that no
restore brings back (`components.model.restorable`). Differences are told as paths of fields, never as values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from components.actions.client import Client, Json
from components.actions.restore.live import live_objects
from components.actions.restore.wanted import Choice, Everything, Key, Wanted, wanted
from components.actions.snapshot.reading import Archive
from components.model.normal import differences, normal
from components.model.restorable import Context, why_not


@dataclass(frozen=True)
class Comparison:
    """What a comparison has found. `left` counts objects of the snapshot that are not compared, by reason."""

    equal: int
    missing: tuple[str, ...] = ()
    different: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    left: Mapping[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Tell whether every object of the snapshot is in the cluster, as it was."""
        return not self.missing and not self.different

    def to_json(self) -> Json:
        """Return it as values for JSON."""
        return {
            "equal": self.equal,
            "missing": list(self.missing),
            "different": {key: list(paths) for key, paths in self.different.items()},
            "extra": list(self.extra),
            "left": dict(self.left),
        }


def compare(client: Client, archive: Archive, choice: Choice | None = None) -> Comparison:
    """Compare a snapshot, or what is chosen of it, with a cluster; reads only."""
    chosen = choice or Choice()
    everything = wanted(archive, chosen)
    live = live_objects(client, everything.types, scope(archive, chosen), archive.manifest.selection.labels)
    return compared(everything, live)


def scope(archive: Archive, choice: Choice) -> tuple[str, ...]:
    """Return the target's namespaces that are spoken of, none for the whole cluster."""
    chosen = choice.namespaces or archive.manifest.selection.namespaces
    return tuple(choice.names.namespaces.get(name, name) for name in chosen)


def compared(everything: Everything, live: Mapping[Key, Json]) -> Comparison:
    """Compare what is wanted with what is there."""
    missing, different = [], {}
    for each in everything.objects:
        found = live.get(each.key)
        if found is None:
            missing.append(str(each.key))
        elif paths := differing(each, found, everything.context):
            different[str(each.key)] = tuple(paths)
    known = {each.key for each in everything.objects}
    extra = _extra(live, known, {each.name for each in everything.types})
    equal = len(everything.objects) - len(missing) - len(different)
    return Comparison(equal, tuple(missing), different, tuple(extra), everything.left)


def differing(each: Wanted, found: Json, context: Context, *, owned: bool = True) -> Sequence[str]:
    """Return the paths in which an object of the cluster differs; without `owned` those who adopt it do not count."""
    wanted_body, live_body = each.body, normal(each.key.kind, found, context)
    if not owned:
        wanted_body, live_body = (_unowned(each, body) for body in (wanted_body, live_body))
    return list(differences(wanted_body, live_body))


def _unowned(each: Wanted, body: Json) -> Json:
    owners = [owner for owner in body["metadata"].get("ownerReferences") or () if not each.adopted(owner)]
    metadata = {k: v for k, v in body["metadata"].items() if k != "ownerReferences"}
    return body | {"metadata": metadata | ({"ownerReferences": owners} if owners else {})}


def _extra(live: Mapping[Key, Json], known: Iterable[Key], types: set[str]) -> list[str]:
    beside = live.keys() - set(known)
    return sorted(str(key) for key in beside if key.kind in types and not why_not(key.kind, live[key]))
