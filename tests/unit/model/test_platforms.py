"""The dated table of platforms: that it is well-formed, and what is read out of it on a given day."""

from datetime import date
from importlib.resources import files
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.model import platforms
from components.model.platform_file import parse_table
from components.model.platform_rows import CLOUDS, FEATURES, Match
from components.model.platforms import load_balancer, next_safe_minor, node_type, platform_of, support, table
from components.model.runtimes import runtime_support

TODAY = date(2026, 11, 26)
LTS, CHANNEL = "long-term support (Premium tier, billed)", "support in the Extended channel (billed)"
MINORS = ("1.33", "1.34", "1.35", "1.36", "1.37")
TEXT = files("components.model").joinpath("platforms.yaml").read_text(encoding="utf-8")

# What programs write as versions, or nearly: enough structure to get past the first check of a parser.
VERSIONS = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"v?\d{0,12}(\.\d{0,12}){0,4}(-gke\.\d{0,12})?([-+~][a-z0-9.]{0,6})?", fullmatch=True),
)


def changed(change: str, to: str) -> str:
    """Return the file's text with one thing in it changed, which must be there once."""
    assert 1 == TEXT.count(change)
    return TEXT.replace(change, to)


class _NoDuplicates(yaml.SafeLoader):
    """A loader that refuses a key written twice, of which YAML's own would keep the second."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping."""
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key is there twice"
        return super().construct_mapping(node, deep)


# The file.


def test_the_file_is_what_a_person_can_keep() -> None:
    """Lines stay within 120 columns, and no key is written twice."""
    assert [] == [line for line in TEXT.splitlines() if len(line) > 120]
    assert {"dated", "kubernetes", "versions", "node_types", "load_balancers", "containerd"} == set(
        yaml.load(TEXT, Loader=_NoDuplicates)  # noqa: S506 - it is a SafeLoader
    )


def test_the_table_is_complete() -> None:
    """Every minor of every cloud, every kind of node that was asked for, and every load balancer have a row."""
    read = table()

    assert date(2026, 11, 26) == read.dated
    assert MINORS == tuple(row.minor for row in read.kubernetes)
    assert {(cloud, minor) for cloud in CLOUDS for minor in MINORS} == {
        (row.platform, row.minor) for row in read.versions
    }
    assert {"fargate", "auto-mode", "bottlerocket", "aks-automatic", "autopilot", "cos", "kind-node", "lab-node"} < {
        row.node_type for row in read.node_types
    }
    assert {"eks", "aks", "gke"} == {row.platform for row in read.node_types if "arm64" in row.node_type}
    assert {"aws-lbc", "aws-ccm", "eks-auto-mode", "aks", "gke", "metallb", "cilium-lb-ipam", "k3s-servicelb"} < {
        row.implementation for row in read.load_balancers
    }
    assert ("2.1.0", "2.0.4", "1.7.24", "1.6.36") == read.containerd.tested["1.33"]


def test_every_row_has_a_source_and_every_feature_a_reason() -> None:
    """What nobody can check is no fact."""
    read = table()

    rows: list[Any] = [*read.kubernetes, *read.versions, *read.node_types, *read.load_balancers, read.containerd]
    assert all(row.source for row in rows)
    assert {FEATURES} == {tuple(row.features) for row in read.node_types}
    assert all(feature.reason for row in read.node_types for feature in row.features.values())


def test_the_table_is_read_once() -> None:
    """Whoever asks many questions pays for one reading."""
    assert table() is table()


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("dated: 2026-11-26", "dated: soon", "dated: 'soon' is not what belongs here; write a date such as"),
        ("dated: 2026-11-26\n", "", "dated: it is missing; write a date such as 2026-07-29"),
        ("dated: 2026-11-26", "dated: 2026-11-26\nupdated: 1", "updated: 1 is not read; leave it out"),
        ("dated: 2026-11-26", "dated: 2026-02-30", "platforms.yaml is not YAML: day is out of range for month"),
        ("dated: 2026-11-26", "dated: [", "platforms.yaml is not YAML: "),
        ("released: 2025-05-29", "released: 2025-05", "versions[0] (eks 1.33).released: '2025-05' is not what"),
        ('minor: "1.33", released: 2025-04-23', "minor: 1.33, released: 2025-04-23", "kubernetes[0] (1.33).minor: 1.3"),
        ('minor: "1.34", released', 'minor: "1.33", released', "kubernetes[1].minor: '1.33' is already the minor of"),
        (
            "    note: LTS only since July 2026",
            "    notes: LTS only since July 2026",
            "versions[5] (aks 1.33).notes: 'L",
        ),
        (
            "    standard_end: 2027-04-11",
            "    standard_end: null",
            None,
        ),
        (
            "    extended_end: 2027-11-30",
            "    extended_end: null",
            "versions[6] (aks 1.34).note: '' is not what belongs",
        ),
        (
            'wasm: ["yes", "the lab sets',
            'wasm: [yes, "the lab sets',
            "node_types[2] (lab lab-node).features.wasm: [True",
        ),
        ('match: {provider_id: "^kind://"}', 'match: {provider_id: "("}', "match.provider_id: '(' is not what belongs"),
        ('versions: ">=1.17.0"', 'versions: "1.17 and later"', "versions: '1.17 and later' is not what belongs here"),
        (
            '    same_port: "unknown"\n    needs: loadB',
            "    same_port: maybe\n    needs: loadB",
            "same_port: 'maybe' is",
        ),
        ('"2.0": "2027-03"', '"2.0": 2027-03-01', "containerd.end_of_life.2.0: datetime.date(2027, 3, 1) is not what"),
        ('"2.0": "2027-03"', '"2.0": "March"', "containerd.end_of_life.2.0: 'March' is not what belongs here"),
        ('"1.36": ["2.3.0", "2.2.0"]', '"1.36": "2.3.0"', "containerd.tested.1.36: '2.3.0' is not what belongs here"),
        ('    "1.36": ["2.3.0"', '    "2.36": ["2.3.0"', "containerd.tested.2.36: ['2.3.0', '2.2.0'] is not read"),
    ],
)
def test_a_table_with_a_mistake_names_row_and_field(change: str, to: str, words: str | None) -> None:
    """Whoever edits the file is told where, what is wrong, and what to write; a null with a note is no mistake."""
    if words is None:
        assert parse_table(changed(change, to)).versions
        return
    with pytest.raises(ValueError, match=r"platforms\.yaml") as caught:
        parse_table(changed(change, to))
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "1", "kubernetes"])
def test_a_file_of_another_kind_is_one_problem(text: str) -> None:
    """Fields are not missed one by one in what is no table at all."""
    with pytest.raises(ValueError, match=r"^platforms\.yaml: the file: .*; write a mapping$"):
        parse_table(text)


def test_all_problems_are_told_at_once() -> None:
    """Two mistakes take one attempt."""
    text = changed("released: 2025-05-29", "released: then").replace("cri_v1: ", "cri_v2: ")
    with pytest.raises(ValueError, match="versions") as caught:
        parse_table(text)
    assert [
        "platforms.yaml: versions[0] (eks 1.33).released",
        "platforms.yaml: containerd.cri_v1",
        "platforms.yaml: containerd.cri_v2",
    ] == [": ".join(line.split(": ")[:2]) for line in str(caught.value).splitlines()]


# Platforms.


@pytest.mark.parametrize(
    ("platform", "version", "provider_ids"),
    [
        ("eks", "v1.33.4-eks-99d6cc0", []),
        ("eks", "v1.33.4-eks-99d6cc0", ["aws:///eu-central-1a/i-0123456789abcdef0"]),
        ("gke", "v1.36.2-gke.1498000", ["gce://project/zone/gke-pool-1"]),
        ("aks", "v1.34.10", ["azure:///subscriptions/0/resourceGroups/mc_1/providers/x/virtualMachines/0"]),
        ("kind", "v1.36.1", ["kind://docker/kind/kind-control-plane"]),
        ("lab", "v1.33.13", ["lab://dev"]),
        ("k3s", "v1.34.1+k3s1", ["k3s://node"]),
        ("k3s", "", ["k3s://node"]),
        ("eks", "", ["aws:///eu-central-1a/i-0123456789abcdef0"]),
        ("gke", "", ["", "gce://project/zone/gke-pool-1"]),
        ("", "v1.33.4", ["aws:///eu-central-1a/i-0123456789abcdef0"]),
        ("", "v1.33.4", ["gce://project/zone/kops-node"]),
        ("", "v1.33.4", ["openstack:///0", "", "aws"]),
        ("", "", []),
    ],
)
def test_the_platform_is_told_by_version_and_provider_ids(platform: str, version: str, provider_ids: list[str]) -> None:
    """EKS and GKE mark every version, so machines of AWS or Google under another one are somebody's own cluster."""
    assert platform == platform_of(version, provider_ids)


# Support.


@pytest.mark.parametrize(
    ("state", "days", "sentence", "platform", "minor", "today"),
    [
        (
            "extended",
            245,
            "EKS 1.33: standard support ended on 2026-07-29, extended support (billed) ends on 2027-07-29",
            "eks",
            "1.33",
            TODAY,
        ),
        (
            "standard",
            6,
            "EKS 1.34: standard support ends on 2026-12-02, in 6 days, extended support (billed) on 2027-12-02",
            "eks",
            "1.34",
            TODAY,
        ),
        (
            "standard",
            1,
            "EKS 1.34: standard support ends on 2026-12-02, in 1 day, extended support (billed) on 2027-12-02",
            "eks",
            "1.34",
            date(2026, 12, 1),
        ),
        (
            "ended",
            None,
            "EKS 1.33: standard support ended on 2026-07-29, extended support (billed) ended on 2027-07-29",
            "eks",
            "1.33",
            date(2027, 7, 29),
        ),
        (
            "extended",
            247,
            f"AKS 1.33: standard support ended on 2026-07-31, {LTS} ends on 2027-07-31",
            "aks",
            "1.33",
            TODAY,
        ),
        (
            "extended",
            189,
            f"GKE 1.33: standard support ended on 2026-08-03, {CHANNEL} ends on 2027-06-03",
            "gke",
            "1.33",
            TODAY,
        ),
        ("not yet", None, "EKS 1.33: it is to be released on 2025-05-29", "eks", "1.33", date(2025, 5, 28)),
        ("standard", 339, "AKS 1.37: standard support ends on 2027-10-31, in 339 days", "aks", "1.37", TODAY),
        ("ended", None, "Kubernetes 1.33: support ended on 2026-06-28", "kind", "1.33", TODAY),
        ("standard", 94, "Kubernetes 1.35: support ends on 2027-02-28, in 94 days", "", "1.35", TODAY),
        ("unknown", None, "EKS 1.40: the table of 2026-11-26 does not have it", "eks", "1.40", TODAY),
        ("unknown", None, "Kubernetes nonsense: the table of 2026-11-26 does not have it", "lab", "nonsense", TODAY),
    ],
)
def test_support_is_told_with_dates(
    state: str, days: int | None, sentence: str, platform: str, minor: str, today: date
) -> None:
    """A sentence tells a person what the state and the days tell a program; the last day is over already."""
    found = support(platform, minor, today)

    assert (state, days, sentence) == (found.state, found.days_left, found.sentence)


@pytest.mark.parametrize(
    ("sentence", "platform", "minor", "today"),
    [
        ("GKE 1.34: until when it has standard support is unknown (GKE gave the end of", "gke", "1.34", TODAY),
        (
            f"AKS 1.37: standard support ended on 2027-10-31; until when it has {LTS} is unknown (generally available",
            "aks",
            "1.37",
            date(2027, 11, 1),
        ),
    ],
)
def test_an_unknown_date_is_unknown_support(sentence: str, platform: str, minor: str, today: date) -> None:
    """The note in the table says what is not known of it."""
    found = support(platform, minor, today)

    assert ("unknown", None) == (found.state, found.days_left)
    assert found.sentence.startswith(sentence)


@pytest.mark.parametrize("platform", ["eks", "aks", "gke", "kind", ""])
@settings(max_examples=40, deadline=None)
@given(today=st.dates(date(2025, 1, 1), date(2029, 1, 1)), minor=st.sampled_from(MINORS))
def test_days_left_are_those_of_a_state_that_ends(platform: str, today: date, minor: str) -> None:
    """Whenever it is asked, days are left in standard and extended support only, and at least one is."""
    found = support(platform, minor, today)

    assert (found.state in {"standard", "extended"}) == (found.days_left is not None)
    assert found.days_left is None or found.days_left > 0


@pytest.mark.parametrize(
    ("following", "platform", "minor", "today"),
    [
        ("1.35", "eks", "1.33", TODAY),  # 1.34 has six days left
        ("1.34", "eks", "1.33", date(2026, 8, 1)),
        ("1.36", "eks", "1.35", TODAY),
        (None, "eks", "1.36", TODAY),
        ("1.35", "aks", "1.33", TODAY),
        ("1.35", "gke", "1.33", TODAY),
        (None, "gke", "1.35", TODAY),  # no date of a later one is known
        ("1.35", "kind", "1.33", TODAY),
        ("1.36", "kind", "1.33", date(2026, 12, 1)),  # 1.35 has 89 days left
        ("1.37", "", "1.36", TODAY),
        (None, "lab", "1.37", TODAY),
        (None, "eks", "1.33", date(2030, 1, 1)),
        (None, "eks", "main", TODAY),
    ],
)
def test_the_next_safe_minor_has_ninety_days_left(
    following: str | None, platform: str, minor: str, today: date
) -> None:
    """A minor whose standard support is about to end is no place to move to; upstream's dates hold outside clouds."""
    assert following == next_safe_minor(platform, minor, today)


# Nodes.

EC2 = "aws:///eu-central-1a/i-0123456789abcdef0"
GCE = "gce://project/europe-west1-b/gke-pool-1-node"
COMPUTE = "eks.amazonaws.com/compute-type"


@pytest.mark.parametrize(
    ("name", "platform", "os_image", "labels", "provider_id", "architecture"),
    [
        ("fargate", "eks", "Amazon Linux 2", {COMPUTE: "fargate"}, "", "amd64"),
        ("auto-mode", "eks", "Bottlerocket (EKS Auto, Standard) 2026.9.14 (x)", {COMPUTE: "auto"}, EC2, "arm64"),
        ("bottlerocket", "eks", "Bottlerocket OS 1.69.0 (aws-k8s-1.36)", {}, EC2, "amd64"),
        ("al2023", "eks", "Amazon Linux 2023.9.20260714", {}, EC2, "amd64"),
        ("al2023-arm64", "eks", "Amazon Linux 2023.9.20260714", {}, EC2, "arm64"),
        (None, "eks", "Ubuntu 24.04.3 LTS", {}, EC2, "amd64"),
        ("ubuntu-22.04", "aks", "Ubuntu 22.04.5 LTS", {}, "azure:///x", "amd64"),
        ("ubuntu-24.04", "aks", "Ubuntu 24.04.3 LTS", {}, "azure:///x", "amd64"),
        ("ubuntu-arm64", "aks", "Ubuntu 24.04.3 LTS", {}, "azure:///x", "arm64"),
        ("azure-linux-3", "aks", "Microsoft Azure Linux 3.0", {}, "azure:///x", "amd64"),
        ("autopilot", "gke", "Container-Optimized OS from Google", {}, "gce://p/z/gk3-c-pool-2-x", "arm64"),
        ("cos", "gke", "Container-Optimized OS from Google", {}, GCE, "amd64"),
        ("cos-arm64", "gke", "Container-Optimized OS from Google", {}, GCE, "arm64"),
        ("ubuntu-containerd", "gke", "Ubuntu 24.04.3 LTS", {}, GCE, "amd64"),
        ("kind-node", "kind", "Debian GNU/Linux 12 (bookworm)", {}, "kind://docker/kind/a", "amd64"),
        ("lab-node", "lab", "Debian GNU/Linux 12 (bookworm)", {}, "lab://dev", "amd64"),
        ("simulated", "", "none (simulated)", {"type": "kwok"}, "", "amd64"),
        (None, "", "Amazon Linux 2023.9.20260714", {}, EC2, "amd64"),
        (None, "", "", {}, "", ""),
    ],
)
def test_a_node_finds_its_row(
    name: str | None, platform: str, os_image: str, labels: dict[str, str], provider_id: str, architecture: str
) -> None:
    """The most particular row comes first; a node without a platform is nobody's, whatever runs on it."""
    found = node_type(platform, os_image, labels, provider_id, architecture)

    assert name == (found and found.node_type)


def test_a_row_that_no_node_tells_is_never_found() -> None:
    """AKS Automatic looks like AKS Standard from its nodes: its row is there to be read."""
    automatic = next(row for row in table().node_types if row.node_type == "aks-automatic")

    assert Match() == automatic.match
    assert "no" == automatic.features["wasm"].answer


def test_a_label_may_have_any_value() -> None:
    """`*` asks that a label is there."""
    text = changed("labels: {eks.amazonaws.com/compute-type: fargate}", 'labels: {"example.com/pool": "*"}')
    match = next(row.match for row in parse_table(text).node_types if row.node_type == "fargate")

    assert platforms._matches(match, "", {"example.com/pool": "a"}, "", "")
    assert not platforms._matches(match, "", {}, "", "")


# Load balancers.


@pytest.mark.parametrize(
    ("answers", "versions", "implementation", "version"),
    [
        (("yes", "yes"), ">=2.13.0", "aws-lbc", "v2.13.0"),
        (("yes", "yes"), ">=2.13.0", "aws-lbc", "3.5.0"),
        (("yes", "yes"), ">=2.13.0", "aws-lbc", "v2.13"),
        (("yes", "no"), "<2.13.0", "aws-lbc", "v2.9.2"),
        (("yes", "unknown"), "", "aws-lbc", ""),
        (("yes", "unknown"), "", "aws-lbc", "latest"),
        (("yes", "unknown"), "", "aws-lbc", "v2"),
        (("yes", "yes"), ">=1.36.2-gke.1498000", "gke", "v1.36.2-gke.1498000"),
        (("yes", "yes"), ">=1.36.2-gke.1498000", "gke", "v1.37.0-gke.1"),
        (("yes", "yes"), ">=1.34.1-gke.2190000, <1.36.2-gke.1498000", "gke", "v1.36.2-gke.999000"),
        (("no", "no"), "<1.34.1-gke.2190000", "gke", "v1.33.5-gke.9990000"),
        (("no", "no"), "<1.34.1-gke.2190000", "gke", "1.33"),
        (("yes", "yes"), "", "gke", "v1.36.2"),
        (("unknown", "unknown"), "", "gke", "1.34"),
        (("unknown", "unknown"), "", "gke", ""),
        (("yes", "yes"), "", "metallb", ""),
        (("yes", "yes"), "", "metallb", "v0.16.1"),
        (("no", "no"), "", "kind-alone", "whatever"),
    ],
)
def test_the_row_of_a_load_balancer_is_that_of_its_version(
    answers: tuple[str, str], versions: str, implementation: str, version: str
) -> None:
    """GKE's builds count as numbers; what a version is too short for is unknown only where the rows differ."""
    found = load_balancer(implementation, version)

    assert found
    assert (answers, versions) == ((found.different_ports, found.same_port), found.versions)


def test_an_unknown_version_says_what_holds_for_each() -> None:
    """Whoever reads it can look the version up and know."""
    found = load_balancer("aws-lbc", "")

    assert found
    assert found.otherwise.startswith("find out its version; with >=2.13.0: loadBalancerClass service.k8s.aws/nlb; for")
    assert found.otherwise.endswith("; with <2.13.0: upgrade the AWS Load Balancer Controller to 2.13.0 or later")


def test_a_load_balancer_that_the_table_does_not_have_is_none() -> None:
    """Nothing is made up for it."""
    assert load_balancer("octavia", "1.0.0") is None


@settings(max_examples=40, deadline=None)
@given(implementation=st.sampled_from(["aws-lbc", "gke", "cilium-lb-ipam", "aks"]), version=VERSIONS)
def test_any_version_of_a_load_balancer_has_an_answer(implementation: str, version: str) -> None:
    """The ranges of an implementation leave no version out, and no text is an error."""
    assert load_balancer(implementation, version)


# Runtimes.


@pytest.mark.parametrize(
    ("answers", "words", "remedy", "minor", "runtime"),
    [
        (
            ("yes", "yes", "unknown"),
            "containerd 2.1.1 is tested with Kubernetes 1.33, but it is older than those tested with Kubernetes 1.34",
            "before Kubernetes 1.34, move to nodes with containerd 2.1.3 or later",
            "1.33",
            "containerd://2.1.1",
        ),
        (
            ("yes", "yes", "yes"),
            "containerd 2.1.5 is tested with Kubernetes 1.33 and 1.34; its line is maintained until 2026-07",
            "",
            "1.33",
            "containerd://2.1.5",
        ),
        (
            ("yes", "yes", "unknown"),
            "containerd 2.3.1 is tested with Kubernetes 1.36, but it has no word from its project about",
            "",
            "1.36",
            "containerd://2.3.1",
        ),
        (
            ("unknown", "yes", "unknown"),
            "containerd 1.7.10 is older than those tested with Kubernetes 1.33 (from 2.1.0, 2.0.4, 1.7.24, 1.6.36 on)",
            "move to nodes with containerd 1.7.24 or later",
            "1.33",
            "containerd://1.7.10",
        ),
        (
            ("unknown", "yes", "unknown"),
            "containerd 1.7.33 is of no line among those tested with Kubernetes 1.36 (from 2.3.0, 2.2.0 on)",
            "move to nodes with containerd 2.3.0 or later",
            "1.36",
            "containerd://1.7.33",
        ),
        (
            ("unknown", "yes", "unknown"),
            "containerd 2.2.4 is of a newer line than those tested with Kubernetes 1.33",
            "",
            "1.33",
            "containerd://2.2.4",
        ),
        (
            ("yes", "yes", "yes"),
            "containerd 2.2.7+bottlerocket is tested with Kubernetes 1.35 and 1.36",
            "",
            "1.35",
            "containerd://2.2.7+bottlerocket",
        ),
        (
            ("no", "no", "no"),
            "containerd 1.4.13 does not speak CRI v1, which Kubernetes 1.26 and later require",
            "move to nodes with containerd 2.0 or later",
            "1.33",
            "containerd://1.4.13",
        ),
        (
            ("unknown", "no", "no"),
            "does not speak CRI v1",
            "move to nodes with containerd 2.0 or later",
            "1.25",
            "containerd://1.4.13",
        ),
        (("yes", "yes", "unknown"), "CRI-O 1.33.0 goes with Kubernetes 1.33", "", "1.33", "cri-o://1.33.0"),
        (
            ("unknown", "yes", "unknown"),
            "CRI-O 1.33.0 goes with Kubernetes 1.33, and this is 1.35",
            "move to nodes with CRI-O 1.35",
            "1.35",
            "cri-o://1.33.0",
        ),
        (("unknown", "unknown", "unknown"), "kwok plays the node", "", "1.33", "kwok-v0.8.0"),
        (("unknown", "unknown", "unknown"), "kwok plays the node", "", "1.33", "kwok://v0.8.0"),
        (("unknown", "unknown", "unknown"), "of the container runtime 'docker://24.0'", "", "1.33", "docker://24.0"),
        (("unknown", "unknown", "unknown"), "of the container runtime 'containerd://'", "", "1.33", "containerd://"),
        (("unknown", "unknown", "unknown"), "nothing is known of the container runtime ''", "", "1.33", ""),
        (("unknown", "unknown", "unknown"), "the Kubernetes minor '0.0' is none", "", "0.0", "containerd://2.1.1"),
    ],
)
def test_a_runtime_is_held_against_what_its_project_tests(
    answers: tuple[str, str, str], words: str, remedy: str, minor: str, runtime: str
) -> None:
    """Not tested is unknown, for a kubelet starts with it; only a runtime without CRI v1 is a no."""
    found = runtime_support(minor, runtime)

    assert (answers, remedy) == ((found.answer, found.cri_v1, found.next_minor), found.remedy)
    assert words in found.reason


@settings(max_examples=40, deadline=None)
@given(
    minor=st.one_of(VERSIONS, st.sampled_from(MINORS)),
    name=st.sampled_from(["containerd://", "cri-o://", "kwok", "docker://", ""]),
    version=VERSIONS,
)
def test_no_runtime_is_an_error(minor: str, name: str, version: str) -> None:
    """A node reports of itself whatever it likes."""
    assert runtime_support(minor, name + version).answer in {"yes", "no", "unknown"}


@settings(max_examples=40, deadline=None)
@given(version=VERSIONS, provider_ids=st.lists(VERSIONS, max_size=3), minor=VERSIONS)
def test_no_cluster_is_an_error(version: str, provider_ids: list[str], minor: str) -> None:
    """A cluster may call itself anything."""
    platform = platform_of(version, provider_ids)

    assert platform in {"", *CLOUDS, "k3s", "kind", "lab"}
    assert next_safe_minor(platform, minor, TODAY) in {None, *MINORS}
    assert support(version, minor, TODAY).sentence
    assert node_type(version, minor, {}, *[*provider_ids, "", ""][:2]) is None or platform
