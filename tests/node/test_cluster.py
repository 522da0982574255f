"""A cluster instance on this machine: it works from the host, stands beside others, survives, and leaves nothing."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.cluster import MINORS, Cluster, ClusterError, cgroups, golang, identity, images, pki
from lab.cluster.dns import lookup
from lab.cluster.instance import Instance
from lab.cluster.node import first_process, log_tail, processes
from lab.paths import project_root
from lab.progress import quiet
from tests.node import traces

RSYSLOG_CONF = """
module(load="imudp")
module(load="imfile")
template(name="plain" type="string" string="%rawmsg-after-pri%\\n")
input(type="imudp" port="9090")
input(type="imfile" file="/logs/access.log" tag="access")
action(type="omfile" file="/dev/stdout" template="plain")
"""
NGINX_CONF = """
server {
    listen 8080;
    access_log /logs/access.log;
    location / { return 200 "served\\n"; }
}
"""


@pytest.fixture
def other(lab_cluster: Cluster) -> Iterator[Cluster]:
    """Give a second instance that no test has touched; it is gone afterwards."""
    cluster = Cluster(f"{lab_cluster.name}-{uuid.uuid4().hex[:8]}", lab_cluster.minor)
    yield cluster
    cluster.delete()


def restricted(name: str, image: str, **more: Any) -> dict[str, Any]:
    """Return a container that satisfies the `restricted` Pod Security level with a read-only root."""
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    mounts = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 (the pod's own)
        {"name": "logs", "mountPath": "/logs"},
        {"name": "config", "mountPath": "/etc/nginx/conf.d/default.conf", "subPath": "nginx.conf"},
        {"name": "config", "mountPath": "/etc/rsyslog.d"},
    ]
    return {"name": name, "image": image, "securityContext": context, "volumeMounts": mounts, **more}


def deploy_web(cluster: Cluster, namespace: str, image: str) -> str:
    """Run nginx with a native rsyslog sidecar behind one Service, TCP and UDP; return its cluster IP."""
    sidecar = restricted("ship", images.RSYSLOG, restartPolicy="Always", args=["-f", "/etc/rsyslog.d/rsyslog.conf"])
    pod = {
        "initContainers": [sidecar],
        "containers": [restricted("nginx", image)],
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "volumes": [
            {"name": "tmp", "emptyDir": {}},
            {"name": "logs", "emptyDir": {}},
            {"name": "config", "configMap": {"name": "web"}},
        ],
    }
    data = {"rsyslog.conf": RSYSLOG_CONF, "nginx.conf": NGINX_CONF}
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "metrics", "port": 9090, "protocol": "UDP"},
    ]
    meta = {"name": "web", "labels": {"app": "web"}}
    objects = [
        {"kind": "ConfigMap", "metadata": meta, "data": data},
        {"kind": "Pod", "metadata": meta, "spec": pod},
        {"kind": "Service", "metadata": meta, "spec": {"selector": meta["labels"], "ports": ports}},
    ]
    manifest = {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", **each} for each in objects]}
    kubectl(cluster, "-n", namespace, "create", "-f", "-", stdin=json.dumps(manifest))
    return kubectl(cluster, "-n", namespace, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")


def eventually(what: Callable[[], Any], within: float = 60.0) -> Any:
    """Return the first true answer of `what`; fail with its last error where there is none in time."""
    ends_at, last = time.monotonic() + within, "it stayed false"
    while time.monotonic() < ends_at:
        try:
            if found := what():
                return found
        except (OSError, AssertionError) as error:
            last = repr(error)
        time.sleep(0.2)
    pytest.fail(f"not within {within:.0f} s: {last}")


def kubectl(cluster: Cluster, *words: str, stdin: str = "") -> str:
    """Run the lab's own kubectl against `cluster`."""
    command = [str(cluster.kubectl), "--kubeconfig", str(cluster.kubeconfig), *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout


def http_get(address: str) -> str:
    """Return the body that port 80 of `address` serves, past any proxy."""
    connection = http.client.HTTPConnection(address, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def up(cluster: Cluster) -> subprocess.Popen[bytes]:
    """Start an instance from a process of its own, as a developer's shell would."""
    command = [sys.executable, "-m", "lab.cluster", "up", "--name", cluster.name, "--minor", cluster.minor]
    return subprocess.Popen(command, cwd=project_root(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def test_the_node_is_the_pinned_kubernetes_on_containerd_2(lab_cluster: Cluster) -> None:
    """The versions are the pinned ones, as the node itself reports them."""
    info = json.loads(kubectl(lab_cluster, "get", "node", pki.NODE_NAME, "-o", "json"))["status"]["nodeInfo"]
    assert f"v{golang.KUBERNETES_VERSIONS[lab_cluster.minor]}" == info["kubeletVersion"]
    assert info["containerRuntimeVersion"].startswith("containerd://2.1.")


def test_kubeconfig_is_private_and_its_cluster_registered(lab_cluster: Cluster) -> None:
    """Only its owner reads the kubeconfig, and the registry knows the cluster by all three of its marks."""
    made = lab_cluster.identity()
    assert made is not None
    assert 0o600 == lab_cluster.kubeconfig.stat().st_mode & 0o777
    assert identity.known(made.server, made.ca_sha256, made.cluster_id)
    assert not identity.known(made.server, made.ca_sha256, "another")


@pytest.mark.parametrize("image", [images.NGINX_1_22, images.NGINX_1_26])
def test_tcp_and_udp_through_one_cluster_ip(lab_cluster: Cluster, namespace: str, image: str) -> None:
    """From this machine, HTTP and a datagram reach one restricted pod; its sidecar prints both logs."""
    kubectl(lab_cluster, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    address = deploy_web(lab_cluster, namespace, image)

    assert "served\n" == eventually(lambda: http_get(address))

    word = uuid.uuid4().hex

    def arrived() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.sendto(word.encode(), (address, 9090))
        return word in kubectl(lab_cluster, "-n", namespace, "logs", "web", "-c", "ship")

    eventually(arrived)
    eventually(lambda: '"GET / HTTP/1.1" 200' in kubectl(lab_cluster, "-n", namespace, "logs", "web", "-c", "ship"))


def test_pods_resolve_and_reach_services_by_name(lab_cluster: Cluster, namespace: str) -> None:
    """Inside a pod, a Service's name leads to the pod itself and to the API server."""
    deploy_web(lab_cluster, namespace, images.NGINX_1_26)
    kubectl(lab_cluster, "-n", namespace, "wait", "--for=condition=Ready", "pod/web", "--timeout=60s")

    def served() -> bool:
        inside = ["-n", namespace, "exec", "web", "-c", "nginx", "--"]
        return "served\n" == kubectl(lab_cluster, *inside, "wget", "-q", "-O-", "-T", "3", f"http://web.{namespace}")

    assert eventually(served)
    ranges = Instance(lab_cluster.name).ranges()
    assert ranges is not None
    assert [ranges.api_service] == lookup("kubernetes.default.svc.cluster.local", ranges.dns_service)


def test_second_start_of_a_running_cluster_changes_nothing(lab_cluster: Cluster) -> None:
    """Starting what runs is quick and keeps the node's first process."""
    before, began = first_process(Instance(lab_cluster.name)), time.monotonic()
    lab_cluster.start(quiet)
    assert before == first_process(Instance(lab_cluster.name))
    assert time.monotonic() - began < 5


def test_an_instance_side_by_side_leaves_nothing(lab_cluster: Cluster, other: Cluster) -> None:
    """A second instance has addresses of its own; deleting it leaves the first alone and no trace of itself."""
    before = traces.of_the_machine()
    other.start(quiet)
    assert before["mounts"] == traces.of_the_machine()["mounts"]
    assert before["filters"] == traces.of_the_machine()["filters"]
    assert before["settings"] == traces.of_the_machine()["settings"]
    assert "lab" in kubectl(other, "get", "nodes")
    assert other.host_address != lab_cluster.host_address

    instance = Instance(other.name)
    namespaces = traces.namespaces_of(instance)
    assert traces.of_an_instance(instance, namespaces)  # or the comparison below could not fail
    other.delete()
    assert [] == traces.of_an_instance(instance, namespaces)
    assert before == traces.of_the_machine()
    assert "lab" in kubectl(lab_cluster, "get", "nodes")


@pytest.mark.usefixtures("lab_cluster")
def test_overlays_are_tried_on_the_disk_in_use(tmp_path: Path) -> None:
    """A tmpfs holds overlays; another overlay does not, as the cache may be one where the machine is a container."""
    trial = (
        f"import pathlib, sys; sys.path.insert(0, {str(project_root())!r}); from lab.cluster.host import overlay_works;"
    )
    script = f"""
set -e
mount -t tmpfs lab "$1"
cd "$1"
mkdir lower upper work merged
mount -t overlay lab -o lowerdir=lower,upperdir=upper,workdir=work merged
for folder in . merged; do "$2" -c "{trial} print(overlay_works(pathlib.Path('$folder')))"; done
"""
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable]
    assert "True\nFalse\n" == subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_instance_keeps_its_kubernetes(lab_cluster: Cluster) -> None:
    """Another minor is refused in words before anything is built or changed, and the node runs on."""
    before = first_process(Instance(lab_cluster.name))
    (another,) = set(MINORS) - {lab_cluster.minor}
    with pytest.raises(ClusterError, match=f"made with Kubernetes {lab_cluster.minor}, and {another} is asked for"):
        Cluster(lab_cluster.name, another).start(quiet)
    assert before == first_process(Instance(lab_cluster.name))


def test_stop_and_start_keep_the_cluster(other: Cluster) -> None:
    """A stopped cluster has no process, and comes back within a minute as the same one with its objects."""
    other.start(quiet)
    made = other.identity()
    kubectl(other, "create", "configmap", "kept")
    other.stop()
    assert not other.running()
    assert [] == processes(Instance(other.name))
    began = time.monotonic()
    other.start(quiet)
    assert time.monotonic() - began < 60
    assert made == other.identity()
    assert "kept" in kubectl(other, "get", "configmaps")


def test_a_resize_reaches_the_running_container(lab_cluster: Cluster, namespace: str) -> None:
    """Through the resize subresource a container gets another CPU quota in its cgroup, and is not restarted."""
    container = {"name": "main", "image": images.NGINX_1_26, "resources": {"limits": {"cpu": "100m", "memory": "64Mi"}}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sized"}, "spec": {"containers": [container]}}
    kubectl(lab_cluster, "-n", namespace, "create", "-f", "-", stdin=json.dumps(pod))
    kubectl(lab_cluster, "-n", namespace, "wait", "--for=condition=Ready", "pod/sized", "--timeout=60s")
    both = {kind: {"cpu": "200m"} for kind in ("requests", "limits")}  # of one QoS class, as it was
    asked = json.dumps({"spec": {"containers": [{"name": "main", "resources": both}]}})
    before = container_status(lab_cluster, namespace)
    assert 10_000 == cpu_quota(lab_cluster, namespace)
    kubectl(lab_cluster, "-n", namespace, "patch", "pod", "sized", "--subresource=resize", "--patch", asked)
    eventually(lambda: 20_000 == cpu_quota(lab_cluster, namespace))
    after = container_status(lab_cluster, namespace)
    assert (0, before["containerID"]) == (after["restartCount"], after["containerID"])


def container_status(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Return the status of the only container of the pod `sized`."""
    pod = json.loads(kubectl(cluster, "-n", namespace, "get", "pod", "sized", "-o", "json"))
    found: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return found


def cpu_quota(cluster: Cluster, namespace: str) -> int:
    """Return the CPU quota in microseconds per 100 ms from the container's cgroup file, on either version."""
    identifier = container_status(cluster, namespace)["containerID"].removeprefix("containerd://")
    for hierarchy in cgroups.hierarchies():
        for group in (hierarchy / Instance(cluster.name).cgroup).rglob(identifier):
            for file in ("cpu.cfs_quota_us", "cpu.max"):
                if (group / file).exists():
                    return int((group / file).read_text().split()[0])
    pytest.fail(f"no control group of {identifier} has a CPU quota")


def test_a_killed_node_comes_back(other: Cluster) -> None:
    """A kill -9 of the first process ends the whole node; the next start cleans up and resumes the cluster."""
    other.start(quiet)
    made, instance = other.identity(), Instance(other.name)
    namespaces = traces.namespaces_of(instance)
    os.kill(first_process(instance), signal.SIGKILL)
    eventually(lambda: not other.running(), within=10)
    assert [] == [trace for trace in traces.of_an_instance(instance, namespaces) if trace.startswith("process")]
    other.start(quiet)
    assert made == other.identity()


@pytest.mark.parametrize("after", [0.4, 0.8, 6.0])
def test_a_killed_start_is_finished_by_the_next(other: Cluster, after: float) -> None:
    """A kill -9 of the starting process at any moment: the next start brings the cluster up all the same."""
    starting = up(other)
    time.sleep(after)
    starting.kill()
    starting.wait()
    other.start(quiet)
    assert "lab" in kubectl(other, "get", "nodes")


def test_a_killed_start_can_be_deleted(other: Cluster) -> None:
    """Deleting what a killed start left half-made leaves nothing of it."""
    instance = Instance(other.name)
    starting = up(other)
    namespaces = eventually(lambda: traces.namespaces_of(instance), within=20)
    starting.kill()
    starting.wait()
    other.delete()
    assert [] == traces.of_an_instance(instance, namespaces)


def test_an_interrupted_start_leaves_no_process(other: Cluster) -> None:
    """Ctrl-C while the cluster comes up ends what had begun; a start afterwards works."""
    instance = Instance(other.name)
    starting = up(other)
    namespaces = eventually(lambda: traces.namespaces_of(instance), within=20)
    starting.send_signal(signal.SIGINT)
    assert 0 != starting.wait(timeout=30)
    left = traces.of_an_instance(instance, namespaces)
    assert [] == [trace for trace in left if not trace.startswith("file")]


def test_two_starts_at_once_make_one_cluster(other: Cluster) -> None:
    """The second start waits for the first, says so, and finds the cluster up."""
    notes: list[str] = []

    class Listening:
        """A progress that keeps the notes."""

        step = staticmethod(quiet.step)

        def note(self, text: str) -> None:
            """Keep the note."""
            notes.append(text)

    instance = Instance(other.name)
    first = threading.Thread(target=other.start, args=(quiet,))
    first.start()
    eventually(lambda: processes(instance), within=20)
    Cluster(other.name, other.minor).start(Listening())
    first.join()
    assert [f"cluster {other.name} is being worked on; waiting"] == notes
    assert 2 == len(processes(instance))  # the first process and the one that holds it


def test_a_component_that_cannot_run_is_named_with_its_log(other: Cluster) -> None:
    """A component that dies at every start ends the start with its name and its last words, and no process stays."""
    other.start(quiet)
    other.stop()
    (other.folder / "etc" / "pki" / "etcd.crt").write_text("no certificate")
    with pytest.raises(ClusterError) as caught:
        other.start(quiet)
    assert "etcd ended 4 times" in str(caught.value)
    assert "etcd.log" in str(caught.value)
    assert "failed to find any PEM data" in log_tail(Instance(other.name), "etcd")
    assert not other.running()
