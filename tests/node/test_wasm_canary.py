"""Canaries on a real node: they prove what runs, catch a handler whose program is gone, and leave nothing behind."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import ApiException, AppsV1Api, BatchV1Api, CoreV1Api, NodeV1Api

from components.actions import canary
from components.actions.canary import Canary, job_of, prove
from components.actions.client import Client
from lab.cluster import images
from lab.cluster.config import MIXED_HANDLER, WASM_HANDLER
from lab.engine import Engine, QuietDisplay
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import Target, WasmRuntime, WasmWorkload

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
space, image = config.require("space"), {images.WASM_DEMO!r}
wasm = WasmRuntime(
    "wasm",
    {{
        "name": space,
        "preset": "crun-wasm",
        "handler": config.require("handler"),
        "connection": target.connection,
        "canary": {{"image": image, "namespace": space, "patience_seconds": 60}},
    }},
    options,
)
hello = WasmWorkload(
    "hello",
    {{
        "connection": target.connection,
        "namespace": space,
        "runtime": wasm.runtime,
        "replicas": 1,
        "patience_seconds": 60,
        "in_place": "off",
        "containers": [{{"name": "hello", "image": image, "resources": {{"limits": {{"memory": "128Mi"}}}}}}],
    }},
    options,
)
pulumi.export("proved", wasm.proved)
pulumi.export("ready", hello.ready)
"""
KILLED = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

from components.actions.canary import Canary, prove
from components.actions.connection import load_kubeconfig

with load_kubeconfig(sys.argv[1], None).client() as client:
    pools = [{{"nowhere": "yes"}}]
    prove(client, Canary(sys.argv[2], {images.WASM_DEMO!r}, "killed", namespace=sys.argv[2], patience=600, pools=pools))
"""


@pytest.fixture
def wasm_class(kube: Any, namespace: str) -> Iterator[Callable[..., str]]:
    """Give a function that makes the RuntimeClass called as the namespace, for a handler; it goes with the test."""

    def make(handler: str, **more: Any) -> str:
        api: Any = NodeV1Api(kube)
        api.create_runtime_class({"metadata": {"name": namespace}, "handler": handler, **more})
        return namespace

    yield make
    try:
        NodeV1Api(kube).delete_runtime_class(namespace)
    except ApiException as error:
        if error.status != 404:
            raise


@pytest.fixture
def up(lab_cluster: "Cluster", kube: Any, namespace: str, tmp_path: Path, wasm_class: Any) -> Callable[[str], Engine]:
    """Give a function that makes an engine for the program with this handler; its namespace is a restricted one."""
    assert wasm_class  # which removes the class afterwards
    labels = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    CoreV1Api(kube).patch_namespace(namespace, labels)
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def make(handler: str) -> Engine:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, "handler": handler}
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given)

    return make


@pytest.fixture
def without_crun(process: Callable[[str], int]) -> Callable[[], Any]:
    """Give a context in which the node has no crun: containerd lists its handlers as before."""
    hidden = "/run/lab/without-crun"

    def on_node(script: str) -> None:
        where = ["nsenter", "--target", str(process("containerd")), "--mount", "--root", "busybox", "sh", "-ec"]
        subprocess.run([*where, script], check=True, timeout=20)

    @contextmanager
    def gone() -> Iterator[None]:
        on_node(f"mkdir -p {hidden}; cp /usr/bin/busybox {hidden}/; mount --bind {hidden} /usr/bin")
        try:
            yield
        finally:
            on_node("umount -l /usr/bin")  # lazily, for the program that does it is in there

    return gone


def left(kube: Any, namespace: str) -> list[str]:
    """Return the names of the Jobs in the namespace."""
    listed: list[Any] = BatchV1Api(kube).list_namespaced_job(namespace).items
    return [job.metadata.name for job in listed]


def until(what: Callable[[], Any], within: float = 60.0) -> Any:
    """Return the first true answer of `what`; fail where there is none in time."""
    ends_at = time.monotonic() + within
    while not (found := what()):
        assert time.monotonic() < ends_at, f"not within {within:.0f} s: {found!r}"
        time.sleep(0.2)
    return found


def test_a_class_is_proved_before_its_workload_is_made(kube: Any, namespace: str, up: Callable[[str], Engine]) -> None:
    """A preview runs nothing; the update names the pool, and no Job stays."""
    preview = up(WASM_HANDLER).preview()
    assert preview.ok, told(preview)
    assert [] == left(kube, namespace)

    summary = up(WASM_HANDLER).up()
    assert summary.ok, told(summary)
    assert (["node lab"], True) == (summary.outputs["proved"], summary.outputs["ready"])
    assert [] == left(kube, namespace)


def test_a_handler_whose_program_is_gone_is_caught(
    kube: Any, namespace: str, up: Callable[[str], Engine], without_crun: Callable[[], Any]
) -> None:
    """The node still lists it, so preflight says yes; the canary names the program, and no workload is made."""
    with without_crun():
        started = time.monotonic()
        failed = up(WASM_HANDLER).up()
        assert 45 > time.monotonic() - started

    assert not failed.ok
    assert f"RuntimeClass '{namespace}' cannot be trusted: its canary failed in 1 of 1 pool" in told(failed)
    assert "node lab" in told(failed)
    assert "the node's config names the program '/usr/bin/crun-wasm', which is not there" in told(failed)
    assert [] == AppsV1Api(kube).list_namespaced_deployment(namespace).items
    assert [] == left(kube, namespace)


def test_the_wrong_runtime_is_caught(kube: Any, namespace: str, up: Callable[[str], Engine]) -> None:
    """Runc starts the module as a program, and the cause says so."""
    failed = up("runc").up()

    assert not failed.ok
    assert "a WASM module was started as an ordinary program" in told(failed)
    assert [] == AppsV1Api(kube).list_namespaced_deployment(namespace).items
    assert [] == left(kube, namespace)


@pytest.mark.parametrize("preset", [None, "crun"])
def test_crun_under_its_own_name_runs_modules_by_the_preset_s_annotation(
    client: Client, namespace: str, wasm_class: Callable[..., str], preset: str | None
) -> None:
    """Without it the module is no program for it, so what is proved is the annotation's way."""
    name = wasm_class(MIXED_HANDLER)
    (proof,) = prove(client, Canary(name, images.WASM_DEMO, "test", namespace=namespace, patience=60, preset=preset))

    assert (preset is not None) == proof.ran, proof.cause


def test_a_pool_that_scales_from_zero_is_proved_once_it_has_a_node(
    kube: Any, client: Client, namespace: str, wasm_class: Callable[..., str]
) -> None:
    """The canary waits for the node that an autoscaler would bring; here the pool's one node takes pods only then."""
    label = f"test/{namespace}"
    given = Canary(
        *(wasm_class(WASM_HANDLER), images.WASM_DEMO, "test"),
        namespace=namespace,
        patience=120,
        pools=[{label: "zero"}],
    )
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(prove(client, given)))
    core = CoreV1Api(kube)
    closed = [{"key": label, "effect": "NoSchedule"}]
    core.patch_node("lab", {"metadata": {"labels": {label: "zero"}}, "spec": {"taints": closed}})
    try:
        thread.start()
        until(lambda: any(_unplaced(pod) for pod in core.list_namespaced_pod(namespace).items))
        core.patch_node("lab", {"spec": {"taints": None}})
        thread.join(120)
    finally:
        core.patch_node("lab", {"metadata": {"labels": {label: None}}, "spec": {"taints": None}})
        thread.join(120)

    assert [f"pool {label}=zero: proved"] == [str(proof) for proof in found]
    assert [] == left(kube, namespace)


def _unplaced(pod: Any) -> bool:
    return any(each.type == "PodScheduled" and each.status == "False" for each in pod.status.conditions or [])


def test_what_a_kill_has_left_goes_with_the_next_run(
    lab_cluster: "Cluster", kube: Any, client: Client, namespace: str, wasm_class: Callable[..., str]
) -> None:
    """SIGKILL in the middle of the wait leaves a Job; the same owner's next canary takes it away, and none stays."""
    name = wasm_class(WASM_HANDLER)
    command = [sys.executable, "-c", KILLED, str(lab_cluster.kubeconfig), name]
    with subprocess.Popen(command) as running:
        until(lambda: left(kube, namespace))
        running.send_signal(signal.SIGKILL)
    killed = left(kube, namespace)
    assert killed

    (proof,) = prove(client, Canary(name, images.WASM_DEMO, "killed", namespace=namespace, patience=60))
    assert proof.ran, proof.cause
    until(lambda: not left(kube, namespace))


def test_what_nobody_comes_back_for_ends_and_goes_by_itself(
    kube: Any, client: Client, namespace: str, wasm_class: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster ends a pod that was never placed, and deletes Job and pod."""
    monkeypatch.setattr(canary, "_MARGIN", 1)
    monkeypatch.setattr(canary, "_KEPT_SECONDS", 1)
    given = Canary(wasm_class(WASM_HANDLER), images.WASM_DEMO, "test", namespace=namespace, patience=1)
    client.create(f"/apis/batch/v1/namespaces/{namespace}/jobs", job_of(given, {"nowhere": "yes"}))

    until(lambda: CoreV1Api(kube).list_namespaced_pod(namespace).items)
    until(lambda: not left(kube, namespace))
    until(lambda: not CoreV1Api(kube).list_namespaced_pod(namespace).items)


FAILING = f"""
import asyncio
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import Target, WasmRuntime
from components.actions.client import path_of
from components.actions.connection import load_kubeconfig

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
space = config.require("space")
canary = {{"image": {images.WASM_DEMO!r}, "namespace": space, "patience_seconds": 600, "pools": [{{"nowhere": "yes"}}]}}
arguments = {{"name": space, "handler": "wasmedge", "connection": target.connection, "canary": canary}}
wasm = WasmRuntime("wasm", arguments, pulumi.ResourceOptions(provider=target.provider))


async def fail_meanwhile(name):
    with load_kubeconfig(config.require("kubeconfig"), None).client() as client:
        while not client.list(path_of("batch/v1", "jobs", space)):
            await asyncio.sleep(0.1)
    raise pulumi.RunError("something else went wrong")


pulumi.export("failed", wasm.name.apply(fail_meanwhile))
"""


def test_a_program_that_fails_meanwhile_waits_for_no_canary_and_leaves_none(
    lab_cluster: "Cluster", kube: Any, namespace: str, tmp_path: Path, wasm_class: Any
) -> None:
    """A pod that fits nowhere is given up after half a minute, and the run has ended before that."""
    assert wasm_class  # which removes the class afterwards
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(FAILING)
    given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace}
    started = time.monotonic()
    failed = Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given).up()

    assert not failed.ok
    assert "something else went wrong" in told(failed)
    assert 28 > time.monotonic() - started
    assert [] == left(kube, namespace)
