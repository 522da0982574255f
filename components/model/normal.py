"""An object without what a cluster gives it: what is written in a restore, and what is compared. Pure.

Removed are, of every object, what the API server sets for this one object: `uid`, `resourceVersion`, `generation`,
`creationTimestamp`, `managedFields`, the marks of deletion, and `status` where it is a subresource. Of some
kinds it is a field or two more, listed below with the reason. Nothing else is: finalizers, node ports, the `None`
of headless Services, labels and annotations stay. Owner references keep what they mean and lose the owner's UID.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.model.restorable import Context

Json = dict[str, Any]

_METADATA = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
)
_JOB_UIDS = ("controller-uid", "batch.kubernetes.io/controller-uid")
_TOKENS = "kube-api-access-"
_BINDING = (
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
)


def normal(kind: str, item: Json, context: Context) -> Json:
    """Return a copy of an object of a type (`deployments.apps`) as it would be written into another cluster."""
    found = copy.deepcopy(item)
    metadata = found["metadata"]
    for key in _METADATA:
        metadata.pop(key, None)
    if kind not in context.stateful_status:
        found.pop("status", None)
    owners = [{k: v for k, v in owner.items() if k != "uid"} for owner in metadata.pop("ownerReferences", None) or ()]
    if owners:
        metadata["ownerReferences"] = sorted(
            owners, key=lambda owner: [str(owner.get(each)) for each in ("apiVersion", "kind", "name")]
        )
    rule = _RULES.get(kind)
    if rule:
        rule(found, context)
    for key in ("annotations", "labels", "finalizers"):
        if not metadata.get(key):
            metadata.pop(key, None)
    return found


def differences(left: Any, right: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the fields in which two values differ, and never a value: it may be a secret."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            inner = f"{path}.{key}" if path else key
            if key not in left or key not in right:
                yield inner
            else:
                yield from differences(left[key], right[key], inner)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif left != right or type(left) is not type(right):
        yield path


def merge_patch(old: Json, new: Json) -> Json:
    """Return the JSON merge patch (RFC 7396) that makes the new object of the old one; what is equal is not in it."""
    found: Json = dict.fromkeys(old.keys() - new.keys())
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            if inner := merge_patch(old[key], value):
                found[key] = inner
        elif key not in old or old[key] != value:
            found[key] = value
    return found


def _namespace(item: Json, _context: Context) -> None:
    """Remove its only spec, a finalizer that the API server sets."""
    item.pop("spec", None)


def _service(item: Json, _context: Context) -> None:
    """Remove addresses, which are the cluster's; the `None` of a headless Service is the user's."""
    spec = item.get("spec", {})
    if spec.get("clusterIP") != "None":
        spec.pop("clusterIP", None)
        spec.pop("clusterIPs", None)


def _volume(item: Json, _context: Context) -> None:
    """Let its claim be found by name; the UID would be of the old one."""
    claim = item.get("spec", {}).get("claimRef") or {}
    claim.pop("uid", None)
    claim.pop("resourceVersion", None)


def _claim(item: Json, context: Context) -> None:
    """Let it be bound anew: to its volume where that is restored, else to a new one."""
    _without_annotations(item, _BINDING)
    spec = item.get("spec", {})
    if spec.get("volumeName") not in context.volumes:
        spec.pop("volumeName", None)


def _pod(item: Json, _context: Context) -> None:
    """Remove what admission and scheduler set: the node, the token's volume, the priority's number."""
    spec = item.get("spec", {})
    for key in ("nodeName", "priority", "preemptionPolicy", "ephemeralContainers"):
        spec.pop(key, None)
    tokens = {each["name"] for each in spec.get("volumes") or () if str(each.get("name", "")).startswith(_TOKENS)}
    _keep(spec, "volumes", lambda each: each.get("name") not in tokens)
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        _keep(container, "volumeMounts", lambda each: each.get("name") not in tokens)


def _job(item: Json, _context: Context) -> None:
    """Remove the selector with the old UID that the API server made, unless the user chose one (`manualSelector`)."""
    spec = item.get("spec", {})
    if spec.get("manualSelector"):
        return
    spec.pop("selector", None)
    for metadata in (item["metadata"], spec.get("template", {}).get("metadata") or {}):
        labels = metadata.get("labels") or {}
        for key in _JOB_UIDS:
            labels.pop(key, None)


def _daemon_set(item: Json, _context: Context) -> None:
    """Remove a counter of the controller's."""
    _without_annotations(item, ("deprecated.daemonset.template.generation",))


def _endpoints(item: Json, _context: Context) -> None:
    _without_annotations(item, ("endpoints.kubernetes.io/last-change-trigger-time",))


def _secret(item: Json, _context: Context) -> None:
    """Remove a ServiceAccount's token, which the old cluster signed for an old UID: the new one fills it in."""
    if item.get("type") != "kubernetes.io/service-account-token":
        return
    _without_annotations(item, ("kubernetes.io/service-account.uid",))
    for key in ("token", "ca.crt", "namespace"):
        (item.get("data") or {}).pop(key, None)
    if not item.get("data"):
        item.pop("data", None)


def _without_annotations(item: Json, keys: tuple[str, ...]) -> None:
    annotations = item["metadata"].get("annotations") or {}
    for key in keys:
        annotations.pop(key, None)


def _keep(owner: Json, key: str, wanted: Callable[[Json], bool]) -> None:
    """Keep those entries of a list; an empty one goes."""
    kept = [each for each in owner.get(key) or () if wanted(each)]
    owner.pop(key, None)
    if kept:
        owner[key] = kept


_RULES: Mapping[str, Callable[[Json, Context], None]] = {
    "daemonsets.apps": _daemon_set,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoints,
    "jobs.batch": _job,
    "namespaces": _namespace,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "pods": _pod,
    "secrets": _secret,
    "services": _service,
}
