"""What changed between two objects, property by property, and which changes force a replacement.

The rules are those of the official provider: the new inputs stand against the last live object, pruned to the
shape of the old inputs, so that what the server fills in never shows, and what it changed does.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from lab.engine import paths
from lab.engine.values import UNKNOWN, Object

Kind = Literal["add", "delete", "update"]


@dataclass(frozen=True, slots=True)
class Change:
    """One property's change. `old` and `new` are None where the property is absent."""

    path: paths.Path
    kind: Kind
    replace: bool
    old: Any = None
    new: Any = None


@dataclass(slots=True)
class Diff:
    """All changes of one object; `delete_first` is what the provider wants when it has to be replaced."""

    changes: list[Change] = field(default_factory=list)
    delete_first: bool = False

    @property
    def replace(self) -> bool:
        """Whether any change forces a replacement."""
        return any(change.replace for change in self.changes)


def prune(live: Any, shape: Any) -> Any:
    """Return the part of `live` that `shape` has: same keys, same indexes."""
    if isinstance(live, dict) and isinstance(shape, dict):
        return {key: prune(live[key], model) for key, model in shape.items() if key in live}
    if isinstance(live, list) and isinstance(shape, list):
        return [prune(item, model) for item, model in zip(live, shape, strict=False)]
    return live


def as_given(live: Any, shape: Any) -> Any:
    """Return what the inputs would be if they had made `live`: its part that `shape` has, as `prune` gives it.

    A zero value that was given and is not there stays: the server drops those, so it is there in effect.
    """
    if isinstance(live, dict) and isinstance(shape, dict):
        there = {key: as_given(live[key], model) for key, model in shape.items() if key in live}
        return {key: there.get(key, model) for key, model in shape.items() if key in there or not model}
    if isinstance(live, list) and isinstance(shape, list):
        return [as_given(item, model) for item, model in zip(live, shape, strict=False)]
    return live


def compare(old: Object, new: Object, old_inputs: Object, force_new: list[str]) -> list[Change]:
    """List the changes from `old` (pruned live object) to `new` (inputs; may hold unknowns).

    `old_inputs` tells which empty objects the server had dropped before: those are no change. `force_new` are
    path patterns; a change at, under, or (for values that hold it) above one of them forces a replacement.
    """
    patterns = [paths.parse(pattern) for pattern in force_new]
    found: list[tuple[paths.Path, Kind, Any, Any]] = []
    _walk((), old, new, old_inputs, found)
    return [
        Change(path, kind, any(_forces(pattern, path, after) for pattern in patterns), before, after)
        for path, kind, before, after in found
    ]


def _forces(pattern: paths.Path, path: paths.Path, value: object) -> bool:
    if paths.contains(pattern, path):
        return True
    above = len(path) < len(pattern) and paths.contains(pattern[: len(path)], path)
    return above and paths.holds(value, pattern[len(path) :])


def _walk(
    path: paths.Path,
    old: Any,
    new: Any,
    before: Any,
    found: list[tuple[paths.Path, Kind, Any, Any]],
) -> None:
    if new == UNKNOWN:
        found.append((path, "update", old, new))
    elif isinstance(old, dict) and isinstance(new, dict):
        _walk_objects(path, old, new, before if isinstance(before, dict) else {}, found)
    elif isinstance(old, list) and isinstance(new, list):
        past = before if isinstance(before, list) else []
        for index, (left, right) in enumerate(zip(old, new, strict=False)):
            _walk((*path, index), left, right, past[index] if index < len(past) else None, found)
        found.extend(((*path, i), "delete", old[i], None) for i in range(len(new), len(old)))
        found.extend(((*path, i), "add", None, new[i]) for i in range(len(old), len(new)))
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        found.append((path, "update", old, new))


def _walk_objects(
    path: paths.Path, old: Object, new: Object, before: Object, found: list[tuple[paths.Path, Kind, Any, Any]]
) -> None:
    for key in sorted({*old, *new}):
        here = (*path, key)
        if key not in new:
            found.append((here, "delete", old[key], None))
        elif key in old:
            _walk(here, old[key], new[key], before.get(key), found)
        elif new[key] or key not in before or new[key] != before[key]:
            # A zero value that was given before and is not there: Go's types drop it, so it is there in effect.
            found.append((here, "add", None, new[key]))


def replace_on(changes: list[Change], patterns: list[str]) -> list[Change]:
    """Return the changes with those under one of the `replace_on_changes` patterns forcing a replacement."""
    parsed = [paths.parse(pattern) for pattern in patterns]
    return [
        Change(c.path, c.kind, c.replace or any(paths.contains(p, c.path) for p in parsed), c.old, c.new)
        for c in changes
    ]
