"""The lab's program: native sidecars, TCP and UDP in one Service, pods resized in place, and WASM modules."""

from pathlib import Path

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Namespace

from components import (
    MixedProtocolService,
    Preflight,
    ResizableDeployment,
    SidecarWorkload,
    Target,
    WasmRuntime,
    WasmWorkload,
)
from program import config, demos, wasm

root = Path(__file__).resolve().parent
config.require_cli(root)
stack = pulumi.get_stack()
settings = config.load(pulumi.Config(), stack, root)
wasm_decision = wasm.decide(settings, config.namespace_of(stack))

target = Target("target", settings.target)
on_target = pulumi.ResourceOptions(provider=target.provider)

preflight = Preflight(
    "preflight",
    {
        "connection": target.connection,
        "features": demos.needs(settings, with_wasm=wasm_decision.deploy),
        "namespaces": [config.namespace_of(stack)],
    },
)

namespace = Namespace(
    "namespace",
    metadata={
        # Everything below stands on this name, and so on the preflight.
        "name": preflight.passed.apply(lambda _: config.namespace_of(stack)),
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    },
    opts=on_target,
).metadata.apply(lambda metadata: metadata.name or "")

sidecar = SidecarWorkload("sidecar-demo", demos.sidecar_demo(settings, target.connection, namespace), on_target)

mixed = MixedProtocolService("mixed-protocol", demos.mixed_protocol(settings, target.connection, sidecar), on_target)

inplace = ResizableDeployment(
    "inplace-update-demo", demos.inplace_update_demo(settings, target.connection, namespace), on_target
)

if wasm_decision.record:
    ConfigMap(
        "decisions",
        metadata={"name": wasm.RECORD, "namespace": namespace},
        data=wasm_decision.record,
        opts=on_target,
    )

if wasm_decision.deploy:
    class_name = preflight.passed.apply(lambda _: f"{config.namespace_of(stack)}-wasm")
    runtime = WasmRuntime("wasm", {**wasm.runtime(settings, class_name), "connection": target.connection}, on_target)
    modules = WasmWorkload(
        "wasm-demo", demos.wasm_demo(settings, target.connection, namespace, runtime.runtime), on_target
    )
    pulumi.export("wasmDemo", modules.name)
    pulumi.export("wasmRuntimeClass", runtime.name)

pulumi.export("preflight", preflight.findings.apply(lambda found: {each["subject"]: each["answer"] for each in found}))
pulumi.export("clusterId", target.cluster_id)
pulumi.export("wasm", str(wasm_decision))
pulumi.export("namespace", namespace)
pulumi.export("sidecarDemo", sidecar.name)
pulumi.export("inplaceDemo", inplace.name)
pulumi.export("mixedProtocolIp", mixed.cluster_ip)
pulumi.export("httpUrl", pulumi.Output.concat("http://", mixed.cluster_ip, ":", str(settings.http_port), "/"))
pulumi.export("udpAddress", pulumi.Output.concat(mixed.cluster_ip, ":", str(settings.metrics_port)))
