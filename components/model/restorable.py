"""Which objects of a snapshot are not brought back, and why: a controller makes them, or they tell of a moment.

Everything else is restored. The same rules say what a comparison leaves alone, so that what is compared is what is
restored. docs/recovery.md has them as a table.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_TYPES: Mapping[str, str] = {
    "certificatesigningrequests.certificates.k8s.io": "certificates are asked for anew",
    "csinodes.storage.k8s.io": "kubelets make them",
    "csistoragecapacities.storage.k8s.io": "CSI drivers measure them",
    "events": "they tell of the past",
    "events.events.k8s.io": "they tell of the past",
    "ipaddresses.networking.k8s.io": "the API server makes them for Services",
    "leases.coordination.k8s.io": "they tell who is alive at the moment",
    "nodes": "kubelets register them",
    "resourceslices.resource.k8s.io": "drivers of devices make them",
    "volumeattachments.storage.k8s.io": "they are made when a pod needs its volume",
}
_SLICES = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")
# Certificates and addresses of the old cluster, written by the API server and by kubeadm.
_PUBLISHED = {
    ("kube-public", "cluster-info"),
    ("kube-system", "extension-apiserver-authentication"),
    ("kube-system", "kubeadm-config"),
    ("kube-system", "kubelet-config"),
}
_PROVISIONED = "pv.kubernetes.io/provisioned-by"


@dataclass(frozen=True)
class Context:
    """What has to be known of a whole snapshot to judge one object.

    `volumes` are the PersistentVolumes that are brought back, `stateful_status` the types whose status is no
    subresource and therefore an ordinary field.
    """

    volumes: frozenset[str] = frozenset()
    stateful_status: frozenset[str] = frozenset()


def context_of(objects: Iterable[tuple[str, Json]]) -> Context:
    """Return the context that a snapshot's PersistentVolumes and CustomResourceDefinitions make."""
    volumes, status = set(), set()
    for kind, item in objects:
        if kind == "persistentvolumes" and not why_not(kind, item):
            volumes.add(item["metadata"]["name"])
        elif kind == "customresourcedefinitions.apiextensions.k8s.io":
            versions = item.get("spec", {}).get("versions") or []
            if not all("status" in (each.get("subresources") or {}) for each in versions):
                status.add(item["metadata"]["name"])
    return Context(frozenset(volumes), frozenset(status))


def why_not(kind: str, item: Json) -> str:
    """Return why an object of a type (`replicasets.apps`) is not restored, "" for one that is."""
    metadata = item["metadata"]
    if kind in _TYPES:
        return _TYPES[kind]
    if metadata.get("deletionTimestamp"):
        return "it was being deleted"
    if any(owner.get("kind") == "Node" for owner in metadata.get("ownerReferences") or ()):
        return "its node makes it"
    rule = _RULES.get(kind)
    return rule(item) if rule else ""


def _pod(item: Json) -> str:
    if any(owner.get("controller") for owner in item["metadata"].get("ownerReferences") or ()):
        return "its controller makes it"
    if "kubernetes.io/config.mirror" in _annotations(item):
        return "its node makes it"
    return "it has ended" if item.get("status", {}).get("phase") in ("Succeeded", "Failed") else ""


def _job(item: Json) -> str:
    conditions = item.get("status", {}).get("conditions") or ()
    ended = any(each.get("type") in ("Complete", "Failed") and each.get("status") == "True" for each in conditions)
    return "it has ended, and would run again" if ended else ""


def _config_map(item: Json) -> str:
    metadata = item["metadata"]
    own = metadata["name"] == "kube-root-ca.crt" or (metadata.get("namespace"), metadata["name"]) in _PUBLISHED
    return "each cluster publishes its own" if own else ""


def _secret(item: Json) -> str:
    return "it lets nodes join the old cluster" if item.get("type") == "bootstrap.kubernetes.io/token" else ""


def _service(item: Json) -> str:
    return "the API server makes its own" if _is_kubernetes(item) else ""


def _endpoints(item: Json) -> str:
    labels = item["metadata"].get("labels") or {}
    # The label of Endpoints is there since 1.33.
    made = labels.get("endpointslice.kubernetes.io/managed-by") in _SLICES or (
        labels.get("endpoints.kubernetes.io/managed-by") == "endpoint-controller"
    )
    return "a controller makes them for Services" if made else _service(item)


def _api_service(item: Json) -> str:
    automatic = "kube-aggregator.kubernetes.io/automanaged" in (item["metadata"].get("labels") or {})
    return "the API server makes its own" if automatic else ""


def _flow(item: Json) -> str:
    automatic = _annotations(item).get("apf.kubernetes.io/autoupdate-spec") == "true"
    return "the API server makes its own" if automatic else ""


def _cidr(item: Json) -> str:
    return "the API server makes its own" if item["metadata"]["name"] == "kubernetes" else ""


def _volume(item: Json) -> str:
    deleted = item.get("spec", {}).get("persistentVolumeReclaimPolicy") == "Delete"
    provisioned = _PROVISIONED in _annotations(item)
    return (
        "what it stands for is deleted with its claim, which gets a new, empty one" if deleted and provisioned else ""
    )


def _is_kubernetes(item: Json) -> bool:
    return (item["metadata"].get("namespace"), item["metadata"]["name"]) == ("default", "kubernetes")


def _annotations(item: Json) -> Mapping[str, str]:
    found: Mapping[str, str] = item["metadata"].get("annotations") or {}
    return found


_RULES: Mapping[str, Callable[[Json], str]] = {
    "apiservices.apiregistration.k8s.io": _api_service,
    "configmaps": _config_map,
    "endpoints": _endpoints,
    "endpointslices.discovery.k8s.io": _endpoints,
    "flowschemas.flowcontrol.apiserver.k8s.io": _flow,
    "jobs.batch": _job,
    "persistentvolumes": _volume,
    "pods": _pod,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": _flow,
    "secrets": _secret,
    "servicecidrs.networking.k8s.io": _cidr,
    "services": _service,
}
