"""WASM on a real node: a module runs as a pod through its RuntimeClass, within its limits, and through nothing else."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.cluster import Cluster, cgroups, golang, images, wasm_bundle
from lab.cluster.config import WASM_HANDLER
from lab.cluster.instance import Instance
from lab.progress import quiet

OVERHEAD = {"cpu": "10m", "memory": "24Mi"}
SIZE = {"cpu": "100m", "memory": "128Mi"}
MARKER = "hello from wasip1 wasm"
MIB = 2**20


@pytest.fixture
def wasm_class(kube: Any, namespace: str) -> Iterator[str]:
    """Make a RuntimeClass for the node's WASM handler, with an overhead; give its name."""
    yield from runtime_class(kube, f"wasm-{namespace}", WASM_HANDLER)


@pytest.fixture
def absent_class(kube: Any, namespace: str) -> Iterator[str]:
    """Make a RuntimeClass for a handler that no node has; give its name."""
    yield from runtime_class(kube, f"absent-{namespace}", "absent")


def runtime_class(kube: Any, name: str, handler: str) -> Iterator[str]:
    """Make a RuntimeClass, give its name, and remove it again."""
    from kubernetes.client import NodeV1Api

    api: Any = NodeV1Api(kube)
    api.create_runtime_class({"metadata": {"name": name}, "handler": handler, "overhead": {"podFixed": OVERHEAD}})
    yield name
    api.delete_runtime_class(name)


def core(kube: Any) -> Any:
    """Give the API of pods, namespaces and nodes; it takes plain manifests, whatever its types say."""
    from kubernetes.client import CoreV1Api

    return CoreV1Api(kube)


def run_pod(kube: Any, namespace: str, runtime: str | None, **more: Any) -> Any:
    """Run the demo's image once, as the `restricted` Pod Security level asks for; return the pod as it was admitted."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    resources = {"requests": SIZE, "limits": SIZE}
    container = {"name": "main", "image": images.WASM_DEMO, "resources": resources, "securityContext": context, **more}
    rights = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec: dict[str, Any] = {"containers": [container], "restartPolicy": "Never", "securityContext": rights}
    spec |= {"terminationGracePeriodSeconds": 1, "runtimeClassName": runtime}
    api = core(kube)
    api.patch_namespace(namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    return api.create_namespaced_pod(namespace, {"metadata": {"name": "demo"}, "spec": spec})


def until(what: Callable[[], Any], within: float = 30.0) -> Any:
    """Return the first true answer of `what`; fail with its last answer where there is none in time."""
    ends_at = time.monotonic() + within
    while not (found := what()):
        assert time.monotonic() < ends_at, f"not within {within:.0f} s: {found!r}"
        time.sleep(0.2)
    return found


def terminated(kube: Any, namespace: str) -> Any:
    """Wait until the pod's container has ended; return how."""

    def ended() -> Any:
        statuses = core(kube).read_namespaced_pod("demo", namespace).status.container_statuses
        return statuses and statuses[0].state.terminated

    return until(ended)


def log(kube: Any, namespace: str) -> str:
    """Return what the pod has printed; nothing as long as it has not started."""
    api = core(kube)
    statuses = api.read_namespaced_pod("demo", namespace).status.container_statuses
    if not statuses or statuses[0].state.waiting:
        return ""
    return str(api.read_namespaced_pod_log("demo", namespace))


def memory_limits(cluster: Cluster, pod: str) -> dict[str, int]:
    """Return the memory limits of a pod's control group, called `pod`, and of those in it, on either version."""
    found = {}
    for hierarchy in cgroups.hierarchies():
        for group in (hierarchy / Instance(cluster.name).cgroup).rglob(f"pod{pod}"):
            for file in [*group.glob("memory.limit_in_bytes"), *group.glob("memory.max")]:
                found["pod"] = int(file.read_text())
            for file in [*group.glob("*/memory.limit_in_bytes"), *group.glob("*/memory.max")]:
                text = file.read_text().strip()
                found[file.parent.name] = -1 if text == "max" else int(text)
    return found


def test_the_node_tells_its_handlers(lab_cluster: Cluster, kube: Any) -> None:
    """WASM's is listed beside runc's, which is what a program goes by before it asks for it."""
    (node,) = core(kube).list_node().items
    assert {WASM_HANDLER, "runc"} <= {handler.name for handler in node.status.runtime_handlers}, lab_cluster.name


def test_a_module_runs_restricted_and_within_its_limits(
    lab_cluster: Cluster, kube: Any, namespace: str, wasm_class: str
) -> None:
    """Its first line is one that only a WASM runtime can print; the overhead is the pod's, and in its limit."""
    pod = run_pod(kube, namespace, wasm_class)
    assert OVERHEAD == pod.spec.overhead
    assert MARKER == until(lambda: log(kube, namespace)).splitlines()[0]

    limits = memory_limits(lab_cluster, pod.metadata.uid)
    assert (128 + 24) * MIB == limits["pod"]
    assert 128 * MIB in limits.values()


def test_a_module_that_takes_too_much_is_ended(kube: Any, namespace: str, wasm_class: str) -> None:
    """The container's memory limit holds for what is inside the WASM runtime."""
    run_pod(kube, namespace, wasm_class, env=[{"name": "HOG", "value": "1"}])
    assert "OOMKilled" == terminated(kube, namespace).reason
    first, *more = log(kube, namespace).splitlines()
    assert MARKER == first
    assert "holding 4 MiB" == more[0]


def test_the_same_image_does_not_run_without_the_class(kube: Any, namespace: str) -> None:
    """Under runc the module is no program: so whatever printed the line elsewhere was no Linux binary."""
    run_pod(kube, namespace, None)
    assert "Error" == terminated(kube, namespace).reason
    assert "exec /hello.wasm: exec format error" in log(kube, namespace)


def test_an_absent_handler_is_named(kube: Any, namespace: str, absent_class: str) -> None:
    """The pod waits, and its event says which handler the node does not have."""
    run_pod(kube, namespace, absent_class)

    def events() -> list[str]:
        found = core(kube).list_namespaced_event(namespace, field_selector="reason=FailedCreatePodSandBox")
        return [event.message for event in found.items]

    assert 'no runtime for "absent" is configured' in until(events)[0]


@pytest.mark.usefixtures("lab_cluster")
def test_the_bundle_runs_a_module_where_it_is_mounted(tmp_path: Path) -> None:
    """With nothing but its folder at the fixed path, this machine's own libraries aside, it runs the same module."""
    root = tmp_path / "rootfs"
    root.mkdir()
    shutil.copy(golang.find(golang.WASM_MODULE.name), root / "hello.wasm")
    process = {"args": ["/hello.wasm"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "terminal": False, "env": ["HOG=1"]}
    limit = {"memory": {"limit": 128 * MIB}}
    namespaces = [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]
    linux = {"namespaces": namespaces, "resources": limit, "cgroupsPath": f"/{tmp_path.name}-wasm"}
    kinds = {"/proc": "proc", "/dev": "tmpfs"}
    mounts = [{"destination": place, "type": kind, "source": kind} for place, kind in kinds.items()]
    config = {"ociVersion": "1.0.0", "process": process, "root": {"path": "rootfs"}, "mounts": mounts, "linux": linux}
    (tmp_path / "config.json").write_text(json.dumps(config))
    script = f"""
mount --make-rprivate /
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
mount -t tmpfs none /opt
mkdir -p {wasm_bundle.MOUNT_PATH}
mount --bind "$1" {wasm_bundle.MOUNT_PATH}
crun={wasm_bundle.MOUNT_PATH}/{wasm_bundle.PROGRAM}
$crun --version
exec $crun --root "$2/state" run --bundle "$2" bundle
"""
    command = ["unshare", "--mount", "sh", "-ec", script, "sh", str(wasm_bundle.bundle(quiet)), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "+WASM:wasmedge" in done.stdout, done.stderr
    assert MARKER in done.stdout.splitlines(), done.stderr
