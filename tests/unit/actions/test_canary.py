"""Canaries: where they run, what their Jobs are, and that none stays; tests/node/test_wasm_canary.py has real ones."""

import threading
from typing import Any

import pytest

from components.actions.canary import Canary, job_of, owner_label, prove, remove_leftovers
from components.actions.client import Client, Json
from components.actions.errors import ActionError, ConnectionProblem
from tests.unit.actions.doubles import DoubleTransport, double_client

GIVEN = Canary("wasm", "hello:1", "demo/dev/wasm", patience=0.0)
CLASS: Json = {"metadata": {"name": "wasm"}, "handler": "wasmedge"}
JOBS = "/apis/batch/v1/namespaces/default/jobs"
POOL = "eks.amazonaws.com/nodegroup"
TAINT = {"key": "wasm", "value": "yes", "effect": "NoSchedule"}


def node(name: str, pool: str = "", *taints: Json, **labels: str) -> Json:
    """Return a Node, of a pool or of none."""
    own = {"kubernetes.io/hostname": f"host-{name}", **({POOL: pool} if pool else {}), **labels}
    return {"metadata": {"name": name, "labels": own}, "spec": {"taints": list(taints)}, "status": {}}


class Api:
    """An API server that makes Jobs complete at once, or as they are told."""

    def __init__(self, *nodes: Json, live: Json | None = CLASS, ends: str = "Complete", refuse: str = "") -> None:
        self.nodes, self.live, self.ends, self.refuse = nodes, live, ends, refuse
        self.jobs: dict[str, Json] = {}
        self.made: list[Json] = []

    def __call__(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Answer one request."""
        place = path.partition("?")[0]
        if place == JOBS and method == "POST":
            return self._make(body)
        if place == JOBS:
            return 200, {"items": [*self.jobs.values()]}
        if place.startswith(JOBS):
            name = place.rpartition("/")[2]
            found = self.jobs.pop(name, None) if method == "DELETE" else self.jobs.get(name)
            return (200, found) if found else (404, {})
        if "/runtimeclasses/" in place:
            return (200, self.live) if self.live else (404, {})
        return 200, {"items": [*self.nodes] if place == "/api/v1/nodes" else []}

    def _make(self, body: Json) -> tuple[int, Any]:
        if self.refuse:
            return 403, {"message": self.refuse, "reason": "Forbidden"}
        name = f"wasm-canary-{len(self.made)}"
        self.made.append(body)
        self.jobs[name] = body | {
            "metadata": body["metadata"] | {"name": name, "namespace": "default", "uid": f"uid-{name}"},
            "status": {"conditions": [{"type": self.ends, "status": "True", "reason": "Why", "message": "so"}]},
        }
        return 201, self.jobs[name]

    def client(self) -> tuple[Client, DoubleTransport]:
        """Return a client of it, and what it was asked."""
        return double_client(self)


def selectors(*nodes: Json, live: Json | None = CLASS, **more: Any) -> list[dict[str, str]]:
    """Return where canaries ran on a cluster with these nodes."""
    api = Api(*nodes, live=live)
    prove(api.client()[0], Canary("wasm", "hello:1", "demo/dev/wasm", patience=0.0, **more))
    return sorted((job["spec"]["template"]["spec"].get("nodeSelector", {}) for job in api.made), key=str)


def test_a_canary_runs_in_each_pool_and_on_each_node_of_none() -> None:
    """Not on each node of a pool: those are made alike."""
    found = selectors(node("a", "wasm"), node("b", "wasm"), node("c", "other"), node("d"))

    assert [{POOL: "other"}, {POOL: "wasm"}, {"kubernetes.io/hostname": "host-d"}] == found


def test_only_the_nodes_that_the_class_chooses_are_proved() -> None:
    """By its node selector; and where none is there a pod makes the autoscaler bring one."""
    live = {**CLASS, "scheduling": {"nodeSelector": {"wasm": "yes"}}}

    assert [{POOL: "wasm"}] == selectors(node("a", "wasm", wasm="yes"), node("b", "other"), live=live)
    assert [{}] == selectors(node("b", "other"), live=live)


def test_a_pool_without_nodes_is_named() -> None:
    """It is proved beside those that have nodes, and one that has some by then is not proved twice."""
    named = [{"karpenter.sh/nodepool": "wasm"}, {POOL: "wasm"}]

    assert [{POOL: "wasm"}, {"karpenter.sh/nodepool": "wasm"}] == selectors(node("a", "wasm"), pools=named)


@pytest.mark.parametrize(
    ("toleration", "there"),
    [
        ({"key": "wasm", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "wasm", "value": "yes"}, True),
        ({"key": "wasm", "value": "yes", "effect": "NoSchedule"}, True),
        ({"key": "wasm", "value": "no"}, False),
        ({"key": "wasm", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "operator": "Exists"}, False),
    ],
)
def test_a_pool_behind_a_taint_is_proved_where_the_class_tolerates_it(toleration: Json, there: bool) -> None:
    """Elsewhere none of its pods ever goes."""
    live = {**CLASS, "scheduling": {"tolerations": [toleration]}}
    found = selectors(node("a", "plain"), node("b", "wasm", TAINT), live=live)

    assert ([{POOL: "plain"}, {POOL: "wasm"}] if there else [{POOL: "plain"}]) == found


def test_a_job_ends_and_goes_by_itself_and_passes_the_restricted_level() -> None:
    """A kill of whoever made it leaves no pod that runs, or waits for a node, for ever."""
    job = job_of(Canary("wasm", "hello:1", "demo/dev/wasm", patience=60.5), {POOL: "wasm"})

    assert (0, 91, 60) == tuple(
        job["spec"][field] for field in ("backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
    )
    pod = job["spec"]["template"]["spec"]
    assert ("wasm", "Never", {POOL: "wasm"}) == (pod["runtimeClassName"], pod["restartPolicy"], pod["nodeSelector"])
    assert (True, 65532) == (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["runAsUser"])
    (container,) = pod["containers"]
    assert {"drop": ["ALL"]} == container["securityContext"]["capabilities"]
    assert "command" not in container
    assert {"cpu", "memory"} == set(container["resources"]["requests"]) == set(container["resources"]["limits"])


def test_a_job_has_what_the_preset_asks_for() -> None:
    """Spin's command, crun's annotation, and what the arguments say before both."""
    spin = job_of(Canary("wasm", "hello:1", "o", preset="spin"), {})
    own = job_of(Canary("wasm", "hello:1", "o", preset="spin", command=["/own"], pull_secrets=["s"]), {})
    crun = job_of(Canary("wasm", "hello:1", "o", preset="crun"), {})

    assert ["/"] == spin["spec"]["template"]["spec"]["containers"][0]["command"]
    assert ["/own"] == own["spec"]["template"]["spec"]["containers"][0]["command"]
    assert [{"name": "s"}] == own["spec"]["template"]["spec"]["imagePullSecrets"]
    assert {"module.wasm.image/variant": "compat-smart"} == crun["spec"]["template"]["metadata"]["annotations"]
    assert "nodeSelector" not in crun["spec"]["template"]["spec"]


@pytest.mark.parametrize("ends", ["Complete", "Failed"])
def test_every_job_is_deleted_whatever_became_of_it(ends: str) -> None:
    """And a failure is told with its cause, by pool."""
    api = Api(node("a", "one"), node("b", "two"), ends=ends)
    found = prove(api.client()[0], GIVEN)

    assert {} == api.jobs
    assert [ends == "Complete"] * 2 == [proof.ran for proof in found]
    if ends == "Failed":
        assert "pool one" in str(found[0])
        assert "Why: so" in found[0].cause


def test_what_may_not_be_made_is_the_cause() -> None:
    """A quota, a right that lacks: the server's own words."""
    (proof,) = prove(Api(node("a"), refuse="exceeded quota: q").client()[0], GIVEN)

    assert "node a: its canary could not be made: exceeded quota: q" == str(proof)


def test_simulated_nodes_prove_nothing() -> None:
    """Kwok says of every pod that it runs."""
    played = node("a")
    played["metadata"]["annotations"] = {"kwok.x-k8s.io/node": "fake"}
    api = Api(played)
    (proof,) = prove(api.client()[0], GIVEN)

    assert ([], False) == (api.made, proof.ran)
    assert "simulated" in proof.cause


def test_a_class_that_is_not_there_is_told() -> None:
    """Before anything is made."""
    api = Api(node("a"), live=None)
    with pytest.raises(ActionError, match="RuntimeClass 'wasm' does not exist"):
        prove(api.client()[0], GIVEN)

    assert [] == api.made


def test_leftovers_of_the_same_owner_go_first() -> None:
    """By its label alone, so that nobody else's are touched."""
    api = Api(node("a"))
    api.jobs["left"] = {"metadata": {"name": "left", "namespace": "default", "uid": "u"}}
    client, transport = api.client()
    remove_leftovers(client, GIVEN)

    assert {} == api.jobs
    (_, path, _, _), (method, _, options, _) = transport.requests
    assert owner_label("demo/dev/wasm") in path
    assert ("DELETE", {"uid": "u"}) == (method, options["preconditions"])


def test_nodes_that_may_not_be_listed_leave_the_choice_to_the_scheduler() -> None:
    """One canary then proves what it can."""
    api = Api()

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (403, {"message": "no"}) if path.startswith("/api/v1/nodes") else api(method, path, body)

    (proof,) = prove(double_client(answer)[0], GIVEN)
    assert "any node: proved" == str(proof)


def test_being_stopped_deletes_the_job() -> None:
    """Ctrl-C ends the wait, and nothing stays."""
    api, stop = Api(node("a"), ends="Nothing"), threading.Event()
    stop.set()
    (proof,) = prove(api.client()[0], Canary("wasm", "hello:1", "o", patience=600.0), stop=stop)

    assert {} == api.jobs
    assert "was stopped" in proof.cause


def test_an_api_server_that_goes_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as a failure of the pool; the Job, which cannot be deleted, goes by itself."""
    api = Api(node("a"))

    def gone(*_: Any, **__: Any) -> None:
        raise ConnectionProblem("it does not answer", "wait")

    monkeypatch.setattr("components.actions.jobs.wait_complete", gone)
    with pytest.raises(ConnectionProblem):
        prove(api.client()[0], GIVEN)
