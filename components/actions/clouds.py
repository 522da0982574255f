"""The dated table of platforms on the command line, and held against what the clouds' own tools list.

`python -m components.actions platforms list` prints the table; `platforms compare` asks `aws`, `az` and `gcloud`, as
far as they are there and logged in. EKS tells dates, which are compared; AKS and GKE tell only what they offer today,
which is compared with the state that the table gives for today. Nothing in a cloud is changed.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

from components.actions.errors import ActionError
from components.model import platforms
from components.model.platform_rows import CLOUDS, FEATURES, LoadBalancer
from components.model.platforms import NAMES, State, Support

TIMEOUT = 60.0
"""Seconds that a cloud's tool may take: they fetch tokens and start slowly."""

Verdict = Literal["same", "differs", "only in the table", "only in the cloud"]

_SAID = 300
_BALANCERS: Mapping[str, tuple[str, ...]] = {
    "eks": ("aws-lbc", "aws-ccm", "eks-auto-mode"),
    "aks": ("aks",),
    "gke": ("gke",),
    "kind": ("cloud-provider-kind", "kind-alone"),
    "lab": (),
}


class Cloud(StrEnum):
    """A cloud whose tool can be asked."""

    EKS = "eks"
    AKS = "aks"
    GKE = "gke"


class Platform(StrEnum):
    """A platform of the table."""

    EKS = "eks"
    AKS = "aks"
    GKE = "gke"
    KIND = "kind"
    LAB = "lab"


class CloudProblem(ActionError):  # noqa: N818 - it carries its remedy, which makes it a problem
    """A cloud's tool gave no answer that could be read: `what` is why, and `remedy` what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True)
class Offer:
    """A minor as a cloud's tool lists it; what the tool does not tell is None."""

    minor: str
    state: State | None = None
    standard_end: date | None = None
    extended_end: date | None = None


@dataclass(frozen=True)
class Difference:
    """One thing that the table and a cloud say differently."""

    what: str
    table: str
    cloud: str

    def __str__(self) -> str:
        return f"{self.what}: {self.table} in the table, {self.cloud} in the cloud"


@dataclass(frozen=True)
class Comparison:
    """What became of one minor."""

    minor: str
    verdict: Verdict
    differences: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        told = "; ".join(map(str, self.differences))
        return f"{self.minor}  {self.verdict}{f': {told}' if told else ''}"


@dataclass(frozen=True)
class Tool:
    """A cloud's own tool: what to call, how to read it, and what to do where it fails.

    `hints` are remedies by what the tool says, tried in turn; the last one is for everything else.
    """

    program: str
    arguments: tuple[str, ...]
    place: str
    install: str
    hints: tuple[tuple[str, str], ...]
    read: Callable[[Any], Iterator[Offer]]

    def command(self, location: str | None) -> list[str]:
        """Return the command line; without a location the tool takes its own default."""
        return [self.program, *self.arguments, *((self.place, location) if location else ())]


def ask(cloud: str, location: str | None = None) -> list[Offer]:
    """Return what a cloud's own tool lists.

    Raises CloudProblem where the tool is not on PATH, fails (not logged in, no such place), takes longer than
    `TIMEOUT`, or answers in another form than documented.
    """
    tool = TOOLS[cloud]
    said = _run(tool, tool.command(location))
    try:
        return list(tool.read(json.loads(said)))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError) as error:
        what = f"{tool.program} answered in a form that is not known ({type(error).__name__}: {error})"
        raise CloudProblem(what, f"upgrade {tool.program}, or report this") from None


def compare(cloud: str, offers: Sequence[Offer], today: date) -> list[Comparison]:
    """Return, for each minor, whether the table says what the cloud's tool does. Pure.

    Minors before the table's first are left out. A minor that the cloud does not list is the same where the table does
    not say that it is supported today.
    """
    listed = {offer.minor: offer for offer in offers}
    rows = [row.minor for row in platforms.table().versions if row.platform == cloud]
    first = min(map(_number, rows))
    found = []
    for minor in sorted({*rows, *(minor for minor in listed if _number(minor) >= first)}, key=_number):
        support, offer = platforms.support(cloud, minor, today), listed.get(minor)
        if offer is None:
            supported = support.state in {"standard", "extended"}
            found.append(Comparison(minor, "only in the table" if supported else "same"))
        elif minor not in rows:
            found.append(Comparison(minor, "only in the cloud", tuple(_differences(support, offer))))
        else:
            differences = tuple(_differences(support, offer))
            found.append(Comparison(minor, "differs" if differences else "same", differences))
    return found


def _differences(support: Support, offer: Offer) -> Iterator[Difference]:
    pairs: tuple[tuple[str, object, object], ...] = (
        ("state today", support.state, offer.state),
        ("end of standard support", support.standard_end, offer.standard_end),
        ("end of extended support", support.extended_end, offer.extended_end),
    )
    for what, table, cloud in pairs:
        if cloud is not None and cloud != table:
            yield Difference(what, "unknown" if table is None else str(table), str(cloud))


def _number(minor: str) -> int:
    return int(minor.partition(".")[2])


def _minor(version: object) -> str:
    """Return the minor of `1.33`, `1.33.5`, or `1.33.5-gke.1080000`."""
    found = re.match(r"1\.\d{1,3}(?=\.|$)", version) if isinstance(version, str) else None
    if not found:
        raise ValueError(f"{version!r} is no version")
    return found[0]


def _eks(answer: Any) -> Iterator[Offer]:
    """Read `aws eks describe-cluster-versions` (EKS API reference, ClusterVersionInformation)."""
    states: Mapping[str, State] = {
        "STANDARD_SUPPORT": "standard",
        "EXTENDED_SUPPORT": "extended",
        "UNSUPPORTED": "ended",
    }
    for version in answer["clusterVersions"]:
        if version.get("clusterType", "eks") != "eks":
            continue  # clusters on Outposts have versions of their own
        # `status` is the deprecated name, whose values are documented as `standard-support` and shown in upper case.
        status = str(version.get("versionStatus") or version.get("status") or "").upper().replace("-", "_")
        yield Offer(
            _minor(version["clusterVersion"]),
            states.get(status),
            _day(version.get("endOfStandardSupportDate")),
            _day(version.get("endOfExtendedSupportDate")),
        )


def _day(moment: Any) -> date | None:
    """Return the day in UTC, in which EKS means its dates: the CLI prints the caller's own time, or seconds."""
    if moment is None:
        return None
    if isinstance(moment, int | float):
        return datetime.fromtimestamp(moment, UTC).date()
    parsed = datetime.fromisoformat(moment)
    return (parsed.astimezone(UTC) if parsed.tzinfo else parsed).date()


def _aks(answer: Any) -> Iterator[Offer]:
    """Read `az aks get-versions` (Managed Clusters - List Kubernetes Versions), which tells plans and no dates."""
    for version in answer["values"]:
        plans = (version.get("capabilities") or {}).get("supportPlan") or []
        state: State | None = None
        if version.get("isPreview"):
            state = "not yet"
        elif "KubernetesOfficial" in plans:
            state = "standard"
        elif "AKSLongTermSupport" in plans:
            state = "extended"
        yield Offer(_minor(version["version"]), state)


def _gke(answer: Any) -> Iterator[Offer]:
    """Read `gcloud container get-server-config` (ServerConfig), which tells channels and no dates.

    A minor of Regular or Stable has standard support; one of Extended alone has extended support; one of Rapid alone
    is not covered by GKE's SLA yet.
    """
    channels: dict[str, set[str]] = {}
    for channel in answer["channels"]:
        minors = {_minor(version) for version in channel.get("validVersions") or []}
        channels.setdefault(channel["channel"], set()).update(minors)
    standard = channels.get("REGULAR", set()) | channels.get("STABLE", set())
    extended, rapid = channels.get("EXTENDED", set()), channels.get("RAPID", set())
    for minor in standard | extended | rapid:
        yield Offer(minor, "standard" if minor in standard else "extended" if minor in extended else "not yet")


_DENIED = "denied|not authorized|authorizationfailed|forbidden"

TOOLS: Mapping[str, Tool] = {
    "eks": Tool(
        program="aws",
        arguments=("eks", "describe-cluster-versions", "--output", "json"),
        place="--region",
        install="install the AWS CLI, then log in (`aws configure sso`, `aws sso login`)",
        hints=(
            (_DENIED, "give the identity the right eks:DescribeClusterVersions"),
            ("credential|token|sso|login", "log in: `aws configure sso`, then `aws sso login`"),
            ("invalid choice", "upgrade the AWS CLI: this one does not know describe-cluster-versions"),
            ("region|endpoint", "name a region: --region eu-central-1"),
            ("", "try `aws eks describe-cluster-versions` by hand"),
        ),
        read=_eks,
    ),
    "aks": Tool(
        program="az",
        arguments=("aks", "get-versions", "--output", "json"),
        place="--location",
        install="install the Azure CLI, then `az login`",
        hints=(
            (_DENIED, "give the identity the right to read the subscription's Microsoft.ContainerService locations"),
            ("login|credential|token|subscription", "log in: `az login`, and choose a subscription: `az account set`"),
            ("location", "name a location: --location westeurope"),
            ("", "try `az aks get-versions` by hand"),
        ),
        read=_aks,
    ),
    "gke": Tool(
        program="gcloud",
        arguments=("container", "get-server-config", "--format", "json"),
        place="--location",
        install="install the Google Cloud CLI, then `gcloud auth login`",
        hints=(
            (_DENIED, "give the identity the role Kubernetes Engine Viewer in the project"),
            ("auth login|active account|credential|token", "log in: `gcloud auth login`"),
            ("location|zone|region", "name a location: --location europe-west1"),
            ("project|api", "choose a project (`gcloud config set project`) with the Kubernetes Engine API on"),
            ("", "try `gcloud container get-server-config` by hand"),
        ),
        read=_gke,
    ),
}


def _run(tool: Tool, command: Sequence[str]) -> str:
    """Return what the tool prints; it and whatever it started end with this call."""
    program = shutil.which(command[0])
    if program is None:
        raise CloudProblem(f"{tool.program} is not on PATH", tool.install)
    with subprocess.Popen(
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # az and gcloud are scripts: what they start has to end with them
    ) as process:
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except BaseException as error:
            _end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                what = f"{tool.program} did not answer within {TIMEOUT:g} s"
                raise CloudProblem(what, f"try `{' '.join(command)}` by hand") from None
            raise
    if process.returncode:
        said = " ".join((err.strip() or out.strip()).split())
        hint = next(remedy for pattern, remedy in tool.hints if re.search(pattern, said, re.IGNORECASE))
        told = f"{said[:_SAID]}{'…' if said[_SAID:] else ''}" or "silently"
        raise CloudProblem(f"{tool.program} failed with exit code {process.returncode} ({told})", hint)
    return out


def _end(process: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


# The command line.

platforms_app = typer.Typer(no_args_is_help=True, help="What managed clouds promise: the dated table.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs, with notes and sources.")]


@platforms_app.command("list")
def list_command(
    platform: Annotated[Platform | None, typer.Option(help="One platform only.")] = None, *, as_json: AsJson = False
) -> None:
    """Print the table, with the state of every minor today."""
    today = datetime.now(UTC).date()
    typer.echo(json.dumps(_as_json(platform, today), indent=2) if as_json else "\n".join(_as_text(platform, today)))


@platforms_app.command("compare")
def compare_command(
    platform: Annotated[Cloud | None, typer.Option(help="One cloud only; by default all three.")] = None,
    location: Annotated[
        str | None, typer.Option("--location", "--region", help="Where to ask; by default the tool's own.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Compare the table with the clouds' own tools: exit code 0 if they agree, 1 if not, 2 if none could be asked."""
    if location and not platform:
        raise ActionError("--location is a place of one cloud: name the cloud too, with --platform")
    today = datetime.now(UTC).date()
    asked: dict[str, list[Comparison]] = {}
    failed: dict[str, CloudProblem] = {}
    for cloud in [platform] if platform else list(Cloud):
        try:
            asked[cloud.value] = compare(cloud.value, ask(cloud.value, location), today)
        except CloudProblem as caught:
            failed[cloud.value] = caught
    if as_json:
        typer.echo(json.dumps(_compared_json(asked, failed), indent=2))
    else:
        for cloud_name, comparisons in asked.items():
            command = " ".join(TOOLS[cloud_name].command(location))
            typer.echo(f"{NAMES[cloud_name]}, the table of {platforms.table().dated} against `{command}`")
            for comparison in comparisons:
                typer.echo(f"  {comparison}")
    for cloud_name, problem in failed.items():
        typer.echo(f"{NAMES[cloud_name]} was not asked: {problem}", err=True)
    if not asked:
        raise typer.Exit(2)
    if any(comparison.verdict != "same" for comparisons in asked.values() for comparison in comparisons):
        raise typer.Exit(1)


def _compared_json(asked: Mapping[str, list[Comparison]], failed: Mapping[str, CloudProblem]) -> dict[str, Any]:
    return {
        "dated": platforms.table().dated.isoformat(),
        "compared": {cloud: _plain(comparisons) for cloud, comparisons in asked.items()},
        "not_asked": {cloud: {"what": each.what, "remedy": each.remedy} for cloud, each in failed.items()},
    }


def _as_json(platform: str | None, today: date) -> dict[str, Any]:
    table = platforms.table()
    return {
        "dated": table.dated.isoformat(),
        "kubernetes": _plain(table.kubernetes),
        "versions": [
            {**_plain(row), "state": platforms.support(row.platform, row.minor, today).state}
            for row in table.versions
            if platform in {None, row.platform}
        ],
        "node_types": [_plain(row) for row in table.node_types if platform in {None, row.platform}],
        "load_balancers": [_plain(row) for row in _balancers(platform)],
        "containerd": _plain(table.containerd),
    }


def _as_text(platform: str | None, today: date) -> Iterator[str]:
    table = platforms.table()
    yield f"The table is of {table.dated}; states are of {today}. --json has the reasons, notes and sources."
    minors = [(row.platform, row.minor) for row in table.versions if platform in {None, row.platform}]
    if platform not in CLOUDS:
        minors = [("", row.minor) for row in table.kubernetes] + minors
    supports = [platforms.support(name, minor, today) for name, minor in minors]
    yield from _columns(
        "Kubernetes",
        ("platform", "minor", "state", "released", "standard end", "extended end"),
        [
            (
                each.platform or "upstream",
                each.minor,
                each.state,
                *(str(day or "-") for day in (each.released, each.standard_end, each.extended_end)),
            )
            for each in supports
        ],
    )
    yield from _columns(
        "Nodes",
        ("platform", "node type", "cgroup", *FEATURES),
        [
            (row.platform, row.node_type, row.cgroup, *(feature.answer for feature in row.features.values()))
            for row in table.node_types
            if platform in {None, row.platform}
        ],
    )
    yield from _columns(
        "Load balancers, TCP and UDP in one Service",
        ("implementation", "versions", "different ports", "same port"),
        [
            (row.implementation, row.versions or "all", row.different_ports, row.same_port)
            for row in _balancers(platform)
        ],
    )
    yield from _columns(
        "containerd",
        ("Kubernetes", "tested from"),
        [(minor, ", ".join(versions)) for minor, versions in table.containerd.tested.items()],
    )


def _balancers(platform: str | None) -> list[LoadBalancer]:
    rows = platforms.table().load_balancers
    return [row for row in rows if platform is None or row.implementation in _BALANCERS[platform]]


def _columns(title: str, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Lay rows out in aligned columns under a title; nothing where there are none."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    yield from ("", title)
    for row in (header, *rows):
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(value: Any) -> Any:
    """Return values for JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
