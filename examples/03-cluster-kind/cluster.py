"""What kind is told: its Cluster configuration (kind.x-k8s.io/v1alpha4). Values in, text out."""

from dataclasses import dataclass

import yaml

# With the digests of kind's releases: a tag can be moved. 1.37.0 is what kind 0.33 takes by itself.
NODE_IMAGES = {
    "1.33": "kindest/node:v1.33.12@sha256:3f5c8443c620245e4d355cfe09e96a91ead32ceaa569d3f1ca9edf0cb2fe2ff4",
    "1.37": "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
}

# Beta and on by default in 1.33 (KEP-1287), generally available from 1.35 on, where servers stop knowing the gate.
_FEATURE_GATES = {"1.33": {"InPlacePodVerticalScaling": True}}

# The node ports that the main program gives its Service on kind. kind forwards a port of the machine to a port of the
# node, for one protocol each, and only from the cluster's creation on.
_HTTP_NODE_PORT, _UDP_NODE_PORT = 30080, 30090

_WASM_MOUNT = "/opt/kubernetes-emerging/wasm"

# containerd's name for its CRI plugin, by the version that its configuration file declares. kind applies a patch only
# to a file of the version that the patch declares: with one for each, whichever file the image has gets the handler.
_CRI_PLUGINS = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}


@dataclass(frozen=True)
class Wasm:
    """An OCI runtime for WASM modules: its folder on this machine, its program there, and the handler's name."""

    folder: str
    program: str
    handler: str


def configuration(name: str, minor: str, http_port: int, udp_port: int, wasm: Wasm | None) -> str:
    """Return the configuration of a cluster of one node, as YAML."""
    node: dict[str, object] = {
        "role": "control-plane",
        "image": NODE_IMAGES[minor],
        "extraPortMappings": [
            _forward(http_port, _HTTP_NODE_PORT, "TCP"),
            _forward(udp_port, _UDP_NODE_PORT, "UDP"),
        ],
    }
    cluster: dict[str, object] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "name": name}
    if minor in _FEATURE_GATES:
        cluster["featureGates"] = _FEATURE_GATES[minor]
    if wasm:
        node["extraMounts"] = [{"hostPath": wasm.folder, "containerPath": _WASM_MOUNT, "readOnly": True}]
        cluster["containerdConfigPatches"] = [_handler(version, wasm) for version in _CRI_PLUGINS]
    return yaml.safe_dump({**cluster, "nodes": [node]}, sort_keys=False)


def _forward(host_port: int, node_port: int, protocol: str) -> dict[str, object]:
    # 127.0.0.1: without it the port is open to every network that the machine is in.
    return {"listenAddress": "127.0.0.1", "hostPort": host_port, "containerPort": node_port, "protocol": protocol}


def _handler(version: int, wasm: Wasm) -> str:
    table = f'plugins."{_CRI_PLUGINS[version]}".containerd.runtimes."{wasm.handler}"'
    lines = (
        f"version = {version}",
        f"[{table}]",
        'runtime_type = "io.containerd.runc.v2"',
        f"[{table}.options]",
        f'BinaryName = "{_WASM_MOUNT}/{wasm.program}"',
        "SystemdCgroup = true",
    )
    return "\n".join(lines) + "\n"
