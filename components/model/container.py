"""Containers: what the API server would refuse or the kubelet would choke on, and the secure defaults.

Rules without a source of their own are those of k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
Arguments come in snake_case with `UNKNOWN` for values that are not known yet.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.model import names, resources, security_context, variables
from components.model.problem import (
    Problem,
    entries,
    exactly_one,
    in_range,
    known,
    one_of,
    unique,
    whole_number,
)

PROTOCOLS = ("TCP", "UDP", "SCTP")
_PROBES = ("startup_probe", "readiness_probe", "liveness_probe")
_HANDLERS = ("http_get", "tcp_socket", "exec", "grpc")
_LIFECYCLE_HANDLERS = ("exec", "http_get", "sleep")
_MOMENTS = ("post_start", "pre_stop")
_PROPAGATIONS = ("None", "HostToContainer", "Bidirectional")
_AT_LEAST_ONE = ("period_seconds", "timeout_seconds", "success_threshold", "failure_threshold")
_INT32 = 2**31 - 1


def problems(
    path: str,
    container: Mapping[str, Any],
    volumes: set[str] | None,
    live: Collection[str] = (),
    others: Collection[str] | None = None,
) -> Iterator[Problem]:
    """Yield what is wrong with one container.

    `volumes` are the names of the pod's volumes, or None when they are not all known; `live` those whose files change
    while the pod runs; `others` the names of all its containers, or None.
    """
    yield from names.dns_label(f"{path}.name", container.get("name"))
    yield from image_problems(f"{path}.image", container.get("image"))
    yield from one_of(
        f"{path}.image_pull_policy", container.get("image_pull_policy"), ("IfNotPresent", "Always", "Never")
    )
    yield from _ports(f"{path}.ports", container.get("ports"))
    yield from resources.problems(f"{path}.resources", container.get("resources"))
    yield from _resize_policy(f"{path}.resize_policy", container.get("resize_policy"))
    yield from variables.problems(f"{path}.env", container.get("env"), others)
    yield from variables.whole_problems(f"{path}.env_from", container.get("env_from"))
    yield from _mounts(f"{path}.volume_mounts", container, volumes, live)
    yield from security_context.problems(f"{path}.security_context", container.get("security_context"))
    yield from in_range(f"{path}.stop_seconds", container.get("stop_seconds"), 1, 86400, "own")
    for probe in _PROBES:
        yield from _probe(f"{path}.{probe}", probe, container)
    for place, handler in _handlers(path, container):
        yield from exactly_one(place, handler, _LIFECYCLE_HANDLERS)
        yield from _actions(place, handler, container.get("ports"))


def image_problems(path: str, image: Any) -> Iterator[Problem]:
    """Yield what is wrong with the reference of an image."""
    if isinstance(image, str) and (not image or re.search(r"\s", image)):
        yield Problem(path, f"{image!r} is not an image reference", "write one such as 'nginx:1.29'", "image")


def sleep_problems(path: str, container: Mapping[str, Any], grace: Any) -> Iterator[Problem]:
    """Yield the pauses of a container's lifecycle that are longer than the pod's grace period."""
    for place, handler in _handlers(path, container):
        action = handler.get("sleep")
        seconds = action.get("seconds") if isinstance(action, dict) else None
        if not isinstance(seconds, int | float):
            continue
        yield from in_range(f"{place}.sleep.seconds", seconds, 0, _INT32)
        if isinstance(grace, int | float) and max(grace, 0) < seconds <= _INT32:
            yield Problem(
                f"{place}.sleep.seconds",
                f"{seconds:g} is more than the pods' grace period of {grace:g}",
                "set termination_grace_period_seconds higher than it",
            )


def pause(container: Mapping[str, Any], moment: str) -> Any:
    """Return the seconds that a container sleeps at a moment of its life, spelled as in `container`; None for none."""
    found: Any = container
    for field in ("lifecycle", moment, "sleep"):
        found = found.get(field) if isinstance(found, dict) else None
    return found.get("seconds") if isinstance(found, dict) else None


def init_problems(path: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what an init container that runs to its end may not have; a sidecar may."""
    for field in (*_PROBES, "lifecycle"):
        if container.get(field) is not None:
            yield Problem(
                f"{path}.{field}",
                "an init container that runs to its end may not have it",
                "leave it out, or make the container a sidecar",
            )
    for index, policy in entries(container.get("resize_policy")):
        if policy.get("restart_policy") == "RestartContainer":
            yield Problem(
                f"{path}.resize_policy[{index}].restart_policy",
                "an init container that runs to its end is never restarted for a resize",
                "leave it out",
                "init-restart",
            )
    if container.get("stop_seconds") is not None:
        message = "an init container that runs to its end is over before the pod stops"
        yield Problem(f"{path}.stop_seconds", message, "leave it out", "own")


def sidecar_problems(path: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what a sidecar lacks: without a startup probe nothing waits for it (KEP-753).

    The containers after a sidecar start once it has `started`, which without a startup probe means no more
    than that its process exists; its readiness probe holds nobody off. `gates_start: false` says that this is meant.
    """
    gates, probe = container.get("gates_start"), container.get("startup_probe")
    if probe is None and gates in (None, True):
        yield Problem(
            f"{path}.startup_probe",
            "without it the main containers do not wait until the sidecar works",
            "write a probe that succeeds once it does, such as {'tcp_socket': {'port': '9090'}}, or gates_start false "
            "if they need not wait",
            "startup-probe",
        )
    if known(probe) and gates is False:
        yield Problem(
            f"{path}.gates_start",
            "it is false, but the containers after a sidecar always wait for its startup probe",
            "leave out one of the two",
            "startup-probe",
        )


def with_defaults(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container (camelCase) with the defaults of the `restricted` Pod Security level filled in."""
    ports = [{"protocol": "TCP", **port} for _, port in entries(container.get("ports"))]
    security = security_context.with_defaults(container.get("securityContext"))
    return {**container, "securityContext": security, **({"ports": ports} if ports else {})}


def _ports(path: str, ports: Any) -> Iterator[Problem]:
    numbers = []
    for index, port in entries(ports):
        place = f"{path}[{index}]"
        yield from names.port_name(f"{place}.name", port.get("name"))
        yield from in_range(f"{place}.container_port", port.get("container_port"), 1, 65535)
        yield from one_of(f"{place}.protocol", port.get("protocol"), PROTOCOLS, "TCP")
        number, protocol = port.get("container_port"), port.get("protocol") or "TCP"
        if isinstance(number, int | float) and known(protocol):
            numbers.append((f"{place}.container_port", f"{number:g}/{protocol}"))
    # Accepted once, and refused by every later server-side apply, which knows ports by number and protocol.
    yield from unique(numbers, "port and protocol")


def _resize_policy(path: str, policies: Any) -> Iterator[Problem]:
    places = []
    for index, policy in entries(policies):
        place = f"{path}[{index}]"
        yield from one_of(f"{place}.resource_name", policy.get("resource_name"), ("cpu", "memory"))
        yield from one_of(f"{place}.restart_policy", policy.get("restart_policy"), ("NotRequired", "RestartContainer"))
        places.append((f"{place}.resource_name", policy.get("resource_name")))
    yield from unique(places, "resource")


def _handlers(path: str, container: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    lifecycle = container.get("lifecycle")
    for moment in _MOMENTS:
        handler = lifecycle.get(moment) if isinstance(lifecycle, dict) else None
        if isinstance(handler, dict):
            yield f"{path}.lifecycle.{moment}", handler


def _actions(path: str, handler: Mapping[str, Any], ports: Any) -> Iterator[Problem]:
    """Check what the handlers of probes and of lifecycles have in common."""
    for field in ("http_get", "tcp_socket"):
        action = handler.get(field)
        if isinstance(action, dict):
            yield from _probe_port(f"{path}.{field}.port", action.get("port"), ports)
            yield from one_of(f"{path}.{field}.scheme", action.get("scheme"), ("HTTP", "HTTPS"), "HTTP")
    command = handler.get("exec")
    if isinstance(command, dict) and command.get("command") == []:
        yield Problem(f"{path}.exec.command", "it is empty", "write the program and its arguments")


def _mounts(
    path: str, container: Mapping[str, Any], volumes: set[str] | None, live: Collection[str]
) -> Iterator[Problem]:
    places = []
    for index, mount in entries(container.get("volume_mounts")):
        place = f"{path}[{index}]"
        name, where = mount.get("name"), mount.get("mount_path")
        if volumes is not None and isinstance(name, str) and name not in volumes:
            listed = ", ".join(sorted(volumes)) or "none"
            yield Problem(f"{place}.name", f"there is no volume {name!r}", f"name one of the volumes: {listed}")
        if isinstance(where, str) and (not where.startswith("/") or ":" in where):
            message = f"{where!r} is not an absolute path without ':'"
            yield Problem(f"{place}.mount_path", message, "start it with '/'", "mount-path")
        yield from _sub_path(place, mount, live)
        yield from _propagation(f"{place}.mount_propagation", mount, container.get("security_context"))
        places.append((f"{place}.mount_path", where))
    yield from unique(places, "mount path")


def _sub_path(place: str, mount: Mapping[str, Any], live: Collection[str]) -> Iterator[Problem]:
    for field in ("sub_path", "sub_path_expr"):
        inside = mount.get(field)
        if inside is not None and mount.get("name") in live:
            yield Problem(
                f"{place}.{field}",
                "a mount with it never sees what changes in its volume, whose config is live",
                "mount the volume as a folder, or let its config roll",
                "live-sub-path",
            )
        if isinstance(inside, str) and (inside.startswith("/") or ".." in inside.split("/")):
            yield Problem(f"{place}.{field}", f"{inside!r} leaves the volume", "write a path inside it")
    if all(isinstance(mount.get(field), str) and mount[field] for field in ("sub_path", "sub_path_expr")):
        yield Problem(f"{place}.sub_path_expr", "it has sub_path, too", "write one of them")


def _propagation(path: str, mount: Mapping[str, Any], security: Any) -> Iterator[Problem]:
    wanted = mount.get("mount_propagation")
    yield from one_of(path, wanted, _PROPAGATIONS, "None")
    privileged = security.get("privileged") if isinstance(security, dict) else security
    if wanted == "Bidirectional" and privileged in (None, False):
        remedy = "write HostToContainer, or set security_context.privileged to true"
        yield Problem(path, "only a privileged container may mount into the node", remedy)


def _probe(path: str, kind: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    probe = container.get(kind)
    if not isinstance(probe, dict):
        return
    yield from exactly_one(path, probe, _HANDLERS)
    yield from _actions(path, probe, container.get("ports"))
    grpc = probe.get("grpc")
    if isinstance(grpc, dict):
        yield from in_range(f"{path}.grpc.port", grpc.get("port"), 1, 65535)
    yield from in_range(f"{path}.initial_delay_seconds", probe.get("initial_delay_seconds"), 0, _INT32)
    for field in _AT_LEAST_ONE:
        yield from in_range(f"{path}.{field}", probe.get(field), 1, _INT32, "probe-zero")
    threshold = probe.get("success_threshold")
    if kind != "readiness_probe" and isinstance(threshold, int | float) and threshold > 1:
        yield Problem(f"{path}.success_threshold", f"a {kind} needs it to be 1", "leave it out")


def _probe_port(path: str, port: Any, ports: Any) -> Iterator[Problem]:
    if not isinstance(port, str):
        return
    number = whole_number(port)
    if number is not None:
        yield from in_range(path, number, 1, 65535)
        return
    declared = [entry.get("name") for _, entry in entries(ports)]
    if port not in declared and all(known(name) for name in declared):
        listed = ", ".join(str(name) for name in declared) or "none"
        yield Problem(path, f"the container has no port {port!r}", f"write a number or one of: {listed}", "probe-port")
