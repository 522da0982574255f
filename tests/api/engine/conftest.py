"""What the engine's tests on a real API server share: programs for the test's own namespace, run by the engine."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.engine import Engine, QuietDisplay
from lab.engine.cluster import Cluster as ApiServer

if TYPE_CHECKING:
    from lab.cluster import Cluster

PRELUDE = """
import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions as Options

config = pulumi.Config()
provider = k8s.Provider(
    "cluster", kubeconfig=config.require_secret("kubeconfig"), cluster_identifier="tests",
    enable_config_map_mutable=config.get_bool("mutable"),
)
space = config.require("space")
text = config.get("text") or "one"
"""
Make = Callable[..., Engine]


@pytest.fixture
def engine(lab_cluster: "Cluster", namespace: str, tmp_path: Path) -> Make:
    """Give a function that writes a program and makes an engine for it, on the tests' cluster."""

    def make(program: str, **config: str) -> Engine:
        (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        (tmp_path / "__main__.py").write_text(PRELUDE + textwrap.dedent(program))
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, **config}
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given)

    return make


@pytest.fixture
def api(lab_cluster: "Cluster") -> ApiServer:
    """Give a connection for plain requests."""
    return ApiServer(str(lab_cluster.kubeconfig), lab_cluster.context)
