"""What a restore, or a reset, has done so far, in a file that survives a kill, a power cut and a full disk.

One JSON text a line, synced before what follows from it: first what is restored into what, then of each object that it
is begun, and how it ended. A last line that was cut off counts as not written. One process at a time holds the file.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from components.actions.errors import ActionError
from components.actions.snapshot.storage import sync


def put_aside(path: Path) -> Path:
    """Return where a journal lies once everything in it is done."""
    return path.with_name(f"{path.name}.done")


class Journal:
    """The journal at a path, new or gone on with. Raises `ActionError` when it is of another restore, or held.

    `done` has outcome and UID in the target by object, `begun` those that may have been written, `first` what the
    first run found.
    """

    def __init__(self, path: Path, header: Mapping[str, Any], *, what: str = "restore") -> None:
        """Open the journal of `what`: a restore, or a reset."""
        self.path = path
        self._what = what
        self.first: dict[str, Any] = {}
        self.begun: set[str] = set()
        self.done: dict[str, tuple[str, str]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read(header)
        except BlockingIOError:
            os.close(self._descriptor)
            raise ActionError(f"another {what} holds {path}: wait for its end") from None
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @property
    def resumed(self) -> bool:
        """Tell whether an earlier run has begun it."""
        return bool(self.first)

    @contextmanager
    def checking(self) -> Iterator[None]:
        """Remove the journal of what is refused before it begins: the next attempt may be another one."""
        try:
            yield
        except BaseException:
            self.path.unlink(missing_ok=True)
            raise

    def start(self, first: Mapping[str, Any]) -> None:
        """Note what the first run has found, before it changes anything."""
        self._append([{"first": dict(first)}])
        self.first = dict(first)

    def begin(self, keys: Iterable[str]) -> None:
        """Note that these objects are about to be written."""
        fresh = [key for key in keys if key not in self.begun]
        self._append([{"begun": fresh}] if fresh else [])
        self.begun.update(fresh)

    def end(self, results: Mapping[str, tuple[str, str]]) -> None:
        """Note how objects ended."""
        self._append([{"done": {key: list(value) for key, value in results.items()}}] if results else [])
        self.done.update(results)

    def close_for_good(self) -> None:
        """Put it aside: everything is done, and another restore begins anew."""
        self.path.replace(put_aside(self.path))

    def _read(self, header: Mapping[str, Any]) -> None:
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            content = stream.read()
        whole = content[: content.rfind(b"\n") + 1]
        os.ftruncate(self._descriptor, len(whole))
        os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
            found = lines[0][self._what] if lines else None
            for line in lines[1:]:
                self.first = line.get("first", self.first)
                self.begun.update(line.get("begun", ()))
                self.done.update({key: (value[0], value[1]) for key, value in line.get("done", {}).items()})
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise ActionError(
                f"{self.path} is no journal of a {self._what}: name another file with --journal"
            ) from None
        if found is None:
            self._append([{self._what: dict(header)}])
            sync(self.path.parent)
        elif found != dict(header):
            raise ActionError(
                f"{self.path} is the journal of another {self._what} (snapshot, cluster or options differ): "
                "repeat that one as it was, or name another file with --journal"
            )

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines).encode()
        if not text:
            return
        try:
            written = os.write(self._descriptor, text)
            os.fsync(self._descriptor)
        except OSError as error:
            written, why = 0, error.strerror
        else:
            why = os.strerror(errno.ENOSPC)
        if written != len(text):
            what = f"{self.path} cannot be written ({why}), and nothing more was begun"
            raise ActionError(f"{what}: make room, and repeat the command")
