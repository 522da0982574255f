"""The cluster's DNS: the objects that run it, and how to ask it without this machine's resolver."""

import json
import socket
import struct
from contextlib import suppress
from ipaddress import IPv4Address

from lab.cluster import config, images
from lab.cluster.network import Ranges


def objects(ranges: Ranges) -> str:
    """Return the cluster's DNS as one JSON List: CoreDNS as a Deployment, its rights, and the Service `kube-dns`."""
    corefile = f"""\
.:5353 {{
    errors
    health :8080
    ready :8181
    kubernetes {config.DOMAIN} in-addr.arpa {{
        pods insecure
        ttl 5
    }}
    cache 5
    loadbalance
}}
"""
    labels = {"k8s-app": "kube-dns"}
    meta = {"name": "coredns", "namespace": "kube-system"}
    name = "system:coredns"
    container = {
        "name": "coredns",
        "image": images.COREDNS,
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"name": "dns", "containerPort": 5353, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 5353, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "initialDelaySeconds": 30},
        "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
    }
    pod = {
        "serviceAccountName": "coredns",
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    items = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"Corefile": corefile}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**meta, "labels": labels},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
            "spec": {
                "selector": labels,
                "clusterIP": str(ranges.dns_service),
                "ports": [
                    {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
                    {"name": "dns-tcp", "port": 53, "targetPort": "dns-tcp", "protocol": "TCP"},
                ],
            },
        },
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def lookup(name: str, server: IPv4Address, timeout: float = 1.0) -> list[IPv4Address]:
    """Return the addresses (A records) that the DNS server has for `name`; none where it does not answer in time.

    This machine's resolver has no part in it.
    """
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    question = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        with suppress(OSError):
            channel.sendto(question, (str(server), 53))
            return _answers(channel.recv(1500), len(question))
    return []


def _answers(message: bytes, start: int) -> list[IPv4Address]:
    # CoreDNS compresses every owner name to two bytes when it repeats the question's.
    found = []
    (count,) = struct.unpack_from(">H", message, 6)
    for _ in range(count):
        while message[start] and message[start] < 0xC0:
            start += message[start] + 1
        start += 2 if message[start] else 1
        kind, _, _, length = struct.unpack_from(">2HIH", message, start)
        if kind == 1:
            found.append(IPv4Address(message[start + 10 : start + 10 + length]))
        start += 10 + length
    return found
