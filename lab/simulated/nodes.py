"""The simulated nodes: the objects that stand for them, and the files from which kwok plays their kubelets."""

import json
import platform
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from lab.cluster.network import Ranges

NAMES = ("simulated-1", "simulated-2")
# kwok's own mark of a node that it plays; `components` knows simulated pods by it.
ANNOTATION, MARK = "kwok.x-k8s.io/node", "fake"
# The address by which the API server reaches kwok; the node's IP is one that nothing has.
KUBELET_ADDRESS = "InternalDNS"
LOG_LINE = "This pod is simulated by kwok: nothing runs in it, and nothing is ever logged."

_STAGES = Path(__file__).resolve().parent / "stages.yaml"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def manifests(ranges: Ranges, kubernetes_version: str) -> list[dict[str, Any]]:
    """Return the Node objects; what a kubelet would report of itself stands in annotations, for kwok to copy."""
    return [_manifest(name, ranges.link[number], kubernetes_version) for number, name in enumerate(NAMES, start=10)]


def kwok_configuration(log_file: Path) -> str:
    """Return kwok's configuration: the stages, and `log_file` as every container's log."""
    logs = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "simulated"},
        "spec": {"logs": [{"logsFile": str(log_file), "previousLogsFile": str(log_file)}]},
    }
    return f"{_STAGES.read_text()}---\n{json.dumps(logs)}\n"


def log_content() -> str:
    """Return the one log, in the form of a container runtime's files."""
    return f"2020-01-01T00:00:00Z stdout F {LOG_LINE}\n"


def _manifest(name: str, address: IPv4Address, kubernetes_version: str) -> dict[str, Any]:
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {
                ANNOTATION: MARK,
                "kubernetes-emerging/address": str(address),
                "kubernetes-emerging/version": f"v{kubernetes_version}",
            },
            "labels": {
                "type": "kwok",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture,
                "node-role.kubernetes.io/simulated": "",
            },
        },
    }
