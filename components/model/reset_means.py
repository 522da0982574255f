"""What a reset can honestly mean on each platform, and the commands that do it. Pure.

Kubernetes knows no reset. Where the cluster is the user's own it is deleted and made anew; where a cloud runs the
control plane that stays, with all its objects, and a reset is new nodes: the commands are given, and never run from
here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from components.model.facts import Node

PROTECTED = "kubernetes-emerging/protected"
"""The annotation of the namespace kube-system by which a cluster is never reset, whatever its value but "false"."""


_KUBEADM = "python -m components.actions.reset.kubeadm"


@dataclass(frozen=True)
class Means:
    """What a reset is here; `executed` tells whether it can be run, through a driver command, or only be described."""

    text: str
    commands: tuple[str, ...]
    executed: bool


def means(platform: str, nodes: Sequence[Node], *, kubeadm: bool) -> Means:
    """Return what a reset means on a platform, `kubeadm` telling that kubeadm made the cluster."""
    if platform == "lab":
        return Means(
            "the lab's own cluster: it is deleted with its etcd and everything on its node, and made anew",
            ("python -m lab.cluster reset --name NAME --expect $RESET_CLUSTER",),
            executed=True,
        )
    if platform == "kind":
        name = _kind_name(nodes) or "NAME"
        return Means(
            "the kind cluster: its node containers are deleted with their volumes (extraMounts stay), and made anew",
            (f"python -m components.actions.reset.kind --name {name} --config YOUR-KIND-CONFIG.yaml",),
            executed=True,
        )
    if platform in _CLOUDS:
        return Means(_CLOUDS[platform][0], _CLOUDS[platform][1], executed=False)
    if kubeadm:
        return Means(
            "every node is reset by kubeadm, workers first, and joins a new control plane; /etc/cni/net.d, rules of "
            "iptables and IPVS, an external etcd and users' kubeconfigs stay behind, and are yours to remove",
            (f"{_KUBEADM} --control-plane root@NODE --worker root@NODE --config FILE --context NAME",),
            executed=True,
        )
    return Means(
        "nobody knows how this cluster was made: a driver command of yours deletes it and makes it anew",
        ("YOUR-COMMAND              # with $RESET_CLUSTER, the UID of kube-system, and $KUBECONFIG",),
        executed=True,
    )


_NEW_NODES = "keeps the control plane and every object: a reset is new nodes, one group after the other"
# Sources: EKS "managed node update behavior", AKS "agent pool upgrade settings", GKE "container clusters upgrade".
_CLOUDS = {
    "eks": (
        f"EKS {_NEW_NODES}; budgets are respected without --force",
        ("aws eks update-nodegroup-version --cluster-name CLUSTER --nodegroup-name GROUP",),
    ),
    "aks": (
        f"AKS {_NEW_NODES}; it drains for 30 minutes at most and then fails",
        ("az aks nodepool upgrade --resource-group GROUP --cluster-name CLUSTER --name POOL --node-image-only",),
    ),
    "gke": (
        f"GKE {_NEW_NODES}; budgets are respected for an hour at most, pods without a controller are lost",
        ("gcloud container clusters upgrade CLUSTER --node-pool POOL",),
    ),
}


def _kind_name(nodes: Sequence[Node]) -> str:
    """Return the cluster's name in nodes' provider ids, `kind://PROVIDER/NAME/NODE`."""
    for node in nodes:
        parts = node.provider_id.partition("://")[2].split("/")
        if len(parts) == 3:
            return parts[1]
    return ""
