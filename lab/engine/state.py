"""The stack's state: one SQLite file with the resources and the operations that are under way.

Resources have the shape of the official deployment export. Before a step touches the cluster its operation is
written; when it is done, the operation goes and the resource comes in one transaction. Every write is on disk
(fsync) when its call returns; writes of parallel steps share a transaction. Secret leaves are encrypted with
AES-256-GCM under a key of the stack's own (`state.key`, 0600, beside the state).
"""

import contextlib
import json
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Container, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.engine.errors import EngineError
from lab.engine.model import renamed
from lab.engine.sealing import KEY_BYTES, Box, key
from lab.engine.values import Object

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (row INTEGER PRIMARY KEY, urn TEXT NOT NULL, resource TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS operations (row INTEGER PRIMARY KEY, operation TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """A step that was begun: `type` is creating, updating or deleting, `since` the Unix time of its record."""

    row: int
    type: str
    since: float
    resource: Object
    resource_row: int | None


class State:
    """The open state of one stack. `readonly` reads a state that may not exist yet, and writes nothing."""

    def __init__(self, folder: Path, *, readonly: bool = False) -> None:
        self.file = folder / "state.db"
        self._readonly = readonly
        self.resources: dict[int, Object] = {}
        self.operations: dict[int, Operation] = {}
        self._lock = threading.Lock()
        self._writes: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        content = self.file.exists() and self.file.stat().st_size > 0
        if readonly and not content:
            self._box = Box(b"\0" * KEY_BYTES)
            self._next = 1
            return
        try:
            if not readonly:
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
            self._box = Box(key(folder / "state.key", content=content))
        except OSError as error:
            msg = f"{folder}: the state cannot be kept here: {error.strerror}"
            raise EngineError(msg) from error
        self._load()
        if not readonly:
            self._writer = threading.Thread(target=self._write_all, name="state-writer", daemon=True)
            self._writer.start()

    def _connect(self) -> sqlite3.Connection:
        if self._readonly:
            return sqlite3.connect(self.file, timeout=10)
        if not self.file.exists():
            os.close(os.open(self.file, os.O_CREAT | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(self.file, timeout=10, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _read(self, connection: sqlite3.Connection) -> None:
        for row, text in connection.execute("SELECT row, resource FROM resources ORDER BY row"):
            self.resources[row] = self._box.open(json.loads(text))
        for row, text in connection.execute("SELECT row, operation FROM operations ORDER BY row"):
            self.operations[row] = Operation(row, **self._box.open(json.loads(text)))

    def _load(self) -> None:
        try:
            connection = self._connect()
            try:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version not in (0, _VERSION):
                    msg = f"{self.file}: made by another version of the lab ({version}, this is {_VERSION})"
                    raise EngineError(msg)
                if not self._readonly:
                    connection.executescript(_SCHEMA)
                    connection.execute(f"PRAGMA user_version={_VERSION}")
                if version or not self._readonly:  # else it was killed at its birth, and there is nothing to read
                    self._read(connection)
            finally:
                connection.close()
        except (sqlite3.Error, OSError) as error:
            msg = f"{self.file}: the state cannot be opened: {error}"
            raise EngineError(msg) from error
        self._next = max([0, *self.resources, *self.operations]) + 1

    def close(self) -> None:
        """End the writer; nothing may be written afterwards."""
        if not self._readonly:
            self._writes.put(None)
            self._writer.join()

    def live(self, urn: str) -> tuple[int, Object] | None:
        """Return (row, resource) of the one that stands for this URN, not copies that wait for their deletion."""
        with self._lock:
            for row, resource in self.resources.items():
                if resource["urn"] == urn and not resource.get("delete"):
                    return row, resource
        return None

    def begin(self, kind: str, resource: Object, row: int | None = None) -> Operation:
        """Record that a step begins; on disk when this returns."""
        operation = Operation(self._number(), kind, time.time(), resource, row)
        document = {"type": kind, "since": operation.since, "resource": resource, "resource_row": row}
        self._commit([("INSERT INTO operations VALUES (?, ?)", (operation.row, json.dumps(self._box.close(document))))])
        with self._lock:
            self.operations[operation.row] = operation
        return operation

    def put(self, resource: Object, row: int | None = None) -> int:
        """Record a resource (a new row, or in the place of `row`), with no operation; return its row."""
        return self.finish(None, [(row, resource)])[0]

    def finish(
        self, operation: Operation | None, put: Iterable[tuple[int | None, Object]] = (), drop: Iterable[int] = ()
    ) -> list[int]:
        """Record at once that an operation ended, and what it left and removed; return the rows of `put`.

        EngineError when a row of `put` is not in the state any more: it would come back to life.
        """
        statements: list[tuple[str, tuple[Any, ...]]] = []
        rows = []
        changed: dict[int, Object] = {}
        gone = list(drop)
        for row, resource in put:
            if row is not None and row not in self.resources:
                msg = f"{self.file}: {resource['urn']} was deleted while a step was at work on it; run again"
                raise EngineError(msg)
            number = row or self._number()
            rows.append(number)
            changed[number] = resource
            text = json.dumps(self._box.close(resource))
            statements.append(("INSERT OR REPLACE INTO resources VALUES (?, ?, ?)", (number, resource["urn"], text)))
        statements += [("DELETE FROM resources WHERE row = ?", (row,)) for row in gone]
        if operation is not None:
            statements.append(("DELETE FROM operations WHERE row = ?", (operation.row,)))
        self._commit(statements)
        with self._lock:
            self.resources.update(changed)
            for row in gone:
                self.resources.pop(row, None)
            if operation is not None:
                self.operations.pop(operation.row, None)
        return rows

    def rename(self, row: int, urn: str, type_: str, settled: Container[str]) -> None:
        """Give a resource another URN, here and in all that refers to it; a preview does so in memory alone.

        `settled` are the URNs of resources that this run has at work already: they refer to the new one by themselves.
        """
        with self._lock:
            old = self.resources[row]["urn"]
            changed = {
                key: renamed(found, old, urn)
                for key, found in self.resources.items()
                if key != row and (found["urn"] not in settled or found.get("delete"))
            }
            changed = {key: found for key, found in changed.items() if found is not self.resources[key]}
            changed[row] = {**renamed(self.resources[row], old, urn), "urn": urn, "type": type_}
        if not self._readonly:
            update = "UPDATE resources SET urn = ?, resource = ? WHERE row = ?"  # not INSERT: what is deleted stays so
            self._commit(
                [(update, (item["urn"], json.dumps(self._box.close(item)), key)) for key, item in changed.items()]
            )
        with self._lock:
            self.resources.update({key: found for key, found in changed.items() if key in self.resources})

    def _number(self) -> int:
        with self._lock:
            self._next += 1
            return self._next - 1

    def _commit(self, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
        write = _Write(statements, Future())
        self._writes.put(write)
        try:
            write.done.result()
        except (sqlite3.Error, OSError) as error:
            msg = (
                f"{self.file}: the state cannot be written: {error}; nothing more is begun, and the next run looks up "
                "what was under way"
            )
            raise EngineError(msg) from error

    def _write_all(self) -> None:
        ended = False
        connection: sqlite3.Connection | None = None
        while not ended:
            batch = [self._writes.get()]
            while not self._writes.empty():
                batch.append(self._writes.get())
            ended = None in batch
            writes = [write for write in batch if write is not None]
            try:
                connection = connection or self._connect()
                _write_batch(connection, writes)
            except (sqlite3.Error, OSError) as error:
                for write in writes:
                    write.done.set_exception(error)
        if connection is not None:
            # The last close empties the log into the file, for which there may be no room: the log stays then.
            with contextlib.suppress(sqlite3.Error):
                connection.close()


@dataclass(frozen=True, slots=True)
class _Write:
    statements: list[tuple[str, tuple[Any, ...]]]
    done: "Future[None]"


def _write_batch(connection: sqlite3.Connection, batch: list[_Write]) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        for write in batch:
            for statement, values in write.statements:
                connection.execute(statement, values)
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    for write in batch:
        write.done.set_result(None)
