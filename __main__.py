"""The lab's program: native sidecars, TCP and UDP in one Service, and pods resized in place."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.core.v1 import Namespace

from components import MixedProtocolService, ResizableDeployment, SidecarWorkload, Target
from program import config, demos

stack = pulumi.get_stack()
settings = config.load(pulumi.Config(), stack, Path(__file__).resolve().parent)

target = Target("target", settings.target)
on_target = pulumi.ResourceOptions(provider=target.provider)

namespace = Namespace(
    "namespace",
    metadata={
        "name": config.namespace_of(stack),
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    },
    opts=on_target,
).metadata.apply(lambda metadata: metadata.name or "")

sidecar = SidecarWorkload("sidecar-demo", demos.sidecar_demo(settings, target.connection, namespace), on_target)

mixed = MixedProtocolService(
    "mixed-protocol",
    {
        "namespace": sidecar.namespace,
        "selector": sidecar.match_labels,
        "container_ports": sidecar.container_ports,
        "ports": [
            {"name": "http", "port": settings.http_port},
            {"name": "metrics", "port": settings.metrics_port, "protocol": "UDP", "target_port": "syslog"},
        ],
    },
    on_target,
)

inplace = ResizableDeployment(
    "inplace-update-demo", demos.inplace_update_demo(settings, target.connection, namespace), on_target
)

pulumi.export("namespace", namespace)
pulumi.export("sidecarDemo", sidecar.name)
pulumi.export("inplaceDemo", inplace.name)
pulumi.export("mixedProtocolIp", mixed.cluster_ip)
pulumi.export("httpUrl", pulumi.Output.concat("http://", mixed.cluster_ip, ":", str(settings.http_port), "/"))
pulumi.export("udpAddress", pulumi.Output.concat(mixed.cluster_ip, ":", str(settings.metrics_port)))
