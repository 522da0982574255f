"""The life of a simulated cluster: resumed as it was, started once, ended by one kill, and gone without a trace."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.cluster import identity
from lab.engine.cluster import Cluster as ApiServer
from lab.progress import quiet
from lab.simulated import SimulatedCluster, processes
from lab.simulated.instance import ADDRESS, all_free
from tests.api.simulated.nobody import Nobody

ROOT = Path(__file__).resolve().parents[3]
Remains = Callable[[Path], list[str]]


@pytest.fixture
def own(simulated: SimulatedCluster) -> Iterator[SimulatedCluster]:
    """Give a cluster that does not run yet and is deleted afterwards; the shared one has built what it needs."""
    cluster = SimulatedCluster(f"{simulated.name}-life", simulated.minor)
    cluster.delete(quiet)
    yield cluster
    cluster.delete(quiet)


def eventually(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something that has to come soon."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def supervisor_of(cluster: SimulatedCluster) -> int:
    """Return the process id of a running cluster's supervisor."""
    instance = cluster._instance
    (found,) = [pid for pid, words in processes._own_commands() if processes._is_supervisor(words, instance)]
    return found


def test_a_kill_ends_all_and_a_start_brings_all_back(own: SimulatedCluster, remains: Remains) -> None:
    """Killed outright, nothing of it lives on; started again, even where its port is taken, it is the same cluster."""
    own.start(quiet)
    made = own.identity()
    assert made is not None
    assert identity.known(made.server, made.ca_sha256, made.cluster_id)
    api = ApiServer(str(own.kubeconfig), own.context)
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "kept"},
        "data": {"word": "lasting"},
    }
    api.request("POST", "/api/v1/namespaces/default/configmaps", body=body)

    os.kill(supervisor_of(own), signal.SIGKILL)
    eventually(lambda: not remains(own.folder))
    assert not own.running()

    port = int(made.server.rpartition(":")[2])
    ports = own._instance.ports()
    eventually(lambda: ports and all_free(ports))
    with socket.create_server((ADDRESS, port)):
        own.start(quiet)
        moved = own.identity()
        assert moved is not None
        assert moved.server != made.server
        assert (made.cluster_id, made.ca_sha256) == (moved.cluster_id, moved.ca_sha256)
        assert identity.known(moved.server, moved.ca_sha256, moved.cluster_id)
        found = ApiServer(str(own.kubeconfig), own.context).request("GET", "/api/v1/namespaces/default/configmaps/kept")
        assert {"word": "lasting"} == found["data"]
        own.stop(quiet)
    assert [] == remains(own.folder)
    own.delete(quiet)
    assert not own.folder.exists()
    assert not identity.known(moved.server, moved.ca_sha256, moved.cluster_id)


def test_a_start_that_is_killed_is_finished_by_the_next(own: SimulatedCluster, remains: Remains) -> None:
    """Whoever started it may die at any moment; two at once afterwards make one cluster, and another start is quick."""
    for moment in (0.3, 1.0, 2.5):
        command = [sys.executable, "-B", "-m", "lab.simulated", "up", "--name", own.name, "--minor", own.minor]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as starting:
            time.sleep(moment)
            starting.kill()
    both = [threading.Thread(target=SimulatedCluster(own.name, own.minor).start, args=(quiet,)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(90)
    assert own.running()
    # Its supervisor and five components, each once.
    assert 6 == len(remains(own.folder)), remains(own.folder)
    began = time.monotonic()
    own.start(quiet)
    assert time.monotonic() - began < 2


PROGRAM = """
import sys
from pathlib import Path
from lab.engine import Engine, QuietDisplay
from lab.simulated import SimulatedCluster

config = {"kubeconfig": str(SimulatedCluster("unprivileged").kubeconfig), "platform": "lab", "wasm": "off"}
engine = Engine(Path.cwd(), "sim", Path(sys.argv[1]), QuietDisplay(), config=config)
for run in (engine.up, engine.destroy):
    summary = run()
    assert summary.ok, summary.diagnostics
print("deployed and destroyed")
"""


def test_a_user_without_rights(simulated: SimulatedCluster, elsewhere: Path, remains: Remains) -> None:
    """Up, the real program, kill, up, down as a user who may do nothing: it works, and nothing of it is left."""
    nobody = Nobody(elsewhere)

    def run(*words: str | Path) -> str:
        done = nobody.python(*words)
        assert 0 == done.returncode, done.stderr
        return done.stdout

    up = ("-m", "lab.simulated", "up", "--name", "unprivileged", "--minor", simulated.minor)
    folder = elsewhere / "cache" / "kubernetes-emerging" / "simulated" / "unprivileged"
    try:
        run(*up)
        pids = [int(found.split()[0]) for found in remains(folder)]
        assert 6 == len(pids)
        for pid in pids:
            status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            assert os.geteuid() == 0 or os.geteuid() == int(status["Uid"].split()[0])
            assert 0 not in [int(word) for word in status["Uid"].split()]
            assert 0 == int(status["CapEff"], 16)
        assert "deployed and destroyed\n" == run("-c", PROGRAM, elsewhere / "home" / "state")
        shutil.rmtree(elsewhere / "home" / "state")
        for pid in pids:
            if b"supervisor.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
                break
        eventually(lambda: not remains(folder))
        run(*up)
    finally:
        run("-m", "lab.simulated", "down", "--name", "unprivileged")
    assert [] == remains(elsewhere)
    assert [] == list((elsewhere / "home").iterdir())
    cache = elsewhere / "cache" / "kubernetes-emerging"
    assert {"bin", "simulated", "identities"} == {path.name for path in cache.iterdir()}
    assert [".ports.lock"] == [path.name for path in (cache / "simulated").iterdir()]
    assert [] == list((cache / "identities").iterdir())
