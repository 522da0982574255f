"""RuntimeClasses and the workloads under them on a real API server: replacement, conflicts, diagnosis, the decision.

The handler is `runc`, which every node has: what is judged here is Kubernetes' part, not the module's.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import ApiException, AppsV1Api, CoreV1Api, NodeV1Api, V1ConfigMap, V1ObjectMeta

from lab.cluster import images
from lab.engine import Engine, QuietDisplay
from tests.programs import living_pods, told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import json
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import Target, WasmRuntime, WasmWorkload

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
runtime = {{"class_name": config.get("class")}}
if not config.get("class"):
    runtime = WasmRuntime(
        "wasm",
        {{
            "name": config.require("space"),
            "handler": config.get("handler") or "runc",
            "overhead": {{"cpu": "10m", "memory": config.get("overhead") or "24Mi"}},
            "scheduling": {{"node_selector": {{"kubernetes.io/os": "linux"}}}},
            **({{}} if config.get("blind") else {{"connection": target.connection}}),
        }},
        options,
    ).runtime
if config.get("blind"):
    # As a class of somebody else's, of which only the name is known.
    runtime = {{"class_name": runtime.apply(lambda known: known["class_name"])}}
made = WasmWorkload(
    "web",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "runtime": runtime,
        "replicas": 1,
        "patience_seconds": 60,
        "containers": [
            {{
                "name": "nginx",
                "image": {images.NGINX_1_22!r},
                "resources": {{"requests": {{"cpu": "20m", "memory": "32Mi"}}, "limits": {{"memory": "64Mi"}}}},
                "security_context": {{"run_as_user": {images.USER}}},
                "volume_mounts": [{{"name": "tmp", "mount_path": "/tmp"}}],
            }}
        ],
        "volumes": [{{"name": "tmp", "empty_dir": {{}}}}],
        **json.loads(config.get("more") or "{{}}"),
    }},
    options,
)
pulumi.export("ready", made.ready)
"""

Run = Callable[..., Engine]


@pytest.fixture
def run(run: Run, kube: Any, namespace: str) -> Iterator[Run]:
    """Give a function that makes an engine for the program; its RuntimeClass is named after the namespace."""
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    CoreV1Api(kube).patch_namespace(namespace, labels)
    yield run
    try:
        NodeV1Api(kube).delete_runtime_class(namespace)
    except ApiException as error:
        if error.status != 404:
            raise


def runtime_class(kube: Any, name: str) -> Any:
    """Return the live RuntimeClass."""
    return NodeV1Api(kube).read_runtime_class(name)


def deployment(kube: Any, namespace: str, name: str = "web") -> Any:
    """Return the live Deployment."""
    return AppsV1Api(kube).read_namespaced_deployment(name, namespace)


def test_pods_carry_the_class_and_its_overhead(kube: Any, namespace: str, run: Run) -> None:
    """Under the restricted level the pod runs with class, overhead and scheduling, and its own sizes untouched."""
    summary = run().up()

    assert summary.ok, told(summary)
    (pod,) = living_pods(kube, namespace)
    assert (namespace, {"cpu": "10m", "memory": "24Mi"}) == (pod.spec.runtime_class_name, pod.spec.overhead)
    assert {"kubernetes.io/os": "linux"} == pod.spec.node_selector
    (container,) = pod.spec.containers
    assert {"cpu": "20m", "memory": "32Mi"} == container.resources.requests
    assert {"memory": "64Mi"} == container.resources.limits
    assert not run().up().changes


def test_another_handler_is_a_replacement_and_rolls(kube: Any, namespace: str, run: Run) -> None:
    """The class is deleted and made anew, the Deployment stays and moves; what nginx is to a WASM runtime is told."""
    assert run().up().ok
    before, workload = runtime_class(kube, namespace), deployment(kube, namespace)

    preview = run(handler="wasmedge").preview()
    assert preview.ok, told(preview)
    assert (1, 1) == (preview.counts["replace"], preview.counts["update"])
    assert before.metadata.uid == runtime_class(kube, namespace).metadata.uid

    failed = run(handler="wasmedge").up()
    assert not failed.ok
    assert "a WASM runtime cannot load it as a module" in told(failed)
    after = runtime_class(kube, namespace)
    assert ("wasmedge", True) == (after.handler, before.metadata.uid != after.metadata.uid)

    mended = run().up()
    assert mended.ok, told(mended)
    assert "runc" == runtime_class(kube, namespace).handler
    assert workload.metadata.uid == deployment(kube, namespace).metadata.uid


def test_a_handler_that_no_node_has_stops_before_the_class_is_touched(kube: Any, namespace: str, run: Run) -> None:
    """Preview and update say it alike; class, Deployment and pods stay as they were."""
    assert run().up().ok
    before, workload = runtime_class(kube, namespace), deployment(kube, namespace)
    (old,) = living_pods(kube, namespace)

    for summary in (run(handler="nosuch").preview(), run(handler="nosuch").up()):
        assert not summary.ok
        assert "wasm=nosuch: no: no node has the handler 'nosuch' (they have: crun, runc, wasmedge)" in told(summary)
    assert before.metadata.resource_version == runtime_class(kube, namespace).metadata.resource_version
    assert workload.metadata.generation == deployment(kube, namespace).metadata.generation
    assert [old.metadata.uid] == [pod.metadata.uid for pod in living_pods(kube, namespace)]
    assert run().up().ok


def test_a_handler_that_nobody_asked_about_is_told_within_seconds(run: Run) -> None:
    """A class of which only the name is known: the pods cannot start, and the run fails with cause and remedy."""
    started = time.monotonic()
    failed = run(handler="nosuch", blind="yes").up()

    assert not failed.ok
    assert 30 > time.monotonic() - started
    assert 'no runtime for "nosuch" is configured' in told(failed)
    assert "set the handler 'nosuch' up on the node" in told(failed)


def test_another_overhead_is_an_update(kube: Any, namespace: str, run: Run) -> None:
    """The class stays and new pods carry the new overhead; nothing rolls for it."""
    assert run().up().ok
    before, (old,) = runtime_class(kube, namespace), living_pods(kube, namespace)
    changed = run(overhead="48Mi").up()

    assert changed.ok, told(changed)
    assert (1, 0) == (changed.counts["update"], changed.counts["replace"])
    after = runtime_class(kube, namespace)
    assert before.metadata.uid == after.metadata.uid
    assert {"cpu": "10m", "memory": "48Mi"} == after.overhead.pod_fixed
    assert [old.metadata.uid] == [pod.metadata.uid for pod in living_pods(kube, namespace)]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            '{"pod_spec_patch": {"overhead": {"cpu": "1"}}}',
            "pod_spec_patch.overhead: the RuntimeClass says cpu 10m, memory 24Mi",
        ),
        ('{"node_selector": {"kubernetes.io/os": "plan9"}}', "node_selector['kubernetes.io/os']: it is 'plan9'"),
    ],
)
def test_a_conflict_is_found_in_preview(kube: Any, namespace: str, run: Run, more: str, words: str) -> None:
    """The API server would take the Deployment and refuse its pods; preview refuses first, and so does the run."""
    preview = run(more=more).preview()
    assert not preview.ok
    assert words in told(preview)

    assert not run(more=more).up().ok
    assert [] == AppsV1Api(kube).list_namespaced_deployment(namespace).items


def test_a_class_that_is_not_there_is_told(namespace: str, run: Run) -> None:
    """The ReplicaSet's words and the remedy come within seconds."""
    started = time.monotonic()
    failed = run(**{"class": f"{namespace}-none"}).up()

    assert not failed.ok
    assert 30 > time.monotonic() - started
    assert f'RuntimeClass "{namespace}-none" not found' in told(failed)
    assert f"create the RuntimeClass '{namespace}-none'" in told(failed)


@pytest.fixture
def project(lab_cluster: "Cluster", kube: Any, tmp_path: Path) -> Iterator[tuple[str, Run]]:
    """Give the namespace of a new stack, and a function that makes an engine for the project's own program."""
    stack = f"t{uuid.uuid4().hex[:10]}"
    (tmp_path / "Pulumi.yaml").write_text("name: kubernetes-emerging\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(
        f"import runpy, sys\nsys.path.insert(0, {str(ROOT)!r})\nrunpy.run_path({str(ROOT / '__main__.py')!r})\n"
    )
    # No pods: what counts is what is registered and recorded.
    none = {f"{demo}Replicas": "0" for demo in ("sidecar", "inplace", "wasm")}

    def make(**config: str) -> Engine:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "platform": "lab", **none, **config}
        return Engine(tmp_path, stack, tmp_path / "state", QuietDisplay(), config=given)

    yield f"kubernetes-emerging-{stack}", make
    summary = make(wasm="off").destroy()
    assert summary.ok, told(summary)
    classes: list[Any] = NodeV1Api(kube).list_runtime_class().items
    assert [] == [found.metadata.name for found in classes if stack in found.metadata.name]


def record(kube: Any, namespace: str) -> dict[str, str] | None:
    """Return what is recorded in the stack's namespace."""
    try:
        found: V1ConfigMap = CoreV1Api(kube).read_namespaced_config_map("kubernetes-emerging-decisions", namespace)
    except ApiException as error:
        if error.status != 404:
            raise
        return None
    return dict(found.data or {})


def forget_handlers(kube: Any) -> None:
    """Take the handlers out of the nodes' status, as on a cluster whose node is away; kubelets write them again."""
    nodes: list[Any] = CoreV1Api(kube).list_node().items
    for node in nodes:
        left: Any = CoreV1Api(kube).patch_node_status(node.metadata.name, {"status": {"runtimeHandlers": None}})
        assert left.status.runtime_handlers is None


def test_a_decision_stays_until_the_config_speaks(kube: Any, project: tuple[str, Run]) -> None:
    """Off is recorded and stands; on is recorded and outlives a node that is away; on and off by config forget it."""
    namespace, run = project
    first = run(wasmHandler="nosuch").up()
    assert first.ok, told(first)
    assert "wasm-demo is left out: no node has the handler 'nosuch'" in told(first)
    assert "left out: no node has the handler 'nosuch'" in str(first.outputs["wasm"])
    assert "off" == (record(kube, namespace) or {})["wasm"]
    again = run(wasmHandler="nosuch").up()
    assert again.ok
    assert not again.changes

    deployed = run(wasmHandler="runc").up()
    assert deployed.ok, told(deployed)
    assert ("wasm-demo", f"{namespace}-wasm") == (deployed.outputs["wasmDemo"], deployed.outputs["wasmRuntimeClass"])
    recorded = record(kube, namespace)
    assert ("on", "runc") == ((recorded or {})["wasm"], (recorded or {})["handler"])
    uid = deployment(kube, namespace, "wasm-demo").metadata.uid

    forget_handlers(kube)
    away = run(wasmHandler="runc").up()
    assert away.ok, told(away)
    assert not away.changes
    assert recorded == record(kube, namespace)
    assert uid == deployment(kube, namespace, "wasm-demo").metadata.uid

    spoken = run(wasmHandler="runc", wasm="off").up()
    assert spoken.ok, told(spoken)
    assert record(kube, namespace) is None
    assert "wasmDemo" not in spoken.outputs
    assert run(wasmHandler="runc", wasm="on").up().outputs["wasmDemo"] == "wasm-demo"
    assert record(kube, namespace) is None


def test_a_record_that_is_there_is_read_before_the_nodes(kube: Any, project: tuple[str, Run]) -> None:
    """A stack whose record says off leaves the demo out though the node has the handler, and says so."""
    namespace, run = project
    assert run(wasmHandler="runc", wasm="off").up().ok
    data = {"wasm": "off", "handler": "runc", "reason": "decided before"}
    body = V1ConfigMap(metadata=V1ObjectMeta(name="kubernetes-emerging-decisions"), data=data)
    CoreV1Api(kube).create_namespaced_config_map(namespace, body)
    preview = run(wasmHandler="runc").preview()
    CoreV1Api(kube).delete_namespaced_config_map("kubernetes-emerging-decisions", namespace)

    assert "wasm-demo is left out: decided before" in told(preview)
    assert "has the handler 'runc': set the config key wasm to on" in told(preview)
