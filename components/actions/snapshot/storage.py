"""Where snapshots lie: a folder, or a place in an object store by URL (`s3://bucket/path`), through fsspec.

In a folder a snapshot appears whole, under its name, or not at all, and one run at a time writes there. An object store
shows an object when all of it was sent; it knows no locks, and none is needed, for no two snapshots have one name.
"""

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

import fsspec

from components.actions.errors import ActionError

_NAME = re.compile(r"snapshot-([0-9a-z-]{1,64})-(\d{8}T\d{6}\.\d{3}Z)\.tar")


def name_of(cluster: str, moment: str) -> str:
    """Return the file's name of a cluster's snapshot; later ones sort behind earlier ones."""
    return f"snapshot-{cluster}-{moment}.tar"


@contextmanager
def opened(place: str) -> Iterator[IO[bytes]]:
    """Open the file at a path or URL for reading. Raises `ActionError` when there is none."""
    with _understood(place):
        opening = fsspec.open(place, "rb") if _is_url(place) else Path(place).open("rb")  # noqa: SIM115  # below
    with opening as stream:
        yield cast("IO[bytes]", stream)


def put(
    folder: str, name: str, write: Callable[[IO[bytes]], None], check: Callable[[str], None], keep: int | None
) -> tuple[str, list[str]]:
    """Write a file and check it by its path before it appears at its place; return that and what `keep` has removed.

    `keep` is how many snapshots of the same cluster may lie there afterwards; the new one is always kept.
    """
    if not _is_url(folder):
        return _put_here(Path(folder), name, write, check, keep)
    with tempfile.TemporaryDirectory() as spool, _understood(folder):
        path = Path(spool) / name
        with path.open("wb") as stream:
            write(stream)
        check(str(path))
        store, root = fsspec.url_to_fs(folder)
        store.makedirs(root, exist_ok=True)
        store.put_file(str(path), f"{root}/{name}")
        # Read back from where it has to be found one day.
        place = f"{folder.rstrip('/')}/{name}"
        check(place)
        listed = [Path(str(each)).name for each in store.ls(root, detail=False)]
        removed = _surplus(listed, name, keep)
        for each in removed:
            store.rm_file(f"{root}/{each}")
    return place, removed


def _put_here(
    folder: Path, name: str, write: Callable[[IO[bytes]], None], check: Callable[[str], None], keep: int | None
) -> tuple[str, list[str]]:
    with _understood(str(folder)):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(folder / ".snapshot.lock", f"another snapshot is being written to {folder}"):
            for left in folder.glob(".snapshot-*.part"):  # of a run that was killed: the lock is ours
                left.unlink()
            part = folder / f".{name}.part"
            try:
                with new_file(part) as stream:
                    write(stream)
                    stream.flush()
                    os.fsync(stream.fileno())
                check(str(part))
                part.rename(folder / name)
            finally:
                part.unlink(missing_ok=True)
            sync(folder)
            removed = _surplus([each.name for each in folder.iterdir()], name, keep)
            for each in removed:
                (folder / each).unlink()
    return str(folder / name), removed


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold a lock file, which ends with the process however that ends; `ActionError` when another one holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ActionError(f"{busy}: wait for its end") from None
        yield
    finally:
        os.close(descriptor)


def _surplus(names: list[str], new: str, keep: int | None) -> list[str]:
    """Return the oldest snapshots of the new one's cluster, beyond as many as are kept."""
    if keep is None:
        return []
    own = _NAME.fullmatch(new)
    same = [each for each in names if own and (found := _NAME.fullmatch(each)) and found[1] == own[1] and each != new]
    return sorted(same)[: max(0, len(same) + 1 - max(keep, 1))]


def _is_url(place: str) -> bool:
    return "://" in place


def new_file(path: Path) -> IO[bytes]:
    """Open a file that is not there for writing; nobody else can read it."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def sync(folder: Path) -> None:
    """Let a folder remember the files that are new in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _understood(place: str) -> Iterator[None]:
    """Turn what a file system or an object store's library says into a line with a remedy."""
    try:
        yield
    except ActionError:
        raise
    except (ImportError, ValueError) as error:
        raise ActionError(
            f"{place}: {error}: give a folder, or install what fsspec needs for this kind of URL"
        ) from None
    except FileNotFoundError:
        raise ActionError(f"{place} does not exist: give the path or URL of a snapshot") from None
    except OSError as error:
        free = ""
        with suppress(OSError):
            free = f"; {shutil.disk_usage(place).free >> 20} MiB are free there"
        raise ActionError(
            f"{place} cannot be used ({error.strerror or error}{free}): make room, or choose another place"
        ) from None
