"""Whether pools of nodes have a handler: by what nodes list, by what keeps them from listing, and pool by pool."""

from typing import Any

import pytest

from components.model import wasm_pools
from components.model.finding import Finding
from components.model.node_features import by_table
from components.model.pools import LABELS, chosen, pools_of
from tests.unit.model.clusters import cloud_node, lab_node

EKS = {"eks.amazonaws.com/nodegroup": "wasm", "kubernetes.io/hostname": "ip-10-0-0-1"}
SILENT = frozenset[str]()


def judged(*nodes: Any) -> Finding:
    """Return what is known of the handler `wasmedge` on these nodes."""
    return wasm_pools.judged(nodes, "wasmedge", lambda node: by_table(node, "wasm"))


@pytest.mark.parametrize("label", LABELS)
def test_a_pool_is_told_by_the_label_of_its_cloud(label: str) -> None:
    """Its nodes are one pool, which a pod chooses by that label though no node may be there."""
    (pool,) = pools_of([lab_node("a", labels={label: "w"}), lab_node("b", labels={label: "w"})])

    assert (2, {label: "w"}, f"pool w ({label})") == (len(pool.nodes), pool.selector, pool.name)
    assert not pool.alone


def test_a_node_of_no_pool_is_chosen_by_its_host_name() -> None:
    """Which need not be the node's own name, on AWS for one."""
    (pool,) = pools_of([lab_node("node-1", labels={"kubernetes.io/hostname": "host-1"})])

    assert ("node node-1", {"kubernetes.io/hostname": "host-1"}, True) == (pool.name, pool.selector, pool.alone)


def test_nodes_are_chosen_by_all_labels() -> None:
    """As a node selector chooses them; without labels all are."""
    nodes = [lab_node("a", labels={"x": "1", "y": "2"}), lab_node("b", labels={"x": "1"})]

    assert ["a"] == [node.name for node in chosen(nodes, {"x": "1", "y": "2"})]
    assert 2 == len(chosen(nodes, {}))


@pytest.mark.parametrize(
    ("node", "answer", "words"),
    [
        (lab_node(), "yes", "configured there"),
        (lab_node(handlers=frozenset({"runc"})), "no", "it has runc"),
        (lab_node(handlers=SILENT), "unknown", "it lists no handlers"),
        (lab_node(handlers=SILENT, runtime="containerd://1.7.24"), "unknown", "containerd 1.7.24 lists no handlers"),
        (lab_node(handlers=SILENT, kubelet="v1.30.4"), "unknown", "kubelet v1.30.4 lists no handlers"),
        (lab_node(handlers=SILENT, architecture="s390x"), "unknown", "no WASM runtime is released for s390x"),
        (lab_node(handlers=SILENT, os="windows"), "no", "no WASM runtime is released for windows"),
        (lab_node(handlers=SILENT, runtime="docker://24.0.1"), "unknown", "it lists no handlers"),
    ],
)
def test_a_node(node: Any, answer: str, words: str) -> None:
    """What it lists is believed; where it lists nothing the reason is told, and is never a yes."""
    (found,) = wasm_pools.answers([node], "wasmedge", lambda each: by_table(each, "wasm"))

    assert answer == found.answer
    assert words in found.reason


def test_a_node_type_on_which_nothing_can_be_installed_is_a_no() -> None:
    """By the table of platforms, also where such a node lists no handlers."""
    fargate = {"eks.amazonaws.com/compute-type": "fargate"}
    node = cloud_node("eks", "Amazon Linux 2", labels=fargate, handlers=SILENT)

    found = judged(node)
    assert ("no", True) == (found.answer, "no privileged pods" in str(found) or "eks fargate" in str(found))
    assert "add a pool of nodes" in found.remedy


def test_pools_that_differ_are_unknown_and_told_one_by_one() -> None:
    """A pod may land on either, so the class has to choose."""
    found = judged(
        lab_node("a", labels=EKS),
        lab_node("b", labels={**EKS, LABELS[0]: "other"}, handlers=frozenset({"runc"})),
    )

    assert "unknown" == found.answer
    assert f"pool wasm ({LABELS[0]}): yes, it is configured there" in found.evidence
    assert f"pool other ({LABELS[0]}): no, it has runc" in found.evidence
    assert "let the class's scheduling choose" in found.remedy


def test_a_pool_of_which_some_nodes_have_it_is_unknown() -> None:
    """An installer is at work, or has failed on one."""
    found = judged(lab_node("a", labels=EKS), lab_node("b", labels=EKS, handlers=frozenset({"runc"})))

    assert "unknown" == found.answer
    assert "1 of 2 nodes have it" in str(found)


def test_nodes_behind_a_taint_do_not_count_against_it() -> None:
    """A control plane has no WASM runtime, and no pod of the class goes there; where it alone is, it counts."""
    tainted = lab_node("control", tainted=True, handlers=frozenset({"runc"}))

    assert "yes" == judged(lab_node("worker"), tainted).answer
    assert "no" == judged(tainted).answer


def test_nodes_of_no_pool_that_are_alike_are_one_line() -> None:
    """Fifty machines without pool labels fill no screen."""
    found = judged(*[lab_node(f"n{index:02}") for index in range(50)])

    assert "yes" == found.answer
    assert 2 == len(found.evidence)
    assert "nodes n00, n01, n02 and 47 more: yes, it is configured there" == found.evidence[1]


def test_one_node_is_one_line() -> None:
    """Nothing is said twice."""
    assert ("node lab has the handler 'wasmedge'",) == judged(lab_node()).evidence
