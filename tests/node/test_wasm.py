"""WASM modules on a real node, deployed by the components: what they print, what holds them, how they fail and end."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import ApiException, CoreV1Api, NodeV1Api

from lab.engine import Engine, QuietDisplay, Summary
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
# Only a program that was built for WASM can print these two words of itself.
MARKER = "hello from wasip1 wasm"
PROGRAM = f"""
import json
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import Target, WasmRuntime, WasmWorkload

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
space = config.require("space")
wasm = WasmRuntime("wasm", {{"name": space, "handler": config.get("handler") or "wasmedge"}}, options)
cpu = config.get("cpu") or "50m"
hello = WasmWorkload(
    "hello",
    {{
        "connection": target.connection,
        "namespace": space,
        "runtime": wasm.runtime,
        "replicas": 2,
        "patience_seconds": 60,
        "containers": [
            {{
                "name": "hello",
                "image": "localhost/wasm-demo:1",
                "resources": {{
                    "requests": {{"cpu": cpu, "memory": "64Mi"}},
                    "limits": {{"cpu": cpu, "memory": "96Mi"}},
                }},
            }}
        ],
    }},
    options,
)
pulumi.export("ready", hello.ready)
"""

Run = Callable[..., Summary]


@pytest.fixture
def up(lab_cluster: "Cluster", kube: Any, namespace: str, tmp_path: Path) -> Iterator[Run]:
    """Give a function that deploys the program with these config keys into a restricted namespace."""
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    CoreV1Api(kube).patch_namespace(namespace, labels)
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def deploy(**config: str) -> Summary:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, **config}
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given).up()

    yield deploy
    try:
        NodeV1Api(kube).delete_runtime_class(namespace)
    except ApiException as error:
        if error.status != 404:
            raise


def all_pods(kube: Any, namespace: str) -> list[Any]:
    """Return the pods, also those on their way out."""
    listed: list[Any] = CoreV1Api(kube).list_namespaced_pod(namespace).items
    return listed


def pods(kube: Any, namespace: str) -> list[Any]:
    """Return the pods that are not on their way out."""
    return [pod for pod in all_pods(kube, namespace) if not pod.metadata.deletion_timestamp]


def first_line(kube: Any, pod: Any) -> str:
    """Return the first line that a pod has printed; a module runs a moment before it prints."""
    for _ in range(100):
        text: str = CoreV1Api(kube).read_namespaced_pod_log(pod.metadata.name, pod.metadata.namespace)
        if "\n" in text:
            return text.splitlines()[0]
        time.sleep(0.1)
    return ""


def containers(found: list[Any]) -> set[tuple[str, str, int]]:
    """Return UID, container id and restarts of each pod's container."""
    return {
        (
            pod.metadata.uid,
            pod.status.container_statuses[0].container_id,
            pod.status.container_statuses[0].restart_count,
        )
        for pod in found
    }


def memory_limits(uid: str) -> tuple[int, int]:
    """Return the bytes that bind a pod's module and the pod as a whole, from the cgroup files of this machine."""
    marks = (f"pod{uid}", f"pod{uid.replace('-', '_')}")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"hello.wasm" not in (process / "cmdline").read_bytes():
                continue
            lines = (process / "cgroup").read_text().splitlines()
        except OSError:  # it has ended meanwhile
            continue
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if any(mark in path for mark in marks) and controllers in ("", "memory"):
                folder = Path("/sys/fs/cgroup") / controllers / path.lstrip("/")
                name = "memory.limit_in_bytes" if controllers else "memory.max"
                return int((folder / name).read_text()), int((folder.parent / name).read_text())
    raise AssertionError(f"no process of the module in pod {uid}")


def test_a_module_runs_and_is_held(kube: Any, namespace: str, up: Run) -> None:
    """Two restricted pods print what only a WASM build can; overhead is in the pods, and in their cgroups."""
    summary = up()

    assert summary.ok, told(summary)
    found = pods(kube, namespace)
    assert 2 == len(found)
    for pod in found:
        assert MARKER == first_line(kube, pod)
        assert {"cpu": "10m", "memory": "24Mi"} == pod.spec.overhead
        assert (96 * 2**20, (96 + 24) * 2**20) == memory_limits(pod.metadata.uid)


def test_another_cpu_is_a_resize_in_place(kube: Any, namespace: str, up: Run) -> None:
    """A module keeps running under its new size: same pods, same containers, no restart."""
    assert up().ok
    before = containers(pods(kube, namespace))
    changed = up(cpu="80m")

    assert changed.ok, told(changed)
    assert "resized in place" in told(changed)
    after = pods(kube, namespace)
    assert before == containers(after)
    assert {"80m"} == {pod.status.container_statuses[0].resources.limits["cpu"] for pod in after}


def test_a_pod_of_modules_ends_with_its_short_grace_period(kube: Any, namespace: str, up: Run) -> None:
    """SIGTERM does nothing, so the pod goes when 2 seconds are over and not with the usual 30."""
    assert up().ok
    pod = pods(kube, namespace)[0]
    started = time.monotonic()
    CoreV1Api(kube).delete_namespaced_pod(pod.metadata.name, namespace)
    while pod.metadata.uid in {each.metadata.uid for each in all_pods(kube, namespace)}:
        assert 20 > time.monotonic() - started
        time.sleep(0.1)
    assert 1.5 < time.monotonic() - started


def test_a_handler_that_the_node_lacks_is_told_before_anything_runs_under_it(
    kube: Any, namespace: str, up: Run
) -> None:
    """The run fails with what the nodes have, no module is touched, and it can be mended."""
    assert up().ok
    before = containers(pods(kube, namespace))
    failed = up(handler="wasmtime")

    assert not failed.ok
    assert "wasm=wasmtime: no: no node has the handler 'wasmtime'" in told(failed)
    assert "set it up on a node's container runtime" in told(failed)
    assert before == containers(pods(kube, namespace))
    mended = up()
    assert mended.ok, told(mended)
    assert before == containers(pods(kube, namespace))


def test_the_same_image_fails_under_an_ordinary_runtime(kube: Any, namespace: str, up: Run) -> None:
    """Under runc the module is no program, and the diagnosis says what it needs."""
    started = time.monotonic()
    failed = up(handler="runc")

    assert not failed.ok
    assert 20 > time.monotonic() - started
    assert "/hello.wasm" in told(failed)
    assert "a WASM module was started as an ordinary program" in told(failed)
    assert {"runc"} == {NodeV1Api(kube).read_runtime_class(namespace).handler}
