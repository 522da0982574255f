"""The components as another language uses them: a process of their own, over gRPC, on a real API server.

A program in the place of the other language asks the plugin for Target, Preflight and a workload, as an engine does for
a remote component, and passes their outputs on as they come.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes.client import AppsV1Api, BatchV1Api

from lab.cluster import images
from lab.engine import Engine
from tests.programs import told

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import asyncio
import json
import subprocess
import sys

import grpc
import pulumi
import pulumi_kubernetes as k8s
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import settings
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

config = pulumi.Config()
kubeconfig = open(config.require("kubeconfig")).read()
address = settings.get_monitor().RegisterResource._channel.target().decode().removeprefix("dns:///")
SECRET = {{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}}
plugin = subprocess.Popen(
    [sys.executable, {str(ROOT / "components")!r}, address], stdout=subprocess.PIPE, text=True
)
channel = grpc.insecure_channel(f"127.0.0.1:{{plugin.stdout.readline().strip()}}")
stub = provider_pb2_grpc.ResourceProviderStub(channel)
provider = k8s.Provider("cluster", kubeconfig=pulumi.Output.secret(kubeconfig), cluster_identifier="tests")


async def construct(kind, name, inputs, providers=None):
    struct = struct_pb2.Struct()
    json_format.ParseDict(inputs, struct)
    request = provider_pb2.ConstructRequest(
        project=pulumi.get_project(),
        stack=pulumi.get_stack(),
        organization="organization",
        dryRun=pulumi.runtime.is_dry_run(),
        parallel=8,
        monitorEndpoint=address,
        type=f"kubernetes-emerging:index:{{kind}}",
        name=name,
        inputs=struct,
        providers=providers or {{}},
        accepts_output_values=False,
    )
    answer = await asyncio.to_thread(stub.Construct, request)
    return json_format.MessageToDict(answer.state)


async def run():
    try:
        target = await construct("Target", "target", {{"kubeconfig": {{**SECRET, "value": kubeconfig}}}})
        features = json.loads(config.get("features") or '["sidecars", "resize?"]')
        preflight = await construct(
            "Preflight",
            "preflight",
            {{"connection": target["connection"], "features": features, "namespaces": [config.require("space")]}},
        )
        reference = f"{{await provider.urn.future()}}::{{await provider.id.future() or pulumi.runtime.rpc.UNKNOWN}}"
        web = await construct(
            "SidecarWorkload",
            "web",
            {{
                "connection": preflight["connection"],
                "namespace": config.require("space"),
                "replicas": 1,
                "containers": [
                    {{
                        "name": "nginx",
                        "image": {images.NGINX_1_22!r},
                        "securityContext": {{"runAsUser": {images.USER}}},
                        "resources": {{"requests": {{"cpu": "20m", "memory": "32Mi"}}}},
                        "volumeMounts": [{{"name": "tmp", "mountPath": "/tmp"}}],
                    }}
                ],
                "sidecars": [
                    {{
                        "name": "second",
                        "image": {images.NGINX_1_22!r},
                        "command": ["sleep", "infinity"],
                        "securityContext": {{"runAsUser": {images.USER}}},
                        "resources": {{"requests": {{"cpu": "10m", "memory": "16Mi"}}}},
                        "startupProbe": {{"exec": {{"command": ["true"]}}}},
                    }}
                ],
                "volumes": [{{"name": "tmp", "emptyDir": {{}}}}],
            }},
            {{"kubernetes": reference}},
        )
        once = await construct(
            "SidecarWorkload",
            "once",
            {{
                "connection": preflight["connection"],
                "namespace": config.require("space"),
                "kind": "Job",
                "job": {{"backoffLimit": 0}},
                "containers": [
                    {{
                        "name": "main",
                        "image": {images.NGINX_1_22!r},
                        "command": ["true"],
                        "securityContext": {{"runAsUser": {images.USER}}},
                    }}
                ],
                "sidecars": [
                    {{
                        "name": "side",
                        "image": {images.NGINX_1_22!r},
                        "command": ["sh", "-c", "trap exit TERM QUIT; while :; do sleep 0.1; done"],
                        "securityContext": {{"runAsUser": {images.USER}}},
                        "startupProbe": {{"exec": {{"command": ["true"]}}}},
                    }}
                ],
            }},
            {{"kubernetes": reference}},
        )
        return {{"target": sorted(target), "once": once["ready"], "findings": preflight["findings"], "web": web}}
    except grpc.RpcError as error:
        raise pulumi.RunError(error.details()) from None
    finally:
        plugin.kill()
        plugin.wait()
        plugin.stdout.close()


pulumi.export("made", pulumi.Output.from_input(run()))
"""
Run = Callable[..., Engine]


def test_target_preflight_and_a_workload_through_the_plugin(kube: Any, namespace: str, run: Run) -> None:
    """Outputs of one component are inputs of the next; the second run has nothing to do."""
    preview = run().preview()
    assert preview.ok, told(preview)
    made = run().up()
    assert made.ok, told(made)

    answers = {each["subject"]: each["answer"] for each in made.outputs["made"]["findings"]}
    assert ("yes", "yes") == (answers["sidecars"], answers["resize"])
    assert ["clusterId", "connection"] == made.outputs["made"]["target"]
    assert made.outputs["made"]["once"] is True
    job: Any = BatchV1Api(kube).read_namespaced_job("once", namespace)
    assert (0, 1) == (job.spec.backoff_limit, job.status.succeeded)
    live: Any = AppsV1Api(kube).read_namespaced_deployment("web", namespace)
    (sidecar,) = live.spec.template.spec.init_containers
    assert "Always" == sidecar.restart_policy
    assert not run().up().changes


def test_a_no_reaches_the_other_language_as_an_error(kube: Any, namespace: str, run: Run) -> None:
    """In preview and in the update; the workload behind it is never made."""
    for action in ("preview", "up"):
        refused = getattr(run(features='["wasm=nosuch"]'), action)()
        assert not refused.ok
        assert "wasm=nosuch: no: no node has the handler 'nosuch'" in told(refused)
    assert [] == AppsV1Api(kube).list_namespaced_deployment(namespace).items
