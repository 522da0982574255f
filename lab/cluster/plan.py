"""The plan of one node: what its supervisor mounts and starts. Values in, one JSON file out."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.cluster import artifacts, config, golang, images, youki
from lab.cluster.golang import DEFAULT_MINOR
from lab.cluster.network import Ranges
from lab.cluster.pki import NODE_NAME
from lab.files import write_atomically

# What lasts from one start to the next; everything else of a node's root is made anew each time.
DATA = {
    "etcd": "/var/lib/etcd",
    "containerd": "/var/lib/containerd",
    "kubelet": "/var/lib/kubelet",
    "pods": "/var/log/pods",
}
CLIENTS = ("controller-manager", "scheduler", "kube-proxy", "kubelet")
COMPONENTS = (
    "etcd",
    "containerd",
    "kube-apiserver",
    "images",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)


@dataclass(frozen=True)
class Host:
    """What of the machine decides how a node is configured."""

    snapshotter: str
    restrict_oom_score: bool


def render(
    folder: Path, ranges: Ranges, cgroup: str, minor: str = DEFAULT_MINOR, *, with_youki: bool = False
) -> dict[str, Any]:
    """Return the plan for the instance in `folder`, for `json.dump`; `minor` is its Kubernetes."""
    in_images = {image.binary for image in images.IMAGES}
    binds = [
        _bind(artifacts.NODE_ROOT.path / "usr", "/usr", read_only=True),
        _bind(folder / "etc", config.CONFIG, read_only=True),
        _bind(folder / "logs", "/var/log/lab"),
        _bind(folder / "run", "/var/lib/lab"),
        *(_bind(folder / "data" / name, target) for name, target in DATA.items()),
        *(
            _bind(golang.binary_path(binary), f"{config.BIN}/{binary.name}", read_only=True)
            for binary in golang.binaries(minor)
            if binary.name not in in_images
        ),
        *(_bind(image.archive, _on_node(image), read_only=True) for image in images.IMAGES),
        *([_bind(youki.path(), f"{config.BIN}/{youki.CRATE}", read_only=True)] if with_youki else []),
    ]
    return {
        "root": str(folder / "root"),
        "status": str(folder / "run" / "status.json"),
        "node_status": "/var/lib/lab/status.json",
        "logs": "/var/log/lab",
        "hostname": NODE_NAME,
        "network": {
            "address": f"{ranges.node_address}/{ranges.link.prefixlen}",
            "gateway": str(ranges.host_address),
            "pods": str(ranges.pods),
            "services": str(ranges.services),
        },
        "files": _files(cgroup),
        "binds": binds,
        "components": _components(ranges),
    }


def write_configuration(folder: Path, ranges: Ranges, cgroup: str, host: Host, *, with_youki: bool = False) -> None:
    """Write the files that the components of the instance in `folder` read; its keys must be there."""
    etc = folder / "etc"
    files = {
        "kubelet.json": json.dumps(config.kubelet_configuration(ranges, cgroup), indent=2),
        "kube-proxy.json": json.dumps(config.proxy_configuration(ranges), indent=2),
        "containerd.toml": config.containerd_configuration(
            snapshotter=host.snapshotter, restrict_oom_score=host.restrict_oom_score
        )
        + (config.youki_handler() if with_youki else ""),
        **({config.YOUKI_SPEC: json.dumps(youki.spec(), indent=2)} if with_youki else {}),
        "cni/10-lab.conflist": json.dumps(config.cni_configuration(ranges), indent=2),
    }
    for name, content in files.items():
        write_atomically(etc / name, content)
    for client in CLIENTS:
        write_kubeconfig(etc / f"{client}.kubeconfig", etc / "pki", client, config.server_url(ranges), client)


def write_kubeconfig(target: Path, keys: Path, client: str, server: str, context: str) -> None:
    """Write a kubeconfig (0600) for the API server at the URL `server`, with the certificate `client` among `keys`."""
    ca, certificate, key = (
        base64.b64encode((keys / name).read_bytes()).decode() for name in ("ca.crt", f"{client}.crt", f"{client}.key")
    )
    content = config.kubeconfig(server, context, ca, certificate, key)
    write_atomically(target, json.dumps(content, indent=2) + "\n", 0o600)


def _components(ranges: Ranges) -> list[dict[str, Any]]:
    etcd, api = "tcp:2379", f"tcp:{config.API_PORT}"
    archives = {image.name: _on_node(image) for image in images.IMAGES}
    commands: Mapping[str, tuple[list[str], list[str]]] = {
        "etcd": (config.etcd(), []),
        "containerd": (config.containerd(), []),
        "kube-apiserver": (config.apiserver(ranges), [etcd]),
        "images": (config.import_images(archives), [f"path:{config.CONTAINERD_SOCKET}"]),
        "kube-controller-manager": (config.controller_manager(ranges), [api]),
        "kube-scheduler": (config.scheduler(), [api]),
        "kubelet": (config.kubelet(), [api, f"path:{config.IMAGES_READY}"]),
        "kube-proxy": (config.proxy(), [api]),
    }
    return [
        {"name": name, "command": commands[name][0], "needs": commands[name][1], "once": name == "images"}
        for name in COMPONENTS
    ]


def _files(cgroup: str) -> dict[str, str]:
    return {
        "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
        "/etc/hosts": f"127.0.0.1 localhost {NODE_NAME}\n::1 localhost\n",
        # Pods reach the cluster's own names and nothing outside it, so there is no one to ask further.
        "/etc/resolv.conf": "",
        "/etc/nsswitch.conf": "hosts: files dns\n",
        "/etc/os-release": 'PRETTY_NAME="kubernetes-emerging lab"\nID=lab\n',
        # The node tells instances apart by it; the group's name is the instance's own.
        "/etc/machine-id": hashlib.sha256(cgroup.encode()).hexdigest()[:32] + "\n",
    }


def _on_node(image: images.Image) -> str:
    return f"/opt/lab/images/{image.archive.name}"


def _bind(source: Path, target: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"source": str(source), "target": target, "read_only": read_only}
