"""Services of several protocols: what is wrong with their arguments, and the manifest that they become.

Every port is named and carries its protocol and target, in the order it is written: unnamed or implied values
are where TCP and UDP on one number lose each other (kubernetes#39188, #105610, #118725).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import annotations, names
from components.model.container import PROTOCOLS
from components.model.problem import Problem, entries, in_range, known, one_of, unique, whole_number

TYPES = ("ClusterIP", "NodePort", "LoadBalancer")


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a Service's arguments (snake_case, `UNKNOWN` where not known yet)."""
    yield from names.dns_label("namespace", args.get("namespace"))
    yield from names.service_name("name", args.get("name"))
    yield from names.labels("selector", args.get("selector"))
    yield from names.labels("labels", args.get("labels"))
    yield from annotations.problems("annotations", args.get("annotations"))
    yield from one_of("type", args.get("type"), TYPES, "ClusterIP")
    if args.get("selector") == {}:
        yield Problem("selector", "it is empty", "write the labels of the pods: a workload's match_labels")
    if args.get("ports") == []:
        yield Problem("ports", "it is empty", "write at least one port")
    yield from _ports(args)


def manifest(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of the Service for its arguments (camelCase)."""
    ports = [{"protocol": "TCP", "targetPort": port.get("targetPort", port["name"]), **port} for port in args["ports"]]
    return {"type": args.get("type") or "ClusterIP", "selector": args["selector"], "ports": ports}


def dns_name(name: str, namespace: str) -> str:
    """Return the name under which pods of every namespace find the Service."""
    return f"{name}.{namespace}.svc"


def _ports(args: Mapping[str, Any]) -> Iterator[Problem]:
    numbers: list[tuple[str, Any]] = []
    node_ports: list[tuple[str, Any]] = []
    port_names = []
    kind = args.get("type") or "ClusterIP"
    for index, port in entries(args.get("ports")):
        place = f"ports[{index}]"
        protocol = port.get("protocol") or "TCP"
        yield from names.dns_label(f"{place}.name", port.get("name"))
        yield from in_range(f"{place}.port", port.get("port"), 1, 65535)
        yield from one_of(f"{place}.protocol", port.get("protocol"), PROTOCOLS, "TCP")
        yield from in_range(f"{place}.node_port", port.get("node_port"), 1, 65535)
        if known(port.get("node_port")) and kind == "ClusterIP":
            yield Problem(f"{place}.node_port", "a ClusterIP Service has none", "leave it out, or set type")
        yield from _target(place, port, protocol, args.get("container_ports"))
        port_names.append((f"{place}.name", port.get("name")))
        for field, seen in (("port", numbers), ("node_port", node_ports)):
            if isinstance(port.get(field), int | float) and known(protocol):
                seen.append((f"{place}.{field}", f"{port[field]:g}/{protocol}"))
    yield from unique(port_names, "name")
    yield from unique(numbers, "port and protocol")
    yield from unique(node_ports, "node port and protocol")


def _target(place: str, port: Mapping[str, Any], protocol: Any, container_ports: Any) -> Iterator[Problem]:
    target = port.get("target_port")
    if target is None:
        target = port.get("name")
    if not isinstance(target, str):
        return
    number = whole_number(target)
    if number is not None:
        yield from in_range(f"{place}.target_port", number, 1, 65535)
        yield from _protocol_of_number(place, number, protocol, container_ports)
        return
    yield from names.port_name(f"{place}.target_port", target)
    listed = [entry for _, entry in entries(container_ports)]
    if not isinstance(container_ports, list) or not all(known(entry.get("name")) for entry in listed):
        return
    found = next((entry for entry in listed if entry["name"] == target), None)
    if found is None:
        choices = ", ".join(str(entry["name"]) for entry in listed) or "none"
        yield Problem(f"{place}.target_port", f"the pods have no port {target!r}", f"write one of: {choices}")
    elif known(protocol) and (found.get("protocol") or "TCP") != protocol:
        yield _crossed(place, protocol, target, found.get("protocol") or "TCP")


def _protocol_of_number(place: str, target: int, protocol: Any, container_ports: Any) -> Iterator[Problem]:
    """Check a number only where the pods declare it: ports need not be declared to be reached."""
    declared = {
        entry.get("protocol") or "TCP" for _, entry in entries(container_ports) if entry.get("container_port") == target
    }
    if declared and all(map(known, [protocol, *declared])) and protocol not in declared:
        yield _crossed(place, protocol, str(target), " and ".join(sorted(declared)))


def _crossed(place: str, protocol: Any, target: str, theirs: str) -> Problem:
    return Problem(
        f"{place}.protocol",
        f"it is {protocol}, but the pods' port {target!r} is {theirs}, so nothing would arrive",
        f"write {theirs}, or name another port",
    )
