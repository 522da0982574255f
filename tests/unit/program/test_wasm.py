"""Whether the WASM demo is deployed: decided once, kept, and never for want of an answer undone."""

from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.actions.client import Client, Json
from components.actions.errors import ConnectionProblem
from components.testing import ClusterMocks
from program import demos, wasm
from program.wasm import Decision, decide, from_cluster
from tests.unit.actions.doubles import double_client
from tests.unit.actions.test_wasm import node
from tests.unit.program.test_config import KUBECONFIG, load
from tests.unit.program.test_main import DEPLOYMENT, deploy, pod_spec

SPACE = "kubernetes-emerging-dev"
PATH = f"/api/v1/namespaces/{SPACE}/configmaps/kubernetes-emerging-decisions"
RUNTIME_CLASS = "kubernetes:node.k8s.io/v1:RuntimeClass"


def cluster(record: Json | None, *nodes: Json, status: int = 200) -> Client:
    """Return a client for a cluster with this record and these nodes; `status` answers for the record."""

    def answer(method: str, path: str, _body: Any) -> tuple[int, Any]:
        assert method == "GET", "the look changes nothing"
        if path == PATH:
            if status != 200:
                return status, {"reason": "Forbidden", "message": "configmaps is forbidden"}
            return (200, {"data": record}) if record else (404, {"reason": "NotFound"})
        return 200, {"items": list(nodes)}

    return double_client(answer)[0]


@pytest.mark.parametrize(
    ("nodes", "deployed", "words"),
    [
        ([node("a", "runc", "wasmedge")], True, "node a has the handler 'wasmedge'"),
        ([node("a", "runc")], False, "set it up on a node's container runtime, then set the config key wasm to on"),
        (
            [node("a")],
            False,
            "is unknown: handlers are listed since Kubernetes 1.31 and containerd 2.0. If they have it",
        ),
        ([], False, "there are no nodes yet"),
    ],
)
def test_the_first_decision_is_recorded(nodes: list[Json], deployed: bool, words: str) -> None:
    """Yes deploys; no and unknown leave it out, with what to do; each is kept with its reason."""
    decision = from_cluster(cluster(None, *nodes), SPACE, "wasmedge")

    assert deployed == decision.deploy
    assert words in str(decision)
    assert {
        "wasm": "on" if deployed else "off",
        "handler": "wasmedge",
        "reason": decision.reason,
    } == decision.record


@pytest.mark.parametrize("nodes", [[], [node("b", "runc")]])
def test_a_node_that_is_away_does_not_undo_it(nodes: list[Json]) -> None:
    """What is recorded stands, word for word, whatever the nodes say now."""
    record = {"wasm": "on", "handler": "wasmedge", "reason": "node a has the handler 'wasmedge'"}

    assert Decision(deploy=True, reason=record["reason"], record=record) == from_cluster(
        cluster(record, *nodes), SPACE, "wasmedge"
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect what the program says in a run."""
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lines.append)
    return lines


def test_a_recorded_off_stands_and_tells_the_news(told: list[str]) -> None:
    """It stays left out until the config says otherwise, and says when the handler has come."""
    record = {"wasm": "off", "handler": "wasmedge", "reason": "because"}

    assert not from_cluster(cluster(record, node("a", "wasmedge")), SPACE, "wasmedge").deploy
    assert ["by now node a has the handler 'wasmedge': set the config key wasm to on to deploy wasm-demo"] == told
    assert not from_cluster(cluster(record, node("a", "runc")), SPACE, "wasmedge").deploy
    assert 1 == len(told)


@pytest.mark.parametrize("record", [{"wasm": "off", "handler": "spin", "reason": "r"}, {"wasm": "perhaps"}, {"x": "y"}])
def test_a_record_of_something_else_is_decided_anew(record: Json) -> None:
    """Another handler is another question, and what is no decision is none."""
    assert from_cluster(cluster(record, node("a", "wasmedge")), SPACE, "wasmedge").deploy


class Reached:
    """Stands for the connection of a target."""

    def __init__(self, client: Client | ConnectionProblem) -> None:
        self._client = client

    def client(self) -> Client:
        """Return the client, or fail as an unreachable cluster does."""
        if isinstance(self._client, ConnectionProblem):
            raise self._client
        return self._client


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that puts a cluster in the place of the target's."""
    monkeypatch.setattr(wasm, "mocked", lambda: False)

    def put(client: Client | ConnectionProblem, *, preview: bool = False) -> None:
        monkeypatch.setattr(wasm, "connection_of", lambda _args: Reached(client))
        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)

    return put


def settings(tmp_path: Path, **config: str) -> Any:
    """Return the settings of a stack whose platform has an image of the demo."""
    return load({"kubeconfig": KUBECONFIG, "platform": "lab", **config}, tmp_path)


def test_auto_asks_the_cluster(tmp_path: Path, reach: Any, told: list[str]) -> None:
    """The decision is that of the cluster, and one that leaves it out is told in the run."""
    reach(cluster(None, node("a", "wasmedge")))
    assert decide(settings(tmp_path), SPACE).deploy
    assert [] == told
    reach(cluster(None, node("a", "runc")))
    assert not decide(settings(tmp_path), SPACE).deploy
    (line,) = told
    assert line.startswith("wasm-demo is left out: no node has the handler 'wasmedge' (they have: runc)")


GONE = ConnectionProblem("the cluster does not answer", "check that it runs")


@pytest.mark.parametrize(
    ("client", "preview"),
    [(cluster(None, status=403), False), (cluster(None, status=403), True), (GONE, False)],
    ids=["forbidden", "forbidden in preview", "gone"],
)
def test_what_cannot_be_read_is_an_error_and_no_removal(tmp_path: Path, reach: Any, client: Any, preview: bool) -> None:
    """A run that cannot read the record stops in words, before anything is registered."""
    reach(client, preview=preview)
    with pytest.raises(pulumi.RunError, match=r"Nothing was changed\. Make it readable, or set the config key wasm"):
        decide(settings(tmp_path), SPACE)


def test_a_preview_without_a_cluster_shows_no_deletion(
    tmp_path: Path, reach: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows the demo with its record, for a deletion that nobody will make must not be shown; and says so."""
    reach(GONE, preview=True)
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    decision = decide(settings(tmp_path), SPACE)

    assert (True, "on") == (decision.deploy, (decision.record or {}).get("wasm"))
    assert ["this preview cannot tell whether wasm-demo is deployed, so it is shown"] == [
        text.partition(":")[0] for text in said
    ]


def test_the_config_s_word_needs_no_cluster(tmp_path: Path, reach: Any) -> None:
    """On and off are obeyed and drop the record; without an image there is nothing to ask for."""
    reach(GONE)
    assert Decision(deploy=True, reason="the config key wasm is on") == decide(settings(tmp_path, wasm="on"), SPACE)
    assert "left out: the config key wasm is off" == str(decide(settings(tmp_path, wasm="off"), SPACE))
    without = decide(settings(tmp_path, platform="gke"), SPACE)
    assert (False, None) == (without.deploy, without.record)
    assert "set the config key wasmImage" in str(without)


def test_the_demo_as_it_is_registered(mocks: ClusterMocks) -> None:
    """Its name, count and size are those of the README, and its class is the stack's own."""
    deploy(platform="lab", wasm="on", wasmHandler="other")

    runtime = mocks.inputs(RUNTIME_CLASS, "wasm")
    assert ("kubernetes-emerging-unit-wasm", "other") == (runtime["metadata"]["name"], runtime["handler"])
    demo = mocks.inputs(DEPLOYMENT, "wasm-demo")
    assert ("wasm-demo", 2) == (demo["metadata"]["name"], demo["spec"]["replicas"])
    spec = pod_spec(mocks, "wasm-demo")
    assert "kubernetes-emerging-unit-wasm" == spec["runtimeClassName"]
    (module,) = spec["containers"]
    assert ("localhost/wasm-demo:1", {"requests": {"cpu": "100m", "memory": "128Mi"}}) == (
        module["image"],
        module["resources"],
    )


@pytest.mark.parametrize(
    "decision",
    [Decision(False, "because", {"wasm": "off"}), Decision(True, "because", {"wasm": "on"}), Decision(False, "so")],
)
def test_what_is_decided_is_what_is_registered(
    mocks: ClusterMocks, monkeypatch: pytest.MonkeyPatch, decision: Decision
) -> None:
    """The record is a resource of the stack in its namespace; the demo is there when it says so."""
    monkeypatch.setattr(wasm, "decide", lambda _settings, _namespace: decision)
    deploy(platform="lab")

    registered = [resource.typ for resource in mocks.resources]
    assert decision.deploy == (RUNTIME_CLASS in registered)
    if decision.record is None:
        assert "decisions" not in [resource.name for resource in mocks.resources]
        return
    record = mocks.inputs("kubernetes:core/v1:ConfigMap", "decisions")
    assert decision.record == record["data"]
    assert {"name": wasm.RECORD, "namespace": "kubernetes-emerging-unit"} == record["metadata"]


def test_bad_config_of_the_demo(tmp_path: Path) -> None:
    """A handler that is no name and a demo without an image are problems like any other."""
    with pytest.raises(pulumi.RunError, match="has 3 problems") as caught:
        load({"kubeconfig": KUBECONFIG, "wasm": "on", "wasmHandler": "No", "wasmMemory": "1m"}, tmp_path)
    assert "kubernetes-emerging:wasmImage: it is empty, and there is none for platform public" in str(caught.value)
    assert "kubernetes-emerging:wasmHandler: 'No' is not a valid name" in str(caught.value)


@pytest.mark.parametrize(("platform", "pool"), [("lab", False), ("kind", False), ("eks", True), ("gke", True)])
def test_on_a_cloud_the_demo_goes_to_the_pool_for_it(tmp_path: Path, platform: str, pool: bool) -> None:
    """The label and the taint of the cluster programs' pool; and preflight looks at that pool's nodes alone."""
    settings = load({"kubeconfig": KUBECONFIG, "platform": platform, "wasmImage": "i", "wasm": "on"}, tmp_path)
    scheduling = {
        "node_selector": {"kubernetes-emerging/wasm": "true"},
        "tolerations": [{"key": "kubernetes-emerging/wasm", "operator": "Exists", "effect": "NoSchedule"}],
    }

    assert (scheduling if pool else None) == wasm.runtime(settings, "n").get("scheduling")
    wanted = "wasm=wasmedge@kubernetes-emerging/wasm=true" if pool else "wasm=wasmedge"
    assert wanted in demos.needs(settings, with_wasm=True)
    assert wanted not in demos.needs(settings, with_wasm=False)
