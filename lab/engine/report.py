"""Collects what happens in a run and passes it to the display as it happens; safe to call from every thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from lab.engine.model import Diagnostic, Op, Row, Severity, Summary, name_of, type_of


class Display(Protocol):
    """Shows a run to people. Calls come one at a time, from several threads; a Row is only good for the call."""

    def begin(self, summary: Summary, stack: str) -> None:
        """Show that the run begins."""
        ...

    def row(self, row: Row) -> None:
        """Show that a resource's row is new or changed its phase."""
        ...

    def message(self, diagnostic: Diagnostic) -> None:
        """Show a message as it comes; all but the ephemeral ones are in the summary at the end, too."""
        ...

    def end(self, summary: Summary) -> None:
        """Show how the run ended: diagnostics by resource, outputs, counts, duration."""
        ...


class Report:
    """The run's record: rows by URN, diagnostics, counts."""

    def __init__(self, display: Display, summary: Summary) -> None:
        self.summary = summary
        self.rows: dict[str, Row] = {}
        self._display = display
        self._lock = threading.Lock()

    def plan(self, urn: str, parent: str, op: Op, details: list[str] | None = None) -> None:
        """Record what is about to be done with a resource."""
        with self._lock:
            row = Row(urn, type_of(urn), name_of(urn), parent, op, details=details or [])
            self.rows[urn] = row
            self._display.row(row)

    def count(self, urn: str) -> None:
        """Count a planned resource as done: what failed, or was never reached, is not counted."""
        with self._lock:
            self.summary.counts[self.rows[urn].op] += 1

    @contextmanager
    def step(self, urn: str, step: str) -> Iterator[None]:
        """Show one step of a planned resource while it runs, and how it ended; `step` is what is done, "creating"."""
        began = time.monotonic()
        self._phase(urn, "running", step, 0.0)
        try:
            yield
        except BaseException:
            self._phase(urn, "failed", step, time.monotonic() - began)
            raise
        self._phase(urn, "done", step, time.monotonic() - began)

    def _phase(self, urn: str, phase: str, step: str, seconds: float) -> None:
        with self._lock:
            row = self.rows[urn]
            row.phase, row.step, row.seconds = phase, step, seconds  # type: ignore[assignment]
            self._display.row(row)

    def message(self, severity: Severity, message: str, urn: str = "", *, ephemeral: bool = False) -> None:
        """Record a message and show it at once; debug messages are dropped, errors make the run fail."""
        text = message.rstrip()
        if severity == "debug" or not text:
            return
        diagnostic = Diagnostic(severity, text, urn, ephemeral)
        with self._lock:
            if severity == "error":
                self.summary.ok = False
            if not ephemeral:
                self.summary.diagnostics.append(diagnostic)
            self._display.message(diagnostic)
