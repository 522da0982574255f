"""What managed clouds, node images, load balancers and container runtimes promise, from the dated `platforms.yaml`.

A table ages and a live cluster knows better: preflight asks the cluster first and the table second, and where the
table says nothing every answer here is unknown.
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal, cast

import yaml

from components.model.problem import Problem, unique

Answer = Literal["yes", "no", "unknown"]
State = Literal["standard", "extended", "ended", "not yet", "unknown"]

CLOUDS = ("eks", "aks", "gke")
FEATURES = ("sidecars", "resize", "mixed-protocol", "wasm")
SAFE_DAYS = 90
"""How many days of standard support a minor must have left to be worth moving to."""

NAMES: Final = MappingProxyType({"eks": "EKS", "aks": "AKS", "gke": "GKE"})
EXTENDED: Final = MappingProxyType(
    {
        "eks": "extended support (billed)",
        "aks": "long-term support (Premium tier, billed)",
        "gke": "support in the Extended channel (billed)",
    }
)
"""What each cloud calls the support that comes after standard support."""

_FILE = "platforms.yaml"
_ANSWERS: tuple[Answer, ...] = ("yes", "no", "unknown")
_ANY = "*"

# What a server's or a kubelet's version says, then what nodes' provider ids say. EKS and GKE mark every version, so
# that machines of AWS or Google under an unmarked one are somebody's own cluster.
_BY_VERSION = (("-eks-", "eks"), ("-gke.", "gke"), ("+k3s", "k3s"))
_BY_PROVIDER = {"azure": "aks", "kind": "kind", "lab": "lab", "k3s": "k3s"}
_BY_PROVIDER_ALONE = {"aws": "eks", "gce": "gke"}

_MINOR = re.compile(r"1\.(\d{1,3})", re.ASCII)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?(?:-gke\.(\d{1,9}))?(?:[-+~].*)?", re.ASCII | re.DOTALL)
_BOUND = re.compile(r"(>=|<) ?(\S+)")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {">=": operator.ge, "<": operator.lt}
_PARTS = 4  # major, minor, patch, and GKE's build
_LAST = float("inf")


@dataclass(frozen=True)
class Release:
    """A minor of upstream Kubernetes."""

    minor: str
    released: date | None
    end_of_life: date | None
    note: str
    source: str


@dataclass(frozen=True)
class Version:
    """A minor as a cloud offers it; a date that is not known is None, and the note says why."""

    platform: str
    minor: str
    released: date | None
    standard_end: date | None
    extended_end: date | None
    note: str
    source: str


@dataclass(frozen=True)
class Match:
    """By what a node is known: every part that is not empty has to hold. The two texts are regular expressions.

    A label's value `*` stands for any. Nothing at all matches no node.
    """

    os_image: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    provider_id: str = ""
    architecture: str = ""


@dataclass(frozen=True)
class Feature:
    """Whether nodes of a type can have a feature, and the reason in a few words."""

    answer: Answer
    reason: str


@dataclass(frozen=True)
class NodeType:
    """A kind of node that a platform offers; `containerd` is by Kubernetes minor, with the key `*` for all others."""

    platform: str
    node_type: str
    match: Match
    containerd: Mapping[str, str]
    cgroup: str
    features: Mapping[str, Feature]
    notes: str
    source: str


@dataclass(frozen=True)
class LoadBalancer:
    """What a load balancer does with TCP and UDP in one Service: on different ports, and on one and the same port.

    `needs` is what has to be set for that, and `otherwise` the way out where an answer is no.
    """

    implementation: str
    versions: str
    different_ports: Answer
    same_port: Answer
    needs: str
    otherwise: str
    source: str


@dataclass(frozen=True)
class Containerd:
    """What containerd's project says of its own versions.

    `tested` is the lowest version of each of its lines that is tested with a Kubernetes minor, `end_of_life` the month
    in which a line ends. `cri_v1` is the first line that speaks CRI v1, and `cri_v1_required` the first Kubernetes
    minor that requires it.
    """

    tested: Mapping[str, tuple[str, ...]]
    end_of_life: Mapping[str, str]
    cri_v1: str
    cri_v1_required: str
    source: str


@dataclass(frozen=True)
class Table:
    """The whole of `platforms.yaml`."""

    dated: date
    kubernetes: tuple[Release, ...]
    versions: tuple[Version, ...]
    node_types: tuple[NodeType, ...]
    load_balancers: tuple[LoadBalancer, ...]
    containerd: Containerd


@dataclass(frozen=True)
class Support:
    """Whether a minor is supported on a platform on a day.

    `days_left` counts to the end of the support that the state names; it is None where there is none or no date is
    known. `sentence` says all of it to a person.
    """

    platform: str
    minor: str
    state: State
    released: date | None
    standard_end: date | None
    extended_end: date | None
    days_left: int | None
    sentence: str


@dataclass(frozen=True)
class RuntimeSupport:
    """What is known of a node's container runtime and a Kubernetes minor.

    `answer` is yes where the runtime's own project tests the pair, no where a kubelet of that minor cannot work with
    it, and unknown between; `next_minor` is the same for the following Kubernetes minor. `cri_v1` tells whether the
    runtime speaks CRI v1, without which a kubelet does not register its node. `remedy` is empty where nothing is to be
    done.
    """

    answer: Answer
    reason: str
    remedy: str
    cri_v1: Answer
    next_minor: Answer


@cache
def table() -> Table:
    """Return the table that the package carries, read and checked once."""
    return parse_table(files("components.model").joinpath(_FILE).read_text(encoding="utf-8"))


def platform_of(git_version: str, provider_ids: Iterable[str]) -> str:
    """Return what a cluster runs on: eks, aks, gke, kind, lab, k3s, or "" where nothing tells.

    The version of the API server (or of a kubelet) decides where it is marked: `-eks-`, `-gke.`, `+k3s`. Else nodes'
    provider ids do: `azure://`, `kind://`, `lab://`. `aws://` and `gce://` mean EKS and GKE only where no version is
    known, for those two mark every version: an unmarked one on their machines is a cluster of somebody's own.
    """
    for mark, platform in _BY_VERSION:
        if mark in git_version:
            return platform
    known = _BY_PROVIDER if git_version else {**_BY_PROVIDER, **_BY_PROVIDER_ALONE}
    schemes = (provider_id.partition("://") for provider_id in provider_ids)
    return next((known[scheme] for scheme, separator, _ in schemes if separator and scheme in known), "")


def support(platform: str, minor: str, today: date) -> Support:
    """Return whether a Kubernetes minor is supported on a platform on a day, with the dates and a sentence.

    A cloud's standard support is followed by its extended one: EKS extended support, AKS long-term support, GKE's
    Extended channel. Everywhere else upstream's dates count, and there is no extended support. The day on which a
    support ends no longer has it, as EKS bills it. A minor that the table does not have, or whose dates it does not
    know, is unknown; the sentence says which.
    """
    row, name = _row(platform, minor), f"{NAMES.get(platform, 'Kubernetes')} {minor}"
    if row is None:
        sentence = f"{name}: the table of {table().dated} does not have it"
        return Support(platform, minor, "unknown", None, None, None, None, sentence)
    state, ends = _state(row, today)
    days = (ends - today).days if ends else None
    return Support(
        platform=platform,
        minor=minor,
        state=state,
        released=row.released,
        standard_end=row.standard_end,
        extended_end=row.extended_end,
        days_left=days,
        sentence=f"{name}: {_sentence(row, state, days, today)}",
    )


def next_safe_minor(platform: str, minor: str, today: date) -> str | None:
    """Return the lowest later minor that is worth moving to, or None.

    That is the lowest one above `minor` which on that day has standard support and `SAFE_DAYS` or more of it left.
    """
    found = _MINOR.fullmatch(minor)
    if not found:
        return None
    later = sorted(number for row in _rows(platform) if (number := _number(row.minor)) > int(found[1]))
    candidates = (support(platform, f"1.{number}", today) for number in later)
    safe = (each for each in candidates if each.state == "standard" and (each.days_left or 0) >= SAFE_DAYS)
    return next((each.minor for each in safe), None)


def node_type(
    platform: str, os_image: str, labels: Mapping[str, str], provider_id: str, architecture: str
) -> NodeType | None:
    """Return the row of the kind of node that a Node object tells of, or None.

    The values are `status.nodeInfo.osImage`, `metadata.labels`, `spec.providerID` and `status.nodeInfo.architecture`.
    The first row of the platform that matches is it. An unknown platform ("") finds the lab's nodes only, which are
    marked as such: an operating system alone does not make a node a cloud's.
    """
    for row in table().node_types:
        if row.platform == (platform or "lab") and _matches(row.match, os_image, labels, provider_id, architecture):
            return row
    return None


def load_balancer(implementation: str, version: str) -> LoadBalancer | None:
    """Return what the table says of a load balancer in a version, or None where it has no such row.

    A version is what an image's tag or GKE's version says: `v2.13.0`, `v1.36.2-gke.1498000`, whose build counts as a
    number. Where the version is "", unreadable, or too short to tell rows apart, the answers in which the rows differ
    are unknown, and `otherwise` names what holds for each.
    """
    numbers = _numbers(version)
    rows = [row for row in table().load_balancers if row.implementation == implementation]
    possible = [row for row in rows if numbers is None or _holds(row.versions, numbers) is not False]
    if not possible:
        return None
    return possible[0] if len(possible) == 1 else _merged(possible)


def runtime_support(kubernetes_minor: str, container_runtime_version: str) -> RuntimeSupport:
    """Return what is known of a node's container runtime together with a Kubernetes minor; never raises.

    `container_runtime_version` is what a node reports of itself in `status.nodeInfo`: `containerd://2.1.1`,
    `cri-o://1.33.0`, or whatever else calls itself a runtime, which is unknown. containerd is held against the matrix
    that its project tests; CRI-O's minors go with Kubernetes' own. Not tested is unknown and no refusal: only a runtime
    without CRI v1, under a Kubernetes that requires it, is a no.
    """
    name, _, version = container_runtime_version.partition("://")
    numbers, minor = _numbers(version), _MINOR.fullmatch(kubernetes_minor)
    if numbers and minor and name == "containerd":
        return _containerd_support(int(minor[1]), numbers, version)
    if numbers and minor and name == "cri-o":
        return _crio_support(int(minor[1]), numbers, version)
    if container_runtime_version.startswith("kwok"):
        return RuntimeSupport("unknown", "kwok plays the node: there is no container runtime", "", "unknown", "unknown")
    reason = f"nothing is known of the container runtime {container_runtime_version[:80]!r}"
    if numbers and name in {"containerd", "cri-o"}:
        reason = f"the Kubernetes minor {kubernetes_minor[:80]!r} is none"
    return RuntimeSupport("unknown", reason, "", "unknown", "unknown")


def _number(minor: str) -> int:
    """Return the number of a minor of the table."""
    return int(minor.partition(".")[2])


def _numbers(version: str) -> tuple[int, ...] | None:
    """Return major, minor and, as far as they are there, patch and GKE build; None for what is no version."""
    found = _VERSION.fullmatch(version.strip())
    if not found:
        return None
    major, minor, patch, build = found.groups()
    if build:
        return int(major), int(minor), int(patch or 0), int(build)
    return tuple(int(part) for part in (major, minor, patch) if part is not None)


def _bounds(versions: str) -> list[tuple[str, tuple[int, ...]]] | None:
    """Return the bounds of a range, none for all versions; None for what is no range."""
    bounds = []
    for text in versions.split(",") if versions else ():
        found = _BOUND.fullmatch(text.strip())
        numbers = _numbers(found[2]) if found else None
        if found is None or numbers is None:
            return None
        bounds.append((found[1], numbers))
    return bounds


def _holds(versions: str, numbers: tuple[int, ...]) -> bool | None:
    """Tell whether a version is in a range; None where it is too short to tell: 1.36.2 against a build of it."""
    missing = _PARTS - len(numbers)
    first, last = (*numbers, *[0] * missing), (*numbers, *[_LAST] * missing)
    answers: set[bool | None] = set()
    for sign, bound in _bounds(versions) or ():
        padded = (*bound, *[0] * (_PARTS - len(bound)))
        at_first, at_last = _COMPARE[sign](first, padded), _COMPARE[sign](last, padded)
        answers.add(at_first if at_first == at_last else None)
    return False if False in answers else None if None in answers else True


def _merged(rows: Sequence[LoadBalancer]) -> LoadBalancer:
    """Return one row for several of one implementation: what they differ in is unknown."""

    def agreed(field: str) -> Answer:
        answers = {getattr(row, field) for row in rows}
        return cast(Answer, answers.pop()) if len(answers) == 1 else "unknown"

    each = [f"with {row.versions}: {row.otherwise or row.needs or 'nothing'}" for row in rows]
    return replace(
        rows[0],
        versions="",
        different_ports=agreed("different_ports"),
        same_port=agreed("same_port"),
        needs="; ".join(f"with {row.versions}: {row.needs}" for row in rows if row.needs),
        otherwise=f"find out its version; {'; '.join(each)}",
        source="; ".join(dict.fromkeys(row.source for row in rows)),
    )


def _matches(match: Match, os_image: str, labels: Mapping[str, str], provider_id: str, architecture: str) -> bool:
    if match == Match():
        return False
    return (
        re.search(match.os_image, os_image) is not None
        and re.search(match.provider_id, provider_id) is not None
        and match.architecture in {"", architecture}
        and all(key in labels and value in {_ANY, labels[key]} for key, value in match.labels.items())
    )


def _rows(platform: str) -> list[Version]:
    """Return a platform's minors; upstream's in the same form for what is no cloud."""
    if platform in CLOUDS:
        return [row for row in table().versions if row.platform == platform]
    return [
        Version("", row.minor, row.released, row.end_of_life, None, row.note, row.source) for row in table().kubernetes
    ]


def _row(platform: str, minor: str) -> Version | None:
    return next((row for row in _rows(platform) if row.minor == minor), None)


def _state(row: Version, today: date) -> tuple[State, date | None]:
    """Return the state on a day, and the end of that state where it has one that is known."""
    if row.released and today < row.released:
        return "not yet", None
    if row.standard_end is None:
        return "unknown", None
    if today < row.standard_end:
        return "standard", row.standard_end
    if row.platform not in CLOUDS:
        return "ended", None
    if row.extended_end is None:
        return "unknown", None
    return ("extended", row.extended_end) if today < row.extended_end else ("ended", None)


def _sentence(row: Version, state: State, days: int | None, today: date) -> str:
    standard = "standard support" if row.platform in CLOUDS else "support"
    extended = EXTENDED.get(row.platform, "")
    if state == "not yet":
        return f"it is to be released on {row.released}"
    if row.standard_end is None:
        return f"until when it has {standard} is unknown ({row.note})"
    if state == "standard":
        left = "1 day" if days == 1 else f"{days} days"
        then = f", {extended} on {row.extended_end}" if row.extended_end else ""
        return f"{standard} ends on {row.standard_end}, in {left}{then}"
    ended = f"{standard} ended on {row.standard_end}"
    if not extended:
        return ended
    if row.extended_end is None:
        return f"{ended}; until when it has {extended} is unknown ({row.note})"
    return f"{ended}, {extended} {'ends' if today < row.extended_end else 'ended'} on {row.extended_end}"


def _containerd_support(minor: int, numbers: tuple[int, ...], version: str) -> RuntimeSupport:
    containerd = table().containerd
    name = f"containerd {version}"
    if numbers < (_numbers(containerd.cri_v1) or ()):
        required = minor >= _number(containerd.cri_v1_required)
        return RuntimeSupport(
            "no" if required else "unknown",
            f"{name} does not speak CRI v1, which Kubernetes {containerd.cri_v1_required} and later require",
            _move("2.0"),
            "no",
            "no" if minor + 1 >= _number(containerd.cri_v1_required) else "unknown",
        )
    answer, reason, least = _tested(minor, numbers)
    following, further, least_following = _tested(minor + 1, numbers)
    if answer == "yes":
        reason += f" and 1.{minor + 1}" if following == "yes" else f", but it {further}"
        # Newer minors of Kubernetes are the usual reason to look; what will then be too old is worth saying now.
        remedy = f"before Kubernetes 1.{minor + 1}, {_move(least_following)}" if least_following else ""
    else:
        remedy = _move(least) if least else ""
    ends = containerd.end_of_life.get(f"{numbers[0]}.{numbers[1]}")
    line = f"; its line is maintained until {ends}" if ends else ""
    return RuntimeSupport(answer, f"{name} {reason}{line}", remedy, "yes", following)


def _move(least: str) -> str:
    return f"move to nodes with containerd {least} or later"


def _tested(minor: int, numbers: tuple[int, ...]) -> tuple[Answer, str, str]:
    """Return whether containerd tests itself with a Kubernetes minor, how, and the least version to move to if any."""
    tested = table().containerd.tested.get(f"1.{minor}")
    if tested is None:
        return "unknown", f"has no word from its project about Kubernetes 1.{minor}", ""
    # Each least version stands for its own line, the first two numbers: 2.1.0 says nothing about 2.2.
    least = {each[:2]: (each, text) for text in tested if (each := _numbers(text))}
    own = least.get(numbers[:2])
    listed = f"those tested with Kubernetes 1.{minor} (from {', '.join(tested)} on)"
    if own is None and numbers[:2] > max(least):
        return "unknown", f"is of a newer line than {listed}", ""
    if own is None:
        return "unknown", f"is of no line among {listed}", tested[0]
    if numbers < own[0]:
        return "unknown", f"is older than {listed}", own[1]
    return "yes", f"is tested with Kubernetes 1.{minor}", ""


def _crio_support(minor: int, numbers: tuple[int, ...], version: str) -> RuntimeSupport:
    speaks: Answer = "yes" if numbers >= (1, _number(table().containerd.cri_v1_required)) else "unknown"
    following: Answer = "yes" if numbers[:2] == (1, minor + 1) else "unknown"
    if numbers[:2] == (1, minor):
        return RuntimeSupport("yes", f"CRI-O {version} goes with Kubernetes 1.{minor}", "", speaks, following)
    reason = f"CRI-O {version} goes with Kubernetes {numbers[0]}.{numbers[1]}, and this is 1.{minor}"
    return RuntimeSupport("unknown", reason, f"move to nodes with CRI-O 1.{minor}", speaks, following)


# What follows reads and checks the file.


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
        end_of_life=row.texts("end_of_life", lambda key: _numbers(key) is not None, "a quoted line such as '2.1'"),
        cri_v1=row.text("cri_v1"),
        cri_v1_required=row.minor("cri_v1_required"),
        source=row.text("source"),
    )
    for line, month in found.end_of_life.items():
        if not _MONTH.fullmatch(month):
            row.wrong(f"end_of_life.{line}", month, "a quoted month such as '2026-07'")
    row.done()
    return found


_MISSING: Final = object()


def _is_minor_or_any(key: str) -> bool:
    return key == _ANY or _MINOR.fullmatch(key) is not None


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
        if value and not _MINOR.fullmatch(value):
            self.wrong(key, value, "a quoted minor such as '1.33'")
        return value

    def minors(self) -> list[str]:
        """Return the keys that are minors; others are left for `done` to complain of."""
        return [key for key in self._left or {} if isinstance(key, str) and _MINOR.fullmatch(key)]

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
        if _bounds(value) is None:
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
        if not isinstance(value, list) or not value or any(_numbers(str(each)) is None for each in value):
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
