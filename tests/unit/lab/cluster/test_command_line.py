"""`python -m lab.cluster`: which Kubernetes each command is about."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.cluster import MINORS, Cluster, __main__
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
