"""Facts of clusters for tests: made up, in the shapes that the lab, EKS, AKS and GKE document; none was recorded."""

from dataclasses import replace
from typing import Any

from components.model.facts import Cluster, Node

CORE = frozenset({"pods", "pods/resize", "nodes", "services"})


def lab_node(name: str = "lab", **fields: Any) -> Node:
    """Return a node of the lab's own."""
    node = Node(
        name,
        os_image="Debian GNU/Linux 12 (bookworm)",
        architecture="amd64",
        kubelet="v1.33.13",
        runtime="containerd://2.1.9",
        handlers=frozenset({"runc", "wasmedge"}),
        cgroup=1,
    )
    return replace(node, **fields)


def cloud_node(platform: str, os_image: str, name: str = "n1", **fields: Any) -> Node:
    """Return a node of a cloud, on Kubernetes 1.35 and containerd 2.2."""
    kubelet = {"eks": "v1.35.8-eks-3a10415", "aks": "v1.35.8", "gke": "v1.35.8-gke.1842000"}[platform]
    provider = {"eks": "aws:///eu-west-1a/i-0a", "aks": "azure:///subscriptions/s/vm/0", "gke": "gce://p/z/n"}[platform]
    node = Node(
        name,
        os_image=os_image,
        architecture="amd64",
        kubelet=kubelet,
        runtime="containerd://2.2.4",
        provider_id=provider,
        handlers=frozenset({"runc"}),
    )
    return replace(node, **fields)


def cluster(**facts: Any) -> Cluster:
    """Return a cluster that serves everything and has told everything, with one node of the lab's."""
    known: dict[str, Any] = {
        "server": "https://double.invalid",
        "git_version": "v1.33.13",
        "core_resources": CORE,
        "groups": frozenset({"apps"}),
        "gates": {"InPlacePodVerticalScaling": True},
        "nodes": (lab_node(),),
        "balancers": (),
        "namespaces": {},
        "rights": {},
        "unfinished": (),
        "drift": (),
    }
    return Cluster(**(known | facts))


def managed(*nodes: Node) -> Cluster:
    """Return a cluster with these nodes; its API server is of their version."""
    return cluster(git_version=nodes[0].kubelet, nodes=nodes)
