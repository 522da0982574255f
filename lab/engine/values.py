"""Property values as plain JSON: the wire form of the SDK's protocol, with secrets and unknowns marked inside.

A secret is `{SIGNATURE: SECRET, "value": v}`, an unknown (known only after the update) is the string UNKNOWN.
Both signatures are constants of the protocol (`pulumi.runtime.rpc`). Whole numbers are ints here and
doubles on the wire.
"""

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

from google.protobuf import struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (a protocol constant)
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Object: TypeAlias = dict[str, Any]


def from_struct(struct: struct_pb2.Struct) -> Object:
    """Turn a protobuf Struct into JSON; nulls inside objects are dropped, as the official provider drops them."""
    found = {key: _from_value(value) for key, value in struct.fields.items()}
    return {key: value for key, value in found.items() if value is not None}


def _from_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return from_struct(value.struct_value)
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return value.string_value
    return value.bool_value if kind == "bool_value" else None


def to_struct(value: Object) -> struct_pb2.Struct:
    """Turn JSON into a protobuf Struct."""
    struct = struct_pb2.Struct()
    struct.update(value)
    return struct


def is_secret(value: object) -> bool:
    """Tell a marked secret."""
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET


def secret(value: object) -> Object:
    """Mark a value as secret; what is marked already stays as it is."""
    return value if isinstance(value, dict) and is_secret(value) else {SIGNATURE: SECRET, "value": value}


def _any_leaf(value: object, test: Callable[[object], bool]) -> bool:
    if test(value):
        return True
    if isinstance(value, dict):
        return any(_any_leaf(item, test) for item in value.values())
    return isinstance(value, list) and any(_any_leaf(item, test) for item in value)


def has_secret(value: object) -> bool:
    """Tell whether there is a secret at any depth."""
    return _any_leaf(value, is_secret)


def has_unknown(value: object) -> bool:
    """Tell whether there is an unknown at any depth."""
    return _any_leaf(value, lambda leaf: isinstance(leaf, str) and leaf == UNKNOWN)


def has_asset(value: object) -> bool:
    """Tell whether there is an asset or archive at any depth."""
    return _any_leaf(value, lambda leaf: isinstance(leaf, dict) and leaf.get(SIGNATURE) in (ASSET, ARCHIVE))


def map_secrets(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a copy in which `change(inner value)` stands for each marked secret, outermost first."""
    if isinstance(value, dict):
        if is_secret(value):
            return change(value["value"])
        return {key: map_secrets(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [map_secrets(item, change) for item in value]
    return value


def reveal(value: Any) -> Any:
    """Return a copy with the secret marks taken off, at every depth."""
    return map_secrets(value, reveal)


def hide(value: Any) -> Any:
    """Return a copy for people: each secret is the text `[secret]`."""
    return map_secrets(value, lambda _: "[secret]")


def annotate(target: Object, source: Object) -> Object:
    """Return `target` with the secretness of `source`, leaf by leaf.

    As the official provider does it: objects are walked; an array with any secret in it is secret as a whole,
    since servers may reorder arrays.
    """
    result = copy.copy(target)
    for key, model in source.items():
        if key not in target:
            continue
        value = target[key]
        both = isinstance(value, dict) and isinstance(model, dict)
        if both and not is_secret(model) and not is_secret(value):
            result[key] = annotate(value, model)
        elif has_secret(model):
            result[key] = secret(value)
    return result
