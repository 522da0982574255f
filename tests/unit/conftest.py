"""Pulumi mocks for tests of components and programs: a loop and a fresh monitor for each test."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pulumi
import pytest
from pulumi.runtime import settings
from pulumi.runtime.mocks import MockMonitor

from components.testing import ClusterMocks


class RecordingMonitor(MockMonitor):
    """Keeps the raw requests: hooks and resource options never reach the mocks themselves."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.requests: dict[str, object] = {}

    def RegisterResource(self, request: object) -> object:  # noqa: N802  # the name of the call
        """Keep the request by its resource's name and go on."""
        self.requests[f"{request.type} {request.name}"] = request  # type: ignore[attr-defined]
        with _loop_of_a_worker_closed():
            return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def ReadResource(self, request: object) -> object:  # noqa: N802  # the name of the call
        """Go on: references to other stacks are read."""
        with _loop_of_a_worker_closed():
            return super().ReadResource(request)  # type: ignore[no-untyped-call]

    def Invoke(self, request: object) -> object:  # noqa: N802  # the name of the call
        """Go on: functions of providers are called."""
        with _loop_of_a_worker_closed():
            return super().Invoke(request)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _loop_of_a_worker_closed() -> Iterator[None]:
    """Close the loop that the SDK's mocks make in each worker thread, and leave open."""
    try:
        yield
    finally:
        if threading.current_thread() is not threading.main_thread():
            with contextlib.suppress(RuntimeError):  # it makes none for the stack
                asyncio.get_event_loop().close()
            asyncio.set_event_loop(None)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give each test an event loop of its own, as the SDK's own tests do."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # What is left of a program that failed, which its test has judged, would be logged whenever it is collected. In the
    # middle of another ast.parse, CPython 3.11 fails at that: logging a traceback parses source as well.
    loop.set_exception_handler(lambda _loop, _context: None)
    yield loop
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    # The SDK keeps the stack, and what nobody waited for: the next program would wait for them on its own loop.
    settings.SETTINGS.outputs.clear()
    settings.ROOT.set(None)
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def mocks(loop: asyncio.AbstractEventLoop) -> ClusterMocks:
    """Put a cluster of mocks in the place of the engine."""
    del loop
    mocks = ClusterMocks()
    pulumi.runtime.set_mocks(mocks, project="tests", stack="unit", monitor=RecordingMonitor(mocks))
    return mocks
