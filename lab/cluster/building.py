"""How anything is built: the missing steps, one after the other, under the one lock of all builds."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.files import locked
from lab.paths import cache_root
from lab.progress import Progress

Step = tuple[str, Callable[[], None]]
"""What is done, for people, and what does it."""

# What is being made has a name that begins with a dot.
_HALF_MADE = ("roots/.*", "images/.*", "toolchains/.*", "bundles/.*", "bin/*/.*")


@contextmanager
def alone(progress: Progress) -> Iterator[None]:
    """Hold the lock of builds, without what a killed build left half-made; wait for another build, and say so."""
    with locked(cache_root() / "build.lock", lambda: progress.note("another build runs; waiting for it")):
        for pattern in _HALF_MADE:
            for path in cache_root().glob(pattern):
                remove(path)
        yield


def work_off(progress: Progress, steps: Sequence[Step]) -> None:
    """Do every step and show it.

    Raises ClusterError with what the step that failed said; what was finished before stays.
    """
    for number, (what, work) in enumerate(steps, 1):
        with progress.step(what, of=(number, len(steps))):
            work()


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
