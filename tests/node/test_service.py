"""MixedProtocolService on a real node: what clients of both protocols get, before, during and after every change."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import CoreV1Api, RbacAuthorizationV1Api

from lab.cluster import config as lab_config
from lab.cluster import images
from lab.cluster.instance import Instance
from lab.engine import Engine, QuietDisplay
from tests import dns
from tests.programs import living_pods, told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
COREFILE = f"""\
.:5353 {{
    errors
    health :8080 {{
        lameduck 7s
    }}
    ready :8181
    kubernetes {lab_config.DOMAIN}
    loadbalance
}}
"""
PROGRAM = f"""
import http.client
import json
import socket
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import MixedProtocolService, ResizableDeployment, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
server = ResizableDeployment(
    "names",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "replicas": 2,
        "restart": config.get("restart"),
        "service_account_name": "names",
        "automount_service_account_token": True,
        "strategy": {{"rolling_update": {{"max_surge": "1", "max_unavailable": "0"}}}},
        "containers": [
            {{
                "name": "coredns",
                "image": {images.COREDNS!r},
                "args": ["-conf", "/etc/coredns/Corefile"],
                "ports": [
                    {{"name": "dns-tcp", "container_port": 5353}},
                    {{"name": "dns-udp", "container_port": 5353, "protocol": "UDP"}},
                ],
                "readiness_probe": {{"http_get": {{"path": "/ready", "port": "8181"}}, "period_seconds": 1}},
                "resources": {{"requests": {{"cpu": "20m", "memory": "24Mi"}}}},
                "volume_mounts": [{{"name": "config", "mount_path": "/etc/coredns"}}],
            }}
        ],
        "volumes": [{{"name": "config", "config": {{"name": "names", "data": {{"Corefile": {COREFILE!r}}}}}}}],
    }},
    options,
)
shared = {{
    "connection": target.connection,
    "namespace": server.namespace,
    "selector": server.match_labels,
    "container_ports": server.container_ports,
    "patience_seconds": 60,
}}
service = MixedProtocolService(
    "dns", {{**shared, "type": config.get("type"), "ports": config.require_object("ports")}}, options
)
headless = MixedProtocolService(
    "pods",
    {{**shared, "cluster_ip": "None", "ports": [{{"name": "dns", "port": 5353, "protocol": "TCP_UDP"}}]}},
    options,
)
for output in ("cluster_ip", "dns_name", "srv_names", "cluster_ips", "node_ports", "addresses", "env", "ready"):
    pulumi.export(output, getattr(service, output))
pulumi.export("headless", {{"dns_name": headless.dns_name, "srv_names": headless.srv_names, "ready": headless.ready}})
"""
BOTH = {"name": "dns", "port": 53, "protocol": "TCP_UDP"}
ASKED = f"kubernetes.default.svc.{lab_config.DOMAIN}"


@pytest.fixture
def names(kube: Any, namespace: str) -> Iterator[str]:
    """Make the account of the DNS servers in the test's namespace, with the rights that the cluster's own have."""
    core: Any = CoreV1Api(kube)
    core.create_namespaced_service_account(namespace, {"metadata": {"name": "names"}})
    api: Any = RbacAuthorizationV1Api(kube)
    api.create_cluster_role_binding(
        {
            "metadata": {"name": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:coredns"},
            "subjects": [{"kind": "ServiceAccount", "name": "names", "namespace": namespace}],
        }
    )
    yield namespace
    api.delete_cluster_role_binding(namespace)


@pytest.fixture
def run(lab_cluster: "Cluster", names: str, tmp_path: Path) -> Callable[..., Engine]:
    """Give a function that makes an engine for the program with these ports and config keys."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def make(*ports: dict[str, Any], **more: str) -> Engine:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": names, "ports": json.dumps(ports), **more}
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given)

    return make


def test_no_query_is_lost(run: Callable[..., Engine], lab_cluster: "Cluster", names: str) -> None:
    """A DNS server on one number answers both protocols, during a rollout and while another port comes and goes."""
    made = run(BOTH, type="NodePort").up()
    assert made.ok, told(made)
    address = made.outputs["cluster_ip"]
    # The node's own rules follow the endpoints by a moment.
    for ask in (dns.over_udp, dns.over_tcp):
        answered_by(lambda ask=ask: ask(address, 53, ASKED, timeout=0.5))  # type: ignore[misc]
    load = dns.Load(address, 53, ASKED)
    with load.steady():
        time.sleep(2)
        rolling = {"type": "NodePort", "restart": "again"}
        rolled = run(BOTH, **rolling).up()
        assert rolled.ok, told(rolled)
        more = {"name": "more", "port": 1053, "protocol": "TCP_UDP", "target_port": "dns"}
        added = run(BOTH, more, **rolling).up()
        assert added.ok, told(added)
        # The pods of before are gone by now, so a flow that still led to them would be lost.
        time.sleep(7)
        answered_by(lambda: dns.over_udp(address, 1053, ASKED))
        answered_by(lambda: dns.over_tcp(address, 1053, ASKED))
        moved = run(BOTH, {**more, "port": 1054, "protocol": "UDP", "target_port": "5353"}, **rolling).up()
        assert "goes" in told(moved)
        answered_by(lambda: dns.over_udp(address, 1054, ASKED))
        assert run(BOTH, **rolling).up().ok
        time.sleep(1)
    assert min(load.sent.values()) > 100, load
    assert {"tcp": 0, "udp": 0, "flow": 0} == load.lost, f"{load}: {load.when}"

    assert_node_ports(made.outputs["node_ports"], lab_cluster)
    assert_found_by_name(made.outputs, lab_cluster, names)


def answered_by(ask: Callable[[], dns.Answer], within: float = 10.0) -> None:
    """Ask until there is an answer."""
    ends_at = time.monotonic() + within
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError):
            if ask().addresses:
                return
        time.sleep(0.1)
    pytest.fail(f"no answer within {within:.0f} s")


def assert_node_ports(node_ports: dict[str, int], lab_cluster: "Cluster") -> None:
    """From this machine, outside the pods' network, one number of the node answers both protocols."""
    numbers = set(node_ports.values())
    assert 1 == len(numbers), node_ports
    node = lab_cluster.identity().server.split("//")[1].split(":")[0]  # type: ignore[union-attr]
    assert dns.over_udp(node, min(numbers), ASKED).addresses
    assert dns.over_tcp(node, min(numbers), ASKED).addresses


def assert_found_by_name(outputs: dict[str, Any], lab_cluster: "Cluster", names: str) -> None:
    """Ask the cluster's DNS for what the outputs say: A and SRV records of both protocols, headless too."""
    ranges = Instance(lab_cluster.name).ranges()
    assert ranges is not None
    server = str(ranges.dns_service)

    def ask(name: str, kind: int) -> dns.Answer:
        return dns.over_udp(server, 53, f"{name}.{lab_config.DOMAIN}", kind)

    assert f"dns.{names}.svc" == outputs["dns_name"]
    assert tuple(outputs["cluster_ips"]) == ask(outputs["dns_name"], dns.A).addresses
    assert {"dns-tcp", "dns-udp"} == set(outputs["srv_names"])
    for record in outputs["srv_names"].values():
        assert ((53, f"dns.{names}.svc.{lab_config.DOMAIN}"),) == ask(record, dns.SRV).services
    assert 2 == len(ask(outputs["headless"]["dns_name"], dns.A).addresses)
    for record in outputs["headless"]["srv_names"].values():
        found = ask(record, dns.SRV)
        assert [5353, 5353] == [port for port, _ in found.services]
    assert [
        {"name": "DNS_HOST", "value": f"dns.{names}.svc"},
        {"name": "DNS_PORT_DNS_TCP", "value": "53"},
        {"name": "DNS_PORT_DNS_UDP", "value": "53"},
    ] == outputs["env"]


WEB = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import MixedProtocolService, SidecarWorkload, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
mounts = [{{"name": "config", "mount_path": "/config"}}, {{"name": "tmp", "mount_path": "/tmp"}}]
context = {{"run_as_user": {images.USER}}}
web = SidecarWorkload(
    "web",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "replicas": 1,
        "restart": config.get("restart"),
        "containers": [
            {{
                "name": "nginx",
                "image": {images.NGINX_1_22!r},
                "ports": [{{"name": "http", "container_port": 8080}}],
                "resources": {{"requests": {{"cpu": "10m", "memory": "16Mi"}}}},
                "readiness_probe": {{"http_get": {{"port": "http"}}, "period_seconds": 1}},
                "lifecycle": {{"pre_stop": {{"sleep": {{"seconds": 3}}}}}},
                "security_context": context,
                "volume_mounts": mounts[1:],
            }}
        ],
        "sidecars": [
            {{
                "name": "syslog",
                "image": {images.RSYSLOG!r},
                "args": ["-f", "/config/rsyslog.conf"],
                "ports": [{{"name": "syslog", "container_port": 5514, "protocol": "UDP"}}],
                "resources": {{"requests": {{"cpu": "10m", "memory": "16Mi"}}}},
                "startup_probe": {{"exec": {{"command": ["true"]}}, "period_seconds": 1}},
                "security_context": context,
                "volume_mounts": mounts,
            }}
        ],
        "volumes": [
            {{
                "name": "config",
                "config": {{"name": "syslog", "data": {{"rsyslog.conf": config.require("rsyslog")}}}},
            }},
            {{"name": "tmp", "empty_dir": {{}}}},
        ],
    }},
    options,
)
service = MixedProtocolService(
    "web",
    {{
        "connection": target.connection,
        "namespace": web.namespace,
        "selector": web.match_labels,
        "container_ports": web.container_ports,
        "type": "NodePort",
        "ports": [
            {{"name": "http", "port": 80}},
            {{"name": "syslog", "port": 514, "protocol": "UDP"}},
        ],
    }},
    options,
)
pulumi.export("address", service.cluster_ip)
pulumi.export("node_ports", service.node_ports)
pulumi.export("ready", service.ready)
"""
RSYSLOG = """
module(load="imudp")
template(name="plain" type="string" string="%rawmsg-after-pri%\\n")
input(type="imudp" port="5514")
action(type="omfile" file="/dev/stdout" template="plain")
"""


def received(kube: Any, namespace: str) -> set[str]:
    """Return every word that a syslog server of a pod that is there has got."""
    api: Any = CoreV1Api(kube)
    pods = [pod.metadata.name for pod in living_pods(kube, namespace)]
    logs = [api.read_namespaced_pod_log(pod, namespace, container="syslog") for pod in pods]
    return {word for log in logs for word in log.split()}


def test_a_web_server_and_its_syslog(kube: Any, lab_cluster: "Cluster", namespace: str, tmp_path: Path) -> None:
    """HTTP and a stream of datagrams behind one Service; the stream follows the rollout, on its one socket."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(WEB)

    def up(**more: str) -> Any:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, "rsyslog": RSYSLOG, **more}
        summary = Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given).up()
        assert summary.ok, told(summary)
        return summary.outputs

    made = up()
    node = lab_cluster.identity().server.split("//")[1].split(":")[0]  # type: ignore[union-attr]
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stream,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out,
    ):
        stream.connect((made["address"], 514))
        out.connect((node, made["node_ports"]["syslog"]))

        def sends_and_is_read(word: str) -> None:
            for each, channel in ((f"{word}-inside", stream), (f"{word}-outside", out)):
                ends_at = time.monotonic() + 10
                while each not in received(kube, namespace):
                    assert time.monotonic() < ends_at, f"no datagram {each!r} arrived"
                    # A pod that ended before its node forgot the flow to it refuses for a moment.
                    with contextlib.suppress(ConnectionRefusedError):
                        channel.send(f"<13>{each}".encode())
                    time.sleep(0.2)

        sends_and_is_read("before")
        before = living_pods(kube, namespace)[0].metadata.name
        assert 200 == http_status(made["address"], 80)
        assert 200 == http_status(node, made["node_ports"]["http"])
        up(restart="again")
        # The pod of before still ends, and its node would remember the flow to it.
        sends_and_is_read("after")
    assert before not in [pod.metadata.name for pod in living_pods(kube, namespace)]
    assert 200 == http_status(made["address"], 80)


def http_status(address: str, port: int) -> int:
    """Return what a web server answers, past any proxy."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()
