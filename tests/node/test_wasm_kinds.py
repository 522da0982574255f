"""WasmWorkloads on a real node beyond a Deployment of modules: Jobs, and ordinary sidecars beside modules."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import ApiException, BatchV1Api, CoreV1Api, NodeV1Api

from lab.cluster import images
from lab.cluster.config import MIXED_HANDLER, WASM_HANDLER
from lab.engine import Engine, QuietDisplay, Summary
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
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
wasm = WasmRuntime(
    "wasm",
    {{"name": space, "preset": config.require("preset"), "handler": config.require("handler")}},
    options,
)
made = WasmWorkload(
    "hello",
    {{
        "connection": target.connection,
        "namespace": space,
        "runtime": wasm.runtime,
        "patience_seconds": 60,
        "in_place": "off",
        **json.loads(config.require("more")),
    }},
    options,
)
pulumi.export("ready", made.ready)
pulumi.export("requests", made.effective_requests)
"""

Run = Callable[..., Summary]


@pytest.fixture
def up(lab_cluster: "Cluster", kube: Any, namespace: str, tmp_path: Path) -> Iterator[Run]:
    """Give a function that deploys the program with these arguments into a restricted namespace."""
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    CoreV1Api(kube).patch_namespace(namespace, labels)
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def deploy(preset: str, handler: str, **more: Any) -> Summary:
        given = {"space": namespace, "preset": preset, "handler": handler, "more": json.dumps(more)}
        given["kubeconfig"] = str(lab_cluster.kubeconfig)
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given).up()

    yield deploy
    try:
        NodeV1Api(kube).delete_runtime_class(namespace)
    except ApiException as error:
        if error.status != 404:
            raise


def module(**more: Any) -> dict[str, Any]:
    """Return the container of the demo's module."""
    size = {"requests": {"cpu": "20m", "memory": "96Mi"}, "limits": {"memory": "128Mi"}}
    return {"name": "hello", "image": images.WASM_DEMO, "resources": size, **more}


def ending(code: int) -> dict[str, Any]:
    """Return the container of a module that ends with this exit code."""
    return module(env=[{"name": "END", "value": str(code)}])


def job(kube: Any, namespace: str) -> Any:
    """Return the live Job."""
    return BatchV1Api(kube).read_namespaced_job("hello", namespace)


def the_pod(kube: Any, namespace: str) -> Any:
    """Return the one pod."""
    (pod,) = CoreV1Api(kube).list_namespaced_pod(namespace).items
    return pod


def log(kube: Any, pod: Any, container: str) -> str:
    """Return what a container of the pod has printed; a module runs a moment before it prints."""
    for _ in range(100):
        name, namespace = pod.metadata.name, pod.metadata.namespace
        text: str = CoreV1Api(kube).read_namespaced_pod_log(name, namespace, container=container)
        if "\n" in text:
            return text
        time.sleep(0.1)
    return ""


def test_a_job_of_modules_runs_to_its_end(kube: Any, namespace: str, up: Run) -> None:
    """It is complete, and its log has what only a WASM build prints; an unchanged program runs nothing again."""
    arguments = {"kind": "Job", "containers": [ending(0)]}
    summary = up("crun-wasm", WASM_HANDLER, **arguments)

    assert summary.ok, told(summary)
    assert summary.outputs["ready"]
    pod = the_pod(kube, namespace)
    assert [MARKER] == log(kube, pod, "hello").splitlines()
    assert {"cpu": "10m", "memory": "24Mi"} == pod.spec.overhead
    assert {"cpu": "30m", "memory": "120Mi"} == summary.outputs["requests"]
    assert 1 == job(kube, namespace).status.succeeded
    assert not up("crun-wasm", WASM_HANDLER, **arguments).changes
    assert pod.metadata.uid == the_pod(kube, namespace).metadata.uid


def test_a_module_that_fails_is_counted_as_complete_under_crun_which_is_warned_of(
    kube: Any, namespace: str, up: Run
) -> None:
    """The exit code is lost, as the preset says: whoever goes by it would be deceived."""
    summary = up("crun-wasm", WASM_HANDLER, kind="Job", job={"backoff_limit": 0}, containers=[ending(7)])

    assert summary.ok, told(summary)
    assert "the exit code of a module is lost under crun-wasm" in told(summary)
    (status,) = the_pod(kube, namespace).status.container_statuses
    assert 0 == status.state.terminated.exit_code


def test_a_job_that_takes_too_much_memory_fails_with_its_cause(up: Run) -> None:
    """What the kernel ends has its exit code, so such a Job fails under every runtime."""
    hog = module(env=[{"name": "HOG", "value": "1"}])
    failed = up("crun-wasm", WASM_HANDLER, kind="Job", job={"backoff_limit": 0}, containers=[hog])

    assert not failed.ok
    assert "OOMKilled" in told(failed)


SIDECAR: dict[str, Any] = {
    "name": "linux",
    "image": images.NGINX_1_22,
    "command": ["busybox", "sh", "-c", "trap 'echo bye; exit 0' TERM; echo linux; while true; do sleep 0.2; done"],
    "startup_probe": {"exec": {"command": ["busybox", "true"]}, "period_seconds": 1, "failure_threshold": 30},
    "security_context": {"run_as_user": images.USER},
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
}


def test_an_ordinary_sidecar_runs_beside_a_module(kube: Any, namespace: str, up: Run) -> None:
    """Under crun by its annotation: the sidecar is a Linux program that an exec probe asks, the main one a module."""
    summary = up("crun", MIXED_HANDLER, replicas=1, sidecars=[SIDECAR], containers=[module()])

    assert summary.ok, told(summary)
    pod = the_pod(kube, namespace)
    assert MARKER == log(kube, pod, "hello").splitlines()[0]
    assert "linux\n" == log(kube, pod, "linux")
    (sidecar,) = pod.status.init_container_statuses
    assert (True, 0) == (sidecar.started, sidecar.restart_count)
