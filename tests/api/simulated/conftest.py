"""What the tests of simulated clusters share: one of their own, and how to look for what one leaves behind."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster

Remains = Callable[[Path], list[str]]


@pytest.fixture(scope="session")
def simulated() -> Iterator["SimulatedCluster"]:
    """Start the simulated cluster called `test` at its first use; delete it after the last test.

    It is of the Kubernetes minor that `LAB_TEST_MINOR` names, else of the lab's default.
    """
    from lab.cluster import DEFAULT_MINOR
    from lab.files import locked
    from lab.paths import cache_root
    from lab.progress import PlainProgress
    from lab.simulated import SimulatedCluster, check_host

    if problems := check_host():
        pytest.skip("; ".join(f"{problem.what} ({problem.remedy})" for problem in problems))
    progress = PlainProgress()
    note = "another test session uses simulated clusters; waiting for its end"
    with locked(cache_root() / "test-simulated.lock", lambda: progress.note(note)):
        cluster = SimulatedCluster("test", os.environ.get("LAB_TEST_MINOR") or DEFAULT_MINOR)
        cluster.delete(progress)
        try:
            cluster.start(progress)
            yield cluster
        finally:
            cluster.delete(progress)


@pytest.fixture
def remains() -> Remains:
    """Give a function that names every living process whose command line names a folder."""

    def find(folder: Path) -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    words = (entry / "cmdline").read_text().split("\0")
                except (OSError, UnicodeDecodeError):
                    continue
                if any(f"{folder}/" in word for word in words):
                    found.append(f"{entry.name} {words[0]}")
        return found

    return find


@pytest.fixture
def elsewhere(simulated: "SimulatedCluster") -> Iterator[Path]:
    """Give a folder with what was built, that belongs to a user without any rights; as another user, to this one."""
    from tests.api.simulated.nobody import furnish

    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as name:
        furnish(Path(name), simulated.minor)
        yield Path(name)
