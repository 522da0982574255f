"""Container resources as Kubernetes reads them: defaulting, QoS class, comparison. Pure.

A `Resources` value is a container's `resources` with the keys `requests` and `limits`, both always present.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from components.actions.client import Json
from components.model.quantity import equal, parse

Resources = dict[str, dict[str, str]]
SECTIONS = ("requests", "limits")
RESIZABLE = ("cpu", "memory")


def plain(container: Mapping[str, Any]) -> Resources:
    """Return the requests and limits of a container or container status as they are written."""
    found = container.get("resources") or {}
    return {section: {k: str(v) for k, v in (found.get(section) or {}).items()} for section in SECTIONS}


def effective(container: Mapping[str, Any]) -> Resources:
    """Return what a pod gets: a limit without a request also is the request (SetDefaults_Pod)."""
    found = plain(container)
    found["requests"] = found["limits"] | found["requests"]
    return found


def same(left: Resources, right: Resources) -> bool:
    """Tell whether both mean the same amounts of the same resources."""
    return next(differences(left, right), None) is None


def differences(old: Resources, new: Resources) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Yield (section, resource, old quantity or None, new quantity or None) for each that differs."""
    for section in SECTIONS:
        for resource in sorted(old[section].keys() | new[section].keys()):
            before, after = old[section].get(resource), new[section].get(resource)
            if before is None or after is None or not equal(before, after):
                yield section, resource, before, after


def overlaid(live: Resources, wanted: Resources) -> Resources:
    """Return the live resources with the wanted quantities written over them.

    What only the live container has stays: a resize may not remove a request or limit (ValidatePodResize),
    and what a LimitRange added at creation is not ours to take away.
    """
    return {section: live[section] | wanted[section] for section in SECTIONS}


def qos_class(resources: list[Resources]) -> str:
    """Return the QoS class of a pod from the effective resources of all its containers, init ones too.

    Source: k8s.io/kubernetes/pkg/apis/core/v1/helper/qos.
    """
    amounts = [
        {section: {r: parse(q) for r, q in c[section].items() if r in RESIZABLE} for section in SECTIONS}
        for c in resources
    ]
    if not any(q > 0 for c in amounts for section in SECTIONS for q in c[section].values()):
        return "BestEffort"
    for container in amounts:
        for resource in RESIZABLE:
            limit = container["limits"].get(resource, Decimal(0))
            if limit <= 0 or container["requests"].get(resource) != limit:
                return "Burstable"
    return "Guaranteed"


def total_requests(spec: Json) -> dict[str, Decimal]:
    """Return the CPU and memory that a pod spec reserves once its plain init containers are done.

    The overhead of its RuntimeClass counts, as it does for the scheduler (KEP-688).
    """
    total = dict.fromkeys(RESIZABLE, Decimal(0))
    for requests in [*(effective(each)["requests"] for each in long_running(spec)), spec.get("overhead") or {}]:
        for resource, quantity in requests.items():
            if resource in total:
                total[resource] += parse(quantity)
    return total


def containers(spec: Json) -> Iterator[tuple[str, Json]]:
    """Yield (kind, container) of a pod spec; kind is `init`, `sidecar` or `container`."""
    for container in spec.get("initContainers") or []:
        yield ("sidecar" if container.get("restartPolicy") == "Always" else "init"), container
    for container in spec.get("containers") or []:
        yield "container", container


def long_running(spec: Json) -> Iterator[Json]:
    """Yield the sidecars and regular containers of a pod spec."""
    return (container for kind, container in containers(spec) if kind != "init")


def restarts_for(container: Json) -> set[str]:
    """Return the resources whose resize restarts this container (its `resizePolicy`)."""
    return {
        policy["resourceName"]
        for policy in container.get("resizePolicy") or []
        if policy.get("restartPolicy") == "RestartContainer"
    }
