"""The schedule of a CronJob, read as Kubernetes reads it.

Source: ParseStandard of github.com/robfig/cron/v3 3.0.1, which pkg/apis/batch/validation calls, and Go's
time.ParseDuration. Some of what they take looks odd, and is taken here as well.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.model.problem import Problem

_EXAMPLE = "write five fields, minute hour day month weekday, such as '30 2 * * 1-5', or '@daily'"
_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_EVERY = "@every "
# Python takes four control characters for blanks that are none in Go.
_BLANK = re.compile(r"[^\S\x1c-\x1f]+")
_INT64 = 2**63 - 1
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")
_LONGEST_MONTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}


@dataclass(frozen=True)
class _Field:
    """One of the five fields: its bounds, and the names that mean numbers in it."""

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    _Field("weekday", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)


def problems(path: str, schedule: Any) -> Iterator[Problem]:
    """Yield what is wrong with a schedule, and what of it never comes."""
    if not isinstance(schedule, str):
        return
    if "TZ" in schedule:
        yield Problem(path, "a schedule has no time zone in it", "write cron_job.time_zone")
        return
    try:
        never = _read(schedule)
    except ValueError as error:
        yield Problem(path, f"{schedule!r} is no schedule: {error}", _EXAMPLE)
        return
    if never:
        yield Problem(path, f"{schedule!r} never comes: {never}", _EXAMPLE, "cron-never")


def _read(schedule: str) -> str:
    """Return why a schedule never comes, or nothing; raise ValueError for what is none."""
    if schedule.startswith("@"):
        if schedule.startswith(_EVERY):
            _duration(schedule.removeprefix(_EVERY))
        elif schedule not in _DESCRIPTORS:
            raise ValueError(f"the words are {', '.join(_DESCRIPTORS)} and '@every 1h30m'")
        return ""
    written = [part for part in _BLANK.split(schedule) if part]
    if len(written) != len(_FIELDS):
        raise ValueError(f"it has {len(written)} fields, not {len(_FIELDS)}")
    found = [_values(text, of) for text, of in zip(written, _FIELDS, strict=True)]
    for (values, _), of in zip(found, _FIELDS, strict=True):
        if not values:
            return f"no {of.name} is chosen"
    (days, _any_day), (months, _), (_, any_weekday) = found[2:]
    # A day of the month and a weekday, both chosen, are alternatives; with a star for one, the other decides.
    if any_weekday and min(days) > max(_LONGEST_MONTHS[month] for month in months):
        return "no such month has such a day"
    return ""


def _values(text: str, of: _Field) -> tuple[set[int], bool]:
    """Return the numbers that a field chooses, and whether it has a star, which chooses all."""
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        bounds, *steps = part.split("/")
        if len(steps) > 1:
            raise ValueError(f"{part!r} has two slashes")
        low, *rest = bounds.split("-")
        step = _number(steps[0], of, names=False) if steps else 1
        if low in ("*", "?"):
            first, last = of.low, of.high
            star = star or step <= 1
        else:
            if len(rest) > 1:
                raise ValueError(f"{part!r} has two hyphens")
            first = _number(low, of)
            last = _number(rest[0], of) if rest else of.high if steps else first
        if first < of.low or last > of.high or first > last:
            raise ValueError(f"the {of.name} is from {of.low} to {of.high}, and {part!r} is not")
        if step == 0:
            raise ValueError(f"{part!r} goes on in steps of 0")
        values.update(range(first, last + 1, step))
    return values, star


def _number(text: str, of: _Field, *, names: bool = True) -> int:
    if names and text.lower() in of.names:
        return of.names[text.lower()]
    # The digits of ASCII alone, with a sign and not beyond 64 bits, as in Go.
    if not re.fullmatch(r"[+-]?[0-9]+", text) or abs(int(text[:40])) > _INT64 or int(text[:40]) < 0:
        raise ValueError(f"{text!r} is no {of.name}")
    return int(text)


def _duration(text: str) -> None:
    """Raise ValueError for what is no duration in Go."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    if unsigned == "0":
        return
    total, position = 0, 0
    while position < len(unsigned):
        found = _DURATION_PART.match(unsigned, position)
        if not found or not (found[1] or found[2]) or found[3] not in _UNITS:
            raise ValueError(f"{text!r} is no duration such as '1h30m'")
        whole, fraction, unit = found[1] or "0", found[2] or "", _UNITS[found[3]]
        total += int(whole.lstrip("0")[:40] or 0) * unit + (
            int(fraction[:18]) * unit // 10 ** len(fraction[:18]) if fraction else 0
        )
        position = found.end()
    if not unsigned or total > _INT64:
        raise ValueError(f"{text!r} is no duration such as '1h30m'")
