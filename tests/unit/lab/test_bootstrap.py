"""Making `.venv`, and what is said where it cannot be made."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab import bootstrap


def test_old_python_without_another_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message names the least version and how to name another interpreter."""
    monkeypatch.setattr(bootstrap, "LEAST", (4, 0))
    monkeypatch.setattr("lab.bootstrap.shutil.which", lambda _name: None)

    with pytest.raises(SystemExit) as ended:
        bootstrap.main()

    assert 2 == ended.value.code
    assert "needs Python 4.0 or newer" in capsys.readouterr().err


def test_old_python_runs_itself_again_with_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where python3 is old but a newer one is on PATH, that one is taken."""
    ran: list[str] = []

    def run(path: str, _arguments: list[str]) -> None:
        ran.append(path)
        raise SystemExit

    monkeypatch.setattr("lab.bootstrap.sys.version_info", (3, 9, 2))
    monkeypatch.setattr("lab.bootstrap.shutil.which", lambda name: f"/bin/{name}" if name == "python3.12" else None)
    monkeypatch.setattr("lab.bootstrap.os.execv", run)

    with pytest.raises(SystemExit):
        bootstrap.main()

    assert ["/bin/python3.12"] == ran


def test_missing_venv_module_is_told_with_the_exact_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debian's python3 has no ensurepip: the package to install is named for this version."""
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr("lab.bootstrap.importlib.util.find_spec", lambda name: None if name == "ensurepip" else name)

    with pytest.raises(SystemExit) as ended:
        bootstrap.make_environment()

    assert 2 == ended.value.code
    assert f"apt-get install -y python3.{sys.version_info.minor}-venv" in capsys.readouterr().err


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "a broken interpreter", "a broken link"])
def test_interrupted_environment_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str) -> None:
    """Whatever a killed run left is replaced by a whole environment."""
    venv = tmp_path / ".venv"
    python = venv / "bin" / "python"
    if left != "nothing":
        python.parent.mkdir(parents=True)
    if left == "a broken interpreter":
        python.write_text("#!/bin/sh\nexit 1\n")
        python.chmod(0o755)
    if left == "a broken link":
        python.symlink_to(tmp_path / "gone")
    made: list[list[str]] = []
    run = subprocess.run

    def fake(command: list[str], **options: object) -> "subprocess.CompletedProcess[bytes]":
        if "venv" in command:
            made.append(command)
            python.unlink(missing_ok=True)
            python.parent.mkdir(parents=True, exist_ok=True)
            python.write_text("#!/bin/sh\nexit 0\n")
            python.chmod(0o755)
            return subprocess.CompletedProcess(command, 0)
        return run(command, **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(bootstrap, "VENV", venv)
    monkeypatch.setattr("lab.bootstrap.subprocess.run", fake)

    assert python == bootstrap.make_environment()
    assert [[sys.executable, "-m", "venv", "--clear", str(venv)]] == made


def test_whole_environment_is_kept() -> None:
    """The environment that runs this test needs no second making."""
    assert bootstrap.works(Path(sys.executable))
