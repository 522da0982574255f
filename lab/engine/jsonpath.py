"""The part of JSONPath that `pulumi.com/waitFor` annotations use: `{.a.b[0]}`, `{..}`-free, with equality filters.

Understood: names, `['quoted names']`, indexes, `[*]`, and filters `[?(@.type=="Ready")]` with `==` or `!=`.
Anything else is an error that shows the expression, rather than a wait that can never end.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""\.([A-Za-z_][\w-]*|\*)|\[(-?\d+|\*)\]|\['([^']*)'\]|\["([^"]*)"\]"""
    r"""|\[\?\(?\s*@([.\w-]+)\s*(==|!=)\s*(?:"([^"]*)"|'([^']*)'|([\w.+-]+))\s*\)?\]"""
)


@dataclass(frozen=True, slots=True)
class Expression:
    """`jsonpath={path}` or `jsonpath={path}=value`: met when the path selects something (equal to the value)."""

    text: str
    tokens: tuple[tuple[str, ...], ...]
    value: str | None

    def met(self, obj: object) -> bool:
        """Tell whether the object satisfies the expression; the first selected value counts."""
        nodes: list[Any] = [obj]
        for token in self.tokens:
            nodes = [found for node in nodes for found in _select(node, token)]
        if not nodes or self.value is None:
            return bool(nodes)
        return _text(nodes[0]) == self.value


def parse(raw: str) -> Expression:
    """Parse what follows `jsonpath=`. ValueError says what is wrong with it."""
    match = re.fullmatch(r"\{\s*\$?([^{}]*?)\s*\}(?:=(.*))?", raw, re.DOTALL)
    if match is None:
        msg = f"jsonpath={raw}: write jsonpath={{.path}} or jsonpath={{.path}}=value, without quotes around it"
        raise ValueError(msg)
    path, value = match.groups()
    if value == "" or (value or "").startswith("{"):
        msg = f"jsonpath={raw}: a literal value has to follow the second ="
        raise ValueError(msg)
    tokens, position = [], 0
    while position < len(path):
        token = _TOKEN.match(path, position)
        if token is None:
            msg = f"jsonpath={raw}: the lab's engine does not understand {path[position:]!r}"
            raise ValueError(msg)
        tokens.append(tuple(group if group is not None else "" for group in token.groups()))
        position = token.end()
    return Expression(f"{{{path}}}" + (f"={value}" if value else ""), tuple(tokens), value)


def _select(node: Any, token: tuple[str, ...]) -> list[Any]:
    name, index, single, double, field, operator, *literals = token
    key = name or single or double
    if "*" in (key, index):
        return list(node.values()) if isinstance(node, dict) else list(node) if isinstance(node, list) else []
    if index:
        inside = isinstance(node, list) and -len(node) <= int(index) < len(node)
        return [node[int(index)]] if inside else []
    if field:
        wanted = next((literal for literal in literals if literal), "")
        items = node if isinstance(node, list) else []
        return [item for item in items if (_text(_pluck(item, field)) == wanted) == (operator == "==")]
    return [node[key]] if isinstance(node, dict) and key in node else []


def _pluck(item: Any, field: str) -> Any:
    for part in field.strip(".").split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return item


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
