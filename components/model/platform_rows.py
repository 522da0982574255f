"""The rows of the dated table of platforms (`platforms.yaml`), as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Answer = Literal["yes", "no", "unknown"]

CLOUDS = ("eks", "aks", "gke")
FEATURES = ("sidecars", "resize", "mixed-protocol", "wasm")


@dataclass(frozen=True)
class Release:
    """A minor of upstream Kubernetes."""

    minor: str
    released: date | None
    end_of_life: date | None
    note: str
    source: str


@dataclass(frozen=True)
class Version:
    """A minor as a cloud offers it; a date that is not known is None, and the note says why."""

    platform: str
    minor: str
    released: date | None
    standard_end: date | None
    extended_end: date | None
    note: str
    source: str


@dataclass(frozen=True)
class Match:
    """By what a node is known: every part that is not empty has to hold. The two texts are regular expressions.

    A label's value `*` stands for any. Nothing at all matches no node.
    """

    os_image: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    provider_id: str = ""
    architecture: str = ""


@dataclass(frozen=True)
class Feature:
    """Whether nodes of a type can have a feature, and the reason in a few words."""

    answer: Answer
    reason: str


@dataclass(frozen=True)
class NodeType:
    """A kind of node that a platform offers; `containerd` is by Kubernetes minor, with the key `*` for all others."""

    platform: str
    node_type: str
    match: Match
    containerd: Mapping[str, str]
    cgroup: str
    features: Mapping[str, Feature]
    notes: str
    source: str


@dataclass(frozen=True)
class LoadBalancer:
    """What a load balancer does with TCP and UDP in one Service: on different ports, and on one and the same port.

    `needs` is what has to be set for that, and `otherwise` the way out where an answer is no.
    """

    implementation: str
    versions: str
    different_ports: Answer
    same_port: Answer
    needs: str
    otherwise: str
    source: str


@dataclass(frozen=True)
class Containerd:
    """What containerd's project says of its own versions.

    `tested` is the lowest version of each of its lines that is tested with a Kubernetes minor, `end_of_life` the month
    in which a line ends. `cri_v1` is the first line that speaks CRI v1, and `cri_v1_required` the first Kubernetes
    minor that requires it; so are `runtime_config` and `runtime_config_required` for CRI v1's RuntimeConfig (KEP-4033).
    """

    tested: Mapping[str, tuple[str, ...]]
    end_of_life: Mapping[str, str]
    cri_v1: str
    cri_v1_required: str
    runtime_config: str
    runtime_config_required: str
    source: str


@dataclass(frozen=True)
class Table:
    """The whole of `platforms.yaml`."""

    dated: date
    kubernetes: tuple[Release, ...]
    versions: tuple[Version, ...]
    node_types: tuple[NodeType, ...]
    load_balancers: tuple[LoadBalancer, ...]
    containerd: Containerd
