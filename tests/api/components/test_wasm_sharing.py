"""Two stacks and one RuntimeClass on a real API server: who makes it, who uses it, and what is left when one goes.

The handler is `runc`, which every node has: what is judged here is whose the class is, not what it runs.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import ApiException, CoreV1Api, NodeV1Api

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
wasm = WasmRuntime(
    "wasm",
    {{"name": config.require("space"), "connection": target.connection, **json.loads(config.require("class"))}},
    options,
)
pulumi.export("runtime", wasm.runtime)
if config.get("pods"):
    made = WasmWorkload(
        pulumi.get_stack(),
        {{
            "connection": target.connection,
            "namespace": config.require("space"),
            "runtime": wasm.runtime,
            "replicas": 1,
            "patience_seconds": 60,
            "containers": [
                {{
                    "name": "nginx",
                    "image": {images.NGINX_1_22!r},
                    "security_context": {{"run_as_user": {images.USER}}},
                    "volume_mounts": [{{"name": "tmp", "mount_path": "/tmp"}}],
                }}
            ],
            "volumes": [{{"name": "tmp", "empty_dir": {{}}}}],
            "in_place": "off",
        }},
        options,
    )
    pulumi.export("ready", made.ready)
"""
MADE = '{"handler": "runc"}'
SHARED = '{"handler": "runc", "shared": true}'
USED = '{"existing": true}'

Stack = Callable[..., Engine]


@pytest.fixture
def stack(lab_cluster: "Cluster", kube: Any, namespace: str, tmp_path: Path) -> Iterator[Stack]:
    """Give a function that makes an engine for a stack; the class of both is named after the namespace."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def make(name: str, arguments: str, **config: str) -> Engine:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, "class": arguments, **config}
        return Engine(tmp_path, name, tmp_path / name, QuietDisplay(), config=given)

    yield make
    try:
        NodeV1Api(kube).delete_runtime_class(namespace)
    except ApiException as error:
        if error.status != 404:
            raise


def made(kube: Any, name: str) -> Any:
    """Return the live RuntimeClass, or None."""
    try:
        return NodeV1Api(kube).read_runtime_class(name)
    except ApiException as error:
        if error.status != 404:
            raise
        return None


def by_hand(kube: Any, name: str, **more: Any) -> Any:
    """Make a RuntimeClass as another tool does."""
    api: Any = NodeV1Api(kube)
    return api.create_runtime_class({"metadata": {"name": name}, "handler": "runc", **more})


def test_two_stacks_share_one_class_and_one_goes(kube: Any, namespace: str, stack: Stack) -> None:
    """The one that made it leaves it behind; pods of the other run on, and start anew, under the same class."""
    assert stack("one", SHARED, pods="yes").up().ok
    before = made(kube, namespace)
    second = stack("two", USED, pods="yes").up()
    assert second.ok, told(second)
    assert "goes with the stack that made it" not in told(second)
    assert {"class_name": namespace, "handler": "runc", "overhead": {"cpu": "10m", "memory": "24Mi"}} == (
        second.outputs["runtime"]
    )

    gone = stack("one", SHARED, pods="yes").destroy()
    assert gone.ok, told(gone)
    assert before.metadata.uid == made(kube, namespace).metadata.uid
    (pod,) = living_pods(kube, namespace)
    CoreV1Api(kube).delete_namespaced_pod(pod.metadata.name, namespace, grace_period_seconds=0)
    again = stack("two", USED, pods="yes").up()
    assert again.ok, told(again)
    assert [(namespace, True)] == [
        (each.spec.runtime_class_name, each.metadata.uid != pod.metadata.uid) for each in living_pods(kube, namespace)
    ]

    assert stack("two", USED, pods="yes").destroy().ok
    assert before.metadata.uid == made(kube, namespace).metadata.uid
    refused = stack("one", SHARED).preview()
    assert "left behind by an earlier run of this stack" in told(refused)
    assert stack("one", USED).preview().ok


def test_a_name_that_is_taken_is_refused_in_preview_and_update(kube: Any, namespace: str, stack: Stack) -> None:
    """It names who made the class and the ways out, one of which warns; what is there stays when the second goes."""
    assert stack("one", MADE).up().ok
    before = made(kube, namespace)

    for refused in (stack("two", MADE).preview(), stack("two", MADE).up()):
        assert not refused.ok
        assert f"RuntimeClass '{namespace}' is there already, made by demo/one/wasm (handler 'runc')" in told(refused)
        assert "write existing: true to use it as it is, or another name" in told(refused)
    used = stack("two", USED).preview()
    assert used.ok, told(used)
    assert f"RuntimeClass '{namespace}' goes with the stack that made it (demo/one/wasm)" in told(used)
    assert stack("two", MADE).destroy().ok
    assert before.metadata.resource_version == made(kube, namespace).metadata.resource_version


def test_a_class_of_another_tool_is_used_and_never_touched(kube: Any, namespace: str, stack: Stack) -> None:
    """Its name is refused, then it is used as it is; what goes is the stack alone."""
    before = by_hand(kube, namespace, overhead={"podFixed": {"memory": "8Mi"}})
    refused = stack("one", MADE).preview()
    assert "made by something else than this library" in told(refused)

    used = stack("one", USED).up()
    assert used.ok, told(used)
    assert {"class_name": namespace, "handler": "runc", "overhead": {"memory": "8Mi"}} == used.outputs["runtime"]
    assert stack("one", USED).destroy().ok
    assert before.metadata.resource_version == made(kube, namespace).metadata.resource_version


def test_a_class_that_is_not_what_is_asked_for_stops_the_preview(kube: Any, namespace: str, stack: Stack) -> None:
    """With everything in which it differs, before anything is made under it."""
    by_hand(kube, namespace, overhead={"podFixed": {"memory": "8Mi"}})
    asked = '{"existing": true, "handler": "wasmedge", "overhead": {"memory": "16Mi"}}'

    for refused in (stack("one", asked, pods="yes").preview(), stack("one", asked, pods="yes").up()):
        assert not refused.ok
        words = "its handler is 'runc', not 'wasmedge'; its overhead of memory is 8Mi, not 16Mi"
        assert f"RuntimeClass '{namespace}' is not what is asked for: {words}" in told(refused)
    assert [] == living_pods(kube, namespace)


def test_a_class_that_is_to_be_there_and_is_not_stops_the_preview(namespace: str, stack: Stack) -> None:
    """And says what to write instead."""
    refused = stack("one", USED).preview()

    assert not refused.ok
    assert f"RuntimeClass '{namespace}' does not exist; leave existing out to make it here" in told(refused)


def test_a_shared_class_keeps_its_handler(kube: Any, namespace: str, stack: Stack) -> None:
    """A replacement would have to delete what others use, so it is refused before anything is touched."""
    assert stack("one", SHARED).up().ok
    before = made(kube, namespace)
    changed = '{"handler": "wasmedge", "shared": true}'

    for refused in (stack("one", changed).preview(), stack("one", changed).up()):
        assert not refused.ok
        assert f"RuntimeClass '{namespace}' is shared and has the handler 'runc', which never changes" in told(refused)
    assert before.metadata.resource_version == made(kube, namespace).metadata.resource_version
    same = stack("one", SHARED).up()
    assert same.ok, told(same)
    assert not same.changes


def test_a_class_that_this_very_stack_would_delete_is_not_used(kube: Any, namespace: str, stack: Stack) -> None:
    """Dropping what made it deletes it: it has to be shared first, and stays then."""
    assert stack("one", MADE).up().ok
    refused = stack("one", USED).preview()
    assert "was made by this stack, which deletes it in this run" in told(refused)
    assert "run `pulumi up` once with shared: true" in told(refused)

    assert stack("one", SHARED).up().ok
    moved = stack("one", USED).up()
    assert moved.ok, told(moved)
    assert made(kube, namespace) is not None


def test_what_somebody_else_has_changed_since_is_told(kube: Any, namespace: str, stack: Stack) -> None:
    """In preview, with who did it, what it is now and what to do; once it is written here, too, all is well."""
    assert stack("one", MADE).up().ok
    edited: Any = {"overhead": {"podFixed": {"memory": "48Mi"}}}
    NodeV1Api(kube).patch_runtime_class(namespace, edited, field_manager="kubectl-edit")

    refused = stack("one", '{"handler": "runc", "overhead": {"memory": "32Mi"}}').preview()
    assert not refused.ok
    assert f"RuntimeClass '{namespace}' was changed by kubectl-edit since" in told(refused)
    assert "its overhead of memory is 48Mi, not 32Mi" in told(refused)
    agreed = '{"handler": "runc", "overhead": {"memory": "48Mi"}}'
    assert stack("one", agreed).preview().ok
    mended = stack("one", agreed).up()
    assert mended.ok, told(mended)
