"""The command line without a cluster."""

import sys
from pathlib import Path

import pytest

from components.actions.__main__ import run
from components.actions.connection import Connection
from tests.unit.actions.doubles import double_client


@pytest.mark.parametrize("command", ["status", "finish", "resume", "undo"])
def test_a_missing_kubeconfig_is_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A foreseeable problem is a line with a remedy and exit code 2, not a traceback."""
    missing = str(tmp_path / "missing")
    monkeypatch.setattr(sys, "argv", ["components.actions", "resize", command, "--kubeconfig", missing, "web"])
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        f"error: kubeconfig file {missing} does not exist: give the path of an existing kubeconfig\n"
    )


@pytest.mark.parametrize("command", ["status", "finish", "resume", "undo"])
def test_a_missing_deployment_is_not_a_finished_one(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped name must not read as good news."""
    client, _ = double_client(lambda _method, _path, _body: (404, {"message": "not found"}))
    monkeypatch.setattr(Connection, "client", lambda _self: client)
    kubeconfig = (
        '{"clusters": [{"name": "c", "cluster": {"server": "https://c.invalid"}}], "current-context": "lab",'
        ' "contexts": [{"name": "lab", "context": {"cluster": "c"}}]}'
    )
    monkeypatch.setattr(sys, "argv", ["components.actions", "resize", command, "--kubeconfig", kubeconfig, "wbe"])
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error: Deployment default/wbe does not exist: check name, --namespace and --context\n"
