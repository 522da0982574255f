"""Reads the argument TypedDicts at run time: what fits them, what they become in a manifest.

The TypedDicts in `_args` and in the component modules are the only definition of the arguments; everything that
must know their fields asks here.
"""

import difflib
import functools
import inspect
import re
import types
import typing
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi.output import Unknown

from components.model.file_mode import file_mode
from components.model.problem import UNKNOWN, Problem, entry_path

# pulumi.Input holds the unevaluated text Output[T]; these are the names in it.
_PULUMI_NAMES = {"Output": pulumi.Output, "T": Any}

# Kubernetes' int-or-string fields: digits mean a number, anything else a name or a percentage.
_INT_OR_NAME = frozenset({"port", "target_port", "max_surge", "max_unavailable", "min_available"})
# Octal text here, a number in Kubernetes.
_FILE_MODES = frozenset({"mode", "default_mode"})
# Names that Kubernetes does not write in plain camelCase.
_SPELLED = {"downward_api": "downwardAPI"}


@dataclass(frozen=True)
class _Shape:
    kind: str  # "object", "list", "map", "any" or the name of a scalar type
    fields: Mapping[str, "_Shape"] | None = None
    required: frozenset[str] = frozenset()
    item: "_Shape | None" = None


_ANY = _Shape("any")
_SCALARS = frozenset({"str", "int", "bool"})


@functools.cache
def shape_of(hint: Any) -> _Shape:
    """Return the shape that a type hint of an argument describes."""
    while typing.get_origin(hint) in {typing.Required, typing.NotRequired}:
        (hint,) = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        alternatives = [
            part
            for part in typing.get_args(hint)
            if part is not type(None) and typing.get_origin(part) not in {Awaitable, pulumi.Output}
        ]
        if len(alternatives) != 1:
            raise TypeError(f"{hint} has no single plain type")
        return shape_of(alternatives[0])
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint, localns=_PULUMI_NAMES, include_extras=True)
        fields = {name: shape_of(field) for name, field in hints.items()}
        return _Shape("object", fields, frozenset(hint.__required_keys__))
    if origin in {Sequence, list}:
        return _Shape("list", item=shape_of(typing.get_args(hint)[0]))
    if origin in {Mapping, dict}:
        return _Shape("map", item=shape_of(typing.get_args(hint)[1]))
    if hint is Any:
        return _ANY
    if hint in {str, int, bool}:
        return _Shape(hint.__name__)
    raise TypeError(f"{hint} cannot be an argument")


def later(value: object) -> bool:
    """Tell whether a value is only known during the deployment."""
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)


def plain(value: Any) -> Any:
    """Return a value with `UNKNOWN` in the place of everything that only the deployment will know."""
    if later(value):
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(entry) for entry in value]
    return value


async def resolve(value: Any) -> Any:
    """Return a value with everything filled in that the deployment knows by now, `UNKNOWN` for the rest."""
    if isinstance(value, pulumi.Output):
        if not await value.is_known():
            return UNKNOWN
        return await resolve(await value.future(with_unknowns=True))
    if isinstance(value, Unknown):
        return UNKNOWN
    if inspect.isawaitable(value):
        return await resolve(await value)
    if isinstance(value, Mapping):
        return {key: await resolve(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [await resolve(entry) for entry in value]
    return value


def check(value: Any, hint: Any, path: str = "") -> list[Problem]:
    """Return what in a value does not fit the TypedDict: unknown and missing fields, wrong types."""
    # The types are this library's own in part: a port is a string here, which other languages can type.
    return [replace(problem, rule="shape") for problem in _check(plain(value), shape_of(hint), path)]


def judged(args: Any, hint: Any) -> tuple[list[Problem], dict[str, Any]]:
    """Return what in a component's arguments has the wrong shape, and the arguments as the other rules may judge them.

    What has the wrong shape is told once: a field of the component with a problem anywhere inside is `UNKNOWN` there.
    """
    shape = check(args, hint)
    wrong = {top_field(problem.path) for problem in shape}
    known = plain(args) if isinstance(args, Mapping) else {}
    return shape, {field: UNKNOWN if field in wrong else value for field, value in known.items()}


def top_field(path: str) -> str:
    """Return the field of the component that a path begins with."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def camel(value: Any, hint: Any) -> Any:
    """Return arguments that fit the TypedDict as Kubernetes writes them; values that come later stay in place."""
    return _camel(value, shape_of(hint), "")


def snake(value: Any, hint: Any) -> Any:
    """Return what another language sent (camelCase keys) as these arguments; unknown keys stay for `check` to name."""
    return _snake(value, shape_of(hint))


def camel_path(path: str, hint: Any) -> str:
    """Return the path of a field as callers of other languages write it; their own map keys stay as they are."""
    shape: _Shape | None = shape_of(hint)
    written = ""
    for part in re.findall(r"\['.*?'\]|\[\d+\]|[^.\[\]]+", path):
        fields = shape.fields if shape else None
        if fields is not None and not part.startswith("["):
            written += f".{camel_key(part)}"
            shape = fields.get(part)
        else:
            written += part if part.startswith("[") else f".{part}"
            shape = shape.item if shape else None
    return written.removeprefix(".")


def has_late_structure(value: Any, hint: Any) -> bool:
    """Tell whether a list, map or object among the arguments, rather than a single value, comes later."""
    return _has_late_structure(value, shape_of(hint))


def camel_key(name: str) -> str:
    """Return a snake_case name in camelCase: `mount_path` becomes `mountPath`, `pod_ip` `podIp`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _check(value: Any, shape: _Shape, path: str) -> list[Problem]:
    if value is UNKNOWN or value is None or shape.kind == "any":
        return []
    if shape.kind == "object":
        return _check_object(value, shape, path)
    if shape.kind == "list":
        if not isinstance(value, list):
            return [Problem(path, f"it is {_kind(value)}", "write a list")]
        missing = [
            Problem(f"{path}[{i}]", "it is null", "leave it out") for i, entry in enumerate(value) if entry is None
        ]
        return missing + [p for i, entry in enumerate(value) for p in _check(entry, _item(shape), f"{path}[{i}]")]
    if shape.kind == "map":
        if not isinstance(value, dict):
            return [Problem(path, f"it is {_kind(value)}", "write a map of names to values")]
        if odd := [key for key in value if not isinstance(key, str)]:
            return [Problem(path, f"{odd[0]!r} is not a name", "write names as strings, in quotes")]
        return [p for key, entry in value.items() for p in _check(entry, _item(shape), entry_path(path, key))]
    return _check_scalar(value, shape.kind, path)


def _check_object(value: Any, shape: _Shape, path: str) -> list[Problem]:
    fields = shape.fields or {}
    if not isinstance(value, dict):
        return [Problem(path or "args", f"it is {_kind(value)}", f"write an object with {', '.join(fields)}")]
    problems = []
    for name in map(str, value):
        if name not in fields:
            near = difflib.get_close_matches(name, fields, n=1)
            known_fields = f"write {near[0]!r}" if near else f"the fields are {', '.join(fields)}"
            problems.append(Problem(_join(path, name), "there is no such field", known_fields))
    problems += [
        Problem(_join(path, name), "it is required", f"write {_article(fields[name])}")
        for name in fields
        if name in shape.required and value.get(name) is None
    ]
    for name, field in fields.items():
        problems += _check(value.get(name), field, _join(path, name))
    return problems


def _check_scalar(value: Any, kind: str, path: str) -> list[Problem]:
    """Check a scalar's type. The value itself is not told: it may come from a secret."""
    if kind == "int":
        if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
            return [Problem(path, f"it is {_kind(value)}", "write a whole number")]
    elif kind == "bool":
        if not isinstance(value, bool):
            return [Problem(path, f"it is {_kind(value)}", "write true or false")]
    elif not isinstance(value, str):
        return [Problem(path, f"it is {_kind(value)}", "write a string, in quotes")]
    return []


def _camel(value: Any, shape: _Shape, name: str) -> Any:
    if value is None or value is UNKNOWN:
        return value
    if later(value):
        return pulumi.Output.from_input(value).apply(lambda known: _camel(known, shape, name))
    if shape.kind == "object":
        fields = shape.fields or {}
        given = {key: entry for key, entry in value.items() if entry is not None}
        return {_SPELLED.get(key) or camel_key(key): _camel(entry, fields[key], key) for key, entry in given.items()}
    if shape.kind == "list":
        return [_camel(entry, _item(shape), "") for entry in value]
    if shape.kind == "map":
        item = _item(shape)  # in a patch, null has a meaning
        kept = {key: entry for key, entry in value.items() if entry is not None or item.kind == "any"}
        return {key: _camel(entry, item, "") for key, entry in kept.items()}
    return _scalar(value, shape, name)


def _scalar(value: Any, shape: _Shape, name: str) -> Any:
    if shape.kind == "int":
        return int(value)
    if name in _INT_OR_NAME and isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if name in _FILE_MODES and isinstance(value, str):
        mode = file_mode(value)
        return value if mode is None else mode
    return value


def _snake(value: Any, shape: _Shape) -> Any:
    if later(value):
        return value if shape.kind in _SCALARS else value.apply(lambda known: _snake(known, shape))
    if isinstance(value, Mapping):
        if shape.fields is None:
            return {key: _snake(entry, shape.item or _ANY) for key, entry in value.items()}
        names = {camel_key(name): name for name in shape.fields}
        known: dict[str, Any] = {names.get(str(key), str(key)): entry for key, entry in value.items()}
        return {name: _snake(entry, shape.fields.get(name, _ANY)) for name, entry in known.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_snake(entry, shape.item or _ANY) for entry in value]
    return value


def _has_late_structure(value: Any, shape: _Shape) -> bool:
    if later(value):
        return shape.kind not in _SCALARS
    if isinstance(value, Mapping):
        fields = shape.fields or dict.fromkeys(value, shape.item or _ANY)
        return any(_has_late_structure(entry, fields[key]) for key, entry in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(_has_late_structure(entry, shape.item or _ANY) for entry in value)
    return False


def _item(shape: _Shape) -> _Shape:
    assert shape.item is not None  # noqa: S101  # lists and maps always have one
    return shape.item


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _article(shape: _Shape) -> str:
    return {
        "object": "an object",
        "list": "a list",
        "map": "a map",
        "str": "a string",
        "int": "a number",
    }.get(shape.kind, "a value")


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    if isinstance(value, float) and not value.is_integer():
        return "not a whole number"
    names = {str: "a string", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return names.get(type(value), f"a {type(value).__name__}")
