"""What is said about pods on simulated nodes: every verdict, the plan's first line and the result say so."""

from typing import Any

import pytest

from components.actions.client import Client, Json
from components.actions.resize.adoption import _simulated
from components.actions.resize.planning import Plan, decide
from components.actions.resize.verdict import Facts
from components.actions.simulated import NOTE, any_simulated, is_simulated, nodes_of
from tests.unit.actions.doubles import container, deployment, double_client, pod, replica_set, template

SMALL = {"cpu": "100m", "memory": "128Mi"}
LARGE = {"cpu": "200m", "memory": "256Mi"}


def node(name: str = "node-1", *, annotation: str = "", runtime: str = "containerd://2.1.9") -> Json:
    """Return a node as the API server does."""
    annotations = {"kwok.x-k8s.io/node": annotation} if annotation else {}
    return {
        "metadata": {"name": name, "annotations": annotations},
        "status": {"nodeInfo": {"containerRuntimeVersion": runtime}, "allocatable": {"cpu": "4"}},
    }


def decided(old: Json, new: Json, **changes: Any) -> Plan:
    """Return the plan for two healthy pods that get another template."""
    defaults: Json = {
        "live": deployment(old),
        "wanted": new,
        "replica_sets": [replica_set("web-aaaa", old)],
        "pods": [pod("web-aaaa-1", old), pod("web-aaaa-2", old)],
        "version": (1, 33),
        "simulated": True,
    }
    return decide(Facts(**{**defaults, **changes}))


def sized(size: dict[str, str], **fields: Any) -> Json:
    """Return the template of one container with requests = limits."""
    return template(container(requests=size, limits=size, **fields))


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (True, node(annotation="fake")),
        (True, node(runtime="kwok://0.8.0")),
        (True, node(runtime="kwok-v0.7.0")),
        (False, node()),
        (False, node(annotation="other")),
        (False, {"metadata": {"name": "new"}}),
    ],
)
def test_which_nodes_are_simulated(expected: bool, found: Json) -> None:
    """Kwok's annotation tells, and so does the runtime that a node of it reports; nothing else does."""
    assert expected == is_simulated(found)


def test_in_place_on_simulated_nodes_says_so() -> None:
    """The outcome is the same as on real nodes, and each line that promises something about pods carries the word."""
    plan = decided(sized(SMALL), sized(LARGE))
    assert "in-place" == plan.outcome
    assert f"Deployment shop/web: running pods are resized in place ({NOTE})" == plan.lines()[0]
    assert f"app limits.cpu 100m -> 200m: in place ({NOTE})" in plan.lines()
    assert all("simulated" in line for line in plan.lines())
    assert plan.to_json()["simulated"] is True


def test_restart_and_rollout_keep_their_reasons() -> None:
    """A reason that is there stays, and the word follows it."""
    fields = {"resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]}
    lines = decided(sized(SMALL, **fields), sized(LARGE, **fields)).lines()
    reason = f"its resizePolicy for memory is RestartContainer; {NOTE}"
    assert f"app limits.memory 128Mi -> 256Mi: in place, with a restart of the container ({reason})" in lines
    rolled = decided(sized(LARGE), sized(SMALL))
    assert f"Deployment shop/web: new pods are rolled out ({NOTE})" == rolled.lines()[0]
    reason = f"Kubernetes 1.33 cannot lower a memory limit without restarting the container; {NOTE}"
    assert f"app limits.memory 256Mi -> 128Mi: rollout ({reason})" in rolled.lines()


def test_real_nodes_are_not_spoken_of() -> None:
    """Where nodes are real no line says anything about simulation, and neither does a plan without pods to touch."""
    plan = decided(sized(SMALL), sized(LARGE), simulated=False)
    assert "simulated" not in "\n".join(plan.lines())
    assert plan.to_json()["simulated"] is False
    assert ["Deployment shop/web: no size changes"] == decided(sized(SMALL), sized(SMALL)).lines()


def reading(*nodes: Json, status: int = 404) -> Client:
    """Return a client that finds these nodes and answers for others with `status`."""
    by_path = {f"/api/v1/nodes/{found['metadata']['name']}": found for found in nodes}

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        return (200, by_path[path]) if path in by_path else (status, {"message": "no", "reason": ""})

    return double_client(answer)[0]


def test_nodes_of_pods() -> None:
    """Each node is read once; pods without one and nodes that are gone count for nothing."""
    pods = [pod("a", sized(SMALL)), pod("b", sized(SMALL)), pod("c", sized(SMALL), node="gone")]
    pods.append({"metadata": {"name": "pending"}, "spec": {}})
    assert ["node-1"] == list(nodes_of(reading(node()), pods))
    assert {} == nodes_of(reading(status=403), pods)


def test_one_simulated_node_is_enough() -> None:
    """Pods of which some are simulated are spoken of as simulated; unreadable nodes count as real."""
    pods = [pod("a", sized(SMALL)), pod("b", sized(SMALL), node="node-2")]
    assert any_simulated(reading(node(), node("node-2", annotation="fake")), pods)
    assert not any_simulated(reading(node(), node("node-2")), pods)
    assert not any_simulated(reading(status=403), pods)


class DoubleWindow:
    """A resize's window on one pod."""

    def __init__(self, nodes: list[Json], status: int = 200) -> None:
        by_path = {f"/api/v1/nodes/{found['metadata']['name']}": found for found in nodes}
        self.pods = lambda: [pod("web-aaaa-1", sized(SMALL))]
        self.client = double_client(lambda _m, path, _b: (status, by_path[path]))[0]


@pytest.mark.parametrize(
    ("expected", "window"),
    [
        (f" ({NOTE})", DoubleWindow([node(annotation="fake")])),
        ("", DoubleWindow([node()])),
        ("", DoubleWindow([node(annotation="fake")], status=500)),
    ],
)
def test_the_result_says_so(expected: str, window: Any) -> None:
    """The record of a finished resize carries the word too; a cluster that does not answer then spoils nothing."""
    assert expected == _simulated(window)
