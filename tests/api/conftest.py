"""What tests on real API servers share beside the node's: simulated nodes, and the kind of a VPA."""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.workers import instance_name

if TYPE_CHECKING:
    from lab.cluster import Cluster
    from lab.simulated import SimulatedCluster


@pytest.fixture(scope="session")
def simulated() -> Iterator["SimulatedCluster"]:
    """Start the simulated cluster called `test`, or after this worker, at its first use; delete it after the last test.

    It is of the Kubernetes minor that `LAB_TEST_MINOR` names, else of the lab's default.
    """
    from lab.cluster import DEFAULT_MINOR
    from lab.files import locked
    from lab.paths import cache_root
    from lab.progress import PlainProgress
    from lab.simulated import SimulatedCluster, check_host

    if problems := check_host():
        pytest.skip("; ".join(f"{problem.what} ({problem.remedy})" for problem in problems))
    progress = PlainProgress()
    note = "another test session uses simulated clusters; waiting for its end"
    name = instance_name()
    with locked(cache_root() / f"{name}-simulated.lock", lambda: progress.note(note)):
        cluster = SimulatedCluster(name, os.environ.get("LAB_TEST_MINOR") or DEFAULT_MINOR)
        cluster.delete(progress)
        try:
            cluster.start(progress)
            yield cluster
        finally:
            cluster.delete(progress)


@pytest.fixture
def own() -> Iterator["Cluster"]:
    """Start a cluster of one test's own, which it may reset or turn back; delete it afterwards."""
    from lab.cluster import DEFAULT_MINOR, Cluster, check_host
    from lab.files import locked
    from lab.paths import cache_root
    from lab.progress import PlainProgress

    minor = os.environ.get("LAB_TEST_MINOR") or DEFAULT_MINOR
    if problems := check_host(minor):
        pytest.skip("; ".join(f"{problem.what} ({problem.remedy})" for problem in problems))
    progress, name = PlainProgress(), f"{instance_name()}-own"
    note = "another test session uses such a cluster; waiting for its end"
    with locked(cache_root() / f"{name}.lock", lambda: progress.note(note)):
        cluster = Cluster(name, minor)
        cluster.delete()
        try:
            cluster.start(progress)
            yield cluster
        finally:
            cluster.delete()


@pytest.fixture
def vpa(kube: Any) -> Iterator[Callable[[str, str], None]]:
    """Give a function that makes a VerticalPodAutoscaler of the test's Deployment; its kind is there meanwhile."""
    from kubernetes.client import ApiextensionsV1Api, CustomObjectsApi

    group, plural = "autoscaling.k8s.io", "verticalpodautoscalers"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition: Any = {
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes/kubernetes/pull/63797"},
        },
        "spec": {
            "group": group,
            "names": {"kind": "VerticalPodAutoscaler", "plural": plural, "singular": "verticalpodautoscaler"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    ApiextensionsV1Api(kube).create_custom_resource_definition(definition)

    def make(namespace: str, mode: str) -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        spec = {"targetRef": target, "updatePolicy": {"updateMode": mode}}
        body = {
            "apiVersion": f"{group}/v1",
            "kind": "VerticalPodAutoscaler",
            "metadata": {"name": "v"},
            "spec": spec,
        }
        for _ in range(100):
            try:
                CustomObjectsApi(kube).create_namespaced_custom_object(group, "v1", namespace, plural, body)
            except Exception as error:  # a new kind is served some moments later
                if "404" not in str(error):
                    raise
                continue
            return
        raise AssertionError("the kind is not served")

    yield make
    ApiextensionsV1Api(kube).delete_custom_resource_definition(f"{plural}.{group}")
