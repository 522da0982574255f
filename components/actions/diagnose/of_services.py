"""Services that carry nothing: no pods, no such port, protocols that were lost or refused, no address."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from components.actions.client import Items, Json
from components.actions.diagnose.of_workloads import last_applied
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.actions.events import newest_warning
from components.actions.pod_parts import serving_of
from components.actions.resize.pods import is_alive, is_ready

_NAMED = 3
_MIXED = "ask preflight whether this cluster's load balancer takes TCP and UDP together: `preflight -f "


def check(snapshot: Snapshot) -> Iterator[Trouble]:
    """Yield what is wrong with the Services; without the list of pods, only what they tell of themselves."""
    for service in snapshot.of("services"):
        problems = [*_lost_ports(service), *_balancer(service, snapshot.events_of(service))]
        certain = [True] * len(problems)
        if snapshot.sees("pods") and service["spec"].get("selector"):
            found = list(_targets(service, snapshot.of("pods")))
            problems += [(problem, remedy) for problem, remedy, _ in found]
            certain += [sure for *_, sure in found]
        name = snapshot.name(service)
        for (problem, remedy), sure in zip(problems, certain, strict=True):
            yield Trouble("services", name, problem, remedy, (name,), sure)


def _lost_ports(service: Json) -> Iterator[tuple[str, str]]:
    """Yield the ports that were applied and are not there: a merge by number alone lets TCP and UDP lose each other."""
    kept = {_port(each) for each in service["spec"].get("ports") or []}
    for each in (last_applied(service).get("spec") or {}).get("ports") or []:
        if _port(each) not in kept:
            lost = "/".join(map(str, _port(each)))
            why = f"port {lost} was applied and is not there: ports of one number lost each other (kubernetes#39188)"
            yield why, "apply it again with server-side apply (`kubectl apply --server-side`), with every port named"


def _port(port: Json) -> tuple[int, str]:
    return port["port"], port.get("protocol") or "TCP"


def _balancer(service: Json, told: Items) -> Iterator[tuple[str, str]]:
    if service["spec"].get("type") != "LoadBalancer":
        return
    status = service.get("status", {})
    ports = service["spec"].get("ports") or []
    mixed = len({each.get("protocol") or "TCP" for each in ports}) > 1
    same = len({each["port"] for each in ports}) < len(ports)
    feature = ("same-port-load-balancer" if same else "mixed-protocol-load-balancer") if mixed else "load-balancer"
    ask = f"{_MIXED}{feature}`" if mixed else f"ask preflight for its load balancer: `preflight -f {feature}`"
    ingress = (status.get("loadBalancer") or {}).get("ingress") or []
    for each in ingress:
        for port in each.get("ports") or []:
            if port.get("error"):
                yield f"its load balancer does not carry {port['port']}/{port['protocol']}: {port['error']}", ask
    for condition in status.get("conditions") or []:
        if condition["type"] == "LoadBalancerPortsError" and condition["status"] == "True":
            yield f"its load balancer has errors: {condition.get('reason')}: {condition.get('message', '')}", ask
    if not ingress:
        warning = newest_warning(told)
        why = f": {warning.get('reason')}: {warning.get('message', '')}" if warning else ""
        yield f"it is of type LoadBalancer and has no address{why}", ask


def _targets(service: Json, every_pod: Items) -> Iterator[tuple[str, str, bool]]:
    """Yield what keeps the ports from reaching the pods: problem, remedy, and whether that stays so."""
    selector: Mapping[str, str] = service["spec"]["selector"]
    pods = [pod for pod in every_pod if is_alive(pod) and _matches(selector, pod)]
    if not pods:
        yield f"its selector {_text(selector)} matches no pod", _nearest(selector, every_pod), True
        return
    if not any(map(is_ready, pods)) and not service["spec"].get("publishNotReadyAddresses"):
        remedy = "see what is wrong with the pods"
        yield f"none of its {len(pods)} pods is ready" if len(pods) > 1 else "its only pod is not ready", remedy, False
    for port in service["spec"].get("ports") or []:
        yield from ((problem, remedy, True) for problem, remedy in _target(port, pods))


def _target(port: Json, pods: Items) -> Iterator[tuple[str, str]]:
    target, protocol = port.get("targetPort", port["port"]), port.get("protocol") or "TCP"
    declared = [each for pod in pods for each in _ports(pod)]
    field = "name" if isinstance(target, str) else "containerPort"
    theirs = {each.get("protocol") or "TCP" for each in declared if each.get(field) == target}
    which = f"port {port['port']}/{protocol}"
    if not theirs and isinstance(target, str):
        names = ", ".join(sorted({str(each["name"]) for each in declared if each.get("name")})) or "none"
        yield f"{which} goes to the pods' port {target!r}, which no pod has", f"write one that they have: {names}"
    elif theirs and protocol not in theirs:
        other = " and ".join(sorted(theirs))
        yield (
            f"{which} goes to the pods' port {target!r}, which is {other}: nothing arrives",
            f"write {other}, or another port",
        )


def _ports(pod: Json) -> Items:
    return [port for each in serving_of(pod) for port in each.get("ports") or []]


def _matches(selector: Mapping[str, str], pod: Json) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())


def _nearest(selector: Mapping[str, str], pods: Items) -> str:
    """Say what pods have under the selector's keys that reads like it, for a label that was mistyped."""
    labels = [pod["metadata"].get("labels") or {} for pod in pods]
    having = {key: sorted({str(each[key]) for each in labels if key in each}) for key in selector}
    near = [f"{key}={text}" for key, value in selector.items() for text in get_close_matches(value, having[key], n=2)]
    every = [f"{key}={text}" for key, values in having.items() for text in values]
    known = f"; pods here have {', '.join(near or every[:_NAMED])}" if every else ""
    return f"write labels that the pods have, a workload's match_labels{known}"


def _text(selector: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
