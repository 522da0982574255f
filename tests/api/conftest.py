"""What tests on real API servers share beside the node's: a control plane with simulated nodes."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster


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
