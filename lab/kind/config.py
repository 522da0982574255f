"""What kind is told: the Cluster configuration (kind.x-k8s.io/v1alpha4) of a stack's cluster. Values in, text out."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from lab.cluster import wasm_bundle
from lab.cluster.config import WASM_HANDLER

# Node images by Kubernetes minor, with the digests of kind's own release notes. Images of v0.32 and later need a kind
# of that age: see tools.LEAST.
NODE_IMAGES = {
    "1.33": "kindest/node:v1.33.12@sha256:3f5c8443c620245e4d355cfe09e96a91ead32ceaa569d3f1ca9edf0cb2fe2ff4",
    "1.37": "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
}
# In-place resize is beta, and on, in 1.33 (KEP-1287); written down, so that no default of the image can turn it off.
# From 1.35 it is generally available, and later a server no longer knows the gate.
_FEATURE_GATES = {"1.33": {"InPlacePodVerticalScaling": True}}

# The program's NodePorts on kind: see the program's table of platforms. The range is the API server's default.
HTTP_NODE_PORT = 30080
UDP_NODE_PORT = 30090

# The CRI plugin's name for runtimes, by the version of containerd's own file. kind applies a patch only to a file of
# the version that the patch names, so both are given and the one that fits takes effect.
_RUNTIMES = {
    2: '[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{handler}{options}]',
    3: "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{handler}{options}]",
}


@dataclass(frozen=True)
class Ports:
    """Where the stack's Service is reached from this machine: ports on its loopback address."""

    http: int
    """TCP."""
    udp: int


def cluster_config(minor: str, ports: Ports, wasm: Path | None) -> str:
    """Return the configuration as YAML.

    `wasm` is the folder of the WASM runtime on this machine; without one the cluster gets no handler for it.
    """
    node: dict[str, object] = {
        "role": "control-plane",
        "image": NODE_IMAGES[minor],
        "extraPortMappings": [
            _mapping(HTTP_NODE_PORT, ports.http, "TCP"),
            _mapping(UDP_NODE_PORT, ports.udp, "UDP"),
        ],
    }
    config: dict[str, object] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}
    if minor in _FEATURE_GATES:
        config["featureGates"] = _FEATURE_GATES[minor]
    if wasm is not None:
        node["extraMounts"] = [{"hostPath": str(wasm), "containerPath": wasm_bundle.MOUNT_PATH, "readOnly": True}]
        config["containerdConfigPatches"] = [containerd_patch(version) for version in _RUNTIMES]
    text: str = yaml.dump(config, Dumper=_Dumper, sort_keys=False)
    return text


def containerd_patch(version: int) -> str:
    """Return the part of containerd's file that adds the WASM handler, for a file of this version (2 or 3)."""
    runtime = _RUNTIMES[version].format(handler=WASM_HANDLER, options="")
    options = _RUNTIMES[version].format(handler=WASM_HANDLER, options=".options")
    return (
        f"version = {version}\n{runtime}\n"
        '  runtime_type = "io.containerd.runc.v2"\n'
        f"{options}\n"
        f'  BinaryName = "{wasm_bundle.MOUNT_PATH}/{wasm_bundle.PROGRAM}"\n'
        "  SystemdCgroup = true\n"
    )


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as such, so that a person can read the file."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


def _mapping(node_port: int, host_port: int, protocol: str) -> dict[str, object]:
    return {
        "containerPort": node_port,
        "hostPort": host_port,
        "listenAddress": "127.0.0.1",
        "protocol": protocol,
    }
