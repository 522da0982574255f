"""What a plan for a reset asks a cluster: who it is, what would be lost with it, and what is going on in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.actions.client import Client, Json, path_of
from components.actions.preflight.observing import observe
from components.actions.resize import all_unfinished
from components.model import platforms
from components.model.facts import Node, Unseen
from components.model.losses import losses
from components.model.reset_means import PROTECTED

_CONTROLLED = ("deployments", "statefulsets", "daemonsets")


@dataclass(frozen=True)
class Facts:
    """A cluster on the eve of its reset."""

    cluster: str
    server: str
    kubernetes: str
    platform: str
    nodes: Sequence[Node]
    kubeadm: bool
    protected: bool
    losses: tuple[str, ...]
    rollouts: tuple[str, ...]


def facts_of(client: Client) -> Facts:
    """Return the facts. Raises `ApiError` for what may not be read: a reset is not planned on half of the facts."""
    system = client.get(path_of("v1", "namespaces", name="kube-system"))
    observed = observe(client, [])
    nodes = () if isinstance(observed.nodes, Unseen) else observed.nodes
    annotation = (system["metadata"].get("annotations") or {}).get(PROTECTED)
    lost = losses(client.list(path_of("v1", "pods")), client.list(path_of("v1", "persistentvolumes")))
    return Facts(
        cluster=str(system["metadata"]["uid"]),
        server=client.server,
        kubernetes=observed.git_version,
        platform=platforms.platform_of(observed.git_version, [node.provider_id for node in nodes]),
        nodes=nodes,
        kubeadm=client.find(path_of("v1", "configmaps", "kube-system", "kubeadm-config")) is not None,
        protected=annotation is not None and annotation != "false",
        losses=tuple(lost),
        rollouts=tuple(_rollouts(client)),
    )


def _rollouts(client: Client) -> Iterator[str]:
    for resource in _CONTROLLED:
        for each in client.list(path_of("apps/v1", resource)):
            if _is_moving(each, resource):
                yield f"{resource} {each['metadata']['namespace']}/{each['metadata']['name']} is being rolled out"
    for namespace in client.list(path_of("v1", "namespaces")):
        yield from (str(left) for left in all_unfinished(client, namespace["metadata"]["name"]))


def _is_moving(each: Json, resource: str) -> bool:
    """Tell whether a controller is still replacing pods; pods that are not well after that are no rollout."""
    spec, status = each.get("spec", {}), each.get("status", {})
    if int(status.get("observedGeneration", 0)) < int(each["metadata"].get("generation", 0)):
        return True
    if resource == "daemonsets":
        return bool(status.get("updatedNumberScheduled", 0) < status.get("desiredNumberScheduled", 0))
    if spec.get("updateStrategy", {}).get("type") == "OnDelete" or spec.get("paused"):
        return False
    wanted = spec.get("replicas", 1)
    return bool(status.get("updatedReplicas", 0) < wanted or status.get("replicas", 0) > wanted)
