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
from tests.datagrams import Log, Stream, steady
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


def syslog(name, port, **more):
    # Nothing but its socket in the kernel's table tells that it listens.
    bound = ["grep", "-q", f":{{port:04X}} ", "/proc/net/udp", "/proc/net/udp6"]
    return {{
        "name": name,
        "image": {images.RSYSLOG!r},
        "args": ["-f", f"/config/{{name}}.conf"],
        "ports": [{{"name": name, "container_port": port, "protocol": "UDP"}}],
        "resources": {{"requests": {{"cpu": "10m", "memory": "16Mi"}}}},
        "startup_probe": {{"exec": {{"command": bound}}, "period_seconds": 1}},
        "security_context": context,
        "volume_mounts": mounts,
        **more,
    }}


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
                "readiness_probe": {{"http_get": {{"port": "http"}}, "period_seconds": 1, "failure_threshold": 1}},
                "lifecycle": {{"pre_stop": {{"sleep": {{"seconds": 3}}}}}},
                "security_context": context,
                "volume_mounts": mounts[1:],
            }}
        ],
        "sidecars": [
            syslog("syslog", 5514, lifecycle={{"pre_stop": {{"sleep": {{"seconds": 10}}}}}}),
            syslog("abrupt", 5515),
        ],
        "volumes": [
            {{"name": "config", "config": {{"name": "syslog", "data": config.require_object("rsyslog")}}}},
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
            {{"name": "abrupt", "port": 515, "protocol": "UDP"}},
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
input(type="imudp" port="{port}")
action(type="omfile" file="/dev/stdout" template="plain")
"""
SERVERS = {"syslog": 5514, "abrupt": 5515}


@pytest.fixture
def entered(namespace: str) -> Iterator[contextlib.ExitStack]:
    """Give a stack of what ends with the test, before its namespace does."""
    del namespace
    with contextlib.ExitStack() as stack:
        yield stack


def test_a_web_server_and_its_syslog(
    kube: Any,
    lab_cluster: "Cluster",
    namespace: str,
    tmp_path: Path,
    report: Callable[[str], None],
    entered: contextlib.ExitStack,
) -> None:
    """HTTP and streams of datagrams behind one Service: through a rollout none is lost, on sockets that stay, too.

    `syslog` listens until its pod is not ready any more, by which nodes move flows. What `abrupt`, which ends before
    that, loses is counted, and its flow has to move all the same.
    """
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(WEB)
    files = {f"{name}.conf": RSYSLOG.format(port=port) for name, port in SERVERS.items()}

    def up(**more: str) -> Any:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, "rsyslog": json.dumps(files), **more}
        summary = Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given).up()
        assert summary.ok, told(summary)
        return summary.outputs

    def follow() -> dict[str, Log]:
        (pod,) = living_pods(kube, namespace)
        return {name: entered.enter_context(Log(kube, namespace, pod.metadata.name, name)) for name in SERVERS}

    made = up()
    node = lab_cluster.identity().server.split("//")[1].split(":")[0]  # type: ignore[union-attr]
    inside, outside = Stream("inside", (made["address"], 514)), Stream("outside", (node, made["node_ports"]["syslog"]))
    fresh = Stream("fresh", (made["address"], 514), stays=False)
    abrupt = Stream("abrupt", (made["address"], 515))
    whole = (inside, outside, fresh)
    before = follow()
    # The node's own rules follow the endpoints by a moment.
    for server, port in (("syslog", 514), ("abrupt", 515)):
        waits_for_a_word(before[server], (made["address"], port))
    assert 200 == http_status(made["address"], 80)
    assert 200 == http_status(node, made["node_ports"]["http"])
    with steady(*whole, abrupt):
        up(restart="again")
        after = follow()
        for log in before.values():
            log.wait_for_its_end(60)
        ended = time.monotonic()
        # The stream follows the rollout, and is not kept on the pod that is gone.
        for stream in (*whole, abrupt):
            log = after["abrupt" if stream is abrupt else "syslog"]
            wait_until(lambda s=stream, w=log: any(s.sent.get(word, 0) > ended for word in [*w.words]))  # type: ignore[misc]
    for stream in (*whole, abrupt):
        last = next(reversed(stream.sent))
        log = after["abrupt" if stream is abrupt else "syslog"]
        wait_until(lambda w=log, word=last: word in w.words)  # type: ignore[misc]

    got = {word for log in (*before.values(), *after.values()) for word in log.words}
    lost = {stream.name: [sent for word, sent in stream.sent.items() if word not in got] for stream in (*whole, abrupt)}
    count = sum(len(stream.sent) for stream in whole)
    whole_lost = sum(len(lost[stream.name]) for stream in whole)
    report(f"UDP through a rollout: {whole_lost} of {count} lost by a server that outlasts its pod's readiness")
    report(f"UDP through a rollout: {told_of(abrupt, lost)} by one that ends before that")
    assert {"inside": [], "outside": [], "fresh": []} == {stream.name: lost[stream.name] for stream in whole}
    assert [[], []] == [inside.refused, outside.refused]
    assert any(word in before["syslog"].words for word in inside.sent), "the flow began on the pod of before"
    assert 200 == http_status(made["address"], 80)


def told_of(stream: Stream, lost: dict[str, list[float]]) -> str:
    """Return how many datagrams of a stream were lost, and for how long."""
    times = lost[stream.name]
    lasted = times[-1] - times[0] if times else 0.0
    return f"{len(times)} of {len(stream.sent)}, for {lasted:.1f} s, lost"


def waits_for_a_word(log: Log, address: tuple[str, int]) -> None:
    """Send from new sockets until the server has one of the words."""

    def sends() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"<13>hello", address)
        return "hello" in log.words

    wait_until(sends)


def wait_until(condition: Callable[[], bool], within: float = 10.0) -> None:
    """Ask until it is so."""
    ends_at = time.monotonic() + within
    while not condition():
        assert time.monotonic() < ends_at, f"not so within {within:.0f} s"
        time.sleep(0.1)


def http_status(address: str, port: int) -> int:
    """Return what a web server answers, past any proxy."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()
