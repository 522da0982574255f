"""A second WASM runtime on a real node: youki with Wasmtime, which keeps what crun with WasmEdge loses.

It is built only when asked for, so these tests are for those who did: `python -m lab.cluster give-youki --name mine`,
then `up --name mine` and `LAB_TEST_ALL=1 LAB_TEST_CLUSTER=mine`, or a node of the tests' own without the latter.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes import config
from kubernetes.client import CoreV1Api, NodeV1Api

from lab.cluster import Cluster, check_host, images, youki
from lab.cluster.config import WASM_HANDLER
from lab.progress import PlainProgress
from tests.namespaces import new_namespace
from tests.workers import instance_name

MARKER = "hello from wasip1 wasm"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Give the developer's node, or start one that has youki and delete it afterwards."""
    if not os.environ.get("LAB_TEST_ALL"):
        pytest.skip("a node of its own, which LAB_TEST_ALL=1 asks for")
    if not youki.is_built():
        pytest.skip("youki is not built: python -m lab.cluster give-youki builds it, in some twenty minutes")
    if name := os.environ.get("LAB_TEST_CLUSTER"):
        given = Cluster(name)
        given.start(PlainProgress())
        yield given
        return
    if problems := check_host():
        pytest.skip("; ".join(f"{problem.what} ({problem.remedy})" for problem in problems))
    made = Cluster(f"{instance_name()}-youki")
    made.delete()
    made.give_youki(PlainProgress())
    try:
        made.start(PlainProgress())
        yield made
    finally:
        made.delete()


@pytest.fixture(scope="module")
def own_kube(cluster: Cluster) -> Iterator[Any]:
    """Give a client for that node's cluster."""
    client: Any = config.new_client_from_config(str(cluster.kubeconfig), cluster.context)  # type: ignore[no-untyped-call]
    yield client
    client.close()


@contextmanager
def runtime_class(kube: Any, handler: str) -> Iterator[str]:
    """Make a RuntimeClass for a handler, give its name, and remove it again."""
    api: Any = NodeV1Api(kube)
    name = api.create_runtime_class({"metadata": {"generateName": "youki-test-"}, "handler": handler}).metadata.name
    yield name
    api.delete_runtime_class(name)


@pytest.fixture
def ran(own_kube: Any) -> Iterator[Callable[..., tuple[Any, str]]]:
    """Give a function that runs the module under youki until it ends; it returns how, and what it printed."""
    with runtime_class(own_kube, youki.HANDLER) as name, new_namespace(own_kube) as namespace:
        yield lambda **more: run(own_kube, namespace, name, **more)


def run(kube: Any, namespace: str, runtime: str, memory: str = "256Mi", **environment: str) -> tuple[Any, str]:
    """Run the module once, as the `restricted` Pod Security level asks for; return how it ended, and its log."""
    api: Any = CoreV1Api(kube)
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.patch_namespace(namespace, {"metadata": {"labels": level}})
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    container = {
        "name": "main",
        "image": images.WASM_DEMO,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {"limits": {"memory": memory}},
        "securityContext": context,
    }
    rights = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"runtimeClassName": runtime, "restartPolicy": "Never", "containers": [container], "securityContext": rights}
    name = api.create_namespaced_pod(
        namespace, {"metadata": {"generateName": "demo-"}, "spec": {**spec, "terminationGracePeriodSeconds": 1}}
    ).metadata.name
    ends_at = time.monotonic() + 120
    while True:
        statuses = api.read_namespaced_pod(name, namespace).status.container_statuses
        if statuses and statuses[0].state.terminated:
            return statuses[0].state.terminated, str(api.read_namespaced_pod_log(name, namespace))
        assert time.monotonic() < ends_at, f"it did not end: {statuses}"
        time.sleep(0.2)


def test_the_node_lists_its_handler_beside_the_others(own_kube: Any) -> None:
    """A program sees it as it sees crun's."""
    api: Any = CoreV1Api(own_kube)
    (node,) = api.list_node().items
    assert {"runc", WASM_HANDLER, youki.HANDLER} <= {handler.name for handler in node.status.runtime_handlers}


@pytest.mark.parametrize("code", [0, 7])
def test_a_module_runs_and_its_exit_code_is_kept(ran: Callable[..., tuple[Any, str]], code: int) -> None:
    """It prints what only a wasip1 build can, and a Job would know of its failure."""
    ended, log = ran(END=str(code))

    assert (code, MARKER) == (ended.exit_code, log.splitlines()[0])
    assert ("Completed" if code == 0 else "Error") == ended.reason


def test_the_same_exit_code_is_lost_under_crun(own_kube: Any) -> None:
    """The control: the same image, and 7 comes out as 0."""
    with runtime_class(own_kube, WASM_HANDLER) as name, new_namespace(own_kube) as namespace:
        ended, log = run(own_kube, namespace, name, END="7")
    assert (0, MARKER) == (ended.exit_code, log.splitlines()[0])


def test_a_memory_limit_holds(ran: Callable[..., tuple[Any, str]]) -> None:
    """What a module takes beyond it ends the module, and the status says why."""
    ended, log = ran(HOG="1", memory="192Mi")
    assert "OOMKilled" == ended.reason
    assert MARKER == log.splitlines()[0]
