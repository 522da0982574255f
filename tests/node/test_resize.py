"""Resizing running pods, proved on a real node: container ids, restart counts, pod UIDs and cgroup files."""

import subprocess
import threading
import time
from typing import Any

from components.actions.client import Client, Json
from components.actions.resize import adopt, plan
from components.actions.resize.live import deployment_path
from tests.api.actions import stateful
from tests.api.actions.live import OTHER_IMAGE, Snapshot, assert_whole, create, manifest

SMALL = {"cpu": "100m", "memory": "128Mi"}
LARGE = {"cpu": "200m", "memory": "256Mi"}
RESTART_MEMORY = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]


def cgroup(lab_cluster: Any, namespace: str, pod: str, container: str) -> tuple[int, int]:
    """Return the CPU quota per 100 ms in microseconds and the memory limit in bytes that bind a container."""
    script = (
        "cd /sys/fs/cgroup; if [ -f cpu.max ]; then cut -d' ' -f1 cpu.max; cat memory.max;"
        " else cat cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes; fi"
    )
    command = [str(lab_cluster.kubectl), "--kubeconfig", str(lab_cluster.kubeconfig), "--context", lab_cluster.context]
    command += ["-n", namespace, "exec", pod, "-c", container, "--", "sh", "-c", script]
    quota, limit = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.split()
    return int(quota), int(limit)


def ids(snapshot: Snapshot) -> list[tuple[str, str, str, int]]:
    """Return pod UID, container, container id and restarts of every container, sidecars too."""
    return [
        (pod["metadata"]["uid"], status["name"], status["containerID"], status["restartCount"])
        for pod in snapshot.pods
        for key in ("initContainerStatuses", "containerStatuses")
        for status in pod["status"].get(key, [])
    ]


def with_sidecar(namespace: str, app: dict[str, str], sidecar: dict[str, str]) -> Json:
    """Return the Deployment with a native sidecar before its main container."""
    body = manifest(namespace, app)
    resources = {"requests": sidecar, "limits": sidecar}
    body["spec"]["template"]["spec"]["initContainers"] = [
        {
            "name": "shipper",
            "image": OTHER_IMAGE,
            "restartPolicy": "Always",
            "command": ["sh", "-c", "trap exit TERM; while :; do sleep 1; done"],
            "resources": resources,
        }
    ]
    return body


def test_main_and_sidecar_grow_without_a_restart(client: Client, lab_cluster: Any, namespace: str) -> None:
    """Twice the size in the cgroup files of both containers, the same containers, one ReplicaSet."""
    create(client, with_sidecar(namespace, SMALL, {"cpu": "50m", "memory": "64Mi"}))
    before = Snapshot(client, namespace)
    assert len(ids(before)) == 4
    for pod in before.pods:
        assert cgroup(lab_cluster, namespace, pod["metadata"]["name"], "app") == (10_000, 128 * 2**20)
        assert cgroup(lab_cluster, namespace, pod["metadata"]["name"], "shipper") == (5_000, 64 * 2**20)
    planned = plan(client, with_sidecar(namespace, LARGE, {"cpu": "80m", "memory": "96Mi"}))
    assert planned.outcome == "in-place", planned.lines()
    adopt(client, planned, progress=lambda _line: None, timeout=60)
    after = Snapshot(client, namespace)
    assert ids(before) == ids(after)
    assert [rs["metadata"]["uid"] for rs in before.replica_sets] == [rs["metadata"]["uid"] for rs in after.replica_sets]
    for pod in after.pods:
        assert cgroup(lab_cluster, namespace, pod["metadata"]["name"], "app") == (20_000, 256 * 2**20)
        assert cgroup(lab_cluster, namespace, pod["metadata"]["name"], "shipper") == (8_000, 96 * 2**20)


def test_cpu_shrinks_without_a_restart(client: Client, lab_cluster: Any, namespace: str) -> None:
    """A lower CPU limit binds at once in the running container."""
    create(client, manifest(namespace, {"cpu": "200m", "memory": "128Mi"}))
    before = Snapshot(client, namespace)
    adopt(client, plan(client, manifest(namespace, SMALL)), progress=lambda _line: None, timeout=60)
    assert ids(before) == ids(assert_whole(client, namespace, SMALL))
    for pod in before.pods:
        assert cgroup(lab_cluster, namespace, pod["metadata"]["name"], "app")[0] == 10_000


def test_a_container_restart_goes_pod_by_pod(client: Client, lab_cluster: Any, namespace: str) -> None:
    """With resizePolicy RestartContainer memory shrinks by one restart each, and one pod serves at any moment."""
    fields: Json = {
        "resizePolicy": RESTART_MEMORY,
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    create(client, manifest(namespace, LARGE, container={**fields, "resources": {"requests": LARGE, "limits": LARGE}}))
    before = Snapshot(client, namespace)
    body = manifest(namespace, SMALL, container={**fields, "resources": {"requests": SMALL, "limits": SMALL}})
    planned = plan(client, body)
    assert planned.outcome == "in-place", planned.lines()
    assert {v.outcome for v in planned.verdicts if v.resource.endswith("memory")} == {"container-restart"}
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.append(client.get(deployment_path(namespace, "web"))["status"].get("availableReplicas", 0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        adopt(client, planned, progress=lambda _line: None, timeout=90)
    finally:
        over.set()
        watcher.join()
    assert min(seen) >= 1
    after = Snapshot(client, namespace)
    assert [uid for uid, *_ in ids(before)] == [uid for uid, *_ in ids(after)]
    assert [restarts for *_, restarts in ids(after)] == [1, 1]
    for pod in after.pods:
        assert cgroup(lab_cluster, namespace, pod["metadata"]["name"], "app") == (10_000, 128 * 2**20)


def test_ten_pods_are_resized_together(client: Client, namespace: str) -> None:
    """Pods are not resized one after the other: ten take little more time than two."""
    # Below 32Mi a container may die before it begins: runc's own start counts in its control group.
    tiny, size = {"cpu": "5m", "memory": "32Mi"}, {"cpu": "10m", "memory": "48Mi"}
    create(client, manifest(namespace, tiny, replicas=10))
    before = Snapshot(client, namespace)
    started = time.monotonic()
    adopt(client, plan(client, manifest(namespace, size, replicas=10)), progress=lambda _line: None, timeout=60)
    assert time.monotonic() - started < 30
    assert ids(before) == ids(assert_whole(client, namespace, size))


def test_a_stateful_set_grows_without_a_restart(client: Client, lab_cluster: Any, namespace: str) -> None:
    """The same pods and containers, twice the size in their cgroup files, and a revision that is current."""
    stateful.create(client, stateful.manifest(namespace, SMALL))
    before = stateful.Snapshot(client, namespace)
    for pod in before.pods:
        assert (10_000, 128 * 2**20) == cgroup(lab_cluster, namespace, pod["metadata"]["name"], "app")
    planned = plan(client, stateful.manifest(namespace, LARGE))
    assert "in-place" == planned.outcome, planned.lines()
    adopt(client, planned, progress=lambda _line: None, timeout=60)
    after = stateful.assert_whole(client, namespace, LARGE)
    assert before.identities == after.identities
    assert [0, 0] == [restarts for *_, restarts in after.identities]
    for pod in after.pods:
        assert (20_000, 256 * 2**20) == cgroup(lab_cluster, namespace, pod["metadata"]["name"], "app")
