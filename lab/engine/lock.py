"""One run at a time per stack: a file lock that the kernel drops when engine and program have both ended."""

import fcntl
import json
import os
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.engine.errors import EngineError
from lab.engine.program import end_orphan

_ORPHAN_SECONDS = 30.0
_COMMANDS = "commands"


class Lock:
    """Holds `lock` in the state's folder; the program inherits it, so an orphan's last hook holds off a new run."""

    def __init__(self, folder: Path, action: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._file = folder / "lock"
        self._action = action
        self._noted: dict[str, object] = {}
        self._commands: dict[str, str] = {}
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        """Take the lock. EngineError tells who holds it."""
        self.descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take()
            self._wait_for_commands()
            self.note({})
        except BaseException:
            os.close(self.descriptor)
            raise
        return self

    def _take(self) -> None:
        began, told, ended = time.monotonic(), False, False
        while not self._free():
            holder = self._holder()
            if _alive(holder.get("pid")):
                raise EngineError(_explain(self._file, holder))
            if not told:
                told = True
                sys.stderr.write(f"waiting up to {_ORPHAN_SECONDS:.0f} s: {_explain(self._file, holder)}\n")
            elif time.monotonic() - began > _ORPHAN_SECONDS:
                if ended or not end_orphan(holder.get("program"), self._file):
                    raise EngineError(_explain(self._file, holder))
                began, ended = time.monotonic(), True
                sys.stderr.write(f"ended process {holder['program']}, the program of the interrupted run\n")
            time.sleep(0.1)

    def _free(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait_for_commands(self) -> None:
        """Wait for the commands of an interrupted run, which would meet those of this one. EngineError names them."""
        left = self._holder().get(_COMMANDS)
        began, told = time.monotonic(), False
        while isinstance(left, dict) and (alive := sorted(pid for pid, birth in left.items() if born(pid) == birth)):
            what = f"a command of an interrupted run (process {', '.join(alive)}) is still at work"
            if time.monotonic() - began > _ORPHAN_SECONDS:
                raise EngineError(f"{what}; wait for it or end it with: kill -- -{alive[0]}")
            if not told:
                told = True
                sys.stderr.write(f"waiting up to {_ORPHAN_SECONDS:.0f} s: {what}\n")
            time.sleep(0.1)

    def note(self, more: dict[str, object]) -> None:
        """Write who holds the lock, for the next one who wants it. EngineError when it cannot be written."""
        with self._writing:
            self._noted = {"since": datetime.now(tz=UTC).astimezone().strftime("%H:%M:%S"), **self._noted, **more}
            self._write()

    def begun(self, pid: int) -> None:
        """Note a command that a later run has to wait for, should this one be killed."""
        with self._writing:
            self._commands[str(pid)] = born(str(pid))
            self._write()

    def ended(self, pid: int) -> None:
        """Strike out a command that has ended."""
        with self._writing:
            self._commands.pop(str(pid), None)
            self._write()

    def _write(self) -> None:
        found = {"pid": os.getpid(), "action": self._action, **self._noted}
        content = json.dumps(found | ({_COMMANDS: self._commands} if self._commands else {})).encode() + b"\n"
        try:
            # In this order a full disk, and a kill in between, leave a first line that is whole.
            os.pwrite(self.descriptor, content, 0)
            os.ftruncate(self.descriptor, len(content))
        except OSError as error:
            raise EngineError(f"{self._file} cannot be written: {error.strerror}") from error

    def _holder(self) -> dict[str, object]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8").partition("\n")[0])
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        os.close(self.descriptor)


def born(pid: str) -> str:
    """Return when a process began, in the kernel's clock ticks; "" where there is none (a zombie is none)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _alive(pid: object) -> bool:
    return isinstance(pid, int) and Path(f"/proc/{pid}").exists()


def _explain(file: Path, holder: dict[str, object]) -> str:
    if not _alive(holder.get("pid")):
        program = f"process {holder['program']}" if "program" in holder else "its process is not known"
        return f"the program of an interrupted run ({program}) still holds {file}; wait for it or end it"
    return (
        f"another run holds this stack: process {holder['pid']}, {holder.get('action')} since "
        f"{holder.get('since')}; wait for it or stop it with Ctrl-C"
    )
