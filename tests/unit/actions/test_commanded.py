"""The program behind the recovery components: what it does when it is run again, and what it tells."""

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from components.actions import commanded
from components.actions.client import Client
from components.actions.connection import Connection
from components.actions.reset.running import Target
from tests.unit.actions.api import KUBE_SYSTEM, ApiDouble, thing
from tests.unit.actions.test_reset import planned, quiet
from tests.unit.actions.test_snapshot import IDENTITY, READERS


class Program:
    """Runs it against a double of the API server, each time with the last receipt, as pulumi-command does."""

    def __init__(self, api: ApiDouble, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.receipt = ""
        self.said = ""
        self.api = api
        self._patch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr(Connection, "client", lambda _self, **_options: Client(api))

    def run(self, word: str, **request: Any) -> Any:
        """Run it; return its receipt, or None where it failed."""
        self._patch.setenv("RECOVERY_REQUEST", json.dumps(request))
        self._patch.setenv("PULUMI_COMMAND_STDOUT", self.receipt)
        self._patch.setattr(sys, "stdin", io.StringIO(json.dumps({"kubeconfig": "made-up", "context": "lab"})))
        self._patch.setattr(sys, "argv", ["commanded", word])
        self.api.requests.clear()
        failed = False
        try:
            commanded.run()
        except SystemExit:
            failed = True
        told = self._capsys.readouterr()
        self.said = told.err
        if failed:
            assert "" == told.out
            return None
        self.receipt = told.out.strip()
        return json.loads(self.receipt)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> Program:
    """Give a program in a folder of its own, for a quiet cluster."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(str(IDENTITY))
    return Program(quiet(), monkeypatch, capsys)


def test_a_snapshot_is_taken_once_for_a_request(program: Program, tmp_path: Path) -> None:
    """Run again for another reason than the request, it tells the same receipt; a trigger takes another one."""
    asked: dict[str, Any] = {"to": "s", "recipients": list(READERS.texts), "triggers": ["1"]}
    first, again = program.run("snapshot", **asked), program.run("snapshot", **asked)
    other = program.run("snapshot", **asked | {"triggers": ["2"]})
    files = sorted(str(each.relative_to(tmp_path)) for each in (tmp_path / "s").glob("*.tar"))

    assert first == again != other
    assert sorted([first["snapshot"], other["snapshot"]]) == files
    assert (KUBE_SYSTEM, True, 1) == (first["cluster"], first["exact"], first["encrypted"])
    assert "Volume data is not included\n" == program.said
    assert len(program.receipt) < 1000


def test_a_restore_is_done_once_for_a_request(program: Program) -> None:
    """Run again it does not even ask the cluster; a trigger restores once more."""
    taken = program.run("snapshot", to="s", recipients=list(READERS.texts))
    asked: dict[str, Any] = {"snapshot": taken["snapshot"], "identities": ["key"], "patience_seconds": 0}
    first = program.run("restore", **asked)
    assert program.api.requests
    assert first == program.run("restore", **asked)
    assert not program.api.requests
    other = program.run("restore", **asked, triggers=["2"])

    assert program.api.requests
    assert (0, 0, 0, 0) == tuple(first[each] for each in ("created", "updated", "kept", "besides"))
    assert first["same"] > 3
    assert first | {"request": ""} == other | {"request": ""}


def test_what_was_not_restored_fails_it(program: Program) -> None:
    """With the names and the first lines of the reasons; no receipt, so that the next run goes on."""
    taken = program.run("snapshot", to="s", recipients=list(READERS.texts))
    program.api.stores["v1/configmaps"] = [thing("ConfigMap", "c", data={"other": "made-up-value"})]
    told = program.run("restore", snapshot=taken["snapshot"], identities=["key"])

    assert told is None
    assert "error: these objects are there and differ; nothing was written:\n  configmaps shop/c: data" in program.said
    assert "made-up-value" not in program.said


def test_many_reasons_are_cut(program: Program) -> None:
    """An error that lies in a terminal and a log is no list of ten thousand objects."""
    program.api.stores["v1/configmaps"] = [thing("ConfigMap", f"c{number}", data={"a": "1"}) for number in range(100)]
    taken = program.run("snapshot", to="s", recipients=list(READERS.texts))
    for each in program.api.stores["v1/configmaps"]:
        each["data"] = {"a": "2"}
    program.run("restore", snapshot=taken["snapshot"], identities=["key"])

    assert 31 == len(program.said.splitlines())
    assert "more\n" in program.said[-20:]


MAKE = "import sys; from pathlib import Path; Path('ran').open('a').write('x'); Path('made').write_text('new')"


def test_a_reset_is_done_once_for_a_token(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither other arguments nor a lost receipt run the driver again, nor does a stack that knows nothing of it."""
    taken = program.run("snapshot", to="s", recipients=list(READERS.texts))
    opened = commanded.opened({"snapshot": taken["snapshot"], "identities": ["key"]})
    made = tmp_path / "made"
    monkeypatch.setattr(Target, "client", lambda _self: Client(program.api))
    monkeypatch.setattr(Target, "identity", lambda _self: made.read_text() if made.exists() else KUBE_SYSTEM)
    asked: dict[str, Any] = {
        "kubeconfig": "k",
        "context": "lab",
        "snapshot": taken["snapshot"],
        "identities": ["key"],
        "token": planned(program.api, opened).token,
        "driver": [sys.executable, "-c", MAKE],
        "drain_timeout_seconds": 0,
        "patience_seconds": 20,
    }
    told = program.run("reset", **asked)
    program.api.stores["v1/namespaces"][0]["metadata"]["uid"] = "new"
    again = program.run("reset", **asked | {"patience_seconds": 30})
    program.receipt = ""
    noted = program.run("reset", **asked)
    program.receipt = ""
    (done,) = tmp_path.glob("reset-*.journal.done")
    done.rename(tmp_path / "elsewhere")
    lost = program.run("reset", **asked)

    assert (KUBE_SYSTEM, "new") == (told["old"], told["new"])
    assert told == again == noted
    assert lost is None
    assert (
        "the cluster was not touched:\n  the token is for another cluster or another snapshot, or was" in program.said
    )
    assert "x" == (tmp_path / "ran").read_text()
    assert datetime.now(UTC) > datetime.fromisoformat(taken["started"])
