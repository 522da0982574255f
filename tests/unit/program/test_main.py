"""What the lab's program registers, under mocks."""

import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.testing import ClusterMocks
from tests.unit.components.test_target import KUBECONFIG

ROOT = Path(__file__).resolve().parents[3]
DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def deploy(**config: str) -> None:
    """Run the program with these config keys; its registrations are waited for."""

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        # The mocks take the project's name from the one they were given.
        keys = {f"{pulumi.get_project()}:{key}": value for key, value in {"kubeconfig": KUBECONFIG, **config}.items()}
        pulumi.runtime.set_all_config(keys)
        try:
            runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        finally:
            pulumi.runtime.set_all_config({})

    program()


def pod_spec(mocks: ClusterMocks, name: str) -> dict[str, Any]:
    """Return the pod spec of one of the demos."""
    return dict(mocks.inputs(DEPLOYMENT, name)["spec"]["template"]["spec"])


def test_names_sizes_and_counts(mocks: ClusterMocks) -> None:
    """The three demos have the names, replicas and sizes that the README tells."""
    deploy(platform="lab")

    assert "kubernetes-emerging-unit" == mocks.inputs("kubernetes:core/v1:Namespace", "namespace")["metadata"]["name"]
    assert "mixed-protocol" == mocks.inputs("kubernetes:core/v1:Service", "mixed-protocol")["metadata"]["name"]
    for name in ("sidecar-demo", "inplace-update-demo"):
        assert name == mocks.inputs(DEPLOYMENT, name)["metadata"]["name"]
        assert 2 == mocks.inputs(DEPLOYMENT, name)["spec"]["replicas"]
    nginx, shipper = {"cpu": "100m", "memory": "128Mi"}, {"cpu": "50m", "memory": "64Mi"}
    sidecar = pod_spec(mocks, "sidecar-demo")
    assert {"requests": nginx} == sidecar["containers"][0]["resources"]
    assert {"requests": shipper} == sidecar["initContainers"][0]["resources"]
    (inplace,) = pod_spec(mocks, "inplace-update-demo")["containers"]
    assert {"requests": nginx, "limits": nginx} == inplace["resources"]


def test_the_service_carries_both_protocols(mocks: ClusterMocks) -> None:
    """HTTP goes to nginx on 80/TCP and syslog to the sidecar on 9090/UDP."""
    deploy()

    assert [("http", 80, "TCP", "http"), ("metrics", 9090, "UDP", "syslog")] == [
        (port["name"], port["port"], port["protocol"], port["targetPort"])
        for port in mocks.inputs("kubernetes:core/v1:Service", "mixed-protocol")["spec"]["ports"]
    ]


@pytest.mark.parametrize(
    ("platform", "kind", "node_ports"), [("lab", "ClusterIP", [None, None]), ("kind", "NodePort", [30080, 30090])]
)
def test_the_service_is_reached_through_published_ports_on_kind(
    mocks: ClusterMocks, platform: str, kind: str, node_ports: list[int | None]
) -> None:
    """A kind cluster's IPs are not reached from its machine, so `make up` publishes these two node ports."""
    deploy(platform=platform)
    spec = mocks.inputs("kubernetes:core/v1:Service", "mixed-protocol")["spec"]
    assert kind == spec["type"]
    assert node_ports == [port.get("nodePort") for port in spec["ports"]]


@pytest.mark.parametrize(("platform", "image"), [("lab", "localhost/rsyslog:8"), ("eks", "fluent/fluent-bit")])
def test_the_log_shipper_fits_the_platform(mocks: ClusterMocks, platform: str, image: str) -> None:
    """It is rsyslog in the lab and fluent-bit elsewhere; each has the startup probe that its image can answer."""
    deploy(platform=platform)

    (shipper,) = pod_spec(mocks, "sidecar-demo")["initContainers"]
    assert shipper["image"].startswith(image)
    assert ("exec" if platform == "lab" else "httpGet") in shipper["startupProbe"]


def test_no_child_uses_another_provider(mocks: ClusterMocks) -> None:
    """Every Kubernetes object goes to the target's cluster, none to an ambient one."""
    deploy()

    kubernetes = [resource for resource in mocks.resources if resource.typ.startswith("kubernetes:")]
    assert 7 == len(kubernetes)
    assert {True} == {"pulumi:providers:kubernetes::target" in (resource.provider or "") for resource in kubernetes}
