"""How long work tells what it does."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from lab.progress import PlainProgress, Progress, QuietProgress, RichProgress, duration


@pytest.mark.parametrize(
    ("expected", "seconds"),
    [("0.0 s", 0), ("9.9 s", 9.94), ("10 s", 10), ("59 s", 59.4), ("1 min 00 s", 59.6), ("3 min 05 s", 185)],
)
def test_durations_are_for_people(expected: str, seconds: float) -> None:
    """Short times have a decimal, long ones minutes."""
    assert expected == duration(seconds)


def test_plain_lines_tell_begin_end_and_position() -> None:
    """Each step has two lines; notes stand between them."""
    stream = io.StringIO()
    progress = PlainProgress(stream)
    with progress.step("kubelet", of=(2, 5)):
        progress.note("a note")

    assert ["[2/5] kubelet ...", "a note", "[2/5] kubelet: done (0.0 s)"] == stream.getvalue().splitlines()


@pytest.mark.parametrize(("expected", "error"), [("failed", ValueError), ("interrupted", KeyboardInterrupt)])
@pytest.mark.parametrize("make", [PlainProgress, lambda stream: RichProgress(Console(file=stream))])
def test_step_that_ends_badly_says_how_and_lets_the_error_through(
    expected: str, error: type[BaseException], make: type[PlainProgress]
) -> None:
    """A reader of the log sees which step it was."""
    stream = io.StringIO()

    with pytest.raises(error), make(stream).step("etcd"):
        raise error

    assert expected in stream.getvalue()
    assert "etcd" in stream.getvalue()


def test_long_silent_step_says_that_it_still_runs() -> None:
    """In a log a silent step would look like a hung one."""
    stream = io.StringIO()
    told = threading.Event()

    class Watched(PlainProgress):
        def note(self, text: str) -> None:
            super().note(text)
            if "still running" in text:
                told.set()

    with Watched(stream, alive_every=0.01).step("build"):
        assert told.wait(5)


def test_terminal_shows_finished_steps_and_keeps_brackets() -> None:
    """Steps nest; text in brackets is text, not colour."""
    stream = io.StringIO()
    progress = RichProgress(Console(file=stream, width=100))
    with progress.step("outer", of=(1, 2)), progress.step("inner [x]"):
        progress.note("note [y]")

    text = stream.getvalue()
    assert [] == [part for part in ("[1/2] outer", "inner [x]", "note [y]", "✓") if part not in text]


def test_every_form_serves_threads() -> None:
    """Steps of several threads may run at once."""
    forms: list[Progress] = [PlainProgress(io.StringIO()), RichProgress(Console(file=io.StringIO())), QuietProgress()]
    for progress in forms:
        barrier = threading.Barrier(4, timeout=10)

        def work(progress: Progress = progress, barrier: threading.Barrier = barrier) -> bool:
            with progress.step("one"):
                barrier.wait()
            return True

        with ThreadPoolExecutor(4) as pool:
            assert [True] * 4 == [done.result() for done in [pool.submit(work) for _ in range(4)]]
