"""The Makefile: its list, and what reaches the launcher through it."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lab.paths import project_root

ECHO = '#!/bin/sh\nfor argument in "$@"; do printf "<%s>" "$argument"; done; echo\nexit ${CODE:-0}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project whose Python prints its arguments, with nothing to install."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    shutil.copy(project_root() / "Makefile", tmp_path)
    for name in ("requirements.txt", "requirements-dev.txt", "lab/bootstrap.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(ECHO)
    python.chmod(0o755)
    later = time.time() + 60
    for stamp in (".stamp", ".stamp-dev"):
        (tmp_path / ".venv" / stamp).touch()
        subprocess.run(["touch", "-d", f"@{later}", str(tmp_path / ".venv" / stamp)], check=True)
    return tmp_path


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run make there."""
    return subprocess.run(["make", "-C", str(folder), "-s", *arguments], capture_output=True, text=True, check=False)


def test_help_is_the_default_and_lists_every_command(folder: Path) -> None:
    """All that a user types is in the list."""
    listed = {line.split()[1] for line in make(folder).stdout.splitlines()}
    wanted = {"up", "test", "check", "preview", "status", "down", "set", "kubeconfig", "outputs", "bench", "test-all"}
    wanted |= {"preflight", "diagnose", "test-clouds", "refresh", "logs", "env", "clean"}

    assert wanted | {"help"} == listed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["up"], "<-m><lab><up><--stack><dev>"),
        (["up", "STACK=blue"], "<-m><lab><up><--stack><blue>"),
        (["down", "STACK=blue"], "<-m><lab><down><--stack><blue>"),
        (["down", "STACK=blue", "YES=1"], "<-m><lab><down><--stack><blue><--yes>"),
        (["down", "YES=0"], "<-m><lab><down><--stack><dev>"),
        (["set", "KEY=k", "VALUE=200m"], "<-m><lab><set><--stack><dev><--><k><200m>"),
        (["set", "KEY=k", "VALUE="], "<-m><lab><set><--stack><dev><--><k><>"),
        (["set", "KEY=k"], "<-m><lab><set><--stack><dev><--><k>"),
        (["set", "KEY=k", 'VALUE=it\'s; "a" b'], '<-m><lab><set><--stack><dev><--><k><it\'s; "a" b>'),
        (["kubeconfig"], "<-m><lab><kubeconfig><--stack><dev>"),
        (["refresh"], "<-m><lab><refresh><--stack><dev>"),
        (["logs"], "<-m><lab><logs><--stack><dev>"),
        (["logs", "FOLLOW=1", "STACK=blue"], "<-m><lab><logs><--stack><blue><--follow>"),
        (["diagnose", "STACK=blue"], "<-m><program><diagnose><--stack><blue>"),
        (["diagnose", "JSON=1"], "<-m><program><diagnose><--stack><dev><--json>"),
        (["env"], "<-m><lab><env><--stack><dev>"),
        (["clean"], "<-m><lab><clean>"),
        (["clean", "CACHE=1"], "<-m><lab><clean><--cache>"),
    ],
)
def test_arguments_reach_the_launcher_whole(folder: Path, arguments: list[str], expected: str) -> None:
    """Quotes, spaces and empty values come through; standard output is the launcher's alone."""
    assert expected + "\n" == make(folder, *arguments).stdout


def test_failure_of_the_launcher_fails_make(folder: Path) -> None:
    """`make` ends with its own 2 whatever the launcher's code is, and names that code."""
    ended = subprocess.run(
        ["make", "-C", str(folder), "up"],
        env={"CODE": "130", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 2 == ended.returncode
    assert "Error 130" in ended.stderr


def test_clean_removes_the_environment_only_where_no_stack_is_up(folder: Path) -> None:
    """The launcher is asked first; when it refuses, everything stays."""
    refused = subprocess.run(
        ["make", "-C", str(folder), "-s", "clean"],
        env={"PATH": "/usr/bin:/bin", "CODE": "2"},
        capture_output=True,
        check=False,
    )
    assert 2 == refused.returncode
    assert (folder / ".venv").exists()
    assert 0 == make(folder, "clean").returncode
    assert not (folder / ".venv").exists()
    assert 0 == make(folder, "clean").returncode


def test_environment_whose_python_is_gone_is_made_again(folder: Path) -> None:
    """A Python upgrade takes the interpreter away: the stamp alone is not believed."""
    (folder / ".venv/bin/python").unlink()
    (folder / "lab/bootstrap.py").write_text("raise SystemExit('made again')\n")

    assert "made again" in make(folder, "status").stderr
