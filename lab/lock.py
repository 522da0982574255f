"""One command at a time on a stack: a lock that a killed process gives back, and that says who holds it."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lab.errors import RefusedError
from lab.files import is_locked, try_lock


@dataclass(frozen=True)
class Holder:
    """Who works on the stack."""

    command: str
    pid: int
    since: str


def lock_file(stack_dir: Path) -> Path:
    """Return the lock's file: beside the stack's folder, so that `make down` can remove the folder."""
    return stack_dir.with_name(stack_dir.name + ".lock")


@contextlib.contextmanager
def locked(stack_dir: Path, command: str) -> Iterator[None]:
    """Hold the stack's lock. `RefusedError` names the holder where there is one; nothing waits.

    The file goes away with the lock, so that nothing is left of a stack that was taken down.
    """
    path = lock_file(stack_dir)
    handle = try_lock(path, within=0.3)  # `make status` may be asking at this moment
    if handle is None:
        raise RefusedError(_held(stack_dir))
    try:
        since = datetime.now().astimezone().strftime("%H:%M:%S")
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps({"command": command, "pid": os.getpid(), "since": since}).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def holder(stack_dir: Path) -> Holder | None:
    """Return who holds the stack's lock now, or None."""
    path = lock_file(stack_dir)
    if not is_locked(path):
        return None
    try:
        return Holder(**json.loads(path.read_bytes()))
    except FileNotFoundError:  # given back since
        return None
    except (ValueError, TypeError):  # it was taken this very moment and is not written yet
        return Holder("?", 0, "now")


def _held(stack_dir: Path) -> str:
    who = holder(stack_dir)
    if who is None or who.pid == 0:
        return f"another command works on stack {stack_dir.name!r} at this moment. Try again."
    return (
        f"`{who.command}` works on stack {stack_dir.name!r} since {who.since} (process {who.pid}). "
        f"Wait for it, or end it with `kill {who.pid}` and run the same command again."
    )
