"""What simulated pods report: as a kubelet would, at once, and never anything that only a kubelet could know."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from lab.cluster.commands import run
from lab.engine.cluster import Cluster as ApiServer
from lab.simulated import nodes

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster

Json = dict[str, Any]
Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(simulated: "SimulatedCluster", monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubectl]:
    """Give kubectl in a namespace of the test's own, which is gone afterwards."""
    monkeypatch.setenv("KUBECACHEDIR", str(simulated.folder / "run" / "kubectl"))
    space = f"test-{uuid.uuid4().hex[:8]}"

    def call(*words: str, stdin: str | None = None) -> str:
        command = ["--kubeconfig", str(simulated.kubeconfig), "--namespace", space, *words]
        return run([simulated.kubectl, *command], stdin=stdin, timeout=30)

    call("create", "namespace", space)
    eventually(lambda: "default" in call("get", "serviceaccounts", "--output=name"))
    yield call
    call("delete", "namespace", space, "--wait=false")


def eventually(condition: Callable[[], object], seconds: float = 15) -> None:
    """Wait for something that has to come soon."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def pod(name: str, **resources: Any) -> Json:
    """Return a pod of a plain init container, a native sidecar and a container with these resources."""
    main = {
        "name": "main",
        "image": "localhost/none:1",
        "resources": resources,
        "resizePolicy": [{"resourceName": "memory", "restartPolicy": "RestartContainer"}],
    }
    sidecar = {"name": "side", "image": "localhost/none:2", "restartPolicy": "Always"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "initContainers": [{"name": "first", "image": "localhost/none:3"}, sidecar],
            "containers": [main],
        },
    }


def made(kubectl: Kubectl, manifest: Json) -> Callable[[], Json]:
    """Create a pod, wait until it says that it is ready, and return a function that reads its status."""
    name = manifest["metadata"]["name"]
    kubectl("create", "--filename=-", stdin=json.dumps(manifest))
    kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=15s")
    return lambda: json.loads(kubectl("get", "pod", name, "--output=json"))["status"]


def by_name(status: Json) -> dict[str, Json]:
    """Return the container statuses of a pod by name."""
    return {found["name"]: found for found in [*status["initContainerStatuses"], *status["containerStatuses"]]}


def test_each_kind_of_container_has_its_state(kubectl: Kubectl) -> None:
    """Init containers are over, sidecars have started and run, and all report the sizes that were asked for."""
    status = made(kubectl, pod("kinds", requests={"cpu": "100m", "memory": "1024Mi"}))()
    found = by_name(status)
    assert "Completed" == found["first"]["state"]["terminated"]["reason"]
    assert found["side"]["started"] is True
    assert "running" in found["side"]["state"]
    assert {"cpu": "100m", "memory": "1Gi"} == found["main"]["resources"]["requests"]
    assert "simulated://localhost/none:1" == found["main"]["imageID"]
    types = {each["type"] for each in status["conditions"] if each["status"] == "True"}
    assert {"PodScheduled", "Initialized", "ContainersReady", "Ready"} <= types


def test_a_resize_is_actuated(kubectl: Kubectl) -> None:
    """The status follows the spec; a container restarts where its resizePolicy says so, and only there."""
    status = made(kubectl, pod("resized", requests={"cpu": "100m", "memory": "64Mi"}, limits={"memory": "64Mi"}))

    def resize(**requests: str) -> dict[str, Json]:
        limits = {"memory": requests["memory"]}
        container = {"name": "main", "resources": {"requests": requests, "limits": limits}}
        patch = json.dumps({"spec": {"containers": [container]}})
        kubectl("patch", "pod", "resized", "--subresource=resize", "--type=strategic", f"--patch={patch}")
        eventually(lambda: by_name(status())["main"]["resources"]["requests"] == requests)
        return by_name(status())

    began = by_name(status())["main"]["state"]["running"]["startedAt"]
    found = resize(cpu="200m", memory="64Mi")
    assert (0, began) == (found["main"]["restartCount"], found["main"]["state"]["running"]["startedAt"])
    found = resize(cpu="200m", memory="128Mi")
    assert (1, 0) == (found["main"]["restartCount"], found["side"]["restartCount"])
    assert {"memory": "128Mi"} == found["main"]["resources"]["limits"]


def test_a_new_image_restarts_its_container(kubectl: Kubectl) -> None:
    """An image is mutable on a running pod; only that container starts again."""
    status = made(kubectl, pod("image"))
    kubectl("set", "image", "pod/image", "side=localhost/none:9")
    eventually(lambda: by_name(status())["side"]["image"] == "localhost/none:9")
    found = by_name(status())
    assert (1, 0) == (found["side"]["restartCount"], found["main"]["restartCount"])


def test_a_job_completes(kubectl: Kubectl) -> None:
    """Its pod succeeds after a moment, sidecars and all, and the Job says so."""
    template = {"spec": {**pod("-")["spec"], "restartPolicy": "Never"}}
    del template["spec"]["containers"][0]["resizePolicy"]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": {"template": template}}
    kubectl("create", "--filename=-", stdin=json.dumps(job))
    kubectl("wait", "--for=condition=Complete", "job/work", "--timeout=20s")
    (found,) = json.loads(kubectl("get", "pods", "--output=json"))["items"]
    assert "Succeeded" == found["status"]["phase"]
    assert {"Completed"} == {each["state"]["terminated"]["reason"] for each in by_name(found["status"]).values()}


def test_logs_say_that_there_are_none(kubectl: Kubectl) -> None:
    """Who asks for a container's log is told what this pod is."""
    made(kubectl, pod("silent"))
    assert nodes.LOG_LINE == kubectl("logs", "silent", "--container=main").strip()


def test_a_deleted_pod_goes_at_once(kubectl: Kubectl) -> None:
    """Nothing runs that would need time to end."""
    made(kubectl, pod("short"))
    began = time.monotonic()
    kubectl("delete", "pod", "short", "--wait=true")
    assert time.monotonic() - began < 10


def test_nodes_are_not_lost(simulated: "SimulatedCluster", kubectl: Kubectl) -> None:
    """Kwok renews the leases, and nodes name what they are where people look."""
    api = ApiServer(str(simulated.kubeconfig), simulated.context)

    def renewed() -> str:
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/simulated-1"
        return str(api.request("GET", path)["spec"]["renewTime"])

    before = renewed()
    eventually(lambda: renewed() > before)
    table = kubectl("get", "nodes", "--output=wide")
    assert 2 == table.count(" Ready ")
    assert 2 == table.count("kwok://")
    assert 2 == table.count("none (simulated)")
    names = kubectl("get", "nodes", "--output=jsonpath={.items[*].status.runtimeHandlers[*].name}")
    assert "kwok kwok" == names
