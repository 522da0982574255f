"""The table held against the clouds' own tools, which doubles play: programs that check every argument they get."""

import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from components.actions import clouds
from components.actions.clouds import (
    TOOLS,
    CloudProblem,
    Comparison,
    Difference,
    Offer,
    ask,
    compare,
    platforms_app,
)
from components.model import platforms

TODAY = date(2026, 11, 26)

# In the form of the documented examples. EKS's times are the caller's own: the first is 2026-07-29 in UTC.
EKS = {
    "clusterVersions": [
        {
            "clusterVersion": "1.33",
            "clusterType": "eks",
            "defaultPlatformVersion": "eks.21",
            "defaultVersion": False,
            "releaseDate": "2025-05-28T17:00:00-07:00",
            "endOfStandardSupportDate": "2026-07-28T17:00:00-07:00",
            "endOfExtendedSupportDate": "2027-07-28T17:00:00-07:00",
            "status": "EXTENDED_SUPPORT",
            "versionStatus": "EXTENDED_SUPPORT",
            "kubernetesPatchVersion": "1.33.5",
        }
    ]
}
AKS = {
    "values": [
        {
            "version": "1.33",
            "capabilities": {"supportPlan": ["AKSLongTermSupport"]},
            "isPreview": None,
            "isDefault": None,
            "patchVersions": {"1.33.13": {"upgrades": ["1.34.12"]}},
        },
        {
            "version": "1.36",
            "capabilities": {"supportPlan": ["KubernetesOfficial", "AKSLongTermSupport"]},
            "isPreview": None,
            "isDefault": True,
            "patchVersions": {"1.36.5": {"upgrades": []}},
        },
        {"version": "1.38", "capabilities": {"supportPlan": ["KubernetesOfficial"]}, "isPreview": True},
    ]
}
GKE = {
    "channels": [
        {"channel": "RAPID", "defaultVersion": "1.37.1-gke.1", "validVersions": ["1.37.1-gke.1", "1.36.5-gke.2"]},
        {"channel": "REGULAR", "defaultVersion": "1.35.8-gke.1225000", "validVersions": ["1.36.5-gke.2"]},
        {"channel": "STABLE", "defaultVersion": "1.35.8-gke.1225000", "validVersions": ["1.35.8-gke.1225000"]},
        {
            "channel": "EXTENDED",
            "defaultVersion": "1.35.8-gke.1225000",
            "validVersions": ["1.33.13-gke.1", "1.35.8-gke.1"],
        },
    ],
    "defaultClusterVersion": "1.35.8-gke.1225000",
    "validMasterVersions": ["1.36.5-gke.2", "1.35.8-gke.1225000"],
}
CALLS = {
    "eks": ("aws", "eks describe-cluster-versions --output json"),
    "aks": ("az", "aks get-versions --output json"),
    "gke": ("gcloud", "container get-server-config --format json"),
}
ANSWERS: dict[str, Any] = {"eks": EKS, "aks": AKS, "gke": GKE}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def double(folder: Path, cloud: str, *, answer: Any = None, location: str = "", script: str = "") -> None:
    """Put a double of a cloud's tool on the PATH; it refuses every call but the one, and answers or runs `script`."""
    program, arguments = CALLS[cloud]
    expected = f"{arguments} {location}".strip()
    (folder / f"{program}.json").write_text(json.dumps(ANSWERS[cloud] if answer is None else answer))
    lines = [
        "#!/bin/sh",
        f'[ "$*" = "{expected}" ] || {{ echo "this double of {program} does not know: $*" >&2; exit 64; }}',
        script or f'exec /bin/cat "{folder / program}.json"',
    ]
    (folder / program).write_text("\n".join(lines) + "\n")
    (folder / program).chmod(0o755)


def eks_answer(**changes: str | None) -> dict[str, Any]:
    """Return what EKS would list if it said exactly what the table says, with these changes to 1.35."""
    versions = [
        {
            "clusterVersion": row.minor,
            "endOfStandardSupportDate": f"{row.standard_end}T00:00:00+00:00",
            "endOfExtendedSupportDate": f"{row.extended_end}T00:00:00+00:00",
            **(changes if row.minor == "1.35" else {}),
        }
        for row in platforms.table().versions
        if row.platform == "eks" and row.standard_end
    ]
    return {"clusterVersions": versions}


# Asking.


@pytest.mark.parametrize(
    ("offers", "cloud", "location"),
    [
        ([Offer("1.33", "extended", date(2026, 7, 29), date(2027, 7, 29))], "eks", "--region eu-central-1"),
        (
            [Offer("1.33", "extended"), Offer("1.36", "standard"), Offer("1.38", "not yet")],
            "aks",
            "--location westeurope",
        ),
        (
            [Offer("1.33", "extended"), Offer("1.35", "standard"), Offer("1.36", "standard"), Offer("1.37", "not yet")],
            "gke",
            "--location europe-west1",
        ),
    ],
)
def test_a_tool_is_asked_as_documented(offers: list[Offer], cloud: str, location: str, path: Path) -> None:
    """The double refuses any other argument; dates are those of UTC."""
    double(path, cloud, location=location)

    assert offers == sorted(ask(cloud, location.split()[1]), key=lambda offer: offer.minor)


@pytest.mark.parametrize("cloud", list(CALLS))
def test_without_a_location_the_tool_takes_its_own(cloud: str, path: Path) -> None:
    """Whoever has configured one need not write it again."""
    double(path, cloud)

    assert "1.33" in [offer.minor for offer in ask(cloud)]


@pytest.mark.parametrize(
    ("expected", "moment"),
    [
        (None, None),
        (date(2026, 7, 29), "2026-07-28T17:00:00-07:00"),
        (date(2026, 7, 29), "2026-07-29T00:00:00Z"),
        (date(2026, 7, 29), "2026-07-29T02:00:00+02:00"),
        (date(2026, 7, 29), 1785283200.0),  # what the AWS CLI's first version prints
    ],
)
def test_moments_are_days_in_utc(expected: date | None, moment: Any) -> None:
    """EKS means its dates in UTC, and its tool prints the caller's own time."""
    version = {"clusterVersion": "1.33", "endOfStandardSupportDate": moment, "status": "standard-support"}

    assert [Offer("1.33", "standard", expected)] == list(clouds._eks({"clusterVersions": [version]}))


def test_versions_of_outposts_are_not_of_the_cloud() -> None:
    """They end on days of their own."""
    version = {"clusterVersion": "1.33", "clusterType": "eks-local-outposts"}

    assert [] == list(clouds._eks({"clusterVersions": [version]}))


@pytest.mark.parametrize(
    ("what", "remedy", "cloud", "script"),
    [
        ("(Unable to locate credentials.", "log in: `aws", "eks", "echo 'Unable to locate credentials.' >&2; exit 253"),
        (
            "(You must specify a region.",
            "name a region: --re",
            "eks",
            "echo 'You must specify a region.' >&2; exit 253",
        ),
        ("Found invalid choice", "upgrade the AWS CLI", "eks", "echo 'argument: Found invalid choice' >&2; exit 252"),
        ("(AccessDenied", "eks:DescribeClusterVersions", "eks", "echo 'AccessDeniedException: no' >&2; exit 254"),
        ("(Please run 'az login'", "log in: `az login`", "aks", "echo \"Please run 'az login'\" >&2; exit 1"),
        ("(No location", "name a location: --location westeurope", "aks", "echo 'No location' >&2; exit 2"),
        ("(no active account", "`gcloud auth login`", "gke", "echo 'no active account selected' >&2; exit 1"),
        ("(no zone or region", "name a location: --location eu", "gke", "echo 'no zone or region' >&2; exit 1"),
        ("exit code 3 (silently)", "by hand", "gke", "exit 3"),
        ("exit code 3 (said elsewhere)", "by hand", "aks", "echo said elsewhere; exit 3"),
        ("form that is not known (JSONDecodeError", "upgrade aws", "eks", "echo no json"),
        ("form that is not known (KeyError: 'values')", "upgrade az", "aks", "echo {}"),
        ("form that is not known (TypeError", "upgrade gcloud", "gke", "echo []"),
        (
            "form that is not known (ValueError: 'x' is no",
            "upgrade az",
            "aks",
            """echo '{"values": [{"version": "x"}]}'""",
        ),
    ],
)
def test_a_tool_that_fails_is_told_with_the_remedy(what: str, remedy: str, cloud: str, script: str, path: Path) -> None:
    """What the tool said stands beside what to do."""
    double(path, cloud, script=script)
    with pytest.raises(CloudProblem) as caught:
        ask(cloud)

    assert what in caught.value.what
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("cloud", list(CALLS))
def test_a_tool_that_is_not_there_is_told_with_the_remedy(cloud: str, path: Path) -> None:
    """Nothing is looked for outside of PATH."""
    assert path.exists()
    with pytest.raises(CloudProblem, match=r"is not on PATH: install the .* CLI, then "):
        ask(cloud)


def test_a_tool_that_hangs_ends_with_all_that_it_started(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tools are scripts: killing the script alone would leave its child with the pipe in hand."""
    monkeypatch.setattr(clouds, "TIMEOUT", 0.5)
    pid = tmp_path / "pid"
    double(path, "aks", script=f'/bin/sleep 60 & echo $! > "{pid}"; wait')
    with pytest.raises(CloudProblem, match=r"az did not answer within 0.5 s: try `az aks get-versions --output json`"):
        ask("aks")

    child = Path("/proc", pid.read_text().strip(), "stat")
    ends_at = time.monotonic() + 2
    while alive(child) and time.monotonic() < ends_at:
        time.sleep(0.01)
    assert not alive(child)


def alive(stat: Path) -> bool:
    """Tell whether a process runs: one that nobody has waited for yet is dead too."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@settings(max_examples=40, deadline=None)
@given(
    cloud=st.sampled_from(list(CALLS)),
    answer=st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    ["clusterVersions", "values", "channels", "version", "clusterVersion", "validVersions"]
                ),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=8,
    ),
)
def test_no_answer_is_a_crash(cloud: str, answer: Any) -> None:
    """Whatever JSON a tool prints is read or refused."""
    tool = TOOLS[cloud]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clouds, "_run", lambda *_: json.dumps(answer))
        try:
            minors = [offer.minor for offer in ask(cloud)]
        except CloudProblem as problem:
            minors, told = [], problem.what
        else:
            told = tool.program

    assert tool.program in told
    assert all(minor.startswith("1.") for minor in minors)


# Comparing.


@pytest.mark.parametrize(
    ("expected", "minor", "offers"),
    [
        (Comparison("1.35", "same"), "1.35", [Offer("1.35", "standard", date(2027, 3, 27), date(2028, 3, 27))]),
        (Comparison("1.35", "same"), "1.35", [Offer("1.35")]),
        (
            Comparison("1.35", "differs", (Difference("end of standard support", "2027-03-27", "2027-04-01"),)),
            "1.35",
            [Offer("1.35", "standard", date(2027, 4, 1), date(2028, 3, 27))],
        ),
        (
            Comparison(
                "1.35",
                "differs",
                (
                    Difference("state today", "standard", "extended"),
                    Difference("end of extended support", "2028-03-27", "2028-04-01"),
                ),
            ),
            "1.35",
            [Offer("1.35", "extended", None, date(2028, 4, 1))],
        ),
        (Comparison("1.35", "only in the table"), "1.35", []),
        (Comparison("1.37", "same"), "1.37", []),
        (
            Comparison("1.37", "differs", (Difference("end of standard support", "unknown", "2027-12-01"),)),
            "1.37",
            [Offer("1.37", None, date(2027, 12, 1))],
        ),
        (
            Comparison("1.39", "only in the cloud", (Difference("state today", "unknown", "standard"),)),
            "1.39",
            [Offer("1.39", "standard")],
        ),
    ],
)
def test_each_minor_is_compared(expected: Comparison, minor: str, offers: list[Offer]) -> None:
    """Only what a cloud tells is compared; what the table does not say is supported need not be offered."""
    assert expected == next(each for each in compare("eks", offers, TODAY) if each.minor == minor)


def test_minors_before_the_table_are_left_out() -> None:
    """The table begins with 1.33, and clouds still list older ones."""
    assert ["1.33", "1.34", "1.35", "1.36", "1.37"] == [
        each.minor for each in compare("gke", [Offer("1.32", "extended"), Offer("1.33", "extended")], TODAY)
    ]


# The command line.


def run(*arguments: str) -> tuple[int, str, str]:
    """Run the command line and return its exit code and what it prints."""
    result = CliRunner().invoke(platforms_app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_agreement_is_exit_code_0(path: Path) -> None:
    """Every minor is said to be the same, under the command that was asked."""
    double(path, "eks", answer=eks_answer(), location="--region eu-central-1")
    code, out, err = run("compare", "--platform", "eks", "--region", "eu-central-1")

    assert (0, "") == (code, err)
    assert [
        "EKS, the table of 2026-11-26 against `aws eks describe-cluster-versions --output json --region eu-central-1`",
        *(f"  1.{minor}  same" for minor in range(33, 38)),
    ] == out.splitlines()


def test_a_difference_is_exit_code_1(path: Path) -> None:
    """Both values are told."""
    double(path, "eks", answer=eks_answer(endOfStandardSupportDate="2027-04-01T00:00:00Z"))
    code, out, _err = run("compare", "--platform", "eks")

    assert 1 == code
    assert (
        "  1.35  differs: end of standard support: 2027-03-27 in the table, 2027-04-01 in the cloud" in out.splitlines()
    )


def test_one_cloud_that_answers_is_enough(path: Path) -> None:
    """The others are told apart, on the other stream, and change no exit code."""
    double(path, "eks", answer=eks_answer())
    code, out, err = run("compare")

    assert 0 == code
    assert 6 == len(out.splitlines())
    assert [
        "AKS was not asked: az is not on PATH: install the Azure CLI, then `az login`",
        "GKE was not asked: gcloud is not on PATH: install the Google Cloud CLI, then `gcloud auth login`",
    ] == err.splitlines()


def test_no_cloud_that_answers_is_exit_code_2(path: Path) -> None:
    """Nothing was compared, so nothing agrees."""
    assert path.exists()
    code, out, err = run("compare")

    assert (2, "", 3) == (code, out, len(err.splitlines()))


def test_a_comparison_is_json_for_programs(path: Path) -> None:
    """What was compared and what was not asked stand beside each other."""
    double(path, "eks", answer=eks_answer(endOfStandardSupportDate="2027-04-01T00:00:00Z"))
    code, out, _err = run("compare", "--json")
    read = json.loads(out)

    assert 1 == code
    assert {"dated", "compared", "not_asked"} == set(read)
    assert {
        "minor": "1.35",
        "verdict": "differs",
        "differences": [{"what": "end of standard support", "table": "2027-03-27", "cloud": "2027-04-01"}],
    } in read["compared"]["eks"]
    assert {"what": "az is not on PATH", "remedy": TOOLS["aks"].install} == read["not_asked"]["aks"]


def test_a_location_takes_a_platform(path: Path) -> None:
    """No place is one of all three clouds."""
    assert path.exists()
    result = CliRunner().invoke(platforms_app, ["compare", "--location", "eu-central-1"])

    assert "--location is a place of one cloud: name the cloud too, with --platform" == str(result.exception)


def test_the_list_is_aligned() -> None:
    """Columns begin where their headings do, and no line ends with blanks."""
    code, out, _err = run("list")
    lines = out.splitlines()
    header = next(line for line in lines if "extended end" in line)

    assert 0 == code
    assert lines[0].startswith("The table is of 2026-11-26; states are of ")
    assert [] == [line for line in lines if line != line.rstrip()]
    assert {header.index("minor")} == {
        line.index("1.3") for line in lines if line.startswith(("  eks  ", "  aks  ")) and "1.3" in line
    }


@pytest.mark.parametrize(
    ("there", "absent", "platform"),
    [
        (["al2023", "aws-lbc"], ["upstream", "metallb", "autopilot"], "eks"),
        (["autopilot"], ["al2023", "aws-lbc"], "gke"),
        (["upstream", "kind-node", "kind-alone"], ["al2023", "metallb"], "kind"),
        (["upstream", "lab-node"], ["Load balancers", "eks"], "lab"),
    ],
)
def test_the_list_can_be_of_one_platform(there: list[str], absent: list[str], platform: str) -> None:
    """Only its rows are there; what is no cloud goes by upstream's dates."""
    code, out, _err = run("list", "--platform", platform)

    assert (0, there, []) == (code, [word for word in there if word in out], [word for word in absent if word in out])


def test_the_list_is_json_for_programs() -> None:
    """It has the whole of the table, with reasons, notes and sources."""
    code, out, _err = run("list", "--json")
    read = json.loads(out)

    assert 0 == code
    assert {"dated", "kubernetes", "versions", "node_types", "load_balancers", "containerd"} == set(read)
    assert len(platforms.table().node_types) == len(read["node_types"])
    assert {"answer", "reason"} == set(read["node_types"][0]["features"]["wasm"])
    assert "2027-07-29" == read["versions"][0]["extended_end"]
