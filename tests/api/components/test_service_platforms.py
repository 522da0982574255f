"""MixedProtocolService on clusters that look like a cloud's: what the live cluster shows decides what becomes of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.actions.client import Client, Json, path_of
from lab.engine import Engine
from tests.api.components import test_service
from tests.api.components.test_service import BOTH, balancer, ingress
from tests.api.preflight.shaping import Shape, shaped
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster

PROGRAM = test_service.PROGRAM
AWS = "service.beta.kubernetes.io/aws-load-balancer-"
EKS = ("v1.35.1-eks-1", "Amazon Linux 2023.6", "containerd://2.2.4", "aws:///a/i-")
SHAPES = {
    "EKS, controller 2.13": Shape(*EKS, groups=("elbv2.k8s.aws",), lbc="v2.13.1"),
    "EKS, controller 2.12": Shape(*EKS, groups=("elbv2.k8s.aws",), lbc="v2.12.0"),
    "EKS alone": Shape(*EKS),
    "EKS Auto Mode": Shape(*EKS, groups=("eks.amazonaws.com",)),
    "AKS": Shape("v1.35.2", "Ubuntu 24.04.1 LTS", "containerd://2.3.2", "azure:///subscriptions/s/vm/"),
    "GKE": Shape("v1.36.2-gke.1498000", "Container-Optimized OS from Google", "containerd://2.0.4", "gce://p/z/n"),
    "old GKE": Shape("v1.33.1-gke.100", "Container-Optimized OS from Google", "containerd://2.0.4", "gce://p/z/n"),
}
ARGS: Json = {"ports": [BOTH], "type": "LoadBalancer", "wait_for_pods": False}


@pytest.mark.parametrize(
    ("shape", "more", "wanted"),
    [
        (
            "EKS, controller 2.13",
            {},
            {
                "class": "service.k8s.aws/nlb",
                f"{AWS}scheme": "internet-facing",
                f"{AWS}enable-tcp-udp-listener": "true",
            },
        ),
        ("AKS", {"internal": True}, {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}),
        ("GKE", {}, {"class": "networking.gke.io/l4-regional-external"}),
        ("old GKE", {"mode": "split", "load_balancer_ip": "192.0.2.7"}, {"ip": "192.0.2.7"}),
    ],
)
def test_the_live_cluster_decides(
    client: Client,
    lab_cluster: "Cluster",
    namespace: str,
    run: Callable[..., Engine],
    tmp_path: Path,
    shape: str,
    more: Json,
    wanted: dict[str, str],
) -> None:
    """Class, annotations and address are those of its load balancer; the next run has nothing to change."""
    with (
        shaped(lab_cluster.kubeconfig, SHAPES[shape], tmp_path) as kubeconfig,
        balancer(client, namespace, ingress(client, namespace)),
    ):
        engine = run(kubeconfig=str(kubeconfig), args=json.dumps({**ARGS, **more}))
        made = engine.up()
        assert made.ok, told(made)
        assert not engine.preview().changes
    names = ["web-tcp", "web-udp"] if "mode" in more else ["web"]
    listed: list[Any] = client.list(path_of("v1", "services", namespace))
    assert names == sorted(each["metadata"]["name"] for each in listed)
    for live in listed:
        spec, texts = live["spec"], live["metadata"]["annotations"]
        found = {key: text for key, text in texts.items() if not key.startswith("pulumi.com/")}
        found |= {"class": spec["loadBalancerClass"]} if "loadBalancerClass" in spec else {}
        found |= {"ip": spec["loadBalancerIP"]} if "loadBalancerIP" in spec else {}
        assert wanted == found


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("EKS, controller 2.12", "upgrade the AWS Load Balancer Controller to 2.13.0 or later"),
        ("EKS alone", "install the AWS Load Balancer Controller"),
        ("EKS Auto Mode", "write mode: single to try it all the same"),
        ("old GKE", "reserve a static address and write it as load_balancer_ip"),
    ],
)
def test_what_would_drop_a_protocol_stops_the_preview(
    client: Client,
    lab_cluster: "Cluster",
    namespace: str,
    run: Callable[..., Engine],
    tmp_path: Path,
    shape: str,
    words: str,
) -> None:
    """With the way out, before anything is made."""
    with shaped(lab_cluster.kubeconfig, SHAPES[shape], tmp_path) as kubeconfig:
        refused = run(kubeconfig=str(kubeconfig), args=json.dumps(ARGS)).preview()

    assert not refused.ok
    assert words in told(refused)
    assert [] == client.list(path_of("v1", "services", namespace))
