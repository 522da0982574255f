"""References to fields of the pod and to sizes of its containers, in variables and in files.

Source: validateObjectFieldSelector and validateContainerResourceFieldSelector in
k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from components.model import names
from components.model.problem import UNKNOWN, Problem

# validEnvDownwardAPIFieldPathExpressions; spec.host is the old spelling of spec.nodeName.
_IN_VARIABLES = (
    *("metadata.name", "metadata.namespace", "metadata.uid"),
    *("spec.nodeName", "spec.serviceAccountName", "spec.host"),
    *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
# validVolumeDownwardAPIFieldPathExpressions: what a kubelet can keep up to date.
_IN_FILES = (*_IN_VARIABLES[:3], "metadata.labels", "metadata.annotations")
_MAP_ENTRY = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]", re.DOTALL)
_SIZES = tuple(f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory", "ephemeral-storage"))
_HUGE_PAGES = ("requests.hugepages-", "limits.hugepages-")
_CPU_DIVISORS = ("1", "1m")
_DIVISORS = ("1", *("1k", "1M", "1G", "1T", "1P", "1E"), *("1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"))


def field_problems(path: str, reference: Any, *, in_file: bool = False) -> Iterator[Problem]:
    """Yield what is wrong with a reference to a field of the pod."""
    where = reference.get("field_path") if isinstance(reference, dict) else None
    if not isinstance(where, str) or where in (_IN_FILES if in_file else _IN_VARIABLES):
        return
    found = _MAP_ENTRY.fullmatch(where)
    if not found or not names.is_qualified(found[2].lower() if found[1] == "annotations" else found[2]):
        what, such = ("file", "metadata.labels") if in_file else ("variable", "status.podIP")
        remedy = f"write one such as {such}, metadata.name or metadata.labels['app']"
        yield Problem(f"{path}.field_path", f"a {what} cannot take {where!r} of its pod", remedy)


def resource_problems(
    path: str, reference: Any, containers: Collection[str] | None, *, in_file: bool = False
) -> Iterator[Problem]:
    """Yield what is wrong with a reference to a size; `containers` are the pod's, or None when not all are known."""
    if not isinstance(reference, dict):
        return
    name, resource, divisor = (reference.get(field) for field in ("container_name", "resource", "divisor"))
    if in_file and name is None:
        yield Problem(f"{path}.container_name", "a file has no container of its own", "name one of the pod's")
    if isinstance(name, str) and containers is not None and name not in containers:
        remedy = f"name one of: {', '.join(sorted(containers)) or 'none'}"
        yield Problem(f"{path}.container_name", f"there is no container {name!r}", remedy, "resource-container")
    if isinstance(resource, str) and resource not in _SIZES and not resource.startswith(_HUGE_PAGES):
        yield Problem(f"{path}.resource", f"there is no {resource!r} to refer to", f"write one of: {', '.join(_SIZES)}")
    elif resource is not UNKNOWN and isinstance(divisor, str):
        allowed = _CPU_DIVISORS if str(resource).endswith(".cpu") else _DIVISORS
        if divisor not in allowed:
            remedy = f"write one of: {', '.join(allowed)}"
            yield Problem(f"{path}.divisor", f"{divisor!r} is no unit of it", remedy, "divisor")
