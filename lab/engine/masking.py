"""Text for people without the secrets that came with it."""

import json
from typing import Any

from lab.engine.values import is_secret, reveal

_SHORT = 4
"""A single line of a longer secret is masked from this length on: shorter ones are words of anything."""


def secrets_of(value: Any) -> list[str]:
    """Return the texts of all secret leaves at any depth, and the lines of those with several; the longest first."""
    found: set[str] = set()
    _collect(value, found, inside=False)
    pieces = {line for text in found for line in text.splitlines() if len(line) >= _SHORT}
    quoted = {json.dumps(text)[1:-1] for text in found}  # as a message quotes it
    return sorted({*found, *pieces, *quoted} - {""}, key=len, reverse=True)


def _collect(value: Any, found: set[str], *, inside: bool) -> None:
    if is_secret(value):
        _collect(reveal(value), found, inside=True)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found, inside=inside)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found, inside=inside)
    elif inside and isinstance(value, str | int | float) and not isinstance(value, bool):
        found.add(str(value))


def mask(text: str, words: list[str]) -> str:
    """Return the text with `[secret]` in the place of each of the words."""
    for word in words:
        text = text.replace(word, "[secret]")
    return text
