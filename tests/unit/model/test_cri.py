"""What a node's runtime and cgroups mean for its kubelet, and for the kubelet of the next minor."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.model.cri import judge_nodes
from tests.unit.model.clusters import lab_node

V2 = "move to nodes with cgroup v2, or set failCgroupV1: false in the kubelet's configuration"


@pytest.mark.parametrize(
    ("now", "following", "words", "remedy", "fields"),
    [
        ("yes", "yes", "tested with Kubernetes 1.33 and 1.34", "", {}),
        # cgroup v1 is refused from 1.35 on, unless the kubelet was told otherwise.
        ("yes", "no", "refuses cgroup v1", V2, {"kubelet": "v1.34.2"}),
        ("yes", "yes", "tested", "", {"kubelet": "v1.34.2", "cgroup": 2}),
        ("yes", "unknown", "cgroup unknown", "", {"kubelet": "v1.34.2", "cgroup": None}),
        ("yes", "yes", "tested", "", {"cgroup": None}),
        ("yes", "unknown", "refuses cgroup v1", V2, {"kubelet": "v1.35.1", "runtime": "containerd://2.2.0"}),
        # RuntimeConfig is required from 1.38 on.
        (
            "unknown",
            "no",
            "containerd 1.7.33 lacks RuntimeConfig, required since Kubernetes 1.38",
            "move to nodes with containerd 2.0 or later",
            {"kubelet": "v1.37.0", "runtime": "containerd://1.7.33", "cgroup": 2},
        ),
        (
            "no",
            "no",
            "lacks RuntimeConfig",
            "move to nodes with containerd 2.0 or later",
            {"kubelet": "v1.38.0", "runtime": "containerd://1.7.33", "cgroup": 2},
        ),
        ("yes", "yes", "lacks RuntimeConfig", "containerd 2.0 or", {"runtime": "containerd://1.7.33", "cgroup": 2}),
        # The kubelet's own word is heard, but it was deferred twice.
        (
            "yes",
            "unknown",
            "the kubelet says that it loses support for this runtime in Kubernetes 1.36.0",
            "",
            {"kubelet": "v1.35.1", "runtime": "containerd://2.2.0", "cgroup": 2, "losing_support": "1.36.0"},
        ),
        ("no", "no", "does not speak CRI v1", "containerd 2.0 or later", {"runtime": "containerd://1.4.13"}),
        # What makes no sense is unknown.
        ("unknown", "unknown", "simulated", "", {"simulated": True, "runtime": "kwok-v0.8.0"}),
        ("unknown", "unknown", "its version 'soon' is none", "", {"kubelet": "soon"}),
        ("unknown", "unknown", "nothing is known of the container runtime 'docker://27'", "", {"runtime": "docker://27"}),
        ("unknown", "unknown", "nothing is known of the container runtime ''", "", {"runtime": ""}),
    ],
)  # fmt: skip
def test_a_node(now: str, following: str, words: str, remedy: str, fields: dict[str, Any]) -> None:
    """A no is what a kubelet will not start with; what is untested or untold is unknown."""
    (found,) = judge_nodes([lab_node(**fields)])

    assert (now, following) == (found.now, found.following), found
    assert words in "; ".join(found.evidence)
    assert remedy in found.remedy


def test_every_node_has_its_own_verdict() -> None:
    """One bad node says nothing of the other."""
    found = judge_nodes([lab_node("a"), lab_node("b", runtime="containerd://1.4.0")])

    assert [("a", "yes"), ("b", "no")] == [(each.node, each.now) for each in found]


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=30),
    st.text(max_size=30) | st.builds("containerd://{}".format, st.text(max_size=9)),
    st.text(max_size=9),
    st.sampled_from([None, 1, 2, 7]),
)
def test_no_word_of_a_node_is_too_strange(kubelet: str, runtime: str, losing: str, cgroup: int | None) -> None:
    """Nodes report of themselves, so anything may stand there; the answer is one of three, and never an exception."""
    (found,) = judge_nodes([lab_node(kubelet=kubelet, runtime=runtime, losing_support=losing, cgroup=cgroup)])

    assert {"yes", "no", "unknown"} >= {found.now, found.following}
