"""What waits for what while a pod starts, and which port a probe asks. Pure.

Init containers and sidecars start one after another: the next one, and after the last the main containers, when an init
container has ended, or a sidecar has started: it runs, its postStart hook is done, and its startup probe, if it has
one, has succeeded once. Readiness and liveness probes hold nothing back (KEP-753).
"""

import re

from components.actions.client import Json
from components.actions.pod_parts import containers_of, role_of, spec_of, statuses_of

_LOCAL_PORT = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])[:/ ](\d{1,5})\b")


def held_back(pod: Json, name: str) -> list[str]:
    """Return the containers that have never started, and will not before this one lets them."""
    order = [each["name"] for each in containers_of(pod)]
    if name not in order or role_of(pod, name) == "container":
        return []
    later = order[order.index(name) + 1 :]
    told = {status["name"]: status for status in statuses_of(pod)}
    return [each for each in later if each not in told or _never_began(told[each])]


def probed_port(container: Json, probe: str = "startupProbe") -> int | None:
    """Return the port that a probe asks of its pod; None for one that asks none, as far as its command shows."""
    found = container.get(probe) or {}
    for way in ("httpGet", "tcpSocket", "grpc"):
        if way in found:
            return _number(container, found[way].get("port"))
    local = _LOCAL_PORT.search(" ".join(map(str, (found.get("exec") or {}).get("command") or [])))
    return int(local[1]) if local else None


def listeners(pod: Json, port: int) -> list[str]:
    """Return the containers that declare a TCP port, in the order in which they start."""
    return [each["name"] for each in containers_of(pod) if port in _declared(each)]


def awaited(pod: Json, name: str) -> tuple[int, str] | None:
    """Return the port that a container's startup probe asks, and which container, held back by it, has that port.

    None where another one may answer: one that declares the port too and starts no later, or none that is known.
    """
    port = probed_port(spec_of(pod, name))
    having = [] if port is None else listeners(pod, port)
    if port is None or not having or having[0] not in held_back(pod, name):
        return None
    return port, having[0]


def _never_began(status: Json) -> bool:
    return "waiting" in (status.get("state") or {}) and not status.get("lastState")


def _declared(container: Json) -> set[int]:
    return {each["containerPort"] for each in container.get("ports") or [] if each.get("protocol", "TCP") == "TCP"}


def _number(container: Json, port: object) -> int | None:
    if isinstance(port, int):
        return port
    named = {each.get("name"): each["containerPort"] for each in container.get("ports") or []}
    found = named.get(port)
    return int(found) if found is not None else None
