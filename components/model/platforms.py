"""What managed clouds, node images and load balancers promise, from the dated `platforms.yaml`.

A table ages and a live cluster knows better: preflight asks the cluster first and the table second, and where the
table says nothing every answer here is unknown.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, cast

from components.model.platform_file import parse_table
from components.model.platform_rows import CLOUDS, Answer, LoadBalancer, Match, NodeType, Table, Version
from components.model.versions import MINOR, holds, number_of, numbers_of

State = Literal["standard", "extended", "ended", "not yet", "unknown"]

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
_ANY = "*"

# What a server's or a kubelet's version says, then what nodes' provider ids say. EKS and GKE mark every version, so
# that machines of AWS or Google under an unmarked one are somebody's own cluster.
_BY_VERSION = (("-eks-", "eks"), ("-gke.", "gke"), ("+k3s", "k3s"))
_BY_PROVIDER = {"azure": "aks", "kind": "kind", "lab": "lab", "k3s": "k3s"}
_BY_PROVIDER_ALONE = {"aws": "eks", "gce": "gke"}


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
    found = MINOR.fullmatch(minor)
    if not found:
        return None
    later = sorted(number for row in _rows(platform) if (number := number_of(row.minor)) > int(found[1]))
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
    numbers = numbers_of(version)
    rows = [row for row in table().load_balancers if row.implementation == implementation]
    possible = [row for row in rows if numbers is None or holds(row.versions, numbers) is not False]
    if not possible:
        return None
    return possible[0] if len(possible) == 1 else _merged(possible)


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
