"""Which load balancers a cluster has, as far as it shows: by its API groups, its version and its nodes."""

import re

from components.actions.client import Client, Items, path_of
from components.actions.preflight.reading import seen
from components.model import platforms
from components.model.facts import Balancer, Node, Seen, Unseen

# An installed controller brings API types of its own, which everybody may discover.
_BY_GROUP = {"metallb.io": "metallb", "elbv2.k8s.aws": "aws-lbc"}
_AUTO_MODE = "eks.amazonaws.com"
_CILIUM, _CILIUM_POOLS = "cilium.io", ("v2", "v2alpha1")
_LBC = "app.kubernetes.io/name=aws-load-balancer-controller"


def balancers(
    client: Client, git_version: str, groups: Seen[frozenset[str]], nodes: Seen[tuple[Node, ...]]
) -> Seen[tuple[Balancer, ...]]:
    """Return what gives Services of type LoadBalancer an address here; empty where nothing that is known was seen."""
    if isinstance(groups, Unseen):
        return groups
    listed = () if isinstance(nodes, Unseen) else nodes
    platform = platforms.platform_of(git_version, [node.provider_id for node in listed])
    found = [Balancer(name) for group, name in _BY_GROUP.items() if group in groups]
    found = [Balancer("aws-lbc", _lbc_version(client)) if each.implementation == "aws-lbc" else each for each in found]
    if _CILIUM in groups and _has_pools(client):
        found.append(Balancer("cilium-lb-ipam"))
    if platform == "eks":
        auto = _AUTO_MODE in groups
        found += [Balancer("eks-auto-mode")] if auto else [] if found else [Balancer("aws-ccm")]
    elif platform in ("aks", "gke"):
        found.append(Balancer(platform, git_version if platform == "gke" else ""))
    elif platform == "k3s":
        found.append(Balancer("k3s-servicelb"))
    elif platform == "kind" and not found:
        found.append(Balancer("kind-alone"))
    return tuple(found)


def _lbc_version(client: Client) -> str:
    """Return the version of the AWS Load Balancer Controller by its image's tag, "" where it may not be read."""
    for namespace in ("kube-system", ""):  # where its chart installs it by default, then everywhere
        path = path_of("apps/v1", "deployments", namespace)
        for deployment in _list(client, path, label_selector=_LBC):
            for container in deployment["spec"]["template"]["spec"].get("containers") or []:
                if tag := re.search(r":(v\d+\.\d+\.\d+)", str(container.get("image", ""))):
                    return tag[1]
    return ""


def _has_pools(client: Client) -> bool:
    """Tell whether Cilium has addresses to give; without pools its LB-IPAM does nothing."""
    return any(_list(client, f"/apis/{_CILIUM}/{version}/ciliumloadbalancerippools") for version in _CILIUM_POOLS)


def _list(client: Client, path: str, **selectors: str) -> Items:
    """Return a list, empty where it may not be read or is not served."""
    found = seen(path, lambda: client.list(path, **selectors))
    return [] if isinstance(found, Unseen) else found
