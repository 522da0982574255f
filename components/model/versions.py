"""Versions, and ranges of them, as projects and clouds write them: `1.36.2-gke.1498000`, `>=1.2.0, <2.0.0`."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

MINOR = re.compile(r"1\.(\d{1,3})", re.ASCII)
"""A minor of Kubernetes, such as 1.33."""
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:-gke\.(\d{1,9}))?(?:[-+~].*)?", re.ASCII | re.DOTALL)
_BOUND = re.compile(r"(>=|<) ?(\S+)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {">=": operator.ge, "<": operator.lt}
_PARTS = 4  # major, minor, patch, and GKE's build
_LAST = float("inf")


def number_of(minor: str) -> int:
    """Return the number of a minor of the table."""
    return int(minor.partition(".")[2])


def numbers_of(version: str) -> tuple[int, ...] | None:
    """Return major, minor and, as far as they are there, patch and GKE build; None for what is no version."""
    found = _VERSION.fullmatch(version.strip())
    if not found:
        return None
    major, minor, patch, build = found.groups()
    if build:
        return int(major), int(minor), int(patch or 0), int(build)
    return tuple(int(part) for part in (major, minor, patch) if part is not None)


def bounds_of(versions: str) -> list[tuple[str, tuple[int, ...]]] | None:
    """Return the bounds of a range, none for all versions; None for what is no range."""
    bounds = []
    for text in versions.split(",") if versions else ():
        found = _BOUND.fullmatch(text.strip())
        numbers = numbers_of(found[2]) if found else None
        if found is None or numbers is None:
            return None
        bounds.append((found[1], numbers))
    return bounds


def holds(versions: str, numbers: tuple[int, ...]) -> bool | None:
    """Tell whether a version is in a range; None where it is too short to tell: 1.36.2 against a build of it."""
    missing = _PARTS - len(numbers)
    first, last = (*numbers, *[0] * missing), (*numbers, *[_LAST] * missing)
    answers: set[bool | None] = set()
    for sign, bound in bounds_of(versions) or ():
        padded = (*bound, *[0] * (_PARTS - len(bound)))
        at_first, at_last = _COMPARE[sign](first, padded), _COMPARE[sign](last, padded)
        answers.add(at_first if at_first == at_last else None)
    return False if False in answers else None if None in answers else True
