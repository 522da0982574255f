"""The stack's configuration."""

from pathlib import Path

import pytest

from lab.engine.config import read_project
from lab.engine.errors import EngineError


def project(folder: Path, stack: str = "") -> Path:
    """Write a project with typed defaults, and a stack file."""
    (folder / "Pulumi.yaml").write_text(
        "name: demo\nruntime: python\nconfig:\n  replicas: {type: integer, default: 2}\n"
        "  word: {type: string, default: hush, secret: true}\n  flag: {type: boolean}\n  aws:region: {value: here}\n"
    )
    if stack:
        (folder / "Pulumi.dev.yaml").write_text(stack)
    return folder


def test_defaults_and_stack_values(tmp_path: Path) -> None:
    """The stack's file stands over the project's defaults; numbers, booleans and lists become text."""
    found = read_project(project(tmp_path, "config:\n  demo:replicas: 3\n  flag: true\n  demo:list: [1, a]\n"), "dev")
    assert {
        "demo:replicas": "3",
        "demo:word": "hush",
        "demo:flag": "true",
        "demo:list": '[1, "a"]',
        "aws:region": "here",
    } == found.config
    assert ["demo:word"] == found.secret_keys


def test_given_config_replaces_the_file(tmp_path: Path) -> None:
    """Config that is given stands in the place of the stack's file."""
    found = read_project(project(tmp_path, "config:\n  demo:replicas: 3\n"), "dev", {"flag": "x"})
    assert ("2", "x") == (found.config["demo:replicas"], found.config["demo:flag"])


def test_encrypted_values_are_refused(tmp_path: Path) -> None:
    """A value that only the official CLI can decrypt is named."""
    with pytest.raises(EngineError, match="the encrypted config value demo:token"):
        read_project(project(tmp_path, "config:\n  demo:token: {secure: abc}\n"), "dev")


def test_no_project(tmp_path: Path) -> None:
    """A folder without a project is said to be one."""
    with pytest.raises(EngineError, match="there is no Pulumi project here"):
        read_project(tmp_path, "dev")
