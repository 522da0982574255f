"""What the tests of simulated clusters share: how to look for what one leaves behind, and another user's folder."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster

Remains = Callable[[Path], list[str]]


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
