"""The example of the recipes on a real node: what each sidecar does for its main container."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client import CoreV1Api

from lab.cluster import images
from lab.engine import Engine, QuietDisplay
from tests.programs import living_pods, told

if TYPE_CHECKING:
    from lab.cluster import Cluster

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "07-sidecar-recipes"
RESTRICTED = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def eventually(look: Callable[[], str], word: str, seconds: float = 30) -> str:
    """Return what is seen once there is a word in it."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if word in found:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.5)


def test_the_recipes_do_what_they_are_for(kube: Any, lab_cluster: "Cluster", namespace: str, tmp_path: Path) -> None:
    """Requests go through the proxy, are shipped and counted, and other files are reloaded by the same pod."""
    core = CoreV1Api(kube)
    core.patch_namespace(namespace, RESTRICTED)

    def up(**config: str) -> Any:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "namespace": namespace, "image": images.NGINX_1_26}
        given |= {"shipperImage": images.RSYSLOG, **config}
        engine = Engine(EXAMPLE, "dev", tmp_path / "state", QuietDisplay(), config=given)
        summary = engine.up()
        assert summary.ok, told(summary)
        return engine.outputs()

    def fetch(pod: Any, container: str, address: str) -> str:
        command = [str(lab_cluster.kubectl), "--kubeconfig", str(lab_cluster.kubeconfig)]
        command += ["--context", lab_cluster.context, "-n", namespace, "exec", pod.metadata.name, "-c", container]
        done = subprocess.run(
            [*command, "--", "busybox", "wget", "-qO-", address],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.stdout + done.stderr

    outputs = up()
    pods = {pod.metadata.labels["app.kubernetes.io/name"]: pod for pod in living_pods(kube, namespace)}
    shop, greeter = pods["shop"], pods["greeter"]
    assert ["nginx", "metrics-exporter", "log-shipper", "proxy"] == outputs["orders"]["stop"]
    assert ("Guaranteed", "Guaranteed") == (outputs["costs"]["qos"], shop.status.qos_class)

    assert "served\n" == fetch(shop, "nginx", f"http://{shop.status.pod_ip}:8080/asked-for")
    eventually(
        lambda: core.read_namespaced_pod_log(shop.metadata.name, namespace, container="log-shipper"), "asked-for"
    )
    figures = fetch(shop, "nginx", f"http://{shop.status.pod_ip}:9113/metrics")
    lines = [line.split() for line in figures.splitlines() if line and not line.startswith("#")]
    assert ["active", "reading", "writing", "waiting"] == [name.removeprefix("nginx_connections_") for name, _ in lines]
    assert all(value.isdecimal() for _, value in lines)

    assert "hello\n" == fetch(greeter, "nginx", "http://127.0.0.1:8080/")
    up(greeting="good evening")
    # A pod that changes is looked at anew by its kubelet, which would take up to a minute for its files.
    core.patch_namespaced_pod(greeter.metadata.name, namespace, {"metadata": {"annotations": {"look": "now"}}})
    eventually(lambda: fetch(greeter, "nginx", "http://127.0.0.1:8080/"), "good evening", seconds=90)
    after = {pod.metadata.uid: pod for pod in living_pods(kube, namespace)}
    assert {shop.metadata.uid, greeter.metadata.uid} == set(after)
    statuses = after[greeter.metadata.uid].status.container_statuses
    assert [0] == [status.restart_count for status in statuses]
