"""A WasmRuntime by preset, one that is there already, one that others use, and what is refused of all of them."""

from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import settings

from components import InvalidArgs, WasmRuntime, WasmRuntimeArgs
from components.model import wasm
from components.model.problem import UNKNOWN
from components.model.wasm_presets import PRESETS
from components.testing import CONNECTION, ClusterMocks

RUNTIME_CLASS = "kubernetes:node.k8s.io/v1:RuntimeClass"
LIVE: dict[str, Any] = {
    "metadata": {"name": "wasm"},
    "handler": "spin",
    "overhead": {"podFixed": {"cpu": "10m", "memory": "64Mi"}},
    "scheduling": {
        "nodeSelector": {"pool": "wasm"},
        "tolerations": [{"key": "wasm", "operator": "Exists"}, {"key": "a", "value": "b", "tolerationSeconds": 5}],
    },
}


def runtime(**given: Any) -> WasmRuntime:
    """Register a runtime with these arguments."""
    return WasmRuntime("web", cast(WasmRuntimeArgs, given))


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "custom"])
@pulumi.runtime.test
async def test_a_preset_gives_handler_and_overhead(mocks: ClusterMocks, name: str) -> None:
    """And goes on to the workloads, which are judged by it."""
    made = runtime(preset=name)
    found = await made.runtime.future()

    expected = PRESETS[name]
    assert found == {
        "class_name": "tests-unit-web",
        "handler": expected.handler,
        "overhead": dict(expected.overhead),
        "preset": name,
    }
    given = mocks.inputs(RUNTIME_CLASS, "web")
    assert (expected.handler, expected.overhead) == (given["handler"], given["overhead"]["podFixed"])
    assert [] == await made.proved.future()


@pulumi.runtime.test
async def test_what_is_written_goes_before_the_preset(mocks: ClusterMocks) -> None:
    """An installer calls Spin's handler otherwise, and memory was measured; a preset may come later, too."""
    made = runtime(preset=pulumi.Output.from_input("spin"), handler="spin-v2", overhead={"memory": "96Mi"})
    await made.runtime.future()

    given = mocks.inputs(RUNTIME_CLASS, "web")
    assert ("spin-v2", {"cpu": "10m", "memory": "96Mi"}) == (given["handler"], given["overhead"]["podFixed"])
    assert "spin-v2" == await made.handler.future()


@pulumi.runtime.test
async def test_a_class_that_is_there_already_is_not_made(mocks: ClusterMocks) -> None:
    """Under mocks it is what the arguments say."""
    made = runtime(existing=True, name="wasm", preset="spin", handler="spin-v2", connection=CONNECTION)

    assert {"class_name": "wasm", "handler": "spin-v2", "preset": "spin"} == await made.runtime.future()
    assert "wasm" == await made.name.future()
    assert await made.urn.future()  # its own registration is all there is to wait for
    assert ["kubernetes-emerging:index:WasmRuntime"] == [each.typ for each in mocks.resources]


@pulumi.runtime.test
async def test_a_shared_class_stays_behind(mocks: ClusterMocks) -> None:
    """Pulumi keeps it on delete, and it says so itself."""
    await runtime(shared=True, name="wasm", handler="spin", connection=CONNECTION).name.future()

    assert {"kubernetes-emerging/owner": "tests/unit/web", "kubernetes-emerging/shared": "true"} == mocks.inputs(
        RUNTIME_CLASS, "web"
    )["metadata"]["annotations"]
    request = cast(Any, settings.get_monitor()).requests[f"{RUNTIME_CLASS} web"]
    assert request.retainOnDelete


@pytest.mark.parametrize(
    ("given", "path", "words"),
    [
        ({}, "handler", "or a preset: spin, wasmtime"),
        ({"preset": "wasmtim"}, "preset", "write 'wasmtime'"),
        ({"preset": "custom"}, "handler", "preset custom has none of its own"),
        ({"preset": "spin", "handler": "io.x"}, "handler", "is not a valid name"),
        (
            {"preset": "spin", "scheduling": {"node_selector": {"kubernetes.io/arch": "ppc64le"}}},
            "scheduling.node_selector['kubernetes.io/arch']",
            "spin is released for amd64 and arm64, not for 'ppc64le'",
        ),
        (
            {"preset": "wamr", "scheduling": {"node_selector": {"kubernetes.io/os": "windows"}}},
            "scheduling.node_selector['kubernetes.io/os']",
            "wamr runs on Linux",
        ),
        ({"existing": True, "connection": CONNECTION}, "name", "has a name of its own"),
        ({"existing": True, "name": "wasm"}, "connection", "write the connection of a Target"),
        ({"existing": True, "shared": True, "name": "w", "connection": CONNECTION}, "shared", "leave it out"),
        ({"handler": "spin", "shared": True, "connection": CONNECTION}, "name", "a class that others use"),
        ({"handler": "spin", "shared": True, "name": "w"}, "connection", "write the connection of a Target"),
        ({"handler": "spin", "canary": {"image": "i"}}, "connection", "a canary runs in the cluster"),
    ],
)
def test_bad_runtimes(mocks: ClusterMocks, given: dict[str, Any], path: str, words: str) -> None:
    """Each is refused before anything is registered, with the field's path and what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        runtime(**given)

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


@pytest.mark.parametrize(
    ("canary", "path", "words"),
    [
        ({}, "canary.image", "it is required"),
        ({"image": "a b"}, "canary.image", "is not an image reference"),
        ({"image": "i", "namespace": "No"}, "canary.namespace", "is not"),
        ({"image": "i", "patience_seconds": 0}, "canary.patience_seconds", "0"),
        ({"image": "i", "patience_seconds": 3601}, "canary.patience_seconds", "3600"),
        ({"image": "i", "command": []}, "canary.command", "it is empty"),
        ({"image": "i", "pools": []}, "canary.pools", "it is empty"),
        ({"image": "i", "pools": [{}]}, "canary.pools[0]", "it is empty"),
        ({"image": "i", "pools": [{"a b": "c"}]}, "canary.pools[0]['a b']", "not a label key"),
        ({"image": "i", "often": "yes"}, "canary.often", "there is no such field"),
    ],
)
def test_bad_canaries(mocks: ClusterMocks, canary: dict[str, Any], path: str, words: str) -> None:
    """Likewise."""
    with pytest.raises(InvalidArgs) as caught:
        runtime(handler="spin", canary=canary, connection=CONNECTION)

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


def test_whether_there_is_a_class_to_make_is_known_from_the_beginning() -> None:
    """An Output would decide too late."""
    given = {"handler": "spin", "existing": UNKNOWN, "shared": UNKNOWN}

    assert ["existing", "shared"] == [problem.path for problem in wasm.runtime_problems(given, "wasm")]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, []),
        ({"handler": "spin", "overhead": {"cpu": "0.01", "memory": "65536Ki"}}, []),
        ({"scheduling": {"node_selector": {"pool": "wasm"}}}, []),
        (
            {
                "scheduling": {
                    "tolerations": [
                        {"key": "a", "operator": "Equal", "value": "b", "toleration_seconds": 5},
                        {"key": "wasm", "operator": "Exists"},
                    ]
                }
            },
            [],
        ),
        ({"handler": UNKNOWN, "overhead": UNKNOWN, "scheduling": UNKNOWN}, []),
        ({"handler": "wasmtime"}, ["its handler is 'spin', not 'wasmtime'"]),
        ({"overhead": {"memory": "32Mi"}}, ["its overhead of memory is 64Mi, not 32Mi"]),
        ({"scheduling": {"node_selector": {"pool": "other"}}}, ["its node selector is {'pool': 'wasm'}"]),
        ({"scheduling": {"tolerations": []}}, ["its tolerations are"]),
        (
            {"handler": "a", "overhead": {"cpu": "1"}, "scheduling": {"node_selector": {}}},
            ["its handler", "its overhead of cpu", "its node selector"],
        ),
    ],
)
def test_a_class_that_is_there_is_held_against_what_is_asked_for(asked: dict[str, Any], words: list[str]) -> None:
    """What is not asked for may be anything, and amounts and tolerations may be spelled otherwise."""
    found = list(wasm.differences(asked, LIVE))

    assert len(words) == len(found)
    assert all(word in text for word, text in zip(words, found, strict=True))


def test_a_live_class_is_what_a_workload_is_judged_by() -> None:
    """As arguments; and one without overhead or scheduling has none."""
    tolerations = [{"key": "wasm", "operator": "Exists"}, {"key": "a", "value": "b", "toleration_seconds": 5}]
    assert {
        "handler": "spin",
        "overhead": {"cpu": "10m", "memory": "64Mi"},
        "scheduling": {"node_selector": {"pool": "wasm"}, "tolerations": tolerations},
    } == wasm.of_live(LIVE)
    assert {"handler": "spin"} == wasm.of_live({"handler": "spin"})


def test_needs_name_the_preset_s_handler() -> None:
    """So that a Preflight asks for the right one, and for the rights that a canary takes."""
    assert ["wasm=spin"] == WasmRuntime.needs({"preset": "spin"})
    assert ["wasm=spin-v2"] == WasmRuntime.needs({"preset": "spin", "handler": "spin-v2"})
    assert [] == WasmRuntime.needs({"existing": True, "name": "wasm"})
    assert ["wasm=wamr", "kind=Job"] == WasmRuntime.needs({"preset": "wamr", "canary": {"image": "i"}})
