"""Node pools: nodes that are made alike, and come and go together, by the labels that clouds and autoscalers set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.model.facts import Node

LABELS = (
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "karpenter.sh/nodepool",
)
"""The labels by which EKS, GKE, AKS and Karpenter tell to which pool a node belongs."""
_HOST = "kubernetes.io/hostname"


@dataclass(frozen=True)
class Pool:
    """The nodes of a pool, or a node that is in none; `label` and `value` are what a pod chooses it by."""

    label: str
    value: str
    nodes: tuple[Node, ...]

    @property
    def alone(self) -> bool:
        """Tell whether this is a node that belongs to no pool."""
        return self.label == _HOST

    @property
    def name(self) -> str:
        """The pool in words."""
        return f"node {self.nodes[0].name}" if self.alone else f"pool {self.value} ({self.label})"

    @property
    def selector(self) -> Mapping[str, str]:
        """The node selector of a pod that is to run there, also while the pool has no node."""
        return {self.label: self.value}

    @property
    def tainted(self) -> bool:
        """Tell whether pods need a toleration to go to any of its nodes."""
        return all(node.tainted for node in self.nodes)


def pools_of(nodes: Iterable[Node]) -> tuple[Pool, ...]:
    """Return the pools of the nodes, in the order in which they first come."""
    found: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        label = next((label for label in LABELS if node.labels.get(label)), _HOST)
        found.setdefault((label, node.labels.get(label) or node.name), []).append(node)
    return tuple(Pool(label, value, tuple(listed)) for (label, value), listed in found.items())


def chosen(nodes: Iterable[Node], selector: Mapping[str, str]) -> tuple[Node, ...]:
    """Return the nodes that have all labels of a node selector."""
    return tuple(node for node in nodes if all(node.labels.get(key) == value for key, value in selector.items()))
