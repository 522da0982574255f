"""`cri-check` without a cluster: what it reads, prints and ends with."""

import json
import sys
from typing import Any

import pytest

from components.actions.__main__ import run
from components.actions.connection import Connection
from components.actions.cri import check_nodes
from components.actions.errors import ActionError
from tests.unit.actions.doubles import Handler, double_client

METRICS = b'kubelet_cgroup_version 2\nkubelet_cri_losing_support{version="1.36.0"} 1\n'
KUBECONFIG = (
    '{"clusters": [{"name": "c", "cluster": {"server": "https://c.invalid"}}], "current-context": "lab",'
    ' "contexts": [{"name": "lab", "context": {"cluster": "c"}}]}'
)


def cluster(*nodes: tuple[str, str, str], metrics: tuple[int, Any] = (200, METRICS)) -> Handler:
    """Return a cluster with nodes of a name, a kubelet's version and a runtime."""
    items = [
        {
            "metadata": {"name": name},
            "status": {"nodeInfo": {"kubeletVersion": kubelet, "containerRuntimeVersion": runtime}},
        }
        for name, kubelet, runtime in nodes
    ]

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if path.endswith("/proxy/metrics"):
            return metrics
        return (200, {"items": items}) if "/nodes" in path else (200, {"gitVersion": "v1.35.1"})

    return answer


def ran(
    handler: Handler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[Any, str, str]:
    """Run the command line; return exit code, output and errors."""
    client, _ = double_client(handler)
    monkeypatch.setattr(Connection, "client", lambda _self: client)
    monkeypatch.setattr(sys, "argv", ["components.actions", "cri-check", "--kubeconfig", KUBECONFIG, *options])
    with pytest.raises(SystemExit) as ended:
        run()
    told = capsys.readouterr()
    return ended.value.code, told.out, told.err


def test_the_kubelets_metrics_are_read() -> None:
    """The cgroup version and the kubelet's own warning come from them."""
    client, _ = double_client(cluster(("n", "v1.35.1", "containerd://2.2.0")))
    (found,) = check_nodes(client)

    assert ("v2", "unknown") == (found.cgroup, found.following)
    assert "loses support for this runtime in Kubernetes 1.36.0" in found.evidence[-1]


def test_metrics_that_may_not_be_read_are_unknown() -> None:
    """Without `nodes/proxy` the versions are judged all the same."""
    client, _ = double_client(cluster(("n", "v1.35.1", "containerd://2.2.0"), metrics=(403, {"message": "no"})))
    (found,) = check_nodes(client)

    assert ("yes", "unknown") == (found.now, found.following)
    assert found.cgroup.startswith("unknown")


def test_nodes_that_may_not_be_listed_are_no_answer() -> None:
    """It is not told as if there were no nodes."""
    client, _ = double_client(lambda _m, path, _b: (403, {"message": "no"}) if "/nodes" in path else (200, {}))
    with pytest.raises(ActionError, match="allow `list` on nodes"):
        check_nodes(client)


def test_exit_codes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """1 for a no now; a no for the next minor counts with --next only."""
    old, soon = cluster(("n", "v1.33.1", "containerd://1.4.0")), cluster(("n", "v1.37.0", "containerd://1.7.33"))

    assert 1 == ran(old, monkeypatch, capsys)[0]
    code, out, _ = ran(soon, monkeypatch, capsys)
    assert (0, True) == (code, "n: unknown; with the next minor: no" in out)
    assert 1 == ran(soon, monkeypatch, capsys, "--next")[0]


def test_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs get the same, versioned."""
    code, out, _ = ran(cluster(("n", "v1.35.1", "containerd://2.2.0")), monkeypatch, capsys, "--json")
    told = json.loads(out)

    assert (0, 1, "n", "yes") == (code, told["version"], told["nodes"][0]["node"], told["nodes"][0]["now"])
