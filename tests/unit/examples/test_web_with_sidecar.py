"""The first example, run under mocks as a user would test a program of their own."""

import runpy
from pathlib import Path

import pulumi

from components.testing import ClusterMocks
from tests.unit.components.test_target import KUBECONFIG

PROGRAM = Path(__file__).resolve().parents[3] / "examples" / "01-web-with-sidecar" / "__main__.py"


@pulumi.runtime.test
def deploy() -> None:
    """Run the example's program; its registrations are waited for."""
    pulumi.runtime.set_all_config({f"{pulumi.get_project()}:kubeconfig": KUBECONFIG})
    try:
        runpy.run_path(str(PROGRAM), run_name="__main__")
    finally:
        pulumi.runtime.set_all_config({})


def test_the_sidecar_starts_first_and_the_service_finds_it(mocks: ClusterMocks) -> None:
    """The sidecar is an init container that always restarts, and the UDP port leads to it."""
    deploy()

    deployment = mocks.inputs("kubernetes:apps/v1:Deployment", "web")
    (sidecar,) = deployment["spec"]["template"]["spec"]["initContainers"]
    assert ("statsd", "Always") == (sidecar["name"], sidecar["restartPolicy"])
    service = mocks.inputs("kubernetes:core/v1:Service", "web")
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    assert {"name": "statsd", "port": 8125, "protocol": "UDP", "targetPort": "statsd"} in service["spec"]["ports"]
