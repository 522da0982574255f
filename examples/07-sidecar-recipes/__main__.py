"""Four sidecars that many applications have: a proxy, a log shipper, an exporter of metrics, a reloader."""

import sys
from pathlib import Path
from typing import Any

import pulumi

# In a program of your own the components come from a checkout beside it, on PYTHONPATH; here it is two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components import SidecarWorkload, Target, config_reloader, log_shipper, metrics_exporter, proxy

config = pulumi.Config()
image = config.get("image") or "nginxinc/nginx-unprivileged:1.29-alpine"
namespace = config.get("namespace") or "default"
target = Target("target", {"kubeconfig": config.require("kubeconfig")})
on_target = pulumi.ResourceOptions(provider=target.provider)

NGINX = ["nginx", "-g", "daemon off;", "-c"]
SITE = "worker_processes 1; pid /tmp/nginx.pid; error_log stderr; events {}\nhttp {\n%s}\n"
TEMPORARY = "".join(f"{part}_temp_path /tmp/{part};\n" for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
# The application: nginx on 8081, for the proxy alone, with its log in a file and its figures under /figures.
APP = (
    SITE
    % f"""{TEMPORARY}
access_log /var/log/app/access.log;
server {{
  listen 127.0.0.1:8081;
  location / {{ return 200 "served\\n"; }}
  location = /figures {{ access_log off; stub_status; }}
}}
"""
)
# The proxy answers /healthz by itself: the application is not there yet when it is asked.
PROXY = (
    SITE
    % f"""{TEMPORARY}
access_log off;
server {{
  listen 8080;
  location / {{ proxy_pass http://127.0.0.1:8081; }}
  location = /healthz {{ return 200; }}
}}
"""
)
# The exporter turns the words of stub_status into the lines that Prometheus reads.
EXPORTER = (
    SITE
    % f"""{TEMPORARY}
access_log off;
server {{
  listen 9113;
  location = /metrics {{
    proxy_pass http://127.0.0.1:8081/figures;
    sub_filter_types text/plain;
    sub_filter_once off;
    sub_filter 'Active connections:' 'nginx_connections_active';
    sub_filter 'server accepts' '# accepts';
    sub_filter ' handled requests\\n ' ' handled requests: ';
    sub_filter 'Reading:' '\\nnginx_connections_reading';
    sub_filter 'Writing:' '\\nnginx_connections_writing';
    sub_filter 'Waiting:' '\\nnginx_connections_waiting';
  }}
}}
"""
)
SHIPPER = """\
global(workDirectory="/tmp")
module(load="imfile")
template(name="line" type="string" string="shipped:%msg%\\n")
input(type="imfile" file="/var/log/app/access.log" tag="access:")
action(type="omfile" file="/dev/stdout" template="line")
"""
SIZE = {"cpu": "50m", "memory": "64Mi"}
GREETER = (
    SITE
    % f"""{TEMPORARY}
server {{ listen 8080; location / {{ return 200 "{config.get("greeting") or "hello"}\\n"; }} }}
"""
)


def nginx(volume: str) -> dict[str, Any]:
    """Return what containers of nginx have in common: its files are in `volume`."""
    return {
        "name": "nginx",
        "image": image,
        "command": [*NGINX, "/etc/config/nginx.conf"],
        "resources": {"limits": SIZE},
        "volume_mounts": [
            {"name": volume, "mount_path": "/etc/config", "read_only": True},
            {"name": "app-tmp", "mount_path": "/tmp"},
        ],
    }


def files(name: str, **data: str) -> dict[str, Any]:
    """Return a volume of files."""
    return {"name": name, "config": {"name": name, "data": {key.replace("_", "."): data[key] for key in data}}}


app = nginx("app")
shop = SidecarWorkload(
    "shop",
    {
        "connection": target.connection,
        "namespace": namespace,
        "containers": [
            {
                **app,
                "volume_mounts": [*app["volume_mounts"], {"name": "logs", "mount_path": "/var/log/app"}],
                # Services forget the pod meanwhile; then nginx has ten seconds for the requests that it has begun.
                "lifecycle": {"pre_stop": {"sleep": {"seconds": 3}}},
                "stop_seconds": 10,
            }
        ],
        "sidecars": [
            proxy(
                image=image,
                port=8080,
                config="proxy",
                command=[*NGINX, "/etc/proxy/nginx.conf"],
                startup_path="/healthz",
                scratch="proxy-tmp",
            ),
            log_shipper(
                image=config.require("shipperImage"),
                logs="logs",
                config="shipper",
                command=["rsyslogd", "-n", "-i", "NONE", "-f", "/etc/log-shipper/rsyslog.conf"],
                scratch="shipper-tmp",
            ),
            metrics_exporter(
                image=image,
                port=9113,
                config="exporter",
                command=[*NGINX, "/etc/metrics-exporter/nginx.conf"],
                scratch="exporter-tmp",
            ),
        ],
        "volumes": [
            *(files("app", nginx_conf=APP), files("proxy", nginx_conf=PROXY), files("exporter", nginx_conf=EXPORTER)),
            files("shipper", rsyslog_conf=SHIPPER),
            *(
                {"name": name, "empty_dir": {}}
                for name in ("logs", "app-tmp", "proxy-tmp", "shipper-tmp", "exporter-tmp")
            ),
        ],
    },
    on_target,
)

live = files("greeter", nginx_conf=GREETER)
greeter = SidecarWorkload(
    "greeter",
    {
        "connection": target.connection,
        "namespace": namespace,
        "containers": [
            {
                **nginx("greeter"),
                "ports": [{"name": "http", "container_port": 8080}],
                "readiness_probe": {"tcp_socket": {"port": "http"}, "period_seconds": 1},
            }
        ],
        "sidecars": [config_reloader(image=image, config="greeter", on_change=["killall", "-HUP", "nginx"])],
        "volumes": [
            {**live, "config": {**live["config"], "on_change": "live"}},
            {"name": "app-tmp", "empty_dir": {}},
        ],
        # The reloader's signal has to reach nginx, which is in a container of its own.
        "pod_spec_patch": {"shareProcessNamespace": True},
    },
    on_target,
)

pulumi.export("orders", {"start": shop.start_order, "stop": shop.stop_order})
pulumi.export("costs", {"requests": shop.effective_requests, "qos": shop.qos_class})
pulumi.export("ready", pulumi.Output.all(shop.ready, greeter.ready).apply(all))
