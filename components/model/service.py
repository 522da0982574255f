"""Services of several protocols: what is wrong with their arguments, and the manifests that they become.

Every port is named and carries its protocol and target, in the order it is written: unnamed or implied values
are where TCP and UDP on one number lose each other (kubernetes#39188, #105610, #118725). The rules are those of
ValidateService in k8s.io/kubernetes/pkg/apis/core/validation, 1.33; what a load balancer makes of them is in
`balancing`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from components.model import annotations, names, service_fields
from components.model.container import PROTOCOLS
from components.model.problem import Problem, entries, in_range, known, one_of, unique, whole_number

BOTH = "TCP_UDP"
"""The protocol of an entry that stands for two ports, one of each protocol."""
_TWO = ("TCP", "UDP")
HEADLESS = "None"
"""The cluster IP of a Service that has none: its DNS name leads to the pods themselves."""
_SUFFIX = len("-tcp")


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a Service's arguments (snake_case, `UNKNOWN` where not known yet)."""
    yield from names.dns_label("namespace", args.get("namespace"))
    yield from names.service_name("name", args.get("name"))
    yield from names.labels("selector", args.get("selector"))
    yield from names.labels("labels", args.get("labels"))
    yield from annotations.problems("annotations", args.get("annotations"))
    if args.get("selector") == {}:
        yield Problem("selector", "it is empty", "write the labels of the pods: a workload's match_labels", "empty")
    if args.get("ports") == [] and known(args.get("cluster_ip") or "") and args.get("cluster_ip") != HEADLESS:
        yield Problem("ports", "it is empty", "write at least one port")
    yield from service_fields.problems(args)
    yield from _ports(args)


def expanded(ports: Iterable[tuple[int, Mapping[str, Any]]], target: str = "target_port") -> list[tuple[int, Any]]:
    """Return the ports with each shorthand for both protocols written out: `dns` becomes `dns-tcp` and `dns-udp`.

    Their target is the number that is written, or the pods' ports of such a pair of names. Each port comes with the
    position of the entry that it is from.
    """
    found: list[tuple[int, Any]] = []
    for index, port in ports:
        if port.get("protocol") != BOTH:
            found.append((index, port))
            continue
        for protocol in _TWO:
            one = {**port, "protocol": protocol}
            for field in ("name", target):
                if isinstance(port.get(field), str) and whole_number(port[field]) is None:
                    one[field] = f"{port[field]}-{protocol.lower()}"
            found.append((index, one))
    return found


def paired(ports: Sequence[Mapping[str, Any]], field: str = "node_port") -> list[dict[str, Any]]:
    """Return the ports with a node port that is pinned for one protocol of a number pinned for the others, too.

    Left to itself the API server gives a pair one number when the Service is made, and the one that is added later
    another (updateNodePorts in pkg/registry/core/service/storage/alloc.go).
    """
    pinned: dict[Any, set[Any]] = {}
    for port in ports:
        if isinstance(port.get("port"), int | float) and isinstance(port.get(field), int | float):
            pinned.setdefault(port["port"], set()).add(port[field])
    found = []
    for port in ports:
        number = port.get("port")
        chosen = pinned.get(number, set()) if isinstance(number, int | float) else set()
        lacks = port.get(field) is None and len(chosen) == 1
        found.append({**port, field: next(iter(chosen))} if lacks else dict(port))
    return found


def manifest(args: Mapping[str, Any], minor: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return the spec of the Service for its arguments (camelCase), as a server of this minor takes it."""
    listed = [port for _, port in expanded(enumerate(args.get("ports") or []), "targetPort")]
    ports = [{"protocol": "TCP", "targetPort": port.get("targetPort", port["name"]), **port} for port in listed]
    return {
        "type": args.get("type") or "ClusterIP",
        "selector": args["selector"],
        "ports": paired(ports, "nodePort"),
        **service_fields.spec(args, minor),
    }


def one_protocol(spec: Mapping[str, Any], protocol: str) -> dict[str, Any]:
    """Return the part of a Service's spec (camelCase) that is for one protocol."""
    return {**spec, "ports": [port for port in spec["ports"] if port["protocol"] == protocol]}


def protocols(args: Mapping[str, Any]) -> list[str]:
    """Return the protocols of a Service's arguments (snake_case), each once, as far as they are known."""
    listed = [port.get("protocol") or "TCP" for _, port in expanded(entries(args.get("ports")))]
    return [protocol for protocol in PROTOCOLS if protocol in listed]


def dns_name(name: str, namespace: str) -> str:
    """Return the name under which pods of every namespace find the Service."""
    return f"{name}.{namespace}.svc"


def srv_name(port: Mapping[str, Any], name: str, namespace: str) -> str:
    """Return the name of a port's SRV record, as kubernetes/dns specifies it, below the cluster's domain."""
    return f"_{port['name']}._{str(port['protocol']).lower()}.{dns_name(name, namespace)}"


def environment(name: str, host: str, ports: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return variables by which a client's container finds the Service: its host, and each port's number.

    Those that Kubernetes sets itself are for pods that start after the Service, of the same namespace.
    """
    prefix = name.upper().replace("-", "_")
    numbers = [
        {"name": f"{prefix}_PORT_{str(port['name']).upper().replace('-', '_')}", "value": str(int(port["port"]))}
        for port in ports
    ]
    return [{"name": f"{prefix}_HOST", "value": host}, *numbers]


def _ports(args: Mapping[str, Any]) -> Iterator[Problem]:
    kind = args.get("type") or "ClusterIP"
    port_names: list[tuple[str, Any]] = []
    for index, port in entries(args.get("ports")):
        place = f"ports[{index}]"
        yield from names.dns_label(f"{place}.name", port.get("name"))
        yield from in_range(f"{place}.port", port.get("port"), 1, 65535)
        yield from one_of(f"{place}.protocol", port.get("protocol"), (*PROTOCOLS, BOTH), "TCP")
        yield from in_range(f"{place}.node_port", port.get("node_port"), 1, 65535, "node-port")
        if known(port.get("node_port")) and kind == "ClusterIP":
            yield Problem(f"{place}.node_port", "a ClusterIP Service has none", "leave it out, or set type")
        hint = port.get("app_protocol")
        if isinstance(hint, str) and not names.is_qualified(hint):
            remedy = "write an IANA service name such as http, kubernetes.io/h2c, or example.com/name"
            yield Problem(f"{place}.app_protocol", f"{hint!r} is no protocol's name", remedy)
        if port.get("protocol") == BOTH and isinstance(port.get("name"), str) and len(port["name"]) > 63 - _SUFFIX:
            yield Problem(
                f"{place}.name", "it is too long with -tcp or -udp behind it", f"write at most {63 - _SUFFIX}"
            )
    written = expanded(entries(args.get("ports")))
    numbers: list[tuple[str, Any]] = []
    node_ports: list[tuple[str, Any]] = []
    # The one that is pinned for a pair counts for both.
    for (index, _), port in zip(written, paired([port for _, port in written]), strict=True):
        place = f"ports[{index}]"
        protocol = port.get("protocol") or "TCP"
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
        yield from in_range(f"{place}.target_port", number, 1, 65535, "" if number else "zero")
        yield from _protocol_of_number(place, number, protocol, container_ports)
        return
    if not known(protocol):
        return  # one that stands for both has other targets
    yield from names.port_name(f"{place}.target_port", target)
    listed = [entry for _, entry in entries(container_ports)]
    if not isinstance(container_ports, list) or not all(known(entry.get("name")) for entry in listed):
        return
    found = next((entry for entry in listed if entry["name"] == target), None)
    if found is None:
        choices = ", ".join(str(entry["name"]) for entry in listed) or "none"
        message, remedy = f"the pods have no port {target!r}", f"write one of: {choices}"
        yield Problem(f"{place}.target_port", message, remedy, "target")
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
        "target",
    )
