"""Reads and checks the dated table of platforms, strictly: every problem of the file at once, by row and field."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, cast

import yaml

from components.model.platform_rows import (
    CLOUDS,
    FEATURES,
    Answer,
    Containerd,
    Feature,
    LoadBalancer,
    Match,
    NodeType,
    Release,
    Table,
    Version,
)
from components.model.problem import Problem, unique
from components.model.versions import MINOR, bounds_of, numbers_of

_FILE = "platforms.yaml"
_ANSWERS: tuple[Answer, ...] = ("yes", "no", "unknown")
_ANY = "*"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


def parse_table(text: str) -> Table:
    """Return the table that a text in the form of `platforms.yaml` holds.

    Raises ValueError, with a line for every problem that names row, field and remedy, where the text does not have
    that form: unknown or missing fields, wrong types, two rows for one thing.
    """
    problems: list[Problem] = []
    try:
        whole = _Fields(yaml.safe_load(text), "", problems)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a day that no month has
        raise ValueError(f"{_FILE} is not YAML: {error}") from None
    dated = whole.day("dated", optional=False)
    kubernetes = whole.rows("kubernetes", _release, ("minor",))
    versions = whole.rows("versions", _version, ("platform", "minor"))
    node_types = whole.rows("node_types", _node_type, ("platform", "node_type"))
    load_balancers = whole.rows("load_balancers", _load_balancer, ("implementation", "versions"))
    containerd = _containerd(whole.inner("containerd"))
    whole.done()
    if problems or dated is None:
        raise ValueError("\n".join(f"{_FILE}: {problem}" for problem in problems))
    return Table(dated, kubernetes, versions, node_types, load_balancers, containerd)


def _release(row: "_Fields") -> Release:
    days = row.day("released"), row.day("end_of_life")
    return Release(row.minor("minor"), *days, row.note(days), row.text("source"))


def _version(row: "_Fields") -> Version:
    days = row.day("released"), row.day("standard_end"), row.day("extended_end")
    platform = row.choice("platform", CLOUDS)
    return Version(platform, row.minor("minor"), *days, row.note(days), row.text("source"))


def _node_type(row: "_Fields") -> NodeType:
    match = row.inner("match")
    matches = Match(
        match.pattern("os_image"),
        match.texts("labels"),
        match.pattern("provider_id"),
        match.choice("architecture", ("", "amd64", "arm64"), default=""),
    )
    match.done()
    features = row.inner("features")
    answers = {name: features.feature(name) for name in FEATURES}
    features.done()
    return NodeType(
        platform=row.choice("platform", ("kind", "lab", *CLOUDS)),
        node_type=row.text("node_type"),
        match=matches,
        containerd=row.texts("containerd", _is_minor_or_any, "a quoted minor or '*'"),
        cgroup=row.choice("cgroup", ("1", "2", "unknown")),
        features=MappingProxyType(answers),
        notes=row.text("notes", default=""),
        source=row.text("source"),
    )


def _load_balancer(row: "_Fields") -> LoadBalancer:
    return LoadBalancer(
        implementation=row.text("implementation"),
        versions=row.range("versions"),
        different_ports=row.answer("different_ports"),
        same_port=row.answer("same_port"),
        needs=row.text("needs", default=""),
        otherwise=row.text("otherwise", default=""),
        source=row.text("source"),
    )


def _containerd(row: "_Fields") -> Containerd:
    tested = row.inner("tested")
    lowest = {minor: tested.versions(minor) for minor in tested.minors()}
    tested.done()
    found = Containerd(
        tested=MappingProxyType(lowest),
        end_of_life=row.texts("end_of_life", lambda key: numbers_of(key) is not None, "a quoted line such as '2.1'"),
        cri_v1=row.text("cri_v1"),
        cri_v1_required=row.minor("cri_v1_required"),
        runtime_config=row.text("runtime_config"),
        runtime_config_required=row.minor("runtime_config_required"),
        source=row.text("source"),
    )
    for line, month in found.end_of_life.items():
        if not _MONTH.fullmatch(month):
            row.wrong(f"end_of_life.{line}", month, "a quoted month such as '2026-07'")
    row.done()
    return found


_MISSING: Final = object()


def _is_minor_or_any(key: str) -> bool:
    return key == _ANY or MINOR.fullmatch(key) is not None


class _Fields:
    """The fields of one mapping of the file, each taken once; what is wrong with them goes to the list of problems."""

    def __init__(self, value: Any, where: str, problems: list[Problem]) -> None:
        self._where, self._problems = where, problems
        self._left: dict[Any, Any] | None = dict(value) if isinstance(value, dict) else None
        if self._left is None:
            self._add("", value, "a mapping")

    def wrong(self, key: str, value: object, wanted: str) -> None:
        # In the place of a mapping that is none, every field would be missing: one problem is enough.
        if self._left is not None:
            self._add(key, value, wanted)

    def done(self) -> None:
        for key, value in (self._left or {}).items():
            self._problems.append(Problem(self._path(key), f"{value!r} is not read", "leave it out"))

    def rows(self, key: str, build: Callable[["_Fields"], Any], names: tuple[str, ...]) -> tuple[Any, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not value:
            self.wrong(key, value, "a list of rows")
            return ()
        found, named = [], []
        for index, item in enumerate(value):
            name = " ".join(str(item.get(part)) for part in names).strip() if isinstance(item, dict) else ""
            row = _Fields(item, f"{key}[{index}] ({name})", self._problems)
            found.append(build(row))
            row.done()
            named.append((f"{key}[{index}].{names[-1]}", name))
        self._problems.extend(unique(named, " ".join(names)))
        return tuple(found)

    def inner(self, key: str) -> "_Fields":
        # What is inside of something that is none is not missed again.
        return _Fields(self._take(key), self._path(key), [] if self._left is None else self._problems)

    def text(self, key: str, *, default: Any = _MISSING) -> str:
        value = self._take(key, default)
        if not isinstance(value, str) or (not value and default is _MISSING):
            self.wrong(key, value, "a text, quoted where YAML would read something else")
            return ""
        return value

    def choice(self, key: str, allowed: Sequence[str], *, default: Any = _MISSING) -> str:
        value = self.text(key, default=default)
        if value and value not in allowed:
            self.wrong(key, value, f"one of {', '.join(filter(None, allowed))}")
        return value

    def answer(self, key: str) -> Answer:
        return cast(Answer, self.choice(key, _ANSWERS))

    def minor(self, key: str) -> str:
        value = self.text(key)
        if value and not MINOR.fullmatch(value):
            self.wrong(key, value, "a quoted minor such as '1.33'")
        return value

    def minors(self) -> list[str]:
        """Return the keys that are minors; others are left for `done` to complain of."""
        return [key for key in self._left or {} if isinstance(key, str) and MINOR.fullmatch(key)]

    def day(self, key: str, *, optional: bool = True) -> date | None:
        value = self._take(key)
        if value is None and optional:
            return None
        if not isinstance(value, date) or isinstance(value, datetime):
            self.wrong(key, value, f"a date such as 2026-07-29{', or null with a note' if optional else ''}")
            return date.min  # not None, which would ask for a note
        return value

    def note(self, days: tuple[date | None, ...]) -> str:
        note = self.text("note", default="")
        if None in days and not note:
            self.wrong("note", note, "why a date is not known")
        return note

    def pattern(self, key: str) -> str:
        value = self.text(key, default="")
        try:
            re.compile(value)
        except re.error as error:
            self.wrong(key, value, f"a regular expression ({error})")
            return ""
        return value

    def range(self, key: str) -> str:
        value = self.text(key, default="")
        if bounds_of(value) is None:
            self.wrong(key, value, 'a range such as ">=1.2.0, <2.0.0", or "" for all versions')
        return value

    def texts(self, key: str, is_key: Callable[[str], bool] = bool, wanted: str = "a text") -> Mapping[str, str]:
        value = self._take(key, {})
        if not isinstance(value, dict):
            self.wrong(key, value, "a mapping of texts")
            return {}
        for name, each in value.items():
            if not isinstance(name, str) or not is_key(name):
                self.wrong(f"{key}.{name}", name, wanted)
            if not isinstance(each, str) or not each:
                self.wrong(f"{key}.{name}", each, "a text, quoted where YAML would read something else")
        return MappingProxyType({str(name): str(each) for name, each in value.items()})

    def versions(self, key: str) -> tuple[str, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not value or any(numbers_of(str(each)) is None for each in value):
            self.wrong(key, value, 'a list of quoted versions such as ["2.1.0", "1.7.24"]')
            return ()
        return tuple(str(each) for each in value)

    def feature(self, key: str) -> Feature:
        value = self._take(key)
        match value:
            case [("yes" | "no" | "unknown") as answer, str(reason)] if reason:
                return Feature(answer, reason)
        self.wrong(key, value, '[answer, reason], the answer being "yes", "no" or "unknown" in quotes')
        return Feature("unknown", "")

    def _take(self, key: str, default: Any = _MISSING) -> Any:
        return default if self._left is None else self._left.pop(key, default)

    def _path(self, key: object) -> str:
        return f"{self._where}.{key}".strip(".")

    def _add(self, key: str, value: object, wanted: str) -> None:
        message = "it is missing" if value is _MISSING else f"{value!r} is not what belongs here"
        self._problems.append(Problem(self._path(key) or "the file", message, f"write {wanted}"))
