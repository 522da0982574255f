"""`wasm-check` without a cluster: what it reads, prints and ends with."""

import json
import sys
from typing import Any

import pytest

from components.actions.__main__ import run
from components.actions.connection import Connection
from components.actions.wasm_check import check_class
from tests.unit.actions.doubles import Handler, double_client
from tests.unit.actions.test_canary import Api, node
from tests.unit.actions.test_cri import KUBECONFIG

CLASS = {
    "metadata": {
        "name": "wasm",
        "annotations": {"kubernetes-emerging/owner": "demo/dev/wasm", "kubernetes-emerging/shared": "true"},
    },
    "handler": "wasmedge",
    "overhead": {"podFixed": {"cpu": "10m", "memory": "24Mi"}},
    "scheduling": {"nodeSelector": {"wasm": "yes"}},
}
PODS = [
    {"metadata": {"namespace": space}, "spec": {"runtimeClassName": name}}
    for space, name in (("shop", "wasm"), ("shop", "wasm"), ("bank", "wasm"), ("bank", "other"))
]


def having(name: str, *handlers: str) -> dict[str, Any]:
    """Return a node of the pool `one` that lists handlers."""
    found = node(name, "one", wasm="yes")
    return {**found, "status": {"runtimeHandlers": [{"name": each} for each in handlers]}}


def cluster(*nodes: Any, pods: Any = PODS, ends: str = "Complete", live: Any = CLASS) -> Handler:
    """Return a cluster with these nodes, and pods of which some are of the class."""
    api = Api(*nodes, live=live, ends=ends)

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.startswith("/api/v1/pods"):
            return (403, {"message": "no"}) if pods is None else (200, {"items": pods})
        return api(method, path, body)

    return answer


def ran(
    handler: Handler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[Any, str]:
    """Run the command line; return exit code and everything that it said."""
    client, _ = double_client(handler)
    monkeypatch.setattr(Connection, "client", lambda _self: client)
    line = ["components.actions", "wasm-check", "--kubeconfig", KUBECONFIG, "--class", "wasm", *options]
    monkeypatch.setattr(sys, "argv", line)
    with pytest.raises(SystemExit) as ended:
        run()
    told = capsys.readouterr()
    return ended.value.code, " ".join((told.out + told.err).split())


def test_it_tells_what_the_class_is_and_who_uses_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which is worth knowing before it is deleted; without an image nothing is run."""
    code, said = ran(cluster(having("a", "wasmedge")), monkeypatch, capsys)

    assert 0 == code
    for words in (
        "RuntimeClass wasm: handler wasmedge; overhead cpu 10m, memory 24Mi; wasm=yes",
        "made by demo/dev/wasm, shared: it stays when that stack goes",
        "used by pods in bank (1), shop (2)",
        "pool one (eks.amazonaws.com/nodegroup): yes, it is configured there",
    ):
        assert words in said
    assert "canary" not in said


@pytest.mark.parametrize(
    ("handlers", "ends", "options", "code"),
    [
        (["wasmedge"], "Complete", ["--image", "hello:1"], 0),
        (["wasmedge"], "Failed", ["--image", "hello:1"], 1),
        (["runc"], "Complete", [], 1),
        ([], "Complete", [], 0),
        ([], "Complete", ["--image", "hello:1"], 0),
    ],
)
def test_the_exit_code_is_the_canary_s_or_that_of_what_nodes_tell(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    handlers: list[str],
    ends: str,
    options: list[str],
    code: int,
) -> None:
    """Nothing that is unknown fails, and a canary settles it."""
    assert code == ran(cluster(having("a", *handlers), ends=ends), monkeypatch, capsys, *options)[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--preset", "spinn"], "error: --preset: there is no preset 'spinn'; write 'spin'"),
        (["--image", "i", "--pool", "nowhere"], "error: --pool: 'nowhere' are no labels of nodes"),
    ],
)
def test_mistakes_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    """And exit code 2, as for a class that is not there."""
    code, said = ran(cluster(having("a")), monkeypatch, capsys, *options)
    assert (2, True) == (code, words in said)

    code, said = ran(cluster(having("a"), live=None), monkeypatch, capsys)
    assert (2, True) == (code, "error: RuntimeClass 'wasm' does not exist" in said)


def test_programs_get_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With everything that people are told; a pool that has no node is proved where it is named."""
    options = ["--json", "--image", "i", "--pool", "karpenter.sh/nodepool=w"]
    code, said = ran(cluster(having("a", "wasmedge")), monkeypatch, capsys, *options)
    told = json.loads(said)

    assert 0 == code
    assert {"bank": 1, "shop": 2} == told["usedBy"]
    assert ("demo/dev/wasm", True) == (told["owner"], told["shared"])
    assert ["pool one (eks.amazonaws.com/nodegroup)", "pool karpenter.sh/nodepool=w"] == [
        each["pool"] for each in told["canaries"] if each["ran"]
    ]


def test_what_may_not_be_read_is_unknown() -> None:
    """Pods, and nodes."""
    api = cluster(having("a"), pods=None)

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (403, {"message": "no"}) if path.startswith("/api/v1/nodes") else api(method, path, body)

    found = check_class(double_client(answer)[0], "wasm")
    assert (None, (), False) == (found.used_by, found.pools, found.fails)
