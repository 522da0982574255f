"""The whole of the lab without root: a user's commands, as a user who may do nothing; every output says "simulated"."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.simulated import SimulatedCluster
from tests.api.simulated.nobody import ROOT, Nobody, give

_LEFT_OUT = (".git", ".venv", ".lab", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")


@pytest.fixture
def nobody(elsewhere: Path, simulated: SimulatedCluster) -> Nobody:
    """Give a copy of the project to the user, whose stack asks for simulated nodes."""
    root = elsewhere / "project"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (root / "Pulumi.dev.yaml").write_text(
        "config:\n  kubernetes-emerging:cluster: simulated\n"
        f'  kubernetes-emerging:kubernetesVersion: "{simulated.minor}"\n'
    )
    give(root)
    return Nobody(elsewhere, root)


def test_half_an_hour_without_root(nobody: Nobody, elsewhere: Path, remains: Callable[[Path], list[str]]) -> None:
    """Up, a resize, the looks, and down: each works or says why not, and nothing is left."""

    def lab(*words: str, expected: int = 0) -> str:
        done = nobody.python("-m", "lab", *words)
        assert expected == done.returncode, done.stdout + done.stderr
        return done.stdout + done.stderr

    said = lab("up")
    assert "Nodes and pods of this cluster are simulated" in said
    assert "2/2 ready" in said
    assert "left out: " in json.loads(nobody.python("-m", "lab", "outputs").stdout)["wasm"]
    lab("set", "--", "inplaceCpu", "200m")
    assert "in place (simulated: these pods run nothing)" in lab("preview")
    assert "resized in place (simulated: these pods run nothing): no rollout" in lab("up")
    assert "simulated" in lab("status")
    assert "There are no logs" in lab("logs", expected=2)
    assert "No changes" in lab("up")
    lab("down")
    assert [] == remains(elsewhere)
    assert not (nobody.root / ".lab").exists()
    assert [] == list((elsewhere / "home").iterdir())
