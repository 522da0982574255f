"""The driver for kind clusters, against a double of kind that knows no other arguments than these."""

import sys
from pathlib import Path
from typing import Any

import pytest

from components.actions.reset import kind

# Plays kind: it keeps its clusters in a file, and refuses every command that is not written exactly like this.
DOUBLE = """#!{python}
import sys
from pathlib import Path
folder = Path({folder!r})
clusters, log, words = folder / "clusters", folder / "log", sys.argv[1:]
there = clusters.read_text().split()
log.open("a").write(" ".join(words) + "\\n")
target = ["--name", "mine", "--kubeconfig", str(folder / "kubeconfig")]
if words == ["get", "clusters"]:
    print("\\n".join(there))
elif words == ["get", "kubeconfig", "--name", "mine"]:
    print("kubeconfig of mine")
elif words == ["delete", "cluster", *target]:
    clusters.write_text(" ".join(set(there) - {{"mine"}}))
elif words in (["create", "cluster", *target, "--config", str(folder / "kind.yaml")], ["create", "cluster", *target]):
    assert "mine" not in there
    clusters.write_text(" ".join([*there, "mine"]))
else:
    sys.exit(f"unknown: {{words}}")
"""


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that runs the driver; it returns the exit code and the commands that kind was given."""
    program = tmp_path / "kind"
    program.write_text(DOUBLE.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(0o755)
    (tmp_path / "clusters").write_text("other mine")
    (tmp_path / "kind.yaml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("RESET_CLUSTER", "uid")
    monkeypatch.setattr(kind, "load_kubeconfig", lambda content: content)
    monkeypatch.setattr(kind, "cluster_id_of", lambda content: {"kubeconfig of mine\n": "uid"}[content])

    def run(*words: str) -> tuple[Any, list[str]]:
        monkeypatch.setattr(sys, "argv", ["kind", *words])
        with pytest.raises(SystemExit) as ended:
            kind.run()
        log = tmp_path / "log"
        return ended.value.code, [line.split(" --")[0] for line in log.read_text().splitlines()] if log.exists() else []

    return run


def test_it_is_deleted_and_made_anew(scene: Any, tmp_path: Path) -> None:
    """By its name and its kubeconfig, from its file; other clusters stay."""
    code, commands = scene("--name", "mine", "--config", str(tmp_path / "kind.yaml"))

    assert (0, ["get clusters", "get kubeconfig", "delete cluster", "create cluster"]) == (code, commands)
    assert "other mine" == (tmp_path / "clusters").read_text()


def test_what_was_deleted_by_a_run_that_was_killed_is_made(scene: Any, tmp_path: Path) -> None:
    """Run again, it goes on."""
    (tmp_path / "clusters").write_text("other")

    assert (0, ["get clusters", "create cluster"]) == scene("--name", "mine")


def test_another_cluster_of_that_name_is_left_alone(
    scene: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be deleted by kind itself without a word."""
    monkeypatch.setenv("RESET_CLUSTER", "meant")

    assert (1, ["get clusters", "get kubeconfig"]) == scene("--name", "mine")
    assert "error: the kind cluster mine is uid, and not meant: nothing was deleted\n" == capsys.readouterr().err


def test_problems_are_lines(
    scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is deleted: a missing file, a missing kind, and whatever kind itself refuses."""
    assert (1, []) == scene("--name", "mine", "--config", str(tmp_path / "missing"))
    assert "missing does not exist: give the file" in capsys.readouterr().err
    monkeypatch.setenv("KUBECONFIG", "another")
    assert 1 == scene("--name", "mine")[0]
    assert "`kind delete cluster` ended with 1" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert 1 == scene("--name", "mine")[0]
    assert "kind is not on PATH" in capsys.readouterr().err
