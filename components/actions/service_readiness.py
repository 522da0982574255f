"""Waiting until Services are well, and no longer than there is hope.

1. Well means: a load balancer has given an address and says nothing against any port; and behind every port stands
   a pod that is ready.
2. The wait ends early when nothing that goes on can help: the Service's status names an error of a port or of all
   (KEP-1435), an event says that the protocols cannot be together, no controller has taken notice of the Service, or
   all of its pods are ready and none has the port that a target names.
3. An event counts only when it is newer than the last change of the Service: its controller may have said it before.
4. It watches by reading, as `readiness` does.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.actions import events
from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError
from components.actions.pod_parts import serving_of
from components.actions.resize.pods import is_ready

_POLL = 0.5
# A controller sets status and events one after the other, and repeats what may pass.
_TELLING = 2.0
_REPEATED = 10.0
_UNNOTICED = 10.0
_SETTLED = 5.0
_FINAL = re.compile(r"(?i)mixed ?protocol|multiple protocols|unsupported|not supported|can only merge|for merging")
_ADDRESS_CONDITIONS = ("io.cilium/lb-ipam-request-satisfied", "cilium.io/IPAMRequestSatisfied")
_PORTS_ERROR = "LoadBalancerPortsError"


class ServiceNotReady(ActionError):  # noqa: N818  # named for what it tells
    """A Service is not well, and why."""


@dataclass(frozen=True)
class Seen:
    """What a Service's status says: addresses, and what speaks against each port."""

    addresses: tuple[str, ...] = ()
    port_errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Finding:
    """What keeps a Service from being well, and how long it has to last until waiting is given up; None for never."""

    text: str
    grace: float | None = None


def wait_ready(
    client: Client,
    namespace: str,
    name: str,
    *,
    patience: float,
    pods: bool,
    stop: threading.Event,
    progress: Callable[[str], None],
) -> Seen:
    """Return what the Service's status says once it is well; `pods` tells whether ready pods are part of that.

    Raises ServiceNotReady with the cause when it cannot come to be well, or is not after `patience` seconds.
    """
    began = time.monotonic()
    since: dict[str, float] = {}
    told = ""
    while True:
        now = time.monotonic()
        service = client.find(path_of("v1", "services", namespace, name))
        if service is None:
            raise ServiceNotReady(f"Service {namespace}/{name} is not there any more")
        found = [*_balancer(client, service), *(_pods(client, service) if pods else ())]
        if not found:
            return seen(service)
        since = {finding.text: since.get(finding.text, now) for finding in found}
        hopeless = [f for f in found if f.grace is not None and now - since[f.text] >= f.grace]
        if hopeless or now - began >= patience:
            late = "" if hopeless else f"not ready after {patience:.0f} s; "
            reasons = "; ".join(finding.text for finding in hopeless or found)
            raise ServiceNotReady(f"Service {namespace}/{name}: {late}{reasons}")
        if told != (told := found[0].text):
            progress(told)
        if stop.wait(min(_POLL, max(0.0, began + patience - now))):
            raise ServiceNotReady(f"waiting for Service {namespace}/{name} was stopped")


def look(client: Client, namespace: str, name: str) -> Seen:
    """Return what the Service's status says at this moment; nothing where there is none."""
    service = client.find(path_of("v1", "services", namespace, name))
    return seen(service) if service else Seen()


def seen(service: Json) -> Seen:
    """Return what a Service's status says. Pure."""
    ingress = _ingress(service)
    addresses = [
        str(each.get("ip") or each.get("hostname")) for each in ingress if each.get("ip") or each.get("hostname")
    ]
    return Seen(tuple(dict.fromkeys(addresses)), tuple(_port_errors(service)))


def _ingress(service: Json) -> Sequence[Json]:
    return (service.get("status", {}).get("loadBalancer") or {}).get("ingress") or []


def _port_errors(service: Json) -> Iterator[str]:
    """Yield what the status has against single ports, then against all."""
    for each in _ingress(service):
        for port in each.get("ports") or []:
            if port.get("error"):
                yield f"port {port.get('port')}/{port.get('protocol')}: {port['error']}"
    for condition in service.get("status", {}).get("conditions") or []:
        if condition.get("type") == _PORTS_ERROR and condition.get("status") == "True":
            yield f"{condition.get('reason')}: {condition.get('message', '')}"


def _balancer(client: Client, service: Json) -> Iterator[_Finding]:
    if service["spec"].get("type") != "LoadBalancer":
        return
    errors = list(_port_errors(service))
    for error in errors:
        yield _Finding(f"the load balancer refuses {error}", _TELLING)
    if errors:
        return
    ingress = _ingress(service)
    if seen(service).addresses:
        yield from _ports_served(service, ingress)
        return
    for condition in service.get("status", {}).get("conditions") or []:
        if condition.get("type") in _ADDRESS_CONDITIONS and condition.get("status") == "False":
            text = f"it gets no address: {condition.get('reason')}: {condition.get('message', '')}"
            yield _Finding(text, _TELLING if condition.get("reason") != "no_pool" else _REPEATED)
            return
    about = events.of_object(client, service["metadata"]["namespace"], service["metadata"]["name"])
    warning = events.newest_warning([e for e in about if _is_newer(e, service)])
    if warning is not None:
        text = f"{warning.get('reason')}: {warning.get('message', '')}"
        final = _FINAL.search(text) is not None
        yield _Finding(f"it gets no address: {text}", _TELLING if final else _REPEATED)
    elif not about and not service["metadata"].get("finalizers") and not service.get("status", {}).get("conditions"):
        wanted = service["spec"].get("loadBalancerClass")
        who = f"for class {wanted}" if wanted else "for Services without a class"
        text = (
            f"nothing has taken notice of it: this cluster runs no controller {who}; install one, or use type NodePort"
        )
        yield _Finding(text, _UNNOTICED)
    else:
        yield _Finding("its load balancer has no address yet")


def _ports_served(service: Json, ingress: Sequence[Json]) -> Iterator[_Finding]:
    """Yield the ports that a status which lists ports does not list; many load balancers list none."""
    listed = {(p.get("port"), p.get("protocol")) for each in ingress for p in each.get("ports") or []}
    for port in service["spec"].get("ports") or []:
        if listed and (port["port"], port["protocol"]) not in listed:
            yield _Finding(f"the load balancer does not serve port {port['port']}/{port['protocol']} yet")


def _is_newer(event: Json, service: Json) -> bool:
    """Tell whether an event is not older than what the Service asks for now."""
    text = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    return _moment(text) >= changed_at(service)


def changed_at(service: Json) -> datetime:
    """Return when anybody last changed what the Service asks for, by its managed fields. Pure."""
    metadata = service["metadata"]
    written = [e.get("time") for e in metadata.get("managedFields") or [] if e.get("subresource") != "status"]
    return max(_moment(text) for text in [metadata.get("creationTimestamp"), *written])


def _moment(text: Any) -> datetime:
    # Times of events end in microseconds, those of objects in whole seconds: those are what can be compared.
    return datetime.fromisoformat(text).replace(microsecond=0) if text else datetime.fromtimestamp(0, UTC)


def _pods(client: Client, service: Json) -> Iterator[_Finding]:
    """Yield the ports that no ready pod stands behind."""
    metadata, spec = service["metadata"], service["spec"]
    if not spec.get("selector"):
        return
    label = f"kubernetes.io/service-name={metadata['name']}"
    slices = client.list(path_of("discovery.k8s.io/v1", "endpointslices", metadata["namespace"]), label_selector=label)
    served = ready_ports(slices)
    missing = [port for port in spec.get("ports") or [] if (port.get("name", ""), port["protocol"]) not in served]
    if not missing and (spec.get("ports") or _has_ready(slices)):
        return
    selector = ",".join(f"{key}={value}" for key, value in sorted(spec["selector"].items()))
    pods = client.list(path_of("v1", "pods", metadata["namespace"]), label_selector=selector)
    if not pods:
        yield _Finding(f"no pod in {metadata['namespace']} has the labels of its selector, {selector}")
        return
    ready = [pod for pod in pods if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]]
    if not ready:
        count = "the pod behind it is" if len(pods) == 1 else f"none of the {len(pods)} pods behind it is"
        yield _Finding(f"{count} {'not ' if len(pods) == 1 else ''}ready")
        return
    settled = len(ready) == len(pods)
    for port in missing:
        target = port.get("targetPort")
        text = f"port {port['port']}/{port['protocol']} leads to no ready pod"
        if isinstance(target, str) and not any(has_port(pod, target, port["protocol"]) for pod in pods):
            theirs = ", ".join(sorted({each for pod in pods for each in _named(pod)})) or "none"
            text += f": no pod has a {port['protocol']} port called {target!r} (theirs are {theirs})"
            yield _Finding(text, _SETTLED if settled else None)
        else:
            yield _Finding(text)


def ready_ports(slices: Sequence[Json]) -> set[tuple[str, str]]:
    """Return names and protocols of the ports for which some endpoint is ready. Pure."""
    return {
        (port.get("name") or "", port.get("protocol") or "TCP")
        for each in slices
        if any(_serves(endpoint) for endpoint in each.get("endpoints") or [])
        for port in each.get("ports") or []
    }


def _has_ready(slices: Sequence[Json]) -> bool:
    return any(_serves(endpoint) for each in slices for endpoint in each.get("endpoints") or [])


def _serves(endpoint: Json) -> bool:
    # Absent means unknown, which counts as ready (discovery/v1 EndpointConditions).
    return (endpoint.get("conditions") or {}).get("ready") is not False


def has_port(pod: Json, name: str, protocol: str) -> bool:
    """Tell whether a container or sidecar of the pod has a port of this name and protocol. Pure."""
    return f"{name}/{protocol}" in _named(pod)


def _named(pod: Json) -> list[str]:
    # The endpoint controller looks at native sidecars, too (FindPort in pkg/api/v1/pod/util.go).
    return [
        f"{port['name']}/{port.get('protocol') or 'TCP'}"
        for container in serving_of(pod)
        for port in container.get("ports") or []
        if port.get("name")
    ]
