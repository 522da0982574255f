"""A web server with a native sidecar behind one Service for TCP and UDP, and its size changed in place."""

import sys
from pathlib import Path

import pulumi

# In a program of your own the components come from a checkout beside it, on PYTHONPATH; here it is two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components import MixedProtocolService, SidecarWorkload, Target

target = Target("target", {"kubeconfig": pulumi.Config().require("kubeconfig")})
on_target = pulumi.ResourceOptions(provider=target.provider)

web = SidecarWorkload(
    "web",
    {
        "connection": target.connection,
        "namespace": "default",
        "replicas": 2,
        "containers": [
            {
                "name": "nginx",
                "image": "nginxinc/nginx-unprivileged:1.29-alpine",
                "ports": [{"name": "http", "container_port": 8080}],
                # Change these and run `pulumi up`: the running pods are resized, none is replaced.
                "resources": {
                    "requests": {"cpu": "100m", "memory": "128Mi"},
                    "limits": {"cpu": "200m", "memory": "256Mi"},
                },
                "readiness_probe": {"http_get": {"port": "http"}},
                "volume_mounts": [{"name": "tmp", "mount_path": "/tmp"}],
            }
        ],
        "sidecars": [
            {
                "name": "statsd",
                "image": "prom/statsd-exporter:v0.28.0",
                "ports": [
                    {"name": "statsd", "container_port": 9125, "protocol": "UDP"},
                    {"name": "metrics", "container_port": 9102},
                ],
                "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}},
                # nginx starts once this succeeds; without it, the component refuses the sidecar.
                "startup_probe": {"http_get": {"port": "metrics", "path": "/metrics"}, "period_seconds": 1},
            }
        ],
        "volumes": [{"name": "tmp", "empty_dir": {}}],
    },
    on_target,
)

service = MixedProtocolService(
    "web",
    {
        "connection": target.connection,
        "namespace": web.namespace,
        "selector": web.match_labels,
        "container_ports": web.container_ports,
        "ports": [
            {"name": "http", "port": 80},
            {"name": "statsd", "port": 8125, "protocol": "UDP"},
        ],
    },
    on_target,
)

pulumi.export("address", service.cluster_ip)
pulumi.export("ready", pulumi.Output.all(web.ready, service.ready).apply(all))
