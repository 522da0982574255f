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
        # What the runtime can do, and what the nodes call it.
        "preset": config.get("preset") or "crun-wasm",
        "handler": config.get("handler") or "wasmedge",
        # The nodes that have the handler; leave it out when all have.
        "scheduling": {"node_selector": {"kubernetes.io/os": "linux"}},
        # Asked before the class is made, and the module is run once as a pod before the workload is.
        "connection": target.connection,
        "canary": {"image": config.require("image")},
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

pulumi.export("proved", wasm.proved)
pulumi.export("ready", hello.ready)
