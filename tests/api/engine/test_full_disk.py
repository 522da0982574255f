"""A disk that becomes full in the middle of a run: a clear error, and nothing that was made is lost.

The state lies on a small tmpfs, which only a process in a mount namespace of its own sees.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.engine import Engine
from lab.engine.cluster import Cluster as ApiServer
from tests.api.engine.killing import EVERY

if TYPE_CHECKING:
    from lab.cluster import Cluster

Make = Callable[..., Engine]

PROGRAM = """
for number in range(12):
    k8s.core.v1.ConfigMap(
        f"map-{number}", metadata={"namespace": space}, data={"text": "x" * 8000}, opts=Options(provider=provider)
    )
"""
RUN = """
import json, subprocess, sys
from pathlib import Path
from lab.engine import Engine, EngineError, QuietDisplay
from lab.engine.cluster import Cluster
from lab.engine.state import State
folder, config, room = Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
state = folder / "state"
state.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(state)], check=True)
filler = state / "filler"

def told(run):
    try:
        summary = run()
    except EngineError as error:
        return {"ok": False, "messages": str(error), "counts": {}}
    return {"ok": summary.ok, "messages": "\\n".join(f.message for f in summary.diagnostics), "counts": summary.counts}

engine = Engine(folder, "dev", state, QuietDisplay(), config=config)
found = []
with filler.open("wb") as file:
    file.write(b"x" * (4 * 1024 * 1024 - room * 1024))
found.append(told(engine.up))
items = Cluster(config["kubeconfig"]).request("GET", f"/api/v1/namespaces/{config['space']}/configmaps")["items"]
found.append([item["metadata"]["name"] for item in items if item["metadata"]["name"].startswith("map-")])
readable = State(state, readonly=True)
filler.unlink()
left = State(state, readonly=True)
named = [r["inputs"]["metadata"]["name"] for r in left.resources.values() if "data" in r.get("inputs", {})]
begun = [operation.resource["inputs"] for operation in left.operations.values()]
named += [inputs["metadata"]["name"] for inputs in begun if "metadata" in inputs]
found.append(named)
found.append(told(engine.up))
found.append(told(engine.up))
print(json.dumps(found))
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounting needs root and unshare")
@pytest.mark.parametrize("room", [pytest.param(4, marks=EVERY), pytest.param(120, marks=EVERY), 400])
def test_a_full_disk(
    engine: Make, api: ApiServer, lab_cluster: "Cluster", namespace: str, tmp_path: Path, room: int
) -> None:
    """With no room at all, with little, and with room for a part: all that was made is known, and the next run ends."""
    engine(PROGRAM)
    config = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace}
    ended = subprocess.run(
        [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            sys.executable,
            "-c",
            RUN,
            str(tmp_path),
            json.dumps(config),
            str(room),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == ended.returncode, ended.stderr
    first, made, named, second, third = json.loads(ended.stdout.splitlines()[-1])
    assert not first["ok"]
    assert "Traceback" not in ended.stderr
    assert "the state cannot be" in first["messages"] or "cannot be written" in first["messages"], first
    assert set(made) <= set(named)
    assert bool(made) == (room > 4)
    assert second["ok"], second
    assert {"same": 14} == third["counts"]
    items: list[Any] = api.request("GET", f"/api/v1/namespaces/{namespace}/configmaps")["items"]
    assert 12 == len([item for item in items if item["metadata"]["name"].startswith("map-")])
