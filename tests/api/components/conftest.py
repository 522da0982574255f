"""What tests of components share: an engine for the program that stands in their module as `PROGRAM`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.engine import Engine, QuietDisplay

if TYPE_CHECKING:
    from lab.cluster import Cluster


@pytest.fixture
def run(
    request: pytest.FixtureRequest, lab_cluster: "Cluster", namespace: str, tmp_path: Path
) -> Callable[..., Engine]:
    """Give a function that makes an engine for the module's program with these config keys."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(request.module.PROGRAM)

    def make(**config: str) -> Engine:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, **config}
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given)

    return make
