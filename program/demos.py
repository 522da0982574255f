"""The arguments of the demos."""

from typing import Any

from components._args import ContainerArgs, ProbeArgs, SidecarArgs, VolumeArgs
from components.resize import ResizableDeployment, ResizableDeploymentArgs
from components.service import MixedProtocolService, MixedProtocolServiceArgs, ServicePortArgs
from components.sidecar import SidecarWorkload, SidecarWorkloadArgs
from components.wasm import WasmRuntime, WasmWorkloadArgs
from program.config import Settings, Size
from program.wasm import runtime

# What `make up` publishes of a kind node on the machine's loopback address, for HTTP and UDP.
KIND_NODE_PORTS = (30080, 30090)
HTTP_PORT = 8080
SYSLOG_PORT = 9090
_HEALTH_PORT = 2020
_LOG_FOLDER = "/var/log/demo"
_NGINX_USER = 101
# A path of its own, so that the probes do not fill the access log.
_HEALTH = "/healthz"
# The first look comes after a second, so that the order of the starts shows in the pods' timestamps.
_EVERY_SECOND: ProbeArgs = {"initial_delay_seconds": 1, "period_seconds": 1, "failure_threshold": 30}

_NGINX_WITH_LOG = f"""\
server {{
    listen {HTTP_PORT};
    access_log {_LOG_FOLDER}/access.log;
    default_type text/plain;
    location = {_HEALTH} {{ access_log off; return 200; }}
    location / {{ return 200 "sidecar-demo on $hostname\\n"; }}
}}
"""
_NGINX_PLAIN = f"""\
server {{
    listen {HTTP_PORT};
    access_log off;
    default_type text/plain;
    location / {{ return 200 "inplace-update-demo on $hostname\\n"; }}
}}
"""
_RSYSLOG = f"""\
global(workDirectory="/tmp")
module(load="imfile")
module(load="imudp")
template(name="access" type="string" string="access: %msg%\\n")
template(name="syslog" type="string" string="syslog: %rawmsg-after-pri:::drop-last-lf%\\n")
ruleset(name="access") {{ action(type="omfile" file="/dev/stdout" template="access") }}
ruleset(name="syslog") {{ action(type="omfile" file="/dev/stdout" template="syslog") }}
input(type="imfile" file="{_LOG_FOLDER}/access.log" tag="access:" ruleset="access")
input(type="imudp" port="{SYSLOG_PORT}" ruleset="syslog")
"""
_FLUENT_BIT = f"""\
[SERVICE]
    flush        1
    http_server  on
    http_port    {_HEALTH_PORT}
    parsers_file /fluent-bit/etc/parsers.conf
[INPUT]
    name           tail
    tag            access
    path           {_LOG_FOLDER}/access.log
    read_from_head on
[INPUT]
    name   syslog
    mode   udp
    listen 0.0.0.0
    port   {SYSLOG_PORT}
    parser syslog-rfc3164
[OUTPUT]
    name  stdout
    match *
"""


def sidecar_demo(settings: Settings, connection: Any, namespace: Any) -> SidecarWorkloadArgs:
    """Return nginx with a native sidecar that ships its access log and receives syslog on UDP."""
    return {
        "connection": connection,
        "namespace": namespace,
        "replicas": settings.sidecar_replicas,
        "patience_seconds": settings.patience_seconds,
        "containers": [
            {
                **_nginx(settings.nginx_image, _HEALTH),
                "resources": {"requests": _amounts(settings.nginx)},
                "volume_mounts": [
                    {"name": "nginx-config", "mount_path": "/etc/nginx/conf.d", "read_only": True},
                    {"name": "logs", "mount_path": _LOG_FOLDER},
                    {"name": "tmp", "mount_path": "/tmp", "sub_path": "nginx"},  # noqa: S108  # in the container
                ],
            }
        ],
        "sidecars": [_log_shipper(settings)],
        "volumes": [
            {"name": "logs", "empty_dir": {"size_limit": "64Mi"}},
            {"name": "tmp", "empty_dir": {"size_limit": "16Mi"}},
            _files("nginx-config", "sidecar-demo-nginx", "default.conf", _NGINX_WITH_LOG),
            _files("log-shipper-config", "sidecar-demo-log-shipper", *_log_shipper_file(settings)),
        ],
    }


def inplace_update_demo(settings: Settings, connection: Any, namespace: Any) -> ResizableDeploymentArgs:
    """Return nginx with requests equal to limits, ready for another size."""
    amounts = _amounts(settings.inplace)
    return {
        "connection": connection,
        "namespace": namespace,
        "replicas": settings.inplace_replicas,
        "patience_seconds": settings.patience_seconds,
        "containers": [
            {
                **_nginx(settings.inplace_image),
                "resources": {"requests": amounts, "limits": amounts},
                "volume_mounts": [
                    {"name": "nginx-config", "mount_path": "/etc/nginx/conf.d", "read_only": True},
                    {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108  # in the container
                ],
            }
        ],
        "volumes": [
            _files("nginx-config", "nginx-config", "default.conf", settings.nginx_config or _NGINX_PLAIN),
            {"name": "tmp", "empty_dir": {"size_limit": "16Mi"}},
        ],
    }


def needs(settings: Settings, *, with_wasm: bool) -> list[str]:
    """Return the features that the demos use, as their components name them, with or without wasm-demo."""
    connection, namespace = None, ""
    features = [
        *SidecarWorkload.needs(sidecar_demo(settings, connection, namespace)),
        *ResizableDeployment.needs(inplace_update_demo(settings, connection, namespace)),
        *MixedProtocolService.needs({"ports": _ports(settings)}),
        *(WasmRuntime.needs(runtime(settings, "")) if with_wasm else ()),
        "cri?",
    ]
    return list(dict.fromkeys(features))


def mixed_protocol(settings: Settings, connection: Any, workload: SidecarWorkload) -> MixedProtocolServiceArgs:
    """Return TCP and UDP in one Service; on kind with node ports, which are what its machine can reach."""
    ports = _ports(settings)
    args: MixedProtocolServiceArgs = {
        "connection": connection,
        "patience_seconds": settings.patience_seconds,
        "namespace": workload.namespace,
        "selector": workload.match_labels,
        "container_ports": workload.container_ports,
        "ports": ports,
        "wait_for_pods": settings.sidecar_replicas > 0,
    }
    if settings.platform == "kind":
        args["type"] = "NodePort"
        for port, number in zip(ports, KIND_NODE_PORTS, strict=True):
            port["node_port"] = number
    return args


def wasm_demo(settings: Settings, connection: Any, namespace: Any, runtime: Any) -> WasmWorkloadArgs:
    """Return a module that says what it was built for, and then that it still runs."""
    return {
        "connection": connection,
        "namespace": namespace,
        "runtime": runtime,
        "replicas": settings.wasm_replicas,
        "patience_seconds": settings.patience_seconds,
        "containers": [
            {
                "name": "wasm",
                "image": settings.wasm_image,
                "resources": {"requests": _amounts(settings.wasm_size)},
            }
        ],
    }


def _ports(settings: Settings) -> list[ServicePortArgs]:
    return [
        {"name": "http", "port": settings.http_port},
        {"name": "metrics", "port": settings.metrics_port, "protocol": "UDP", "target_port": "syslog"},
    ]


def _nginx(image: str, path: str = "/") -> ContainerArgs:
    return {
        "name": "nginx",
        "image": image,
        "ports": [{"name": "http", "container_port": HTTP_PORT}],
        "readiness_probe": {"http_get": {"port": "http", "path": path}, "period_seconds": 2},
        "security_context": {"run_as_user": _NGINX_USER, "run_as_group": _NGINX_USER},
    }


def _log_shipper(settings: Settings) -> SidecarArgs:
    shipper: SidecarArgs = {
        "name": "log-shipper",
        "image": settings.log_shipper_image,
        "ports": [{"name": "syslog", "container_port": SYSLOG_PORT, "protocol": "UDP"}],
        "resources": {"requests": _amounts(settings.log_shipper_size)},
        "security_context": {"run_as_user": _NGINX_USER, "run_as_group": _NGINX_USER},
        "volume_mounts": [
            {"name": "log-shipper-config", "mount_path": "/etc/log-shipper", "read_only": True},
            {"name": "logs", "mount_path": _LOG_FOLDER, "read_only": True},
            {"name": "tmp", "mount_path": "/tmp", "sub_path": "log-shipper"},  # noqa: S108  # in the container
        ],
    }
    path = f"/etc/log-shipper/{_log_shipper_file(settings)[0]}"
    if settings.log_shipper == "fluent-bit":
        return {
            **shipper,
            "command": ["/fluent-bit/bin/fluent-bit", "-c", path],
            "startup_probe": {"http_get": {"path": "/", "port": str(_HEALTH_PORT)}, **_EVERY_SECOND},
        }
    # Nobody answers a UDP packet, so the kernel's own table tells whether the receiver listens.
    listens = f"grep -qi ':{SYSLOG_PORT:04x} ' /proc/net/udp /proc/net/udp6"
    return {
        **shipper,
        "command": ["rsyslogd", "-n", "-i", "NONE", "-f", path],
        "startup_probe": {"exec": {"command": ["sh", "-c", listens]}, **_EVERY_SECOND},
    }


def _log_shipper_file(settings: Settings) -> tuple[str, str]:
    if settings.log_shipper == "fluent-bit":
        return "fluent-bit.conf", _FLUENT_BIT
    return "rsyslog.conf", _RSYSLOG


def _files(volume: str, base: str, name: str, content: str) -> VolumeArgs:
    return {"name": volume, "config": {"name": base, "data": {name: content}}}


def _amounts(size: Size) -> dict[str, str]:
    return {"cpu": size.cpu, "memory": size.memory}
