"""A read that may be refused: its answer, or why there is none."""

from collections.abc import Callable
from typing import TypeVar

from components.actions.errors import ApiError
from components.model.facts import Seen, Unseen

_T = TypeVar("_T")


def seen(what: str, read: Callable[[], _T], remedy: str = "") -> Seen[_T]:
    """Return what a read gives, or Unseen with the reason: a right that lacks, or else the server's own words."""
    try:
        return read()
    except ApiError as error:
        if error.forbidden:
            return Unseen(f"{what} may not be read by this identity", remedy)
        return Unseen(f"{what} cannot be read: {error.message}")
