"""What a container asks for and may use: resources by name, requests and limits.

Source: validateResourceRequirements and validateContainerResourceName in
k8s.io/kubernetes/pkg/apis/core/validation/validation.go, and pkg/apis/core/helper for the kinds of resources.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from components.model import names, quantity
from components.model.problem import UNKNOWN, Problem, entry_path, known

# Resources without a domain; all others, such as those of devices, are `vendor.example.com/name`.
_PLAIN = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES = "hugepages-"


def problems(path: str, resources: Any) -> Iterator[Problem]:
    """Yield what is wrong with the requests and limits of a container."""
    if not isinstance(resources, dict):
        return
    listed = {kind: _given(resources.get(kind)) for kind in ("requests", "limits")}
    for kind, amounts in listed.items():
        for name, amount in amounts.items():
            place = entry_path(f"{path}.{kind}", name)
            yield from _name(place, name)
            yield from _amount(place, name, amount)
    for name, request in listed["requests"].items():
        yield from _bounds(entry_path(f"{path}.requests", name), name, request, listed["limits"], resources)
    everything = {**listed["requests"], **listed["limits"]}
    if any(name.startswith(_HUGE_PAGES) for name in everything) and not {"cpu", "memory"} & set(everything):
        yield Problem(path, "huge pages need cpu or memory beside them", "write requests of cpu and memory, too")


def is_best_effort(listed: Iterable[Any]) -> bool:
    """Tell whether a pod whose containers have these resources is certainly of the QoS class BestEffort.

    It is when none of them, init containers included, has a request or limit of cpu or memory other than 0
    (k8s.io/kubernetes/pkg/apis/core/v1/helper/qos).
    """
    return all(_is_best_effort(resources) for resources in listed)


def _is_best_effort(resources: Any) -> bool:
    if not isinstance(resources, dict):
        return resources is None
    for kind in ("requests", "limits"):
        amounts = resources.get(kind)
        if amounts is UNKNOWN:
            return False
        for name in ("cpu", "memory"):
            amount = _given(amounts).get(name)
            if amount is not None and (not isinstance(amount, str) or _parsed(amount) != 0):
                return False
    return True


def _given(amounts: Any) -> Mapping[str, Any]:
    return {name: amount for name, amount in amounts.items() if amount is not None} if isinstance(amounts, dict) else {}


def _name(place: str, name: str) -> Iterator[Problem]:
    if name.startswith(_HUGE_PAGES):
        size = _parsed(name.removeprefix(_HUGE_PAGES))
        if not names.is_qualified(name) or size is None or size <= 0 or size % 1:
            yield Problem(place, "this names no size of huge pages", "write one such as hugepages-2Mi")
    elif "/" not in name:
        if name not in _PLAIN:
            yield Problem(place, "there is no such resource", f"write {', '.join(_PLAIN)} or vendor/name")
    elif not names.is_qualified(name if _is_native(name) else f"requests.{name}") or name.startswith("requests."):
        yield Problem(place, "this is not a resource's name", "write one such as example.com/gpu")


def _amount(place: str, name: str, amount: Any) -> Iterator[Problem]:
    if not isinstance(amount, str):
        return
    complaint = quantity.complaint(name, amount)
    if complaint:
        yield Problem(place, *complaint)
        return
    value = quantity.parse(amount)
    size = _parsed(name.removeprefix(_HUGE_PAGES)) if name.startswith(_HUGE_PAGES) else None
    if size and size >= 1 and math.ceil(value) % size:
        yield Problem(place, f"{amount!r} is not a whole number of pages", "write a multiple of the page size")
    elif "/" in name and not _is_native(name) and value % 1:
        yield Problem(place, f"{amount!r} is not a whole number", "write one: there is no part of a device")


def _bounds(
    place: str, name: str, request: Any, limits: Mapping[str, Any], resources: Mapping[str, Any]
) -> Iterator[Problem]:
    """Check a request against its limit, which devices and huge pages must have, and of the same amount."""
    shareable = not name.startswith(_HUGE_PAGES) and _is_native(name)
    limit = limits.get(name)
    if limit is None:
        if not shareable and resources.get("limits") is not UNKNOWN:
            yield Problem(place, "it has no limit, and cannot be shared", "write the same amount as a limit")
        return
    low, high = _parsed(request), _parsed(limit)
    if low is None or high is None or not known(limit):
        return
    if low > high:
        yield Problem(place, f"{request!r} is more than the limit {limit!r}", "lower the request or raise the limit")
    elif low != high and not shareable:
        yield Problem(place, f"{request!r} is not the limit {limit!r}", "write the same amount: it cannot be shared")


def _is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def _parsed(amount: Any) -> Decimal | None:
    try:
        return quantity.parse(amount) if isinstance(amount, str) else None
    except ValueError:
        return None
