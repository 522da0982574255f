"""The example of the recipes, run under mocks; docs/sidecar.md shows what it gives."""

import re
import runpy
from pathlib import Path
from typing import Any

import pulumi
import yaml

from components.testing import ClusterMocks
from tests.unit.components.test_target import KUBECONFIG

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "examples" / "07-sidecar-recipes" / "__main__.py"


@pulumi.runtime.test
def deploy() -> None:
    """Run the example's program; its registrations are waited for."""
    project = pulumi.get_project()
    pulumi.runtime.set_all_config({f"{project}:kubeconfig": KUBECONFIG, f"{project}:shipperImage": "rsyslog:8"})
    try:
        runpy.run_path(str(PROGRAM), run_name="__main__")
    finally:
        pulumi.runtime.set_all_config({})


def pod_spec(mocks: ClusterMocks, name: str) -> Any:
    """Return the pod spec of a Deployment."""
    return mocks.inputs("kubernetes:apps/v1:Deployment", name)["spec"]["template"]["spec"]


def test_the_pods_have_their_sidecars_in_order(mocks: ClusterMocks) -> None:
    """Only the proxy is waited for, and the grace period is the sum of what all of them need."""
    deploy()

    shop, greeter = pod_spec(mocks, "shop"), pod_spec(mocks, "greeter")
    assert ["proxy", "log-shipper", "metrics-exporter"] == [each["name"] for each in shop["initContainers"]]
    assert ["proxy"] == [each["name"] for each in shop["initContainers"] if "startupProbe" in each]
    assert 3 + 10 + 5 + 10 + 10 == shop["terminationGracePeriodSeconds"]
    assert ["config-reloader"] == [each["name"] for each in greeter["initContainers"]]
    assert greeter["shareProcessNamespace"]


def test_the_documented_manifests_are_those(mocks: ClusterMocks) -> None:
    """Pod spec and reloader of the example are, field by field, those in docs/sidecar.md."""
    deploy()

    page = (ROOT / "docs" / "sidecar.md").read_text()
    shop, reloader = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.+?)```", page, re.DOTALL))
    assert shop == pod_spec(mocks, "shop")
    assert reloader == pod_spec(mocks, "greeter")["initContainers"]
