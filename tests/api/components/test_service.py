"""MixedProtocolService in whole programs on a real API server, with the test in the place of a load balancer."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import CoreV1Api

from components.actions import service_readiness
from components.actions.client import Client, Json, path_of
from lab.cluster import images
from lab.engine import Engine, Summary
from tests.programs import told

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import MixedProtocolService, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
args = {{
    "connection": target.connection,
    "namespace": config.require("space"),
    "selector": {{"app": "web"}},
    "patience_seconds": 40,
    **config.require_object("args"),
}}
made = MixedProtocolService("web", args, options)
for output in ("name", "cluster_ip", "node_ports", "addresses", "port_errors", "ready"):
    pulumi.export(output, getattr(made, output))
"""
TCP = {"name": "dns-tcp", "port": 53, "target_port": "5353"}
UDP = {"name": "dns-udp", "port": 53, "protocol": "UDP", "target_port": "5353"}
BOTH = {"name": "dns", "port": 53, "protocol": "TCP_UDP", "target_port": "5353"}
BALANCED = {"type": "LoadBalancer", "load_balancer": "metallb", "wait_for_pods": False}
LATE = "not ready after"
"""What is said of a wait that has used up its patience, and not of one that ended within seconds."""
Run = Callable[..., Engine]


@pytest.fixture
def up(run: Run) -> Callable[..., Summary]:
    """Give a function that deploys the Service with these ports and arguments, or previews it."""

    def deploy(*ports: Json, preview: bool = False, **args: Any) -> Summary:
        engine = run(args=json.dumps({"ports": ports, **args}))
        return engine.preview() if preview else engine.up()

    return deploy


@contextlib.contextmanager
def balancer(client: Client, namespace: str, act: Callable[[str], None]) -> Iterator[None]:
    """Do to every Service of type LoadBalancer once what a controller would."""
    stop, done = threading.Event(), set[str]()

    def watch() -> None:
        while not stop.wait(0.2):
            for service in client.list(path_of("v1", "services", namespace)):
                key = service["metadata"]["uid"] + json.dumps(service["spec"])
                if service["spec"]["type"] == "LoadBalancer" and key not in done:
                    done.add(key)
                    act(service["metadata"]["name"])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def ingress(client: Client, namespace: str, *ports: Json, address: str = "192.0.2.7") -> Callable[[str], None]:
    """Return an act that gives an address and says this of the ports."""

    def act(name: str) -> None:
        entry = {"ip": address, **({"ports": list(ports)} if ports else {})}
        status = {"status": {"loadBalancer": {"ingress": [entry]}}}
        client.patch(path_of("v1", "services", namespace, name, "status"), status)

    return act


def event(client: Client, namespace: str, reason: str, message: str) -> Callable[[str], None]:
    """Return an act that writes a warning about the Service."""

    def act(name: str) -> None:
        service = client.get(path_of("v1", "services", namespace, name))
        reference = {"kind": "Service", "namespace": namespace, "name": name, "uid": service["metadata"]["uid"]}
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "metadata": {"generateName": f"{name}-"},
            "involvedObject": reference,
            "type": "Warning",
            "reason": reason,
            "message": message,
            "firstTimestamp": now,
            "lastTimestamp": now,
        }
        client.create(path_of("v1", "events", namespace), body)

    return act


def test_a_refused_port_is_told_in_seconds_on_every_run(
    client: Client, namespace: str, up: Callable[..., Summary]
) -> None:
    """An error of one port fails this run and the next, which changes nothing; without it the address comes out."""
    refused = {"port": 53, "protocol": "UDP", "error": "MixedProtocolNotSupported"}
    with balancer(client, namespace, ingress(client, namespace, {"port": 53, "protocol": "TCP"}, refused)):
        first = up(BOTH, **BALANCED)
        again = up(BOTH, **BALANCED)

    for run in (first, again):
        assert not run.ok
        assert "port 53/UDP: MixedProtocolNotSupported" in told(run)
        assert LATE not in told(run)
    assert not again.changes
    ingress(client, namespace)("web")
    well = up(BOTH, **BALANCED)
    assert well.ok, told(well)
    assert (["192.0.2.7"], []) == (well.outputs["addresses"], well.outputs["port_errors"])


def test_what_load_balancers_say_is_told_in_seconds(client: Client, namespace: str) -> None:
    """A condition against all ports (KEP-1435), a controller's warnings, and that there is none at all."""
    condition = {
        "type": "LoadBalancerPortsError",
        "status": "True",
        "reason": "LoadBalancerMixedProtocolNotSupported",
        "message": "LoadBalancer with multiple protocols are not supported",
        "lastTransitionTime": "2026-11-27T00:00:00Z",
    }
    mixed = "Error syncing load balancer: mixed protocol is not supported for LoadBalancer"
    acts: dict[str, tuple[Callable[[str], object], str, float]] = {
        "gke": (
            lambda name: client.patch(
                path_of("v1", "services", namespace, name, "status"), {"status": {"conditions": [condition]}}
            ),
            "refuses LoadBalancerMixedProtocolNotSupported: LoadBalancer with multiple protocols",
            20,
        ),
        "aws": (
            event(client, namespace, "SyncLoadBalancerFailed", mixed),
            f"it gets no address: SyncLoadBalancerFailed: {mixed}",
            20,
        ),
        "lbc": (
            event(client, namespace, "FailedDeployModel", "the pool of addresses is empty"),
            "it gets no address: FailedDeployModel: the pool of addresses is empty",
            30,
        ),
        "none": (lambda _: None, "this cluster runs no controller for class example.com/none", 30),
    }

    def judge(name: str) -> tuple[str, float]:
        act, *_ = acts[name]
        ports = [{"name": "dns", "port": 53, "protocol": protocol} for protocol in ("TCP", "UDP")]
        ports[1]["name"] = "dns-udp"
        chosen = {"loadBalancerClass": "example.com/none"} if name == "none" else {}
        spec = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": ports, **chosen}
        client.create(path_of("v1", "services", namespace), {"metadata": {"name": name}, "spec": spec})
        act(name)
        began = time.monotonic()
        with pytest.raises(service_readiness.ServiceNotReady) as caught:
            service_readiness.wait_ready(
                *(client, namespace, name), patience=60, pods=False, stop=threading.Event(), progress=lambda _: None
            )
        return str(caught.value), time.monotonic() - began

    with ThreadPoolExecutor() as threads:
        found = dict(zip(acts, threads.map(judge, acts), strict=True))
    for name, (_, words, within) in acts.items():
        text, took = found[name]
        assert words in text
        assert LATE not in text
        assert took < within, f"{name}: {took:.1f} s"


def test_a_cluster_without_load_balancers_stops_the_run(up: Callable[..., Summary]) -> None:
    """It is known before the Service is made, in preview, too."""
    unnamed = {field: value for field, value in BALANCED.items() if field != "load_balancer"}

    refused = up(TCP, preview=True, **unnamed)
    assert "nothing on this cluster gives Services of type LoadBalancer an address" in told(refused)


def test_auto_never_trusts_a_load_balancer_of_which_nothing_is_known(
    client: Client, namespace: str, up: Callable[..., Summary]
) -> None:
    """None that is known, or somebody else's class: several protocols are refused with the way out, in preview too."""
    unnamed = {field: value for field, value in BALANCED.items() if field != "load_balancer"}
    mine = "example.com/mine"

    for more, words in (({}, "no load balancer that is known was seen here"), ({"load_balancer_class": mine}, mine)):
        for preview in (True, False):
            refused = up(BOTH, preview=preview, **unnamed, **more)
            assert not refused.ok
            assert words in told(refused)
            assert "or mode: single to try it all the same" in told(refused)
    assert [] == client.list(path_of("v1", "services", namespace))

    tried = up(BOTH, preview=True, **unnamed, mode="single", load_balancer_class=mine)
    assert tried.ok, told(tried)


def test_pods_that_do_not_fit_are_told(kube: Any, namespace: str, up: Callable[..., Summary]) -> None:
    """No pod of the selector once the patience is over; and in seconds a target name that none of them has."""
    nobody = up(TCP, patience_seconds=3)
    assert f"no pod in {namespace} has the labels of its selector, app=web" in told(nobody)

    container = {
        "name": "nginx",
        "image": images.NGINX_1_22,
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    pod: Any = {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec}
    CoreV1Api(kube).create_namespaced_pod(namespace, pod)
    wrong = told(up({"name": "web", "port": 80}))
    assert "port 80/TCP leads to no ready pod: no pod has a TCP port called 'web' (theirs are http/TCP)" in wrong
    assert LATE not in wrong
    assert up({"name": "web", "port": 80, "target_port": "http"}).ok


def test_a_pair_keeps_one_node_port(up: Callable[..., Summary]) -> None:
    """What is added later would get another number; preview says which one to write, and then both have it."""
    quiet = {"type": "NodePort", "wait_for_pods": False}
    (number,) = up(TCP, **quiet).outputs["node_ports"].values()

    told_before = told(up(TCP, UDP, preview=True, **quiet))
    assert f"port 53/UDP gets a node port of its own, not {number}, which 'dns-tcp' has" in told_before
    both = up({**TCP, "node_port": number}, UDP, **quiet)
    assert both.ok, told(both)
    assert {"dns-tcp": number, "dns-udp": number} == both.outputs["node_ports"]


def test_preview_says_what_an_update_interrupts(client: Client, namespace: str, up: Callable[..., Summary]) -> None:
    """Ports that move, a load balancer that goes; what nobody can change is refused there, before anything is."""
    with balancer(client, namespace, ingress(client, namespace)):
        made = up(BOTH, **BALANCED)
    assert made.ok, told(made)

    moved = told(up({**TCP, "port": 54}, UDP, preview=True, **BALANCED))
    assert "port 'dns-tcp' moves from 53/TCP to 54/TCP at once" in moved
    assert "53/UDP" not in moved
    assert "the load balancer goes" in told(up(BOTH, preview=True, wait_for_pods=False))
    refused = up(BOTH, **BALANCED, preview=True, load_balancer_class="example.com/other")
    assert not refused.ok
    assert "loadBalancerClass cannot change from none to example.com/other" in told(refused)


def test_headless_and_back_is_a_replacement_that_preview_tells(up: Callable[..., Summary]) -> None:
    """Neither kind waits for the provider's own patience."""
    began = time.monotonic()
    first = up(BOTH, wait_for_pods=False)
    assert first.ok, told(first)
    assert time.monotonic() - began < 60
    preview = up(BOTH, cluster_ip="None", wait_for_pods=False, preview=True)
    assert "it has none where its cluster IP was" in told(preview)
    headless = up(BOTH, cluster_ip="None", wait_for_pods=False)
    assert headless.ok, told(headless)
    assert "None" == headless.outputs["cluster_ip"]


def test_one_service_for_each_protocol(client: Client, namespace: str, up: Callable[..., Summary]) -> None:
    """Mode split: both share a key and an address, each is watched; the other mode takes their place and says so."""
    split = {**BALANCED, "mode": "split", "load_balancer_ip": "192.0.2.7"}
    with balancer(client, namespace, ingress(client, namespace)):
        made = up(BOTH, **split)
        assert made.ok, told(made)
        for protocol in ("TCP", "UDP"):
            live = client.get(path_of("v1", "services", namespace, f"web-{protocol.lower()}"))
            assert [protocol] == [port["protocol"] for port in live["spec"]["ports"]]
            assert f"{namespace}/web" == live["metadata"]["annotations"]["metallb.io/allow-shared-ip"]
        assert ["192.0.2.7"] == made.outputs["addresses"]
        switched = told(up(BOTH, **BALANCED, preview=True))
        assert "it takes the place of Service web-tcp, which goes" in switched
        assert up(BOTH, **BALANCED).ok
    assert ["web"] == [each["metadata"]["name"] for each in client.list(path_of("v1", "services", namespace))]
