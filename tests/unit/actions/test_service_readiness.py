"""When a Service is well, and what is said of one that is not."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from components.actions import service_readiness
from components.actions.client import Json
from components.actions.service_readiness import Seen, ServiceNotReady
from tests.unit.actions.doubles import double_client

TCP = {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"}
UDP = {"name": "dns-udp", "port": 53, "protocol": "UDP", "targetPort": "dns-udp"}
MADE = "2026-11-27T06:00:00Z"
LATER = "2026-11-27T06:00:05.250000Z"
BEFORE = "2026-11-27T05:59:00Z"


def service(*ingress: Json, kind: str = "LoadBalancer", **more: Any) -> Json:
    """Return a live Service with TCP and UDP on one number."""
    metadata = {"namespace": "shop", "name": "dns", "creationTimestamp": MADE, **more.pop("metadata", {})}
    spec = {"type": kind, "selector": {"app": "dns"}, "ports": [TCP, UDP], **more.pop("spec", {})}
    status = {"loadBalancer": {"ingress": list(ingress)} if ingress else {}, **more}
    return {"metadata": metadata, "spec": spec, "status": status}


def warning(message: str, at: str, reason: str = "SyncLoadBalancerFailed") -> Json:
    """Return an event about the Service."""
    return {"metadata": {}, "type": "Warning", "reason": reason, "message": message, "lastTimestamp": at}


def endpoints(*ports: Json, ready: bool | None = True) -> Json:
    """Return an EndpointSlice with one endpoint."""
    named = [{"name": port["name"], "protocol": port["protocol"], "port": 5353} for port in ports]
    return {"endpoints": [{"conditions": {} if ready is None else {"ready": ready}}], "ports": named}


def pod(*ports: tuple[str, str], ready: bool = True, sidecar: tuple[str, str] | None = None) -> Json:
    """Return a pod whose container has these ports."""

    def listed(*named: tuple[str, str]) -> list[Json]:
        return [{"name": name, "protocol": protocol, "containerPort": 1} for name, protocol in named]

    inits = [{"restartPolicy": "Always", "ports": listed(sidecar)}] if sidecar else []
    status = {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}
    return {
        "metadata": {},
        "spec": {"containers": [{"ports": listed(*ports)}], "initContainers": inits},
        "status": status,
    }


def judged(
    live: Json | None,
    events: Sequence[Json] = (),
    slices: Sequence[Json] = (),
    behind: Sequence[Json] = (),
    **more: Any,
) -> Seen:
    """Wait for the Service for a moment on a server that has these objects."""

    def handler(method: str, url: str, _body: Any) -> tuple[int, Any]:
        del method
        parts = urlsplit(url)
        kind = parts.path.rsplit("/", 1)[-1]
        if kind == "dns":
            return (200, live) if live else (404, {"reason": "NotFound"})
        query = parse_qs(parts.query)
        assert query.get("labelSelector", ["app=dns"])[0] in ("app=dns", "kubernetes.io/service-name=dns")
        return 200, {"items": {"events": events, "endpointslices": slices, "pods": behind}[kind]}

    client, _ = double_client(handler)
    options: Any = {"patience": 0.0, "pods": False, "stop": threading.Event(), "progress": lambda _: None, **more}
    return service_readiness.wait_ready(client, "shop", "dns", **options)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Believe everything at the first look: what has to last is believed by the tests that say so."""
    for name in ("_TELLING", "_REPEATED", "_UNNOTICED", "_SETTLED"):
        monkeypatch.setattr(service_readiness, name, 0.0)


def said(*args: Any, **more: Any) -> str:
    """Return why the Service is not well."""
    with pytest.raises(ServiceNotReady) as caught:
        judged(*args, **more)
    return str(caught.value)


def test_a_load_balancer_with_an_address_is_well() -> None:
    """By address or host name, each once; it need not list ports."""
    live = service({"ip": "192.0.2.7"}, {"hostname": "lb.example.com"}, {"ip": "192.0.2.7"})

    assert Seen(("192.0.2.7", "lb.example.com")) == judged(live)


def test_ports_that_a_status_lists_are_all_there() -> None:
    """One that lists the other only is not ready, and does not say never."""
    tcp, udp = {"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}

    assert ("192.0.2.7",) == judged(service({"ip": "192.0.2.7", "ports": [tcp, udp]})).addresses
    assert "not ready after 0 s; the load balancer does not serve port 53/UDP yet" in said(
        service({"ip": "192.0.2.7", "ports": [tcp]})
    )


def test_an_error_of_a_port_is_told_although_there_is_an_address() -> None:
    """It names port, protocol and error; so does a condition against all of them."""
    ports = [{"port": 53, "protocol": "UDP", "error": "MixedProtocolNotSupported"}]
    condition = {"type": "LoadBalancerPortsError", "status": "True", "reason": "Why", "message": "because"}
    told = said(service({"ip": "192.0.2.7", "ports": ports}, conditions=[condition]))

    assert "the load balancer refuses port 53/UDP: MixedProtocolNotSupported" in told
    assert "refuses Why: because" in told
    assert ("192.0.2.7",) == judged(
        service({"ip": "192.0.2.7"}, conditions=[{**condition, "status": "False"}])
    ).addresses


def test_an_event_counts_only_if_it_is_newer_than_the_last_change() -> None:
    """What was said of the ports of before says nothing; status writes of controllers are no change."""
    fields = [{"time": MADE}, {"time": "2026-11-27T07:00:00Z", "subresource": "status"}]
    live = service(metadata={"managedFields": fields})

    assert "SyncLoadBalancerFailed: mixed protocol" in said(live, [warning("mixed protocol", LATER)])
    assert "has no address yet" in said(live, [warning("mixed protocol", BEFORE)])
    assert datetime(2026, 11, 27, 6, tzinfo=UTC) == service_readiness.changed_at(live)


def test_what_is_final_is_believed_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """That protocols cannot be together does not pass; other warnings may."""
    monkeypatch.setattr(service_readiness, "_REPEATED", 60.0)

    assert "not ready after" not in said(service(), [warning("mixed protocol is not supported", LATER)])
    assert "not ready after 0 s; it gets no address: FailedDeployModel: throttled" in said(
        service(), [warning("throttled", LATER, "FailedDeployModel")]
    )


def test_nobody_takes_notice() -> None:
    """No event, no finalizer, no condition; one of them is notice enough."""
    assert "this cluster runs no controller for Services without a class" in said(service())
    assert "no controller for class a/b" in said(service(spec={"loadBalancerClass": "a/b"}))
    noticed = service(metadata={"finalizers": ["service.kubernetes.io/load-balancer-cleanup"]})
    assert "its load balancer has no address yet" in said(noticed)


def test_a_pool_that_is_empty_is_told() -> None:
    """As Cilium says it, in a condition of its own."""
    condition = {"type": "cilium.io/IPAMRequestSatisfied", "status": "False", "reason": "out_of_ips", "message": "none"}

    assert "it gets no address: out_of_ips: none" in said(service(conditions=[condition]))


@pytest.mark.parametrize("ready", [True, None])
def test_a_ready_pod_behind_every_port_is_well(ready: bool | None) -> None:
    """What is not said to be unready is ready; ports may be in several slices."""
    slices = [endpoints(TCP, ready=ready), endpoints(UDP, ready=ready)]

    assert Seen() == judged(service(kind="ClusterIP"), [], slices, pods=True)


def test_without_a_selector_pods_are_nobodys() -> None:
    """Endpoints are then made by hand."""
    assert Seen() == judged(service(kind="ClusterIP", spec={"selector": None}), pods=True)


@pytest.mark.parametrize(
    ("slices", "pods", "words"),
    [
        ([], [], "no pod in shop has the labels of its selector, app=dns"),
        ([endpoints(TCP, UDP, ready=False)], [pod(ready=False)], "the pod behind it is not ready"),
        ([], [pod(ready=False), pod(ready=False)], "none of the 2 pods behind it is ready"),
        (
            [endpoints(TCP)],
            [pod(("dns-tcp", "TCP"))],
            "port 53/UDP leads to no ready pod: no pod has a UDP port called 'dns-udp' (theirs are dns-tcp/TCP)",
        ),
        ([endpoints(TCP)], [pod(("dns-tcp", "TCP"), sidecar=("dns-udp", "UDP"))], "port 53/UDP leads to no ready pod"),
    ],
)
def test_a_port_without_a_pod_is_told(slices: list[Json], pods: list[Json], words: str) -> None:
    """Why nobody is there: no pod, none that is ready, or none with the port; sidecars count."""
    assert said(service(kind="ClusterIP"), [], slices, pods, pods=True).endswith(words)


def test_a_rollout_may_still_bring_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only pods that are all ready are judged before the patience is over."""
    monkeypatch.setattr(service_readiness, "_POLL", 0.0)
    live, slices = service(kind="ClusterIP"), [endpoints(TCP)]
    old, new = pod(("dns-tcp", "TCP")), pod(("dns-tcp", "TCP"), ready=False)

    assert "not ready after" not in said(live, [], slices, [old], pods=True, patience=60.0)
    assert "not ready after 0 s" in said(live, [], slices, [old, new], pods=True, patience=0.05)


def test_a_service_that_is_gone_and_a_wait_that_is_stopped() -> None:
    """Both end the wait."""
    assert "is not there any more" in said(None)
    stop = threading.Event()
    stop.set()
    assert "was stopped" in said(service(metadata={"finalizers": ["a"]}), stop=stop, patience=60.0)
