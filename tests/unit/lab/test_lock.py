"""One command at a time on a stack."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import benchmarks.__main__ as benchmarks
from lab.errors import RefusedError
from lab.files import is_locked
from lab.lock import holder, lock_file, locked
from lab.paths import cache_root

HOLD = """
import sys, time
from pathlib import Path
from lab.lock import locked
with locked(Path(sys.argv[1]), "make up"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_lock_is_free_again_and_leaves_nothing(tmp_path: Path) -> None:
    """After the command neither holder nor file is left."""
    stack = tmp_path / "dev"
    with locked(stack, "make up"):
        inside = holder(stack)

    assert inside is not None
    assert ("make up", os.getpid()) == (inside.command, inside.pid)
    assert None is holder(stack)
    assert not lock_file(stack).exists()


def test_lock_is_given_back_when_the_command_fails(tmp_path: Path) -> None:
    """An error inside gives the lock back."""
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "dev", "make up"):
        raise KeyboardInterrupt

    assert None is holder(tmp_path / "dev")


def test_a_question_does_not_make_a_command_be_refused(tmp_path: Path) -> None:
    """`watch make status` beside `make up`: asking holds the lock for a moment, and the command outlasts it."""
    lock_file(tmp_path / "dev").touch()
    question = os.open(lock_file(tmp_path / "dev"), os.O_RDONLY)
    fcntl.flock(question, fcntl.LOCK_SH)
    threading.Timer(0.05, os.close, [question]).start()

    with locked(tmp_path / "dev", "make up"):
        assert "make up" == getattr(holder(tmp_path / "dev"), "command", None)


def test_two_benchmarks_do_not_share_their_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run waits for the first, or it would delete the cluster that the first measures."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    held: list[bool] = []

    class Recorded:
        """A cluster that keeps whether the lock was held when it was touched."""

        kubeconfig = kubectl = Path("some")

        def __init__(self, name: str) -> None:
            """Take the name."""

        def delete(self) -> None:
            """Keep it."""
            held.append(is_locked(cache_root() / "bench.lock"))

        def start(self, _: object) -> None:
            """Keep it."""
            self.delete()

    monkeypatch.setattr(benchmarks, "Cluster", Recorded)
    monkeypatch.setattr(benchmarks, "check_host", list)
    monkeypatch.setattr("benchmarks.startup.main", lambda: 0)
    for program in ("_ENGINE", "_RECOVERY", "_RESIZE", "_WASM"):
        monkeypatch.setattr(benchmarks, program, Path(os.devnull))

    assert 0 == benchmarks.main()
    assert [True, True, True] == held
    assert not is_locked(cache_root() / "bench.lock")


def test_stacks_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Each stack has its own lock."""
    with locked(tmp_path / "dev", "make up"), locked(tmp_path / "blue", "make down"):
        assert "make down" == getattr(holder(tmp_path / "blue"), "command", None)


def test_other_process_is_refused_and_told_who_holds_it_until_that_one_is_killed(tmp_path: Path) -> None:
    """A kill -9 of the holder frees the lock, with nothing to clean by hand."""
    stack = tmp_path / "dev"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(stack)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert b"held\n" == other.stdout.readline()
        with pytest.raises(RefusedError, match=rf"`make up`.*process {other.pid}"), locked(stack, "make down"):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait(10)

        with locked(stack, "make down"):
            mine = holder(stack)

    assert mine is not None
    assert os.getpid() == mine.pid
