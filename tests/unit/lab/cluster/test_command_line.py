"""`python -m lab.cluster`: which Kubernetes each command is about."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.cluster import MINORS, Cluster, __main__
from lab.cluster.identity import Identity
from lab.cluster.instance import Instance

started: list[tuple[str, str]] = []


@pytest.fixture(autouse=True)
def doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start and build nothing; note what would be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    started.clear()
    monkeypatch.setattr(Cluster, "start", lambda self, _: started.append((self.name, self.minor)))
    monkeypatch.setattr(__main__, "build_all", lambda _, minor: started.append(("build", minor)))


def call(*words: str) -> str:
    """Run the command line; return what it prints."""
    done = CliRunner().invoke(__main__.app, list(words), catch_exceptions=False)
    assert 0 == done.exit_code, done.output
    return done.output


def test_a_new_cluster_and_a_build_are_of_the_default_minor() -> None:
    """Another one is built only where it is asked for."""
    call("up", "--name", "one")
    call("build")
    call("up", "--name", "two", "--minor", "1.37")
    call("build", "--minor", "1.37")
    assert [("one", "1.33"), ("build", "1.33"), ("two", "1.37"), ("build", "1.37")] == started


def test_an_existing_cluster_comes_back_with_its_own_minor() -> None:
    """Nobody has to remember it, and `status` tells it."""
    Instance("mine").claim_minor("1.37")
    call("up", "--name", "mine")
    assert [("mine", "1.37")] == started
    assert "mine: absent, Kubernetes 1.37\n" == call("status", "--name", "mine")
    assert "other: absent\n" == call("status", "--name", "other")


def test_a_minor_that_is_not_built_is_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback; the message lists those there are, as the help does."""
    monkeypatch.setattr("sys.argv", ["lab.cluster", "up", "--minor", "1.36"])
    with pytest.raises(SystemExit) as caught:
        __main__.main()
    assert 1 == caught.value.code
    assert "error: Kubernetes '1.36'" in capsys.readouterr().err
    assert [] == started
    assert " or ".join(MINORS) in call("--help")


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let `mine` be the cluster that the list names, none where it is empty; deleting it empties the list."""
    there = ["old"]

    def delete(cluster: Cluster, _progress: object) -> None:
        started.append(("delete", cluster.name))
        there.clear()

    monkeypatch.setattr(Cluster, "identity", lambda _: Identity(there[0], "https://a", "", "mine") if there else None)
    monkeypatch.setattr(Cluster, "delete", delete)
    return there


def test_a_reset_is_of_the_cluster_that_is_meant(mine: list[str]) -> None:
    """It is deleted and made anew, of its own minor; another one is left alone."""
    Instance("mine").claim_minor("1.37")
    done = CliRunner().invoke(__main__.app, ["reset", "--name", "mine", "--expect", "other"])
    assert "mine is the cluster old, and not other: nothing was done" in str(done.exception)
    assert ([], ["old"]) == (started, mine)
    call("reset", "--name", "mine", "--expect", "old")

    assert [("delete", "mine"), ("mine", "1.37")] == started


def test_a_reset_that_was_cut_short_goes_on(mine: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster that it was making is not taken for a stranger, and not deleted; later it is one."""
    start = Cluster.start

    def cut_short(*_: object) -> None:
        mine.append("new")
        raise KeyError

    monkeypatch.setattr(Cluster, "start", cut_short)
    with pytest.raises(KeyError):
        call("reset", "--name", "mine", "--expect", "old")
    monkeypatch.setattr(Cluster, "start", start)
    call("reset", "--name", "mine", "--expect", "old")
    assert [("delete", "mine"), ("mine", "1.33")] == started
    done = CliRunner().invoke(__main__.app, ["reset", "--name", "mine", "--expect", "old"])

    assert "mine is the cluster new, and not old" in str(done.exception)
