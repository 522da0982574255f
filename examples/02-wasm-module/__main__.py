"""A WASM module that runs as pods: a RuntimeClass for the nodes' WASM runtime, and a Deployment under it."""

import sys
from pathlib import Path

import pulumi

# In a program of your own the components come from a checkout beside it, on PYTHONPATH; here it is two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from components import Target, WasmRuntime, WasmWorkload

config = pulumi.Config()
target = Target("target", {"kubeconfig": config.require("kubeconfig")})
on_target = pulumi.ResourceOptions(provider=target.provider)

wasm = WasmRuntime(
    "wasm",
    {
        "name": "wasm-module",
        "handler": config.get("handler") or "wasmedge",
        # The nodes that have the handler; leave it out when all have.
        "scheduling": {"node_selector": {"kubernetes.io/os": "linux"}},
    },
    on_target,
)

hello = WasmWorkload(
    "hello",
    {
        "connection": target.connection,
        "namespace": "default",
        "runtime": wasm.runtime,
        "replicas": 2,
        "containers": [
            {
                "name": "hello",
                "image": config.require("image"),
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}},
            }
        ],
    },
    on_target,
)

pulumi.export("ready", hello.ready)
