"""One thing that is wrong with a value, and the stand-in for a value that is not known yet."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Problem:
    """What is wrong, where, and what to write instead.

    `path` is the place in the caller's own arguments (`sidecars[0].resources.requests.cpu`), `message` says
    what is wrong with the value that is there, and `remedy` what to write instead. Where the API server might accept
    the value, `rule` names the row of docs/validation.md that says why it is refused here all the same.
    """

    path: str
    message: str
    remedy: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}; {self.remedy}"


class _Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""Stands for a value that only the deployment will know; every rule leaves it alone."""


def known(value: object) -> bool:
    """Tell whether a rule may judge this value."""
    return value is not UNKNOWN and value is not None


def entries(value: Any) -> Iterable[tuple[int, dict[str, Any]]]:
    """Yield the known objects of a list with their positions; nothing for an unknown or absent list."""
    if isinstance(value, list | tuple):
        for index, entry in enumerate(value):
            if isinstance(entry, dict):
                yield index, entry


def known_part(value: Any) -> Any:
    """Return a value without what is not known yet: entries of lists and of objects that are `UNKNOWN` are left out."""
    if isinstance(value, dict):
        return {key: known_part(entry) for key, entry in value.items() if entry is not UNKNOWN}
    if isinstance(value, list | tuple):
        return [known_part(entry) for entry in value if entry is not UNKNOWN]
    return value


def whole_number(text: str) -> int | None:
    """Return the number that a text of digits writes, at most its first twenty; None for any other text.

    Only the digits of ASCII count, as in Kubernetes; those of other scripts are digits for Python alone.
    """
    found = re.fullmatch("0*([0-9]+)", text)
    return int(found[1][:20]) if found else None


def entry_path(path: str, key: str) -> str:
    """Return the path of a map's entry: `requests.cpu`, or `labels['example.com/team']` where a dot would mislead."""
    return f"{path}.{key}" if key.replace("-", "_").isidentifier() else f"{path}[{key!r}]"


def one_of(
    path: str, value: Any, allowed: Sequence[str], default: str | None = None, rule: str = ""
) -> Iterator[Problem]:
    """Check that a known value is one of a fixed set. '' is not: the API server often takes it for the default."""
    if known(value) and value not in allowed:
        choices = ", ".join(f"{choice} (the default)" if choice == default else choice for choice in allowed)
        yield Problem(path, f"{value!r} is not one of its values", f"write {choices}", rule if value else "empty")


def in_range(path: str, value: Any, low: int, high: int, rule: str = "") -> Iterator[Problem]:
    """Check that a known number lies between two bounds, both allowed."""
    if isinstance(value, int | float) and not low <= value <= high:
        yield Problem(path, f"{value:.10g} is out of range", f"write a number from {low} to {high}", rule)


def exactly_one(path: str, value: dict[str, Any], choices: Sequence[str], rule: str = "") -> Iterator[Problem]:
    """Check that exactly one of the fields of an object is set; the rule is for none."""
    given = [choice for choice in choices if value.get(choice) is not None]
    if len(given) != 1:
        message = f"it has {' and '.join(given)}" if given else "nothing is chosen"
        yield Problem(path, message, f"write exactly one of {', '.join(choices)}", "" if given else rule)


def unique(items: Iterable[tuple[str, Any]], what: str, rule: str = "") -> Iterator[Problem]:
    """Check that no known value of a list of (path, value) comes twice."""
    seen: dict[Any, str] = {}
    for path, value in items:
        if not known(value):
            continue
        if value in seen:
            yield Problem(path, f"{value!r} is already the {what} of {seen[value]}", "write another one", rule)
        seen.setdefault(value, path.rpartition(".")[0])
