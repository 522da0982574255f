"""The public surface: names, and the schema that other languages see."""

import asyncio
import json
from typing import Any

import pulumi
import pytest
from pulumi.errors import InputPropertiesError

import components
from components._host import Host
from components.testing import CONNECTION, ClusterMocks

SERVED = [
    components.ClusterReset,
    components.ClusterRestore,
    components.ClusterSnapshot,
    components.CriCheck,
    components.MixedProtocolService,
    components.ResizableDeployment,
    components.SidecarWorkload,
    components.Target,
    components.WasmRuntime,
    components.WasmWorkload,
]


@pytest.fixture(scope="module")
def host() -> Host:
    """Infer the package with the SDK's own analyzer."""
    return Host(SERVED, "kubernetes-emerging", namespace="community", version=components.__version__)


@pytest.fixture(scope="module")
def schema(host: Host) -> dict[str, Any]:
    """Return the package's schema."""
    return dict(json.loads(host.schema or ""))


def test_public_names() -> None:
    """A public name is added or taken away knowingly."""
    assert [
        "ClusterReset",
        "ClusterResetArgs",
        "ClusterRestore",
        "ClusterRestoreArgs",
        "ClusterSnapshot",
        "ClusterSnapshotArgs",
        "CriCheck",
        "CriCheckArgs",
        "InvalidArgs",
        "MixedProtocolService",
        "MixedProtocolServiceArgs",
        "Preflight",
        "PreflightArgs",
        "Problem",
        "ResizableDeployment",
        "ResizableDeploymentArgs",
        "ResizableStatefulSet",
        "ResizableStatefulSetArgs",
        "SidecarWorkload",
        "SidecarWorkloadArgs",
        "Target",
        "TargetArgs",
        "WasmRuntime",
        "WasmRuntimeArgs",
        "WasmWorkload",
        "WasmWorkloadArgs",
        "config_reloader",
        "log_shipper",
        "metrics_exporter",
        "proxy",
    ] == components.__all__


def test_every_component_is_served(schema: dict[str, Any]) -> None:
    """The type token's prefix is the package's name."""
    assert {f"kubernetes-emerging:index:{component.__name__}" for component in SERVED} == set(schema["resources"])


def test_no_type_is_empty(schema: dict[str, Any]) -> None:
    """No type lost its properties, none has an untyped one but the patch, every property is described."""
    for name, definition in {**schema["types"], **schema["resources"]}.items():
        properties = {**definition.get("properties", {}), **definition.get("inputProperties", {})}
        assert properties, name
        for field, described in properties.items():
            assert described.get("description"), f"{name}.{field}"
            assert described.get("type") or described.get("$ref", "").startswith("#/types/"), f"{name}.{field}"
            untyped = [part for part in _parts(described) if part.get("$ref") == "pulumi.json#/Any"]
            assert not untyped or field == "podSpecPatch", f"{name}.{field}"


def test_containers_reach_other_languages_whole(schema: dict[str, Any]) -> None:
    """A field four objects deep keeps its name and its type."""
    probe = schema["types"]["kubernetes-emerging:index:ProbeArgs"]["properties"]

    assert "#/types/kubernetes-emerging:index:HttpGetActionArgs" == probe["httpGet"]["$ref"]
    assert "integer" == probe["failureThreshold"]["type"]
    assert "connection" in schema["resources"]["kubernetes-emerging:index:SidecarWorkload"]["requiredInputs"]


def test_what_another_language_sends_arrives(host: Host, mocks: ClusterMocks) -> None:
    """CamelCase keys, whole numbers as floats and Outputs of whole objects reach the manifest."""
    sent = {
        "connection": pulumi.Output.secret({"kubeconfig": "x", "clusterId": "y"}),
        "namespace": "shop",
        "replicas": pulumi.Output.from_input(2.0),
        "containers": [
            {
                "name": "web",
                "image": "i",
                "resources": {"requests": {"cpu": "100m"}},
                "readinessProbe": pulumi.Output.from_input({"tcpSocket": {"port": "80"}, "periodSeconds": 3.0}),
            }
        ],
    }

    async def construct() -> dict[str, Any]:
        state = host.construct("app", "kubernetes-emerging:index:ResizableDeployment", sent).state
        ports = await pulumi.Output.from_input(state["containerPorts"]).future()
        await pulumi.Output.from_input(state["ready"]).future()
        return {**state, "containerPorts": ports}

    state = asyncio.get_event_loop().run_until_complete(construct())
    spec = mocks.inputs("kubernetes:apps/v1:Deployment", "app")["spec"]
    assert 2 == spec["replicas"]
    assert {"tcpSocket": {"port": 80}, "periodSeconds": 3} == spec["template"]["spec"]["containers"][0][
        "readinessProbe"
    ]
    facts = {"effectiveRequests", "qosClass", "startOrder", "stopOrder"}
    assert {"name", "namespace", "matchLabels", "containerPorts", "ready", *facts} == set(state)


def test_outputs_have_the_keys_of_other_languages(host: Host, mocks: ClusterMocks) -> None:
    """Ports come out in camelCase."""
    del mocks
    size = {"requests": {"cpu": "100m"}}
    container = {"name": "web", "image": "i", "ports": [{"name": "http", "containerPort": 80.0}], "resources": size}
    sent = {"connection": dict(CONNECTION), "namespace": "shop", "containers": [container]}

    async def construct() -> Any:
        state = host.construct("app", "kubernetes-emerging:index:ResizableDeployment", sent).state
        return await pulumi.Output.from_input(state["containerPorts"]).future()

    assert [{"name": "http", "containerPort": 80}] == asyncio.get_event_loop().run_until_complete(construct())


def test_a_runtime_comes_out_as_other_languages_pass_it_on(host: Host, mocks: ClusterMocks) -> None:
    """A WasmRuntime's output has camelCase keys, and a WasmWorkload takes it as it came."""
    sent = {"handler": "wasmedge", "scheduling": {"nodeSelector": {"pool": "wasm"}}}
    container = {"name": "hello", "image": "i"}

    async def construct() -> Any:
        runtime = host.construct("wasm", "kubernetes-emerging:index:WasmRuntime", sent).state["runtime"]
        passed = {"connection": dict(CONNECTION), "namespace": "shop", "containers": [container], "runtime": runtime}
        state = host.construct("app", "kubernetes-emerging:index:WasmWorkload", passed).state
        await pulumi.Output.from_input(state["ready"]).future()
        return await pulumi.Output.from_input(runtime).future()

    runtime = asyncio.get_event_loop().run_until_complete(construct())
    assert ("tests-unit-wasm", {"nodeSelector": {"pool": "wasm"}}) == (runtime["className"], runtime["scheduling"])
    spec = mocks.inputs("kubernetes:apps/v1:Deployment", "app")["spec"]["template"]["spec"]
    assert "tests-unit-wasm" == spec["runtimeClassName"]


def test_a_refusal_names_its_properties(host: Host, mocks: ClusterMocks) -> None:
    """Unknown keys at any depth are refused, each under its own path, as an error and not as a crash."""
    del mocks
    sent = {
        "connection": dict(CONNECTION),
        "namespace": "shop",
        "containers": [{"name": "w", "image": "i", "imge": 1, "startupProbe": {"periodSeconds": "x", "exec": {}}}],
        "labels": {"my_label": 1},
    }

    async def construct() -> None:
        host.construct("app", "kubernetes-emerging:index:ResizableDeployment", sent)

    with pytest.raises(InputPropertiesError) as caught:
        asyncio.get_event_loop().run_until_complete(construct())

    assert {
        "containers[0].imge",
        "containers[0].startupProbe.periodSeconds",
        "containers[0].startupProbe.exec.command",
        "labels.my_label",
    } == {error["property_path"] for error in caught.value.errors or []}


def _parts(described: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [described[key] for key in ("items", "additionalProperties") if isinstance(described.get(key), dict)]
    return [described, *[part for each in inner for part in _parts(each)]]
