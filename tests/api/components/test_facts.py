"""What a preview tells of a workload's pods before there are any."""

from collections.abc import Callable
from pathlib import Path

from lab.engine import Engine
from tests.programs import told

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap
from components import SidecarWorkload, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
late = ConfigMap("late", metadata={{"namespace": config.require("space")}}, opts=options)
size = {{"limits": {{"cpu": "10m", "memory": "16Mi"}}}}
web = SidecarWorkload(
    "web",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "sidecars": [{{"name": "logs", "image": "i", "gates_start": False, "stop_seconds": 5}}],
        "containers": [
            {{
                "name": "app",
                "image": late.metadata.apply(lambda found: found.name),
                "resources": size,
                "volume_mounts": [{{"name": "files", "mount_path": "/files"}}],
            }}
        ],
        "volumes": [{{"name": "files", "config": {{"name": "files", "data": {{"a": "b"}}}}}}],
    }},
    options,
)
pulumi.export("facts", [web.qos_class, web.effective_requests, web.start_order, web.stop_order])
"""


def test_a_preview_knows_cost_and_order(run: Callable[..., Engine]) -> None:
    """While an image and a ConfigMap's name are not known yet; the sidecar that costs the class is named once."""
    preview = run().preview()

    assert preview.ok, told(preview)
    assert preview.outputs["facts"] == ["Burstable", {"cpu": "10m", "memory": "16Mi"}, ["logs", "app"], ["app", "logs"]]
    warnings = [found.message for found in preview.diagnostics if "Guaranteed" in found.message]
    assert ["sidecar 'logs': for it the pods are Burstable"] == [text.partition(", while")[0] for text in warnings]
