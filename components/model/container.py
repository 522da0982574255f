"""Containers: what the API server would refuse or the kubelet would choke on, and the secure defaults.

Rules without a source of their own are those of k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
Arguments come in snake_case with `UNKNOWN` for values that are not known yet.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.model import names, quantity
from components.model.problem import (
    Problem,
    entries,
    entry_path,
    exactly_one,
    in_range,
    known,
    one_of,
    unique,
)

PROTOCOLS = ("TCP", "UDP", "SCTP")
_PROBES = ("startup_probe", "readiness_probe", "liveness_probe")
_HANDLERS = ("http_get", "tcp_socket", "exec", "grpc")
_LIFECYCLE_HANDLERS = ("exec", "http_get", "sleep")
# Resources without a domain; all others, such as those of devices, are `vendor.example.com/name`.
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_AT_LEAST_ONE = ("period_seconds", "timeout_seconds", "success_threshold", "failure_threshold")
_INT32 = 2**31 - 1


def problems(
    path: str, container: Mapping[str, Any], volumes: set[str] | None, live: Collection[str] = ()
) -> Iterator[Problem]:
    """Yield what is wrong with one container.

    `volumes` are the names of the pod's volumes, or None when they are not all known; `live` those whose files change
    while the pod runs.
    """
    yield from names.dns_label(f"{path}.name", container.get("name"))
    image = container.get("image")
    if isinstance(image, str) and (not image or image != image.strip() or " " in image):
        yield Problem(f"{path}.image", f"{image!r} is not an image reference", "write one such as 'nginx:1.29'")
    yield from one_of(
        f"{path}.image_pull_policy", container.get("image_pull_policy"), ("IfNotPresent", "Always", "Never")
    )
    yield from _ports(f"{path}.ports", container.get("ports"))
    yield from _resources(f"{path}.resources", container.get("resources"))
    yield from _resize_policy(f"{path}.resize_policy", container.get("resize_policy"))
    yield from _env(f"{path}.env", container.get("env"))
    yield from _mounts(f"{path}.volume_mounts", container.get("volume_mounts"), volumes, live)
    yield from _security(f"{path}.security_context", container.get("security_context"))
    for probe in _PROBES:
        yield from _probe(f"{path}.{probe}", probe, container)
    lifecycle = container.get("lifecycle")
    for moment in ("post_start", "pre_stop"):
        handler = lifecycle.get(moment) if isinstance(lifecycle, dict) else None
        if isinstance(handler, dict):
            yield from exactly_one(f"{path}.lifecycle.{moment}", handler, _LIFECYCLE_HANDLERS)
            yield from _http(f"{path}.lifecycle.{moment}.http_get", handler.get("http_get"))


def init_problems(path: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what an init container that runs to its end may not have; a sidecar may."""
    for field in (*_PROBES, "lifecycle"):
        if container.get(field) is not None:
            yield Problem(
                f"{path}.{field}",
                "an init container that runs to its end may not have it",
                "leave it out, or make the container a sidecar",
            )


def sidecar_problems(path: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what a sidecar lacks: without a startup probe nothing waits for it (KEP-753).

    The containers after a sidecar start once it has `started`, which without a startup probe means no more
    than that its process exists; its readiness probe holds nobody off.
    """
    if container.get("startup_probe") is None:
        yield Problem(
            f"{path}.startup_probe",
            "without it the main containers do not wait until the sidecar works",
            "write a probe that succeeds once it does, such as {'tcp_socket': {'port': '9090'}}",
        )


def with_defaults(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container (camelCase) with the defaults of the `restricted` Pod Security level filled in."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        **(container.get("securityContext") or {}),
    }
    ports = [{"protocol": "TCP", **port} for port in container.get("ports") or []]
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


def _resources(path: str, resources: Any) -> Iterator[Problem]:
    if not isinstance(resources, dict):
        return
    amounts: dict[tuple[str, str], Any] = {}
    for kind in ("requests", "limits"):
        listed = resources.get(kind)
        for name, amount in listed.items() if isinstance(listed, dict) else ():
            if not known(amount) or not isinstance(amount, str):
                continue
            place = entry_path(f"{path}.{kind}", name)
            if name not in _RESOURCES and "/" not in name and not name.startswith("hugepages-"):
                yield Problem(place, "there is no such resource", f"write {', '.join(_RESOURCES)} or vendor/name")
            complaint = quantity.complaint(name, amount)
            if complaint:
                yield Problem(place, *complaint)
            else:
                amounts[kind, name] = quantity.parse(amount)
    for (kind, name), amount in amounts.items():
        limit = amounts.get(("limits", name))
        if kind == "requests" and limit is not None and amount > limit:
            place = entry_path(f"{path}.requests", name)
            yield Problem(
                place,
                f"{resources['requests'][name]!r} is more than the limit {resources['limits'][name]!r}",
                "lower the request or raise the limit",
            )


def _resize_policy(path: str, policies: Any) -> Iterator[Problem]:
    places = []
    for index, policy in entries(policies):
        place = f"{path}[{index}]"
        yield from one_of(f"{place}.resource_name", policy.get("resource_name"), ("cpu", "memory"))
        yield from one_of(f"{place}.restart_policy", policy.get("restart_policy"), ("NotRequired", "RestartContainer"))
        places.append((f"{place}.resource_name", policy.get("resource_name")))
    yield from unique(places, "resource")


def _env(path: str, variables: Any) -> Iterator[Problem]:
    places = []
    for index, variable in entries(variables):
        place = f"{path}[{index}]"
        name = variable.get("name")
        if isinstance(name, str) and (not name or "=" in name):
            yield Problem(f"{place}.name", f"{name!r} is not a variable's name", "write it without '='")
        source = variable.get("value_from")
        if source is not None and variable.get("value") is not None:
            yield Problem(place, "it has value and value_from", "write one of them")
        if isinstance(source, dict):
            yield from exactly_one(f"{place}.value_from", source, ("config_map_key_ref", "secret_key_ref", "field_ref"))
        places.append((f"{place}.name", name))
    yield from unique(places, "name")


def _security(path: str, context: Any) -> Iterator[Problem]:
    if not isinstance(context, dict):
        return
    for field in ("run_as_user", "run_as_group"):
        yield from in_range(f"{path}.{field}", context.get(field), 0, _INT32)
    if context.get("run_as_user") == 0 and context.get("run_as_non_root") in (None, True):
        yield Problem(
            f"{path}.run_as_user",
            "0 is root, which the kubelet refuses to start here",
            "write another user, or set run_as_non_root to false",
        )


def _http(path: str, action: Any) -> Iterator[Problem]:
    if isinstance(action, dict):
        yield from one_of(f"{path}.scheme", action.get("scheme"), ("HTTP", "HTTPS"), "HTTP")


def _mounts(path: str, mounts: Any, volumes: set[str] | None, live: Collection[str]) -> Iterator[Problem]:
    places = []
    for index, mount in entries(mounts):
        place = f"{path}[{index}]"
        name, where, inside = mount.get("name"), mount.get("mount_path"), mount.get("sub_path")
        if volumes is not None and isinstance(name, str) and name not in volumes:
            listed = ", ".join(sorted(volumes)) or "none"
            yield Problem(f"{place}.name", f"there is no volume {name!r}", f"name one of the volumes: {listed}")
        if isinstance(where, str) and (not where.startswith("/") or ":" in where):
            yield Problem(f"{place}.mount_path", f"{where!r} is not an absolute path", "start it with '/'")
        if inside is not None and name in live:
            yield Problem(
                f"{place}.sub_path",
                "a mount with it never sees what changes in its volume, whose config is live",
                "mount the volume as a folder, or let its config roll",
            )
        if isinstance(inside, str) and (inside.startswith("/") or ".." in inside.split("/")):
            yield Problem(f"{place}.sub_path", f"{inside!r} leaves the volume", "write a path inside it")
        places.append((f"{place}.mount_path", where))
    yield from unique(places, "mount path")


def _probe(path: str, kind: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    probe = container.get(kind)
    if not isinstance(probe, dict):
        return
    yield from exactly_one(path, probe, _HANDLERS)
    for handler in ("http_get", "tcp_socket"):
        action = probe.get(handler)
        if isinstance(action, dict):
            yield from _probe_port(f"{path}.{handler}.port", action.get("port"), container.get("ports"))
    yield from _http(f"{path}.http_get", probe.get("http_get"))
    grpc = probe.get("grpc")
    if isinstance(grpc, dict):
        yield from in_range(f"{path}.grpc.port", grpc.get("port"), 1, 65535)
    yield from in_range(f"{path}.initial_delay_seconds", probe.get("initial_delay_seconds"), 0, _INT32)
    for field in _AT_LEAST_ONE:
        yield from in_range(f"{path}.{field}", probe.get(field), 1, _INT32)
    threshold = probe.get("success_threshold")
    if kind != "readiness_probe" and isinstance(threshold, int | float) and threshold > 1:
        yield Problem(f"{path}.success_threshold", f"a {kind} needs it to be 1", "leave it out")


def _probe_port(path: str, port: Any, ports: Any) -> Iterator[Problem]:
    if not isinstance(port, str):
        return
    if port.isdecimal():
        yield from in_range(path, int(port), 1, 65535)
        return
    declared = [entry.get("name") for _, entry in entries(ports)]
    if port not in declared and all(known(name) for name in declared):
        listed = ", ".join(str(name) for name in declared) or "none"
        yield Problem(path, f"the container has no port {port!r}", f"write a number or one of: {listed}")
