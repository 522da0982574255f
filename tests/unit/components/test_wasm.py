"""What WasmRuntime and WasmWorkload register, and what they refuse; mocks prove no more than that."""

from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import settings

from components import InvalidArgs, WasmRuntime, WasmRuntimeArgs, WasmWorkload, WasmWorkloadArgs
from components.model import wasm_workload
from components.testing import CONNECTION, ClusterMocks

RUNTIME_CLASS = "kubernetes:node.k8s.io/v1:RuntimeClass"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
RUNTIME = {
    "class_name": "wasm",
    "handler": "wasmedge",
    "overhead": {"cpu": "10m", "memory": "24Mi"},
    "scheduling": {"node_selector": {"wasm": "yes"}},
}


def runtime_args(**more: Any) -> WasmRuntimeArgs:
    """Return small correct arguments, with fields replaced."""
    return cast(WasmRuntimeArgs, {"handler": "wasmedge", **more})


def workload_args(**more: Any) -> WasmWorkloadArgs:
    """Return small correct arguments, with fields replaced."""
    args = {
        "connection": CONNECTION,
        "namespace": "shop",
        "runtime": RUNTIME,
        "containers": [{"name": "hello", "image": "hello:1"}],
    }
    return cast(WasmWorkloadArgs, {**args, **more})


def with_container(**fields: Any) -> WasmWorkloadArgs:
    """Return arguments whose one container has these fields."""
    return workload_args(containers=[{"name": "hello", "image": "hello:1", **fields}])


def pod_spec(mocks: ClusterMocks, name: str = "app") -> dict[str, Any]:
    """Return the pod spec that was registered."""
    return dict(mocks.inputs(DEPLOYMENT, name)["spec"]["template"]["spec"])


@pulumi.runtime.test
async def test_a_runtime_is_one_runtime_class(mocks: ClusterMocks) -> None:
    """Handler, overhead with its defaults, and scheduling are those of the arguments; the name is the stack's own."""
    scheduling = {"node_selector": {"pool": "wasm"}, "tolerations": [{"key": "wasm", "operator": "Exists"}]}
    runtime = WasmRuntime("web", runtime_args(overhead={"memory": "80Mi"}, scheduling=scheduling))

    assert "tests-unit-web" == await runtime.name.future()
    assert "wasmedge" == await runtime.handler.future()
    assert {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "tests-unit-web", "annotations": {"kubernetes-emerging/owner": "tests/unit/web"}},
        "handler": "wasmedge",
        "overhead": {"podFixed": {"cpu": "10m", "memory": "80Mi"}},
        "scheduling": {"nodeSelector": {"pool": "wasm"}, "tolerations": [{"key": "wasm", "operator": "Exists"}]},
    } == mocks.inputs(RUNTIME_CLASS, "web")
    assert {} == mocks.inputs("kubernetes-emerging:index:WasmRuntime", "web")


@pulumi.runtime.test
async def test_another_handler_replaces_the_class(mocks: ClusterMocks) -> None:
    """The provider does not know that the handler never changes, and the name is taken until the old class is gone."""
    await WasmRuntime("web", runtime_args(name="fixed")).name.future()

    assert "fixed" == mocks.inputs(RUNTIME_CLASS, "web")["metadata"]["name"]
    request = cast(Any, settings.get_monitor()).requests[f"{RUNTIME_CLASS} web"]
    assert ["handler"] == list(request.replaceOnChanges)
    assert request.deleteBeforeReplace
    assert (2, 2, 0) == (
        len(request.hooks.before_create),
        len(request.hooks.before_update),
        len(request.hooks.before_delete),
    )


@pulumi.runtime.test
async def test_the_runtime_s_output_is_what_a_workload_takes(mocks: ClusterMocks) -> None:
    """Class, handler, overhead and scheduling come out whole, and the pods ask for the class."""
    runtime = WasmRuntime("web", runtime_args(scheduling={"node_selector": {"pool": "wasm"}}))
    await WasmWorkload("app", workload_args(runtime=runtime.runtime)).ready.future()

    assert {
        "class_name": "tests-unit-web",
        "handler": "wasmedge",
        "overhead": {"cpu": "10m", "memory": "24Mi"},
        "scheduling": {"node_selector": {"pool": "wasm"}},
    } == await runtime.runtime.future()
    assert "tests-unit-web" == pod_spec(mocks)["runtimeClassName"]
    template = mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]
    assert {"kubernetes-emerging/wasm-handler": "wasmedge"} == template["metadata"]["annotations"]


@pulumi.runtime.test
async def test_a_workload_has_the_defaults_of_a_module(mocks: ClusterMocks) -> None:
    """A short grace period, a user of its own, and the restricted level with a read-only root."""
    await WasmWorkload("app", workload_args(replicas=2)).ready.future()

    assert {
        "runtimeClassName": "wasm",
        "terminationGracePeriodSeconds": 2,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "hello",
                "image": "hello:1",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                },
            }
        ],
    } == pod_spec(mocks)


@pulumi.runtime.test
async def test_the_defaults_give_way(mocks: ClusterMocks) -> None:
    """What the arguments say stands, and a class without a known handler leaves no annotation."""
    args = workload_args(
        runtime={"class_name": "spin"},
        termination_grace_period_seconds=30,
        annotations={"team": "a"},
        pod_security="baseline",
        containers=[
            {"name": "own", "image": "i", "security_context": {"run_as_user": 1000}},
            {"name": "root", "image": "i", "security_context": {"run_as_non_root": False}},
        ],
    )
    await WasmWorkload("app", args).ready.future()

    spec = pod_spec(mocks)
    assert 30 == spec["terminationGracePeriodSeconds"]
    assert [1000, None] == [each["securityContext"].get("runAsUser") for each in spec["containers"]]
    assert {"team": "a"} == mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]["metadata"]["annotations"]


@pulumi.runtime.test
async def test_what_a_module_can_do_is_not_refused(mocks: ClusterMocks) -> None:
    """Probes over the network, a short sleep, sidecars that are modules, and what agrees with the class."""
    proxy = {"name": "proxy", "image": "i", "command": ["/proxy.wasm#start"]}
    args = workload_args(
        containers=[
            {
                "name": "hello",
                "image": "hello:1",
                "readiness_probe": {"tcp_socket": {"port": "8080"}},
                "lifecycle": {"pre_stop": {"sleep": {"seconds": 2}}},
            }
        ],
        init_containers=[{**proxy, "name": "once"}],
        sidecars=[{**proxy, "startup_probe": {"http_get": {"port": "1"}}}],
        node_selector={"wasm": "yes", "disk": "ssd"},
        pod_spec_patch={"overhead": {"cpu": "0.01", "memory": "24Mi"}, "nodeSelector": {"wasm": "yes"}},
    )
    await WasmWorkload("app", args).ready.future()

    assert ["once", "proxy"] == [each["name"] for each in pod_spec(mocks)["initContainers"]]


BAD_RUNTIMES = [
    ({"handler": None}, "handler", "it is required"),
    ({"handler": "io.containerd.wasmtime.v1"}, "handler", "is not a valid name"),
    ({"name": "My_Class"}, "name", "is not a valid name"),
    ({"overhead": {"memory": "24m"}}, "overhead.memory", "write '24Mi'"),
    ({"overhead": {"cpu": "lots"}}, "overhead.cpu", "not a Kubernetes quantity"),
    ({"overhead": {"disk": "1Gi"}}, "overhead.disk", "there is no such field"),
    ({"scheduling": {"node_selector": {"a b": "c"}}}, "scheduling.node_selector['a b']", "not a label key"),
    ({"scheduling": {"tolerations": [{"key": "a", "effect": "No"}]}}, "scheduling.tolerations[0].effect", "NoSchedule"),
    ({"scheduling": {"tolerations": [{"effect": ["No"]}]}}, "scheduling.tolerations[0].effect", "write a string"),
]


@pytest.mark.parametrize(("more", "path", "words"), BAD_RUNTIMES)
def test_bad_runtimes(mocks: ClusterMocks, more: dict[str, Any], path: str, words: str) -> None:
    """Each is refused before anything is registered, with the field's path and what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        WasmRuntime("web", runtime_args(**more))

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


def test_a_runtime_tells_every_problem_at_once(mocks: ClusterMocks) -> None:
    """One error carries them all."""
    with pytest.raises(InvalidArgs, match="WasmRuntime 'web' has 3 problems"):
        WasmRuntime("web", runtime_args(handler="No", name="No", overhead={"cpu": "1M"}))
    assert [] == mocks.resources


EXEC = {"exec": {"command": ["true"]}}
BAD_WORKLOADS = [
    ({"runtime": None}, "runtime", "it is required"),
    ({"runtime": {"handler": "wasmedge"}}, "runtime.class_name", "it is required"),
    ({"runtime": {"class_name": "No"}}, "runtime.class_name", "is not a valid name"),
    ({"sidecars": [{"name": "s", "image": "i", "startup_probe": {"tcp_socket": {"port": "1"}}}]}, "sidecars[0]", "own"),
    ({"init_containers": [{"name": "s", "image": "i", "command": ["sh"]}]}, "init_containers[0]", "/proxy.wasm"),
    ({"node_selector": {"wasm": "no"}}, "node_selector.wasm", "puts its pods on nodes with 'yes'"),
    ({"pod_spec_patch": {"nodeSelector": {"wasm": "no"}}}, "pod_spec_patch.nodeSelector.wasm", "'yes'"),
    ({"pod_spec_patch": {"overhead": {"cpu": "1"}}}, "pod_spec_patch.overhead", "cpu 10m, memory 24Mi"),
    ({"pod_spec_patch": {"runtimeClassName": "x"}}, "pod_spec_patch.runtimeClassName", "leave it out"),
    ({"pod_spec_patch": {"containers": [{"name": "hello", "tty": True}]}}, "pod_spec_patch.containers[0].tty", "leave"),
    (
        {"pod_spec_patch": {"containers": [{"name": "hello", "stdin": True}]}},
        "pod_spec_patch.containers[0].stdin",
        "attach",
    ),
    (
        {"pod_spec_patch": {"containers": [{"name": "hello", "livenessProbe": EXEC}]}},
        "pod_spec_patch.containers[0].livenessProbe.exec",
        "httpGet",
    ),
    (
        {"pod_spec_patch": {"initContainers": [{"name": "once", "image": "i", "lifecycle": {"preStop": EXEC}}]}},
        "pod_spec_patch.initContainers[0].lifecycle.preStop.exec",
        "sleep",
    ),
]


@pytest.mark.parametrize(("more", "path", "words"), BAD_WORKLOADS)
def test_bad_workloads(mocks: ClusterMocks, more: dict[str, Any], path: str, words: str) -> None:
    """Each is refused before anything is registered, with the field's path and what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        WasmWorkload("app", workload_args(**more))

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"startup_probe": EXEC}, "startup_probe.exec", "second process"),
        ({"readiness_probe": EXEC}, "readiness_probe.exec", "http_get, tcp_socket"),
        ({"liveness_probe": EXEC}, "liveness_probe.exec", "leave the probe out"),
        ({"lifecycle": {"post_start": EXEC}}, "lifecycle.post_start.exec", "use http_get or sleep"),
        ({"lifecycle": {"pre_stop": EXEC}}, "lifecycle.pre_stop.exec", "use http_get or sleep"),
        (
            {"lifecycle": {"pre_stop": {"sleep": {"seconds": 5}}}},
            "lifecycle.pre_stop.sleep.seconds",
            "5 is more than the pods' grace period of 2",
        ),
    ],
)
def test_what_a_module_cannot_do_is_refused(mocks: ClusterMocks, fields: Any, path: str, words: str) -> None:
    """Nothing can be run inside a module, and a pause must fit its short grace period."""
    with pytest.raises(InvalidArgs) as caught:
        WasmWorkload("app", with_container(**fields))

    assert [f"containers[0].{path}"] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


def test_the_time_of_an_end_must_fit_the_short_grace_period(mocks: ClusterMocks) -> None:
    """It stays at 2 seconds, whatever a module says that it needs; a longer one has to be written."""
    with pytest.raises(InvalidArgs, match=r"hello 5: 5 s, but it is 2; write at least 5, or lower stop_seconds$"):
        WasmWorkload("app", with_container(stop_seconds=5))

    assert [] == mocks.resources


def test_a_conflict_with_a_late_runtime_is_found_when_it_is_known() -> None:
    """The same rules judge resolved values, which the hook before the Deployment passes to them."""
    args = {**workload_args(node_selector={"wasm": "no"}), "name": "app"}

    assert ["node_selector.wasm"] == [problem.path for problem in wasm_workload.problems(args)]


def test_another_handler_is_another_template() -> None:
    """Pods of a class whose handler changes have to be made anew to run under it."""
    fields = {"containers": [{"name": "hello", "image": "hello:1"}]}
    old, new = (
        wasm_workload.template("app", {**fields, "runtime": {"className": "wasm", "handler": handler}}, {})
        for handler in ("wasmedge", "wasmtime")
    )

    assert old != new
    assert old["spec"] == new["spec"]
