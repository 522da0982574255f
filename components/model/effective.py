"""What a pod costs and how it ranks: its effective requests, and its QoS class.

Both are those of a finished pod spec (camelCase, the patch applied), as the scheduler, quotas and the kubelet count.
What admission adds later is not in it: defaults of a LimitRange, and the overhead of a RuntimeClass unless it is given.
Sources: KEP-753; AggregateContainerRequests in k8s.io/component-helpers/resource/helpers.go; ComputePodQOS in
k8s.io/kubernetes/pkg/apis/core/v1/helper/qos/qos.go; KEP-2837 for resources of the pod as a whole.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from components.model import quantity
from components.model.problem import entries

Amounts = dict[str, Decimal]
_COMPUTE = ("cpu", "memory")
_BINARY = (("Ei", 2**60), ("Pi", 2**50), ("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def requests(spec: Mapping[str, Any], overhead: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return what the scheduler reserves for a pod, by resource: all that it may have to run at the same time.

    An init container runs beside the sidecars before it; the main containers run beside all of them.
    """
    running: Amounts = {}
    highest: Amounts = {}
    for _, each in entries(spec.get("initContainers")):
        if _is_sidecar(each):
            running = _sum(running, _requests(each))
            highest = _highest(highest, running)
        else:
            highest = _highest(highest, _sum(running, _requests(each)))
    for _, each in entries(spec.get("containers")):
        running = _sum(running, _requests(each))
    total = _highest(highest, running)
    own = _requests(spec)
    asked = _given(spec, "requests")
    # A limit of the pod as a whole is its request only where no container asks for the resource (SetDefaults_Pod).
    total |= {name: amount for name, amount in own.items() if name in asked or name not in total}
    total = _sum(total, _amounts(overhead if overhead is not None else spec.get("overhead")))
    return {name: _text(name, amount) for name, amount in sorted(total.items())}


def qos_class(spec: Mapping[str, Any]) -> str:
    """Return Guaranteed, Burstable or BestEffort; init containers count like all others."""
    whole = [{"resources": spec["resources"]}] if spec.get("resources") else []
    every = whole or [each for group in ("initContainers", "containers") for _, each in entries(spec.get(group))]
    asked: Amounts = {}
    allowed: Amounts = {}
    limited = True
    for each in every:
        asked = _sum(asked, _compute(_requests(each)))
        limits = _compute(_given(each, "limits"))
        limited = limited and len(limits) == len(_COMPUTE)
        allowed = _sum(allowed, limits)
    if not asked and not allowed:
        return "BestEffort"
    return "Guaranteed" if limited and asked == allowed else "Burstable"


def warnings(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sidecars for which a pod is Burstable whose main containers are Guaranteed."""
    mains = {"containers": spec.get("containers")}
    if spec.get("resources") or qos_class(mains) != "Guaranteed" or qos_class(spec) == "Guaranteed":
        return
    for _, each in entries(spec.get("initContainers")):
        if qos_class({"containers": [each]}) != "Guaranteed":
            what = f"{'sidecar' if _is_sidecar(each) else 'init container'} {each.get('name')!r}"
            yield (
                f"{what}: for it the pods are Burstable, while their main containers are Guaranteed; "
                "write resources.limits of cpu and memory for it, and requests of the same amounts or none"
            )


def _is_sidecar(each: Mapping[str, Any]) -> bool:
    return each.get("restartPolicy") == "Always"


def _requests(each: Mapping[str, Any]) -> Amounts:
    """Return a container's requests; of what is limited alone, its limit (SetDefaults_Pod)."""
    return _given(each, "limits") | _given(each, "requests")


def _given(each: Mapping[str, Any], kind: str) -> Amounts:
    resources = each.get("resources")
    return _amounts(resources.get(kind) if isinstance(resources, Mapping) else None)


def _amounts(listed: Any) -> Amounts:
    """Return the amounts that mean something; what does not is told by the rules for arguments."""
    found: Amounts = {}
    for name, amount in listed.items() if isinstance(listed, Mapping) else ():
        if isinstance(amount, str | int | float) and quantity.complaint("", str(amount)) is None:
            found[name] = quantity.parse(str(amount))
    return found


def _compute(amounts: Amounts) -> Amounts:
    return {name: amounts[name] for name in _COMPUTE if amounts.get(name)}


def _sum(left: Amounts, right: Amounts) -> Amounts:
    return {name: left.get(name, Decimal()) + right.get(name, Decimal()) for name in {**left, **right}}


def _highest(left: Amounts, right: Amounts) -> Amounts:
    return {name: max(left.get(name, Decimal()), right.get(name, Decimal())) for name in {**left, **right}}


def _text(name: str, amount: Decimal) -> str:
    """Return an amount in Kubernetes' own spelling: `350m`, `96Mi`, `2`."""
    if name == "cpu" and amount % 1:
        return f"{math.ceil(amount * 1000)}m"
    number = math.ceil(amount)
    if name != "cpu" and "/" not in name:
        for suffix, size in _BINARY:
            if number and number % size == 0:
                return f"{number // size}{suffix}"
    return str(number)
