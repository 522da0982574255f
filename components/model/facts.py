"""What a live cluster told of itself, as plain values; what it would not tell is `Unseen`, with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from components.model.feature import Right


@dataclass(frozen=True)
class Unseen:
    """In the place of a fact that could not be read: why, and what would make it readable."""

    why: str
    remedy: str = ""


T = TypeVar("T")
Seen: TypeAlias = T | Unseen


@dataclass(frozen=True)
class Node:
    """A node as its Node object tells (core/v1 NodeStatus).

    `handlers` is empty where the node lists none (before Kubernetes 1.31 or containerd 2.0); `cgroup` is 1 or 2, None
    where nobody asked or nobody answered; `losing_support` is the Kubernetes version from which the kubelet itself says
    that it will not work with this runtime any more, "" where it says nothing (before 1.34 none does). `tainted` tells
    whether pods need a toleration to go there.
    """

    name: str
    os_image: str = ""
    os: str = "linux"
    architecture: str = ""
    kubelet: str = ""
    runtime: str = ""
    provider_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    handlers: frozenset[str] = frozenset()
    simulated: bool = False
    tainted: bool = False
    cgroup: int | None = None
    losing_support: str = ""

    @property
    def pool(self) -> tuple[str, ...]:
        """What nodes of one make have in common."""
        return (self.os_image, self.os, self.architecture, self.kubelet, self.runtime)


@dataclass(frozen=True)
class Quota:
    """A ResourceQuota: its name and, by resource, how much is used of how much."""

    name: str
    used: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Namespace:
    """A namespace: whether it is there, its enforced Pod Security level ("" for none), and what limits its pods."""

    name: str
    exists: bool = True
    pod_security: str = ""
    quotas: Seen[tuple[Quota, ...]] = ()
    limit_ranges: Seen[tuple[str, ...]] = ()


@dataclass(frozen=True)
class Balancer:
    """Something that can give Services of type LoadBalancer an address: an implementation and its version ("")."""

    implementation: str
    version: str = ""


@dataclass(frozen=True)
class Cluster:
    """Everything that was asked of a cluster. What no feature needed was not asked, and is Unseen."""

    server: str
    git_version: str
    core_resources: Seen[frozenset[str]]
    """Resources and subresources of the core API, such as `pods/resize`."""
    groups: Seen[frozenset[str]]
    """API groups."""
    gates: Seen[Mapping[str, bool]]
    """Feature gates of the API server, from its metrics."""
    nodes: Seen[tuple[Node, ...]]
    balancers: Seen[tuple[Balancer, ...]]
    namespaces: Mapping[str, Seen[Namespace]]
    rights: Mapping[tuple[str, Right], Seen[bool]]
    """By namespace ("" for what has none) and right."""
    unfinished: Seen[tuple[str, ...]]
    """Work of earlier runs that was begun and not ended, each in words."""
    drift: Seen[tuple[str, ...]]
    """Sizes of workloads and pods that somebody changed by hand, each in words."""

    @property
    def minor(self) -> tuple[int, int]:
        """Major and minor version, (0, 0) for a version that means nothing."""
        numbers = self.git_version.lstrip("v").split(".")
        try:
            return int(numbers[0]), int(numbers[1])
        except (ValueError, IndexError):
            return 0, 0
