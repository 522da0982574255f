"""What the workers of one test session (pytest-xdist) do not share: each has clusters of its own, called after it."""

import os


def instance_name() -> str:
    """Return the name of this worker's cluster: `test`, or such as `test-gw1` beside other workers."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    return f"test-{worker}" if worker else "test"
