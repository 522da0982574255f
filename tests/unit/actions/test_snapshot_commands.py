"""`snapshot`, `verify`, `rekey` and `keygen` on the command line, without a cluster."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from components.actions.__main__ import run
from components.actions.client import Client
from components.actions.connection import Connection
from tests.unit.actions.test_snapshot import shop

KUBECONFIG = (
    '{"clusters": [{"name": "c", "cluster": {"server": "https://c.invalid"}}], "current-context": "lab",'
    ' "contexts": [{"name": "lab", "context": {"cluster": "c"}}]}'
)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs a command; it returns exit code, output and errors."""
    api = shop()
    monkeypatch.setattr(Connection, "client", lambda _self: Client(api))
    monkeypatch.setenv("KUBECONFIG", KUBECONFIG)

    def run_it(*arguments: object) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["components.actions", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return run_it


def test_from_a_key_to_a_verified_snapshot(call: Any, tmp_path: Path) -> None:
    """What the documentation shows: a key, a snapshot, its digest, a look with the identity, a new key."""
    code, recipient, _ = call("keygen", tmp_path / "key")
    assert 0 == code
    assert 0o600 == stat.S_IMODE((tmp_path / "key").stat().st_mode)
    code, out, _ = call("snapshot", "--to", tmp_path / "s", "-r", recipient.strip(), "--json")
    told = json.loads(out)
    assert (0, 10, 1, True) == (code, told["objects"], told["encrypted"], told["exact"])

    code, out, _ = call("verify", told["snapshot"], "--digest", told["digest"])
    assert (0, True) == (code, "1 encrypted objects were not opened: give --identity" in out)
    assert "Volume data is not included" in out
    code, out, _ = call("verify", told["snapshot"], "-i", tmp_path / "key", "--json")
    assert (0, 0) == (code, json.loads(out)["unread"])

    _, second, _ = call("keygen", tmp_path / "second")
    options = ["--to", tmp_path / "t", "-i", tmp_path / "key", "-r", second.strip(), "--json"]
    code, out, _ = call("rekey", told["snapshot"], *options)
    assert 0 == code
    assert 0 == call("verify", json.loads(out)["snapshot"], "-i", tmp_path / "second")[0]


def test_problems_are_lines(call: Any, tmp_path: Path) -> None:
    """Exit code 2, and what to do, for each."""
    (tmp_path / "key").touch()
    for arguments, words in (
        (("keygen", tmp_path / "key"), "give the path of a new file"),
        (("snapshot", "--to", tmp_path / "s"), "Secrets are encrypted always"),
        (("verify", tmp_path / "none.tar"), "does not exist"),
        (("rekey", tmp_path / "none.tar", "--to", tmp_path, "-i", tmp_path / "key"), "give --recipient"),
    ):
        code, out, err = call(*arguments)
        assert (2, "") == (code, out)
        assert words in err


def test_nothing_secret_is_printed(call: Any, tmp_path: Path) -> None:
    """An identity never, and no content of an object."""
    _, recipient, _ = call("keygen", tmp_path / "key")
    told = call("snapshot", "--to", tmp_path / "s", "-r", recipient.strip())
    (path,) = (tmp_path / "s").glob("*.tar")
    told += call("verify", path, "-i", tmp_path / "key")

    assert str(path) in told[1]
    assert not any(secret in str(told) for secret in ("AGE-SECRET", "made-up-password", "bWFkZS11cC1wYXNz"))
