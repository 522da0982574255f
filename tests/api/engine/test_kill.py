"""kill -9 at the writes of the state, of the engine and of the program: the next run converges.

Every third write is taken by default, every one with LAB_TEST_ALL=1.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.engine import Engine
from lab.engine.cluster import ApiError
from lab.engine.cluster import Cluster as ApiServer
from lab.engine.state import State

if TYPE_CHECKING:
    from lab.cluster import Cluster

Make = Callable[..., Engine]

PROGRAM = """
options = Options(provider=provider)
auto = k8s.core.v1.ConfigMap("auto", metadata={"namespace": space}, data={"text": text}, opts=options)
fixed = k8s.core.v1.ConfigMap(
    "fixed", metadata={"namespace": space, "name": "fixed"}, data={"text": text}, opts=options
)
account = k8s.core.v1.ServiceAccount(
    "account", metadata={"namespace": space, "name": "account", "labels": {"text": text, "auto": auto.metadata.name}},
    opts=options,
)
"""

# Ends itself, or its program, at the n-th write of the state, before or after the write is on disk.
KILLER = """
import itertools, json, os, signal, sys
from pathlib import Path
from lab.engine import Engine, QuietDisplay, engine as module, state
folder, config, (victim, moment, number) = json.loads(sys.argv[1])
count, commit, pids = itertools.count(1), state.State._commit, []
start = module.Program.__init__

def started(self, *args):
    start(self, *args)
    pids.append(self.pid)

def killing(self, statements):
    here = next(count) == number
    for when in ("before", "after"):
        if here and when == moment:
            for pid in pids if victim == "program" else [os.getpid()]:
                os.kill(pid, signal.SIGKILL)
        if when == "before":
            commit(self, statements)

module.Program.__init__, state.State._commit = started, killing
summary = Engine(Path(folder), "dev", Path(folder) / "state", QuietDisplay(), config=config).up()
print("\\n".join(found.message for found in summary.diagnostics))
sys.exit(0 if next(count) <= number else 3)
"""


@pytest.mark.parametrize(("victim", "moment"), [("engine", "before"), ("engine", "after"), ("program", "after")])
def test_kill_at_every_write(
    engine: Make, api: ApiServer, lab_cluster: "Cluster", namespace: str, tmp_path: Path, victim: str, moment: str
) -> None:
    """After each kill the same command ends well, with each object once, and a third run changes nothing."""
    path = f"/api/v1/namespaces/{namespace}"
    config = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace}
    killed = 0
    step = 1 if os.environ.get("LAB_TEST_ALL") else 3
    for number in range(1, 30, step):
        text = f"text-{number}"
        engine(PROGRAM, text=text)
        given = json.dumps([str(tmp_path), {**config, "text": text}, [victim, moment, number]])
        ended = subprocess.run([sys.executable, "-c", KILLER, given], capture_output=True, text=True, check=False)
        assert ended.returncode in (-signal.SIGKILL, 3, 0), ended.stdout + ended.stderr
        if ended.returncode == 0:
            break
        killed += 1
        again = engine(PROGRAM, text=text).up()
        assert again.ok, (number, [found.message for found in again.diagnostics])
        _converged(api, path, tmp_path, text, number)
        assert not engine(PROGRAM, text=text).up().changes
    assert killed * step >= 8
    assert engine(PROGRAM).destroy().ok
    with pytest.raises(ApiError, match="not found"):
        api.request("GET", f"{path}/configmaps/fixed")


def _converged(api: ApiServer, path: str, folder: Path, text: str, number: int) -> None:
    maps: list[dict[str, Any]] = api.request("GET", f"{path}/configmaps")["items"]
    found = sorted(item["metadata"]["name"].split("-")[0] for item in maps if "text" in item["data"])
    assert ["auto", "fixed"] == found, number
    assert {text} == {item["data"]["text"] for item in maps if "text" in item["data"]}
    state = State(folder / "state", readonly=True)
    assert {} == state.operations
    assert 5 == len(state.resources), number
    auto = next(item["metadata"]["name"] for item in maps if item["metadata"]["name"].startswith("auto-"))
    labels = api.request("GET", f"{path}/serviceaccounts/account")["metadata"]["labels"]
    assert {"text": text, "auto": auto} == labels
