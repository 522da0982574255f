"""What tests of real nodes share: the processes of the node's own programs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.cluster import Cluster


@pytest.fixture
def process(lab_cluster: "Cluster") -> Callable[[str], int]:
    """Give a function that finds the process of one of the test cluster's own programs."""
    from lab.cluster import node

    def find(program: str) -> int:
        first = node.first_process(lab_cluster._instance)
        for child in Path(f"/proc/{first}/task/{first}/children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            if Path(os.fsdecode(command[0])).name == program:
                return int(child)
        raise AssertionError(f"{program} does not run")

    return find
