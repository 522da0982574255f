"""What a snapshot asks a cluster to have: its objects without what the old cluster gave them, and with new names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from components.actions.client import Json, path_of
from components.actions.errors import ActionError
from components.actions.snapshot.reading import Archive
from components.model.archive import Type
from components.model.mapping import Names, mapped
from components.model.normal import normal
from components.model.restorable import Context, context_of, why_not
from components.model.restore_order import ADOPTED, wave_of


class Key(NamedTuple):
    """Which object, in the target's names: its type (`deployments.apps`), its namespace ("" for none) and its name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Choice:
    """Which objects of a snapshot, under which names: its namespaces (none: everything), and patterns to leave out."""

    namespaces: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    names: Names = field(default_factory=Names)

    def takes(self, kind: str, item: Json) -> bool:
        """Tell whether an object of the snapshot is chosen."""
        if any(fnmatchcase(kind, pattern) for pattern in self.without):
            return False
        metadata = item["metadata"]
        space = metadata["name"] if kind == "namespaces" else metadata.get("namespace")
        return not self.namespaces or space in self.namespaces

    def to_json(self) -> Json:
        """Return it as values for a journal."""
        return {
            "namespaces": list(self.namespaces),
            "without": list(self.without),
            "map_namespaces": dict(self.names.namespaces),
            "map_storage_classes": dict(self.names.storage_classes),
        }


@dataclass(frozen=True)
class Wanted:
    """One object to be: `body` is normal (`components.model.normal`), `owners` are its references as they were."""

    key: Key
    listed: Type
    body: Json
    uid: str
    owners: tuple[Json, ...] = ()
    managed_fields: tuple[Json, ...] = ()

    @property
    def wave(self) -> int:
        """The number of its turn."""
        return wave_of(self.key.kind)

    @property
    def collection(self) -> str:
        """The path to create it at."""
        return path_of(self.listed.api_version, self.listed.resource, self.key.namespace)

    @property
    def path(self) -> str:
        """The path of the object."""
        return path_of(self.listed.api_version, self.listed.resource, self.key.namespace, self.key.name)

    def adopted(self, owner: Mapping[str, Any]) -> bool:
        """Tell whether this owner will adopt it by itself."""
        return bool(owner.get("controller")) and owner.get("kind") in ADOPTED.get(self.key.kind, ())


@dataclass(frozen=True)
class Everything:
    """All that a snapshot asks for, in the order of its types' waves; `left` counts what is not restored, by reason."""

    objects: Sequence[Wanted]
    context: Context
    left: Mapping[str, int]
    types: Sequence[Type]


def wanted(archive: Archive, choice: Choice) -> Everything:
    """Return what a snapshot asks for. Raises `ActionError` for unknown namespaces, and without an identity."""
    encrypted = {part.type for part in archive.manifest.parts if part.encrypted}
    hidden = sorted(name for name in encrypted if not any(fnmatchcase(name, pattern) for pattern in choice.without))
    if hidden and archive.needs_identity():
        what = f"{archive.place}: {', '.join(hidden)} are encrypted"
        raise ActionError(f"{what}: give --identity, or leave them out: --without {hidden[0]}")
    found = [(kind, item) for kind, item in archive.objects(lambda kind: kind not in encrypted or kind in hidden)]
    context = context_of(found)
    missing = set(choice.namespaces) - {item["metadata"]["name"] for kind, item in found if kind == "namespaces"}
    if missing:
        what = f"{archive.place}: these namespaces are not in it: {', '.join(sorted(missing))}"
        raise ActionError(f"{what}: check --namespace")
    types = {each.name: each for each in archive.manifest.types}
    left: Counter[str] = Counter()
    objects = []
    for kind, item in found:
        if not choice.takes(kind, item):
            continue
        if reason := why_not(kind, item):
            left[f"{kind}: {reason}"] += 1
            continue
        objects.append(_wanted(types[kind], mapped(kind, item, choice.names), context))
    objects.sort(key=lambda each: (each.wave, each.key))
    chosen = [each for each in types.values() if not any(fnmatchcase(each.name, p) for p in choice.without)]
    return Everything(objects, context, dict(left), chosen)


def key_of(kind: str, item: Json) -> Key:
    """Return the key of an object."""
    return Key(kind, str(item["metadata"].get("namespace") or ""), str(item["metadata"]["name"]))


def _wanted(listed: Type, item: Json, context: Context) -> Wanted:
    metadata = item["metadata"]
    return Wanted(
        key_of(listed.name, item),
        listed,
        normal(listed.name, item, context),
        str(metadata.get("uid", "")),
        tuple(metadata.get("ownerReferences") or ()),
        # Those of subresources tell who owns fields that are not restored.
        tuple(each for each in metadata.get("managedFields") or () if not each.get("subresource")),
    )
