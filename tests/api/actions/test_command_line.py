"""`python -m components.actions` against a real cluster, without Pulumi."""

import json
import subprocess
import sys
from typing import Any

import pytest

from components.actions.client import Client, Transport
from components.actions.resize import adopt, plan
from tests.api.actions.live import CPU, SMALL, Killed, KillingTransport, assert_whole, create, manifest


def run(lab_cluster: Any, namespace: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `components.actions resize` as its own process."""
    options = ["--kubeconfig", str(lab_cluster.kubeconfig), "--context", lab_cluster.context, "-n", namespace]
    command = [sys.executable, "-m", "components.actions", "resize", *arguments, *options, "web"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_status_and_finish(lab_cluster: Any, kube: Transport, namespace: str) -> None:
    """A killed resize shows in `status` with exit code 1 and is gone after `finish`."""
    client = Client(kube)
    create(client, manifest(namespace, SMALL))
    assert (0, None) == (
        (before := run(lab_cluster, namespace, "status", "--json")).returncode,
        json.loads(before.stdout)["unfinished"],
    )
    planned = plan(client, manifest(namespace, CPU))
    with pytest.raises(Killed):
        adopt(Client(KillingTransport(kube, 3)), planned, progress=lambda _line: None, timeout=60)
    left = run(lab_cluster, namespace, "status")
    assert left.returncode == 1
    assert "is paused in a resize begun at" in left.stdout
    finished = run(lab_cluster, namespace, "finish", "--json")
    assert finished.returncode == 0, finished.stderr
    assert "resized in place" in json.loads(finished.stdout)["result"]
    assert_whole(client, namespace, CPU)
    assert "nothing to finish" in run(lab_cluster, namespace, "finish").stdout


@pytest.mark.parametrize("step", [2, 3, 5])
@pytest.mark.parametrize(("command", "size", "words"), [("resume", CPU, "resized in place"), ("undo", SMALL, "undone")])
def test_resume_and_undo(
    lab_cluster: Any, kube: Transport, namespace: str, step: int, command: str, size: Any, words: str
) -> None:
    """Whoever finds a killed resize can say which way it goes, wherever it was killed."""
    client = Client(kube)
    create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, CPU))
    with pytest.raises(Killed):
        adopt(Client(KillingTransport(kube, step)), planned, progress=lambda _line: None, timeout=60)

    ended = run(lab_cluster, namespace, command, "--json")
    assert 0 == ended.returncode, ended.stderr
    assert words in json.loads(ended.stdout)["result"]
    assert_whole(client, namespace, size)
    assert 0 == run(lab_cluster, namespace, "status").returncode


def test_a_missing_deployment_is_told(lab_cluster: Any, namespace: str) -> None:
    """No Deployment is something else than one without a resize."""
    missing = run(lab_cluster, namespace, "status")
    assert 2 == missing.returncode
    assert f"Deployment {namespace}/web does not exist" in missing.stderr
