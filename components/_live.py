"""How a component does live work beside Pulumi's own: in a thread, with progress, in one piece.

The event loop of a program also carries its registrations, so nothing here blocks it; and a thread of one's own is
not taken from the pool that those registrations share.
"""

import asyncio
import contextlib
import contextvars
import os
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

import pulumi
from pulumi.runtime import mocks, settings

_R = TypeVar("_R")
_ANSWERING = 1.0


def mocked() -> bool:
    """Tell whether the program runs under Pulumi's mocks, where there is no cluster to act on."""
    return isinstance(settings.SETTINGS.monitor, mocks.MockMonitor)


def is_off() -> bool:
    """Tell whether nothing is asked of the cluster beside Pulumi: KUBERNETES_EMERGING_READY=off in the environment.

    The engine does not tell a program that it runs for a destroy or a refresh (`--run-program`), and a broken workload
    must not be in the way of its own removal.
    """
    return os.environ.get("KUBERNETES_EMERGING_READY") == "off"


async def in_thread(
    work: Callable[..., _R], *args: Any, at_exit: Literal["finish", "end"] = "finish", **kwargs: Any
) -> _R:
    """Run blocking work in a thread of its own and return its result.

    When the program ends meanwhile, because something else in it failed, the work is brought to its end first;
    with `at_exit="end"` it ends with the program, which is right for a wait and never for a change.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_R] = loop.create_future()
    context = contextvars.copy_context()

    def settle(outcome: Callable[[Any], None], value: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if done.done() else outcome(value))

    def run() -> None:
        try:
            settle(done.set_result, context.run(work, *args, **kwargs))
        except Exception as error:  # noqa: BLE001  # it is raised again where the work is awaited
            settle(done.set_exception, error)

    threading.Thread(target=run, name=getattr(work, "__name__", "live work"), daemon=at_exit == "end").start()
    return await done


class _Critical:
    """The hooks of one event loop that must not be cut in two, and the Ctrl-C that waits for them."""

    def __init__(self) -> None:
        self.depth = 0
        self.interrupted = False
        self.held = False
        self.stops: list[threading.Event] = []


_critical: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Critical] = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def critical_section(row: "Row", stop: threading.Event | None = None) -> Iterator[None]:
    """Hold off Ctrl-C until the block, and every other one under way, has ended; then it takes effect.

    It sets `stop`, by which a block that may take long comes to its end sooner.
    """
    loop = asyncio.get_running_loop()
    state = _critical.setdefault(loop, _Critical())

    def note() -> None:
        state.interrupted = True
        row.info("interrupted: this change is brought to its end first")
        for each in state.stops:
            each.set()

    if state.depth == 0:
        # Outside the main thread (a component served to other languages) signals are not ours to hold.
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, note)
            state.held = True
    state.depth += 1
    if stop is not None:
        state.stops.append(stop)
    try:
        yield
    finally:
        state.depth -= 1
        if stop is not None:
            state.stops.remove(stop)
        if state.depth == 0 and state.held:
            loop.remove_signal_handler(signal.SIGINT)
            state.held = False
            if state.interrupted:
                # Not at once: the engine waits for the answer of the hook that this is part of.
                loop.call_later(_ANSWERING, os.kill, os.getpid(), signal.SIGINT)


async def critical_sections_done() -> None:
    """Wait until no hook is in its critical section, so that a failure elsewhere cannot cut one in two."""
    state = _critical.setdefault(asyncio.get_running_loop(), _Critical())
    while state.depth:  # noqa: ASYNC110  # a hook lasts seconds: an event per section would buy nothing
        await asyncio.sleep(0.05)


class _Stand:
    """Stands for a resource in a log call, which only reads `urn`: inside a hook the real one is not yet known."""

    def __init__(self, urn: pulumi.Input[str]) -> None:
        self.urn = pulumi.Output.from_input(urn)


class Row:
    """Writes to one resource's row of the display, from any thread, as the work goes on."""

    def __init__(self, urn: pulumi.Input[str]) -> None:
        self._stand: Any = _Stand(urn)
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()

    def progress(self, text: str) -> None:
        """Show what is happening now; the next text replaces it."""
        self._write(pulumi.log.info, text, ephemeral=True)

    def info(self, text: str) -> None:
        """Leave a line that stays in the run's diagnostics."""
        self._write(pulumi.log.info, text)

    def warn(self, text: str) -> None:
        """Leave a warning that stays in the run's diagnostics."""
        self._write(pulumi.log.warn, text)

    def _write(self, log: Callable[..., None], text: str, **options: bool) -> None:
        def write() -> None:
            log(text, resource=self._stand, **options)

        with contextlib.suppress(RuntimeError):  # the loop is closed: there is no display any more
            self._loop.call_soon_threadsafe(write, context=self._context)
