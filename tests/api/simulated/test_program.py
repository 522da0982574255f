"""The real program on simulated nodes: the same commands and verdicts as on real ones, and each says "simulated"."""

from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.engine import Engine, QuietDisplay, Summary
from lab.engine.cluster import Cluster as ApiServer
from lab.simulated.config import RANGES

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE = "kubernetes-emerging-sim"
SIZE = {"inplaceCpu": "200m", "inplaceMemory": "256Mi"}


@pytest.fixture
def api(simulated: "SimulatedCluster") -> ApiServer:
    """Give a connection for plain requests."""
    return ApiServer(str(simulated.kubeconfig), simulated.context)


@pytest.fixture
def engine(simulated: "SimulatedCluster", tmp_path: Path) -> Callable[..., Engine]:
    """Give a function that makes an engine on the project's own program with this config."""

    def make(**config: str) -> Engine:
        given = {"kubeconfig": str(simulated.kubeconfig), "platform": "lab", "wasm": "off", **config}
        return Engine(ROOT, "sim", tmp_path / "state", QuietDisplay(), config=given)

    return make


def told(summary: Summary) -> str:
    """Return all messages of a run that has to be a good one, as one text."""
    text = "\n".join(found.message for found in summary.diagnostics)
    assert summary.ok, text
    return text


def pods(api: ApiServer, app: str) -> list[dict[str, Any]]:
    """Return the pods of a demo, by name."""
    found: list[dict[str, Any]] = api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
    own = [pod for pod in found if pod["metadata"]["name"].startswith(app)]
    return sorted(own, key=lambda pod: str(pod["metadata"]["name"]))


def test_life_of_the_program(engine: Callable[..., Engine], api: ApiServer) -> None:
    """Up, nothing to do, a resize that is adopted by the same pods, another image, and down."""
    told(engine().up())
    assert {"same"} == set(engine().up().counts)

    sidecar = pods(api, "sidecar-demo")
    assert 2 == len(sidecar)
    for pod in sidecar:
        (status,) = pod["status"]["initContainerStatuses"]
        assert (True, True, "running") == (status["started"], status["ready"], next(iter(status["state"])))
        assert pod["spec"]["nodeName"].startswith("simulated-")
    service = api.request("GET", f"/api/v1/namespaces/{NAMESPACE}/services/mixed-protocol")
    assert IPv4Address(service["spec"]["clusterIP"]) in RANGES.services
    slices = api.request("GET", f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices")["items"]
    assert 2 == len(slices[0]["endpoints"])

    before = pods(api, "inplace")
    preview = told(engine(**SIZE).preview())
    assert "running pods are resized in place (simulated: these pods run nothing)" in preview
    assert "nginx limits.cpu 100m -> 200m: in place (simulated: these pods run nothing)" in preview
    told(engine(**SIZE).up())
    after = pods(api, "inplace")
    assert [pod["metadata"]["uid"] for pod in before] == [pod["metadata"]["uid"] for pod in after]
    for pod in after:
        (status,) = pod["status"]["containerStatuses"]
        assert {"cpu": "200m", "memory": "256Mi"} == status["resources"]["limits"]
        assert 0 == status["restartCount"]
    deployment = api.request("GET", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/inplace-update-demo")
    assert "simulated" in deployment["metadata"]["annotations"]["kubernetes-emerging/last-resize"]

    rolled = told(engine(**SIZE, inplaceImage="localhost/nginx:1.26").up())
    assert "new pods are rolled out (simulated: these pods run nothing)" in rolled
    newest = pods(api, "inplace")
    assert {"localhost/nginx:1.26"} == {pod["status"]["containerStatuses"][0]["image"] for pod in newest}
    assert {pod["metadata"]["uid"] for pod in after}.isdisjoint(pod["metadata"]["uid"] for pod in newest)

    told(engine().destroy())
    names = [found["metadata"]["name"] for found in api.request("GET", "/api/v1/namespaces")["items"]]
    assert NAMESPACE not in names
