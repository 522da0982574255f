"""What each component of a simulated cluster is told: what the node's are told, at other places.

The flags come from `lab.cluster.config`, so that both kinds of cluster have one control plane; only folders, ports and
what a lone user of the machine cannot have are different.
"""

from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from lab.cluster import config, golang
from lab.cluster.network import Ranges
from lab.simulated import artifacts, nodes
from lab.simulated.instance import ADDRESS, Ports

# Nothing ever listens at these addresses, so every instance has the same: a range that is set aside for benchmarks, so
# that who tries one does not reach somebody else's machine.
RANGES = Ranges(IPv4Network("198.19.0.0/16"))
_NODE_MASK = 24
# Without leases nodes are lost every minute; with long ones a kwok that had to be restarted waits for its own.
_LEASE_SECONDS = 8
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


def server_url(ports: Ports) -> str:
    """Return the API server's URL."""
    return f"https://{ADDRESS}:{ports.api}"


def components(folder: Path, ports: Ports, minor: str) -> list[dict[str, Any]]:
    """Return the components of the instance in `folder` as its supervisor takes them, in the order of their start."""
    programs = {binary.name: str(golang.binary_path(binary)) for binary in artifacts.binaries(minor)}
    etcd_up, api_up = f"tcp:{ports.etcd}", f"tcp:{ports.api}"
    commands: dict[str, tuple[list[str], list[str]]] = {
        "etcd": (_etcd(folder, ports), []),
        "kube-apiserver": (_apiserver(folder, ports), [etcd_up]),
        "kube-controller-manager": (_controller_manager(folder), [api_up]),
        "kube-scheduler": (_scheduler(folder), [api_up]),
        "kwok": (_kwok(folder, ports), [api_up]),
    }
    return [
        {"name": name, "command": [programs[name], *flags], "needs": needs, "once": False}
        for name, (flags, needs) in commands.items()
    ]


def _etcd(folder: Path, ports: Ports) -> list[str]:
    url, peer = f"https://{ADDRESS}:{ports.etcd}", f"https://{ADDRESS}:{ports.peer}"
    keys = folder / "etc" / "pki"
    given = _flags(config.etcd())
    return _placed(
        folder,
        given
        | {
            "--data-dir": str(folder / "data" / "etcd"),
            "--listen-client-urls": url,
            "--advertise-client-urls": url,
            "--listen-peer-urls": peer,
            "--initial-advertise-peer-urls": peer,
            "--initial-cluster": f"{given['--name']}={peer}",
            # The node's etcd is alone in its network; here every user of the machine can reach the port.
            "--peer-client-cert-auth": "true",
            "--peer-trusted-ca-file": str(keys / "etcd-ca.crt"),
            "--peer-cert-file": str(keys / "etcd.crt"),
            "--peer-key-file": str(keys / "etcd.key"),
        },
    )


def _apiserver(folder: Path, ports: Ports) -> list[str]:
    return _placed(
        folder,
        _flags(config.apiserver(RANGES))
        | {
            "--bind-address": ADDRESS,
            "--secure-port": str(ports.api),
            "--etcd-servers": f"https://{ADDRESS}:{ports.etcd}",
            "--kubelet-preferred-address-types": nodes.KUBELET_ADDRESS,
        },
    )


def _controller_manager(folder: Path) -> list[str]:
    own = {"--node-cidr-mask-size": str(_NODE_MASK), "--secure-port": "0"}
    return _placed(folder, _flags(config.controller_manager(RANGES)) | own)


def _scheduler(folder: Path) -> list[str]:
    return _placed(folder, _flags(config.scheduler()) | {"--secure-port": "0"})


def _kwok(folder: Path, ports: Ports) -> list[str]:
    keys = folder / "etc" / "pki"
    flags = {
        "--v": "WARN",  # it would tell of every lease
        "--config": str(folder / "etc" / "kwok.yaml"),
        "--kubeconfig": str(folder / "etc" / "kwok.kubeconfig"),
        "--manage-nodes-with-annotation-selector": f"{nodes.ANNOTATION}={nodes.MARK}",
        "--node-lease-duration-seconds": str(_LEASE_SECONDS),
        "--cidr": str(RANGES.pods),
        "--node-port": str(ports.kubelet),
        "--server-address": f"{ADDRESS}:{ports.kubelet}",
        "--tls-cert-file": str(keys / "apiserver.crt"),
        "--tls-private-key-file": str(keys / "apiserver.key"),
    }
    return [f"{name}={value}" for name, value in flags.items()]


def _flags(command: list[str]) -> dict[str, str]:
    """Return a command line's flags with their values, which are empty where a flag stands alone."""
    return {name: value for name, _, value in (word.partition("=") for word in command[1:])}


def _placed(folder: Path, flags: dict[str, str]) -> list[str]:
    """Return the flags with the node's folder of settings replaced by the instance's own."""
    etc = str(folder / "etc")
    placed = {name: value.replace(config.CONFIG, etc) for name, value in flags.items()}
    return [f"{name}={value}" if value else name for name, value in placed.items()]
