"""One run at a time per stack: a file lock that the kernel drops when engine and program have both ended."""

import fcntl
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.engine.errors import EngineError
from lab.engine.program import end_orphan

_ORPHAN_SECONDS = 30.0


class Lock:
    """Holds `lock` in the state's folder; the program inherits it, so an orphan's last hook holds off a new run."""

    def __init__(self, folder: Path, action: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._file = folder / "lock"
        self._action = action

    def __enter__(self) -> Self:
        """Take the lock. EngineError tells who holds it."""
        self.descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take()
        except BaseException:
            os.close(self.descriptor)
            raise
        self.note({})
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

    def note(self, more: dict[str, object]) -> None:
        """Write who holds the lock, for the next one who wants it."""
        since = datetime.now(tz=UTC).astimezone().strftime("%H:%M:%S")
        content = json.dumps({"pid": os.getpid(), "action": self._action, "since": since, **more})
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, content.encode(), 0)

    def _holder(self) -> dict[str, object]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        os.close(self.descriptor)


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
