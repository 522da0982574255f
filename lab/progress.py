"""How long work tells people what it does: what, how far, how long, on a terminal, in a log, or not at all.

Long work takes a `Progress` and wraps each of its steps; steps may nest and may run in several threads.
Everything goes to standard error, so that standard output stays the command's own answer.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

import rich.progress
from rich.console import Console
from rich.markup import escape


class Progress(Protocol):
    """What long work needs in order to tell where it is."""

    def step(self, what: str, *, of: tuple[int, int] | None = None) -> AbstractContextManager[None]:
        """Wrap one step. `of` is (its number from 1, how many there are), from which the rest is told."""
        ...

    def note(self, text: str) -> None:
        """Say one line that belongs to no step, or to the one that runs."""
        ...


def duration(seconds: float) -> str:
    """Write a length of time for people: `0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{round(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def _position(of: tuple[int, int] | None) -> str:
    return f"[{of[0]}/{of[1]}] " if of else ""


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "done"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


class PlainProgress:
    """Lines for logs and pipes: one where a step begins, one where it ends, and one a minute in between."""

    def __init__(self, stream: TextIO | None = None, *, alive_every: float = 60.0) -> None:
        self._stream = stream or sys.stderr
        self._alive_every = alive_every

    @contextmanager
    def step(self, what: str, *, of: tuple[int, int] | None = None) -> Iterator[None]:
        """Print the step's begin and end; a step that is silent for long says that it still runs."""
        name = _position(of) + what
        began = time.monotonic()
        over = threading.Event()

        def still_running() -> None:
            while not over.wait(self._alive_every):
                self.note(f"{name}: still running after {duration(time.monotonic() - began)}")

        self.note(f"{name} ...")
        watcher = threading.Thread(target=still_running, name="lab-progress", daemon=True)
        watcher.start()
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            raise
        finally:
            over.set()
            watcher.join()
            self.note(f"{name}: {_outcome(error)} ({duration(time.monotonic() - began)})")

    def note(self, text: str) -> None:
        """Print one line at once."""
        self._stream.write(text + "\n")
        self._stream.flush()


class RichProgress:
    """A terminal: a live line with spinner, elapsed time and what remains; finished steps stay above it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._lock = threading.Lock()
        self._live: rich.progress.Progress | None = None
        self._running = 0

    @contextmanager
    def step(self, what: str, *, of: tuple[int, int] | None = None) -> Iterator[None]:
        """Show the step while it runs; leave one line with how it ended and how long it took."""
        name = escape(_position(of) + what)
        rest = f"[dim]then {of[1] - of[0]} more[/]" if of and of[1] > of[0] else ""
        began = time.monotonic()
        live = self._open()
        row = live.add_task(name, total=None, rest=rest)
        mark = "[red]✗[/]"
        ending = ""
        try:
            yield
            mark = "[green]✓[/]"
        except BaseException as raised:
            ending = f" {_outcome(raised)} after"
            raise
        finally:
            live.remove_task(row)
            self._close()
            self._console.print(f"{mark} {name} [dim]{ending} {duration(time.monotonic() - began)}[/]")

    def note(self, text: str) -> None:
        """Print one line above the live one."""
        self._console.print(f"  {escape(text)}")

    def _open(self) -> rich.progress.Progress:
        with self._lock:
            self._running += 1
            if self._live is None:
                self._live = rich.progress.Progress(
                    rich.progress.SpinnerColumn(),
                    rich.progress.TextColumn("{task.description}"),
                    rich.progress.TimeElapsedColumn(),
                    rich.progress.TextColumn("{task.fields[rest]}"),
                    console=self._console,
                    transient=True,
                )
                self._live.start()
            return self._live

    def _close(self) -> None:
        with self._lock:
            self._running -= 1
            if self._running == 0 and self._live is not None:
                self._live.stop()
                self._live = None


class QuietProgress:
    """Says nothing: for tests and for commands whose answer is all that is wanted."""

    @contextmanager
    def step(self, what: str, *, of: tuple[int, int] | None = None) -> Iterator[None]:  # noqa: ARG002 (protocol)
        """Run the step and say nothing."""
        yield

    def note(self, text: str) -> None:
        """Say nothing."""


quiet = QuietProgress()


def best_progress(*, plain: bool = False) -> Progress:
    """Return the live form where standard error is a terminal, else (or when asked) plain lines."""
    return PlainProgress() if plain or not sys.stderr.isatty() else RichProgress()
