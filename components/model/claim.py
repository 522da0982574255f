"""Claims that a workload brings along: those of a StatefulSet's pods, and those that go with their pod.

Source: ValidatePersistentVolumeClaimSpec in k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import names, quantity
from components.model.problem import Problem, one_of

_ACCESS_MODES = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")


def problems(place: str, claim: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the size, the access modes and the class of a claim."""
    yield from names.dns_subdomain(f"{place}.storage_class_name", claim.get("storage_class_name"))
    modes = claim.get("access_modes")
    listed = modes if isinstance(modes, list) else []
    for number, mode in enumerate(listed):
        yield from one_of(f"{place}.access_modes[{number}]", mode, _ACCESS_MODES, "ReadWriteOnce")
    if "ReadWriteOncePod" in listed and {*_ACCESS_MODES[:-1]} & {mode for mode in listed if isinstance(mode, str)}:
        yield Problem(f"{place}.access_modes", "ReadWriteOncePod goes with no other mode", "write it alone")
    storage = claim.get("storage")
    if isinstance(storage, str):
        complaint = quantity.complaint("storage", storage)
        if complaint:
            yield Problem(f"{place}.storage", *complaint)
        elif quantity.parse(storage) <= 0:
            yield Problem(f"{place}.storage", f"{storage!r} is no room", "write a size such as '10Gi'")


def spec(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec of a claim (camelCase)."""
    found: dict[str, Any] = {
        "accessModes": claim.get("accessModes") or ["ReadWriteOnce"],
        "resources": {"requests": {"storage": claim.get("storage")}},
    }
    if claim.get("storageClassName") is not None:
        found["storageClassName"] = claim["storageClassName"]
    return found
