"""For each kind of node of the table of platforms: the way to a WASM runtime, or around its absence.

Whether there is one, why, and by which source is the table's (`platforms.yaml`); here is what to do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from components.model.platforms import table

_SHIM = "`wasm-nodes shim`, with runtime-class-manager"
_POOL = "a node group of AL2023 beside them: `wasm-nodes eks`"
_UBUNTU = "a node pool of Ubuntu beside them, and `wasm-nodes shim` with runtime-class-manager"
_WAYS: Mapping[tuple[str, str], str] = {
    ("kind", "kind-node"): "`wasm-nodes kind`, when the cluster is created",
    ("lab", "simulated"): "the lab's own node, or kind",
    ("lab", "lab-node"): "nothing to do",
    ("eks", "fargate"): _POOL,
    ("eks", "auto-mode"): _POOL,
    ("eks", "bottlerocket"): _POOL,
    ("eks", "al2023-arm64"): "`wasm-nodes eks --architecture arm64`, for a node group of their own",
    ("eks", "al2023"): "`wasm-nodes eks`, for a node group of their own",
    ("aks", "aks-automatic"): "a cluster of AKS Standard with a pool of Ubuntu, and `wasm-nodes shim`",
    ("aks", "ubuntu-arm64"): f"{_SHIM}, with the digest of arm64 alone; a canary pod says whether it went well",
    ("aks", "ubuntu-22.04"): f"{_SHIM}: AKS has no hook for containerd, and a reimaged node is installed anew",
    ("aks", "ubuntu-24.04"): f"{_SHIM}: AKS has no hook for containerd, and a reimaged node is installed anew",
    ("aks", "azure-linux-3"): "a node pool of Ubuntu beside them: no installer names Azure Linux",
    ("gke", "autopilot"): "a cluster of GKE Standard with a pool of Ubuntu, and `wasm-nodes shim`",
    ("gke", "cos-arm64"): _UBUNTU,
    ("gke", "cos"): _UBUNTU,
    ("gke", "ubuntu-containerd"): f"{_SHIM}: GKE's customization of containerd has no handlers",
}


@dataclass(frozen=True)
class Way:
    """A kind of node: whether it can have a WASM runtime, why, by which source, and what to do."""

    platform: str
    node_type: str
    answer: str
    reason: str
    way: str
    source: str


def ways() -> Iterator[Way]:
    """Yield a way for every kind of node in the table, in its order."""
    for row in table().node_types:
        feature = row.features["wasm"]
        way = _WAYS[row.platform, row.node_type]
        yield Way(row.platform, row.node_type, feature.answer, feature.reason, way, row.source)
