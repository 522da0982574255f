"""Files that several runs share: written whole or not at all, and locked where two runs would meet."""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_atomically(path: Path, content: bytes | str, mode: int | None = None) -> None:
    """Write `path` so that a reader, a kill or a power cut at any moment meets the old file or the new one.

    `mode` is in force from the first byte on; without it a file keeps the mode it has, and a new one is 0644. The
    parent folder is made where it is missing; a link is followed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    if mode is None:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def try_lock(path: Path, *, within: float = 0.0) -> int | None:
    """Take the lock file `path`; return its descriptor, or None where another process holds it for `within` seconds.

    The lock is the open file's (flock): it lives in every process that inherits the descriptor, and ends with the
    last of them, however that one ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + within
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.01)
            continue
        if _is_still(path, descriptor):
            return descriptor
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tell whether a process holds the lock file `path`; a missing file is not held.

    Any number may ask at once. Each holds the file for a moment, so who takes it must not give up at the first refusal.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`; call `waiting` once where another process has it first, then wait for it.

    The file may be removed by who holds it.
    """
    descriptor = try_lock(path)
    if descriptor is None:
        waiting()
    while descriptor is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        candidate = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(candidate, fcntl.LOCK_EX)
        except BaseException:
            os.close(candidate)
            raise
        if _is_still(path, candidate):
            descriptor = candidate
        else:
            os.close(candidate)
    try:
        yield
    finally:
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    # A holder that removed the file leaves waiters with a lock on a file that nobody else will ever open.
    with suppress(FileNotFoundError):
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    return False
