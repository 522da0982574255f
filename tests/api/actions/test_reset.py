"""The plan for a reset of a real cluster, and the whole drill on one of its own: dump, reset, restore, compare."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from components.actions.reset import plan_reset
from components.actions.snapshot import verify
from tests.api.actions.live import SLOW
from tests.api.actions.test_restore import IDENTITY, READERS, bodies
from tests.api.actions.world import World

if TYPE_CHECKING:
    from lab.cluster import Cluster


def test_a_plan_tells_everything_and_changes_nothing(lab_cluster: "Cluster", client: Client, namespace: str) -> None:
    """Who the cluster is, what a reset of it would be, and what would be lost; no snapshot, no token."""
    claim = {"name": "scratch", "emptyDir": {}}
    container = {"name": "a", "image": "localhost/nginx:1.26", "resources": {"requests": {"cpu": "10m"}}}
    spec = {"containers": [container], "volumes": [claim], "nodeSelector": {"recovery-test/nowhere": "true"}}
    client.create(path_of("v1", "pods", namespace), {"metadata": {"name": "p"}, "spec": spec})
    plan = plan_reset(client, None, now=datetime.now(UTC))
    made = lab_cluster.identity()

    assert made is not None
    assert (made.cluster_id, "lab", True) == (plan.facts.cluster, plan.facts.platform, plan.means.executed)
    assert f"pod {namespace}/p, volume scratch: emptyDir, which ends with the pod" in plan.facts.losses
    assert "no snapshot is named: take one (`snapshot`), and give its path" in plan.refusals
    assert "" == plan.token


# The command line, which dies by SIGKILL right after its nth step on disk.
DYING = """
import itertools, os, signal, sys
from components.actions import __main__ as program
from components.actions.restore.journal import Journal
append, count, number = Journal._append, itertools.count(1), int(sys.argv.pop(1))

def dying(journal, lines):
    written = list(lines)
    append(journal, written)
    if written and next(count) == number:
        os.kill(os.getpid(), signal.SIGKILL)

Journal._append = dying
program.run()
"""


class Drill:
    """The command line against one cluster, run in a folder of its own."""

    def __init__(self, cluster: "Cluster", folder: Path) -> None:
        self._target = ["--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context]
        self._environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
        self.folder = folder
        (folder / "key").write_text(str(IDENTITY))

    def begin(self, *arguments: object, dying: int = 0) -> subprocess.Popen[str]:
        """Begin a command."""
        program = ["-c", DYING, str(dying)] if dying else ["-m", "components.actions"]
        command = [sys.executable, *program, *map(str, arguments), *self._target, "--json"]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self._environment, **pipes)

    def run(self, *arguments: object, code: int = 0) -> Any:
        """Run a command to its end; return its JSON, or its errors."""
        process = self.begin(*arguments)
        out, err = process.communicate(timeout=180)
        assert process.returncode == code, err + out
        return json.loads(out) if code < 2 else err


def killed_at_every_step(drill: Drill, own: "Cluster", journal: Path, *arguments: object) -> int:
    """Let a reset die after each of its steps, and once while its driver is at work; return how many there were."""
    steps: list[str] = []
    while not steps or '"recreated"' not in steps[-1]:
        # A driver whose start was noted and no more has not begun.
        noted = bool(steps) and '"process"' in steps[-1]
        process = drill.begin("reset", *arguments, dying=2 if noted else 1)
        out, err = process.communicate(timeout=240)
        assert -signal.SIGKILL == process.returncode, err + out
        steps = journal.read_text().splitlines()
        if '"process"' in steps[-1]:
            assert own.running()
            _cut_power(drill.begin("reset", *arguments), own, journal)
    return len({next(iter(json.loads(line).get("done") or json.loads(line))) for line in steps})


def _cut_power(process: subprocess.Popen[str], own: "Cluster", journal: Path) -> None:
    """Kill a reset and its driver, as soon as that has begun to delete the cluster."""
    World.eventually(lambda: not own.running())
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    pid = int(json.loads(journal.read_text().splitlines()[-1])["done"]["process"][0])
    os.killpg(pid, signal.SIGKILL)


@SLOW
def test_the_whole_drill(own: "Cluster", lab_cluster: "Cluster", tmp_path: Path) -> None:
    """Nothing but the right word resets it; killed in the middle it goes on; afterwards everything is there again."""
    drill, client = Drill(own, tmp_path), load_kubeconfig(str(own.kubeconfig)).client()
    world = World(client, "shop")
    world.make()
    world.eventually(lambda: not plan_reset(client, None, now=datetime.now(UTC)).facts.rollouts[1:])
    taken = drill.run("snapshot", "--to", tmp_path / "s", "-r", READERS.texts[0])
    system = path_of("v1", "namespaces", name="kube-system")
    old = client.get(system)["metadata"]["uid"]
    options = ["--snapshot", taken["snapshot"], "-i", tmp_path / "key", "--digest", taken["digest"]]
    accepted = ["--accept-losses", "--accept-rollouts"]

    # What stands against it.
    assert any("it lies on a node" in each for each in drill.run("plan-reset", *options, code=1)["losses"])
    client.patch(system, {"metadata": {"annotations": {"kubernetes-emerging/protected": "yes"}}})
    assert any("protected" in each for each in drill.run("plan-reset", *options, *accepted, code=1)["refusals"])
    client.patch(system, {"metadata": {"annotations": {"kubernetes-emerging/protected": None}}})
    plan = drill.run("plan-reset", *options, *accepted)
    assert (old, "") != (plan["cluster"], plan["token"])
    python = f"{sys.executable} -m lab.cluster reset --name {own.name} --expect $RESET_CLUSTER"
    given = [*options, *accepted, "--token", plan["token"], "--driver", python]
    other = Drill(lab_cluster, tmp_path)
    assert "for another cluster" in other.run("reset", *given, code=2)

    # A budget holds it back, and the node takes pods again.
    budget = {
        "metadata": {"name": "dns"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}},
    }
    budgets = path_of("policy/v1", "poddisruptionbudgets", "kube-system")
    client.create(budgets, budget)
    changed = ["--accept-changes", "--drain-timeout", "8"]
    world.eventually(lambda: client.get(f"{budgets}/dns")["status"].get("currentHealthy") == 1)
    assert "disruption budget" in drill.run("reset", *given, *changed, code=2)
    (node,) = client.list(path_of("v1", "nodes"))
    assert "unschedulable" not in node["spec"]
    client.delete(f"{budgets}/dns")

    # Killed at every step it goes on; the token is good once.
    assert 6 == killed_at_every_step(drill, own, tmp_path / f"reset-{taken['digest'][:12]}.journal", *given, *changed)
    told = drill.run("reset", *given, *changed)
    assert (old, own.identity().cluster_id) == (told["old"], told["new"])  # type: ignore[union-attr]
    assert old != told["new"]
    assert "was used already" in drill.run("reset", *given, *changed, code=2)

    # Everything is there again, and a new snapshot asks for the same.
    restored = drill.run("restore", *options[1:], "--from-cluster", old, "--on-conflict", "skip")
    assert restored["whole"]
    again = drill.run("snapshot", "--to", tmp_path / "t", "-r", READERS.texts[0])
    before, after = (bodies(verify(each["snapshot"], [IDENTITY])) for each in (taken, again))
    assert before == after
    assert len(before) > 200
