"""The state on disk."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from lab.engine import runner
from lab.engine.errors import EngineError
from lab.engine.lock import Lock, born
from lab.engine.program import end_orphan
from lab.engine.state import State
from lab.engine.values import Object, secret

URN = "urn:pulumi:dev::p::kubernetes:core/v1:ConfigMap::a"


def resource(**more: object) -> Object:
    """Make a small resource."""
    return {"urn": URN, "custom": True, "type": "kubernetes:core/v1:ConfigMap", **more}


def test_resources_come_back(tmp_path: Path) -> None:
    """What was put is there in the next run, secrets included."""
    state = State(tmp_path)
    row = state.put(resource(inputs={"data": secret({"word": "hush"})}))
    state.close()
    assert {row: resource(inputs={"data": secret({"word": "hush"})})} == State(tmp_path, readonly=True).resources


def test_secrets_are_not_in_clear(tmp_path: Path) -> None:
    """No byte of a secret is in any file of the folder, and nobody else may read the files."""
    state = State(tmp_path)
    state.put(resource(inputs={"a": {"b": secret("hush-hush"), "c": "open"}}))
    state.begin("creating", resource(inputs=secret("hush-hush")))
    found = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    state.close()
    assert b"hush-hush" not in found
    assert b"open" in found
    assert {0o600} == {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}


def test_unfinished_operations_stay(tmp_path: Path) -> None:
    """An operation that was begun and never finished is found by the next run; a finished one is not."""
    state = State(tmp_path)
    state.begin("creating", resource())
    done = state.begin("updating", resource())
    state.finish(done, [(None, resource(id="x"))])
    state.close()
    again = State(tmp_path, readonly=True)
    assert ["creating"] == [operation.type for operation in again.operations.values()]
    assert ["x"] == [found["id"] for found in again.resources.values()]


def test_a_kill_right_after_a_write_loses_nothing(tmp_path: Path) -> None:
    """What a write left in the files when it returned, which is what a kill leaves, has that write."""
    state = State(tmp_path / "state")
    state.begin("creating", resource())
    shutil.copytree(tmp_path / "state", tmp_path / "killed")
    state.close()
    assert ["creating"] == [found.type for found in State(tmp_path / "killed", readonly=True).operations.values()]


def test_what_is_deleted_stays_deleted(tmp_path: Path) -> None:
    """A step that was at work on a row while another deleted it cannot bring the row back."""
    state = State(tmp_path)
    row = state.put(resource())
    state.finish(None, drop=[row])
    with pytest.raises(EngineError, match="was deleted while a step was at work on it"):
        state.put(resource(), row)
    state.close()
    assert {} == State(tmp_path, readonly=True).resources


def test_live_is_not_the_copy_that_waits_for_deletion(tmp_path: Path) -> None:
    """A replaced copy with the same URN does not stand for the resource."""
    state = State(tmp_path)
    state.put(resource(delete=True))
    row = state.put(resource(id="new"))
    found = state.live(URN)
    state.close()
    assert (row, resource(id="new")) == found


def test_a_lost_key_is_said(tmp_path: Path) -> None:
    """A state without its key is an error that names the key."""
    State(tmp_path).close()
    (tmp_path / "state.key").unlink()
    with pytest.raises(EngineError, match=r"state\.key is missing"):
        State(tmp_path)


@pytest.mark.parametrize("broken", ["", "short"])
def test_a_state_killed_at_its_birth_is_an_empty_one(tmp_path: Path, broken: str) -> None:
    """A key cut short beside a database without content is made again; with content, it is an error."""
    (tmp_path / "state.key").write_text(broken)
    (tmp_path / "state.db").touch()
    assert {} == State(tmp_path, readonly=True).resources
    assert (broken, b"") == ((tmp_path / "state.key").read_text(), (tmp_path / "state.db").read_bytes())

    state = State(tmp_path)
    state.put(resource())
    state.close()
    (tmp_path / "state.key").write_text(broken)
    with pytest.raises(EngineError, match=r"state\.key is missing or damaged.*put it back from a copy"):
        State(tmp_path)


def test_a_write_that_fails_is_an_error(tmp_path: Path) -> None:
    """A step learns that its record could not be written, as on a full disk."""
    state = State(tmp_path)
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("DROP TABLE resources")
    other.close()
    with pytest.raises(EngineError, match="the state cannot be written"):
        state.put(resource())
    state.close()


def test_one_run_at_a_time(tmp_path: Path) -> None:
    """A second run is refused, and told who holds the stack."""
    with (
        Lock(tmp_path, "up"),
        pytest.raises(EngineError, match=r"process \d+, up since .*Ctrl-C"),
        Lock(tmp_path, "up"),
    ):
        pass
    with Lock(tmp_path, "up"):
        pass  # free again


def orphan(folder: Path, *command: str) -> "subprocess.Popen[bytes]":
    """Leave the lock with a process of its own that lives on, as a run does that was killed."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    with Lock(folder, "up") as lock:
        left = subprocess.Popen(command, pass_fds=[lock.descriptor], process_group=0)
    (folder / "lock").write_text(json.dumps({"pid": dead.pid, "action": "up", "since": "now", "program": left.pid}))
    return left


def test_an_orphan_holds_off_the_next_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While the program of a killed run lives on, the next run waits for it, and says so."""
    left = orphan(tmp_path, "sleep", "0.3")
    began = time.monotonic()
    with Lock(tmp_path, "up"):
        assert time.monotonic() - began > 0.1
    left.wait()
    told = capsys.readouterr().err
    assert 1 == told.count("waiting up to 30 s")
    assert f"(process {left.pid})" in told


def test_an_orphan_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the wait the program goes, which the lock names and which has it open."""
    monkeypatch.setattr("lab.engine.lock._ORPHAN_SECONDS", 0.1)
    left = orphan(tmp_path, "sh", "-c", "sleep 60; true", str(Path(runner.__file__)))
    with Lock(tmp_path, "up"):
        assert -signal.SIGKILL == left.wait()


def test_a_stranger_is_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is not the program is left alone, and named."""
    monkeypatch.setattr("lab.engine.lock._ORPHAN_SECONDS", 0.1)
    left = orphan(tmp_path, "sleep", "60")
    refusal = pytest.raises(EngineError, match=rf"\(process {left.pid}\) still holds .*wait for it or end it")
    with refusal, Lock(tmp_path, "up"):
        pass
    assert left.poll() is None
    left.kill()
    left.wait()
    unrelated = subprocess.Popen(["sh", "-c", "sleep 60; true", str(Path(runner.__file__))], process_group=0)
    assert not end_orphan(unrelated.pid, tmp_path / "lock")  # the program's name, but without the lock
    os.killpg(unrelated.pid, signal.SIGKILL)
    unrelated.wait()


def test_a_renamed_resource_is_followed(tmp_path: Path) -> None:
    """What refers to it refers to its new URN, on disk, too; what this run has at work is left to itself."""
    state = State(tmp_path)
    row = state.put(resource())
    user = state.put({**resource(parent=URN, dependencies=[URN]), "urn": "user"})
    busy = state.put({**resource(dependencies=[URN]), "urn": "busy"})
    state.rename(row, "new", "other", {"busy"})
    expected = {
        row: {**resource(), "urn": "new", "type": "other"},
        user: {**resource(parent="new", dependencies=["new"]), "urn": "user"},
        busy: {**resource(dependencies=[URN]), "urn": "busy"},
    }
    assert (expected, None) == (state.resources, state.live(URN))
    state.close()
    assert expected == State(tmp_path, readonly=True).resources


def test_a_preview_renames_on_paper(tmp_path: Path) -> None:
    """The file stays as it is."""
    state = State(tmp_path)
    row = state.put(resource())
    state.close()
    preview = State(tmp_path, readonly=True)
    preview.rename(row, "new", "other", ())
    assert preview.live("new")
    assert State(tmp_path, readonly=True).live(URN)


def test_an_operation_that_could_not_be_written_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that could not record its intent has not begun, and the error says what happens next."""
    state = State(tmp_path)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("lab.engine.state._write_batch", full)
    with pytest.raises(EngineError, match=r"disk is full; nothing more is begun, and the next run looks up what was"):
        state.begin("creating", resource())
    assert {} == state.operations
    monkeypatch.undo()
    state.put(resource())
    state.close()
    assert 1 == len(State(tmp_path, readonly=True).resources)


def test_a_folder_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that cannot be written is said as what it is, and so is a lock."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lab.engine.sealing.write_atomically", full)
    with pytest.raises(EngineError, match="cannot be kept here: No space left on device"):
        State(tmp_path)
    monkeypatch.setattr("lab.engine.lock.os.pwrite", full)
    with pytest.raises(EngineError, match="lock cannot be written: No space left on device"), Lock(tmp_path, "up"):
        pass


def test_a_command_holds_off_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that a killed run left at work is waited for; one that does not end is named; one that ended is not."""
    with subprocess.Popen(["sleep", "0.2"]) as brief:
        left(tmp_path, brief.pid)
        with Lock(tmp_path, "up"):
            assert not born(str(brief.pid))
        assert f"a command of an interrupted run (process {brief.pid})" in capsys.readouterr().err
    monkeypatch.setattr("lab.engine.lock._ORPHAN_SECONDS", 0.05)
    with subprocess.Popen(["sleep", "30"]) as long:
        left(tmp_path, long.pid)
        with pytest.raises(EngineError, match=rf"kill -- -{long.pid}"), Lock(tmp_path, "up"):
            pass
        with Lock(tmp_path / "other", "up") as lock:
            lock.begun(long.pid)
            lock.ended(long.pid)
        with Lock(tmp_path / "other", "up"):
            pass
        long.kill()


def left(folder: Path, pid: int) -> None:
    """Leave a lock file as a run does that was killed while this command was at work."""
    with Lock(folder, "up") as lock:
        lock.begun(pid)


def test_another_process_of_the_same_number_is_not_waited_for(tmp_path: Path) -> None:
    """Numbers come again: the time of birth tells."""
    Lock(tmp_path, "up")
    (tmp_path / "lock").write_text(json.dumps({"pid": 1, "commands": {str(os.getpid()): "1"}}) + "\ngarbage")
    with Lock(tmp_path, "up"):
        pass
