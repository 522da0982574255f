"""`python -m lab.simulated`: its commands are about simulated clusters, and never about nodes of the same names."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.cluster import Cluster
from lab.cluster.instance import Instance as NodeInstance
from lab.simulated import SimulatedCluster, __main__
from lab.simulated.instance import Instance

started: list[tuple[object, ...]] = []


@pytest.fixture(autouse=True)
def doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start and build nothing; note what would be. There is a node called `mine`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    started.clear()
    for kind in (Cluster, SimulatedCluster):
        monkeypatch.setattr(kind, "start", lambda self, _: started.append((type(self), self.name, self.minor)))
    monkeypatch.setattr(__main__, "build_all", lambda _, minor: started.append(("build", minor)))
    NodeInstance("mine").claim_minor("1.37")


def call(*words: str) -> str:
    """Run the command line; return what it prints."""
    done = CliRunner().invoke(__main__.app, list(words), catch_exceptions=False)
    assert 0 == done.exit_code, done.output
    return done.output


def test_a_node_s_minor_is_not_taken_over() -> None:
    """A new simulated cluster is of the default Kubernetes minor, whatever the node of its name is of."""
    call("up", "--name", "mine")
    call("build", "--minor", "1.37")
    assert [(SimulatedCluster, "mine", "1.33"), ("build", "1.37")] == started
    assert "mine: absent\n" == call("status", "--name", "mine")


def test_an_existing_cluster_keeps_its_minor_and_only_it_is_removed() -> None:
    """It comes back with its own; `down` leaves the node alone."""
    Instance("mine").claim_minor("1.37")
    call("up", "--name", "mine")
    assert [(SimulatedCluster, "mine", "1.37")] == started
    assert "mine: absent, Kubernetes 1.37\n" == call("status", "--name", "mine")
    call("down", "--name", "mine")
    assert not Instance("mine").folder.exists()
    assert "1.37" == NodeInstance("mine").minor()
