"""Which steps may run: so many at once, and none any more after a failure or Ctrl-C."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(Exception):  # noqa: N818 (a signal for the caller, not an error)
    """The run ends: no step begins any more."""


class Gate:
    """Counts the steps in flight. Those that run when the gate is stopped are left to end."""

    def __init__(self, parallel: int) -> None:
        self._slots = threading.BoundedSemaphore(parallel)
        self._changed = threading.Condition()
        self._running = 0
        self.stopped = threading.Event()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Hold one of the slots. Stopped when the run ends instead."""
        with self._slots:
            with self._changed:
                if self.stopped.is_set():
                    raise Stopped
                self._running += 1
            try:
                yield
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def stop(self) -> None:
        """Let no further step begin."""
        with self._changed:
            self.stopped.set()
            self._changed.notify_all()

    def wait_idle(self) -> None:
        """Return when no step runs any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0)
