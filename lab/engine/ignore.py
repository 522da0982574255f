"""`ignore_changes`: properties that stay as they are, whatever the program says now.

The rules are the official engine's. The program's inputs get the recorded values at each path; a path whose way is
not the same on both sides (a list of another length, an object that is gone) is an error, for nobody could tell what
should stay. In a server-side apply the live value stands in, or the field is left out where it is somebody else's.
"""

import copy
from typing import Any

from lab.engine import paths
from lab.engine.diff import Change
from lab.engine.errors import StepError
from lab.engine.values import Object, is_secret, secret

_NOTHING = object()


def restore(inputs: Object, old_inputs: Object, patterns: list[str]) -> Object:
    """Return the inputs with the recorded values at the paths. StepError names all that cannot be followed."""
    result = copy.deepcopy(inputs)
    lost = [
        pattern for pattern in patterns if not _reset(old_inputs, result, _parse(pattern), hide=False, hidden=False)
    ]
    if lost:
        named = ", ".join(repr(pattern) for pattern in lost)
        raise StepError(
            "cannot ignore changes to the following properties because one or more elements of the path are missing: "
            f"{named}"
        )
    return result


def without(changes: list[Change], patterns: list[str]) -> list[Change]:
    """Return the changes that are at none of the paths, and under none."""
    parsed = [_parse(pattern) for pattern in patterns]
    return [change for change in changes if not any(paths.contains(path, change.path) for path in parsed)]


def _parse(pattern: str) -> paths.Path:
    try:
        path = paths.parse(pattern)
    except ValueError as error:
        raise StepError(f"ignore_changes: {error}") from error
    if not path:
        raise StepError("ignore_changes: a property path is empty")
    return path


def _opened(value: Any) -> tuple[Any, bool]:
    hidden = False
    while is_secret(value):
        value, hidden = value["value"], True
    return value, hidden


def _reset(old: Any, new: Any, path: paths.Path, *, hide: bool, hidden: bool) -> bool:
    """Set the path in `new` to its value in `old`; False when the way to it differs.

    `hide` and `hidden` tell whether something above is secret, in the old and in the new value.
    """
    old, secret_here = _opened(old)
    new, secret_there = _opened(new)
    marks = {"hide": hide or secret_here, "hidden": hidden or secret_there}
    head, rest = path[0], path[1:]
    if head == "*":
        return _reset_all(old, new, rest, **marks)
    kind = list if isinstance(head, int) else dict
    if not rest:
        return _set_index(old, new, head, **marks) if isinstance(head, int) else _set_key(old, new, head, **marks)
    if not isinstance(old, kind) or not isinstance(new, kind):
        return not isinstance(old, kind) and not isinstance(new, kind)
    before, after = _at(old, head), _at(new, head)
    if isinstance(head, str) and after is _NOTHING:
        return before is _NOTHING
    if before is _NOTHING and isinstance(head, str):
        return _reset(None, after, rest, **marks)
    return before is not _NOTHING and after is not _NOTHING and _reset(before, after, rest, **marks)


def _at(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key, _NOTHING)
    return value[key] if isinstance(value, list) and isinstance(key, int) and key < len(value) else _NOTHING


def _marked(value: Any, *, hide: bool, hidden: bool) -> Any:
    found = copy.deepcopy(value)
    return secret(found) if hide and not hidden else found


def _set_index(old: Any, new: Any, index: int, *, hide: bool, hidden: bool) -> bool:
    if not isinstance(old, list) or not isinstance(new, list):
        return not isinstance(old, list) and not isinstance(new, list)
    if index >= len(old) or index >= len(new):
        return index >= len(old) and index >= len(new)
    new[index] = _marked(old[index], hide=hide, hidden=hidden)
    return True


def _set_key(old: Any, new: Any, key: str, *, hide: bool, hidden: bool) -> bool:
    if isinstance(old, dict) and key in old:
        if not isinstance(new, dict):
            return False
        new[key] = _marked(old[key], hide=hide, hidden=hidden)
    elif isinstance(new, dict):
        new.pop(key, None)
    return True


def _reset_all(old: Any, new: Any, rest: paths.Path, *, hide: bool, hidden: bool) -> bool:
    if isinstance(new, dict) and (isinstance(old, dict) or not rest):
        keys: list[Any] = sorted({*old, *new}) if isinstance(old, dict) else []
        if rest and set(old) - set(new):
            return False
        keys = [key for key in keys if key in old] if rest else keys
    elif isinstance(new, list) and (isinstance(old, list) or not rest):
        if isinstance(old, list) and len(old) != len(new):
            return False
        keys = list(range(len(new))) if isinstance(old, list) else []
    else:
        return False
    if rest:
        return all(_reset(old[key], new[key], rest, hide=hide, hidden=hidden) for key in keys)
    setter: Any = _set_key if isinstance(new, dict) else _set_index
    return all(setter(old, new, key, hide=hide, hidden=hidden) for key in keys)


def for_apply(manifest: Object, live: Object, patterns: list[str], manager: str) -> Object:
    """Return the manifest of a server-side apply that leaves the ignored fields of the live object as they are.

    A field of another manager's is left out; any other gets its live value, since leaving out what is ours would
    remove it. A field that is not live stays as the manifest has it.
    """
    result = copy.deepcopy(manifest)
    entries = live["metadata"].get("managedFields") or []
    for pattern in patterns:
        for place in _places(live, _parse(pattern)):
            holders = {str(entry.get("manager")) for entry in entries if _holds(entry.get("fieldsV1") or {}, place)}
            if holders and manager not in holders:
                _drop(result, place)
            else:
                _put(result, place, _get(live, place))
    return result


def _places(value: Any, path: paths.Path, here: paths.Path = ()) -> list[paths.Path]:
    if not path:
        return [here]
    head, rest = path[0], path[1:]
    if head == "*":
        keys: list[Any] = list(value) if isinstance(value, dict) else []
        keys = list(range(len(value))) if isinstance(value, list) else keys
    else:
        keys = [head] if _at(value, head) is not _NOTHING else []
    return [place for key in keys for place in _places(value[key], rest, (*here, key))]


def _holds(fields: Object, place: paths.Path) -> bool:
    """Tell whether a manager has the field; lists are looked up no deeper than themselves, as the provider does."""
    for part in place:
        if isinstance(part, int) or f"f:{part}" not in fields:
            return False
        fields = fields[f"f:{part}"]
    return True


def _get(value: Any, place: paths.Path) -> Any:
    for part in place:
        value = value[part]
    return copy.deepcopy(value)


def _inner(value: Any, place: paths.Path, *, make: bool) -> Any:
    for part in place:
        found = _at(value, part)
        if found is _NOTHING:
            if not make or not isinstance(value, dict) or isinstance(part, int):
                return None
            found = value[part] = {}
        value = found
    return value


def _drop(value: Object, place: paths.Path) -> None:
    inner = _inner(value, place[:-1], make=False)
    if isinstance(inner, dict):
        inner.pop(place[-1], None)


def _put(value: Object, place: paths.Path, item: Any) -> None:
    inner, last = _inner(value, place[:-1], make=not any(isinstance(part, int) for part in place)), place[-1]
    if _at(inner, last) is not _NOTHING or isinstance(inner, dict):
        inner[last] = item
