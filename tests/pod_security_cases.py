"""Pods that are below a Pod Security level in one thing each: what our rule and a real API server are held against.

Each case is a merge patch on a default pod with a main container `web`, a sidecar `proxy` and an init container
`early`, and the strictest level that takes the outcome. Cases that are still restricted are there, too.
"""

from typing import Any

from components._shape import camel
from components.model import patch, workload
from components.resize import ResizableDeploymentArgs
from components.testing import CONNECTION

SIZE = {"requests": {"cpu": "10m", "memory": "16Mi"}}
ARGS: dict[str, Any] = {
    "connection": CONNECTION,
    "namespace": "shop",
    "containers": [{"name": "web", "image": "i", "resources": SIZE}],
    "sidecars": [
        {"name": "proxy", "image": "i", "resources": SIZE, "startup_probe": {"tcp_socket": {"port": "1"}}},
    ],
    "init_containers": [{"name": "early", "image": "i", "resources": SIZE}],
}
"""Small correct arguments, of which `template` is the pod."""

_OF_CONTAINERS: list[tuple[dict[str, Any], str]] = [
    ({"runAsNonRoot": False}, "baseline"),
    ({"runAsNonRoot": None}, "restricted"),  # the pod says it
    ({"runAsUser": 0}, "baseline"),
    ({"runAsUser": 1}, "restricted"),
    ({"privileged": True, "allowPrivilegeEscalation": True}, "privileged"),
    ({"privileged": False}, "restricted"),
    ({"allowPrivilegeEscalation": True}, "baseline"),
    ({"allowPrivilegeEscalation": None}, "baseline"),
    ({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}, "restricted"),
    ({"capabilities": {"add": ["CHOWN"]}}, "baseline"),
    ({"capabilities": {"add": ["NET_ADMIN"]}}, "privileged"),
    ({"capabilities": {"add": ["ALL"]}}, "privileged"),
    ({"capabilities": {"drop": ["KILL"]}}, "baseline"),
    ({"capabilities": {"drop": []}}, "baseline"),
    ({"capabilities": {"drop": ["KILL", "ALL"]}}, "restricted"),
    ({"capabilities": None}, "baseline"),
    ({"seccompProfile": {"type": "Unconfined"}}, "privileged"),
    ({"seccompProfile": {"type": "RuntimeDefault"}}, "restricted"),
    ({"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}}, "restricted"),
    ({"appArmorProfile": {"type": "Unconfined"}}, "privileged"),
    ({"appArmorProfile": {"type": "Localhost", "localhostProfile": "a"}}, "restricted"),
    ({"procMount": "Default"}, "restricted"),
    ({"seLinuxOptions": {"type": "container_kvm_t", "level": "s0"}}, "restricted"),
    ({"seLinuxOptions": {"type": "spc_t"}}, "privileged"),
    ({"seLinuxOptions": {"user": "u"}}, "privileged"),
    ({"seLinuxOptions": {"role": "r"}}, "privileged"),
    ({"readOnlyRootFilesystem": False}, "restricted"),
]
_OF_PODS: list[tuple[dict[str, Any], str]] = [
    ({}, "restricted"),
    ({"hostNetwork": True}, "privileged"),
    ({"hostPID": True}, "privileged"),
    ({"hostIPC": True}, "privileged"),
    ({"hostUsers": False, "securityContext": {"runAsNonRoot": False}}, "baseline"),
    ({"shareProcessNamespace": True}, "restricted"),
    ({"securityContext": {"runAsNonRoot": False}}, "baseline"),
    ({"securityContext": {"runAsNonRoot": None}}, "restricted"),  # the containers say it
    ({"securityContext": {"runAsUser": 0}}, "baseline"),
    ({"securityContext": {"seccompProfile": None}}, "baseline"),
    ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "privileged"),
    ({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, "privileged"),
    ({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}, "privileged"),
    ({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "4096 87380 6291456"}]}}, "restricted"),
    ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]}}, "privileged"),
    ({"securityContext": {"fsGroup": 0, "supplementalGroups": [0]}}, "restricted"),
    ({"securityContext": None}, "baseline"),
    ({"containers": [{"name": "web", "ports": [{"containerPort": 80, "hostPort": 80}]}]}, "privileged"),
    ({"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]}, "restricted"),
    ({"containers": [{"name": "web", "securityContext": None}]}, "baseline"),
]
_EVERY = {
    group: [{"name": name, "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}} for name in names]
    for group, names in (("containers", ("web",)), ("initContainers", ("proxy", "early")))
}
_OF_BOTH: list[tuple[dict[str, Any], str]] = [
    (
        {
            "securityContext": {"runAsNonRoot": None},
            "containers": [{"name": "web", "securityContext": {"runAsNonRoot": None}}],
        },
        "baseline",
    ),
    ({"securityContext": {"seccompProfile": None}, **_EVERY}, "restricted"),
    ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}, **_EVERY}, "privileged"),
]
_VOLUMES: list[tuple[dict[str, Any], str]] = [
    ({"hostPath": {"path": "/srv"}}, "privileged"),
    ({"nfs": {"server": "a", "path": "/"}}, "baseline"),
    ({"iscsi": {"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:a", "lun": 0}}, "baseline"),
    ({"emptyDir": {}}, "restricted"),
    ({"configMap": {"name": "a"}}, "restricted"),
    ({"secret": {"secretName": "a"}}, "restricted"),
    ({"csi": {"driver": "a"}}, "restricted"),
    ({"downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}}, "restricted"),
    ({"persistentVolumeClaim": {"claimName": "a"}}, "restricted"),
    ({"projected": {"sources": [{"serviceAccountToken": {"path": "a"}}]}}, "restricted"),
    (
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
                }
            }
        },
        "restricted",
    ),
]


def _with_context(group: str, name: str, context: dict[str, Any]) -> dict[str, Any]:
    return {group: [{"name": name, "securityContext": context}]}


CASES: list[tuple[dict[str, Any], str]] = [
    *_OF_PODS,
    *_OF_BOTH,
    *(
        (_with_context(group, name, context), level)
        for group, name in (("containers", "web"), ("initContainers", "proxy"), ("initContainers", "early"))
        for context, level in _OF_CONTAINERS
    ),
    *(({"volumes": [{"name": "v", **source}]}, level) for source, level in _VOLUMES),
]
"""Merge patches on the pod spec of `template`, each with the strictest level that takes the outcome."""


def template(change: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return the finished pod template of `ARGS`, with other fields and with a change of its pod spec."""
    fields = camel({**{k: v for k, v in ARGS.items() if k != "connection"}, **more}, ResizableDeploymentArgs)
    made = workload.template("app", fields, {})
    return {**made, "spec": patch.merge(made["spec"], change or {})}
