"""Property paths in the SDK's notation: `spec.containers[0].env`, `metadata.annotations["a.b/c"]`, `data[*]`."""

import re
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_PART = re.compile(r"""\.?(?:\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]"]+))""")


def parse(text: str) -> Path:
    """Split a path into keys and indexes; `*` stays as the text "*". ValueError names a malformed path."""
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            msg = f"malformed property path {text!r} at character {position}"
            raise ValueError(msg)
        quoted, index, key = match.groups()
        if index is not None:
            parts.append("*" if index == "*" else int(index))
        else:
            parts.append(key if quoted is None else quoted.replace('\\"', '"'))
        position = match.end()
    return tuple(parts)


def show(path: Path) -> str:
    """Write a path in the same notation; keys with dots, quotes or brackets are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.search(r'[."\[\]]', part):
            quoted = part.replace('"', '\\"')
            text += f'["{quoted}"]'
        else:
            text += f".{part}" if text else part
    return text


def contains(outer: Path, inner: Path) -> bool:
    """Tell whether `outer` is `inner` or lies above it; "*" in `outer` stands for any one part."""
    if len(outer) > len(inner):
        return False
    return all(mine in ("*", other) for mine, other in zip(outer, inner, strict=False))


def holds(value: Any, path: Path) -> bool:
    """Tell whether the JSON value has something at the path; "*" matches any element."""
    if not path:
        return value is not None
    head, rest = path[0], path[1:]
    if isinstance(value, dict):
        found = list(value.values()) if head == "*" else [value[head]] if head in value else []
    elif isinstance(value, list):
        indexed = [value[head]] if isinstance(head, int) and head < len(value) else []
        found = value if head == "*" else indexed
    else:
        found = []
    return any(holds(item, rest) for item in found)
