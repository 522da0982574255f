"""Other names for namespaces and StorageClasses, wherever objects name them. Pure.

Covered are the fields of Kubernetes' own kinds: the namespace of an object and its label `kubernetes.io/metadata.name`,
subjects of bindings, claims of volumes, services of webhooks, of API services and of conversions, StorageClasses of
volumes, claims and claim templates. What custom resources and texts (URLs, arguments, DNS names) say is not known and
stays.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
_NAME_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Names:
    """New names by old ones."""

    namespaces: Mapping[str, str] = field(default_factory=dict)
    storage_classes: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.namespaces or self.storage_classes)


def mapped(kind: str, item: Json, names: Names) -> Json:
    """Return an object with the new names; the same one where there is nothing to map."""
    if not names:
        return item
    found = copy.deepcopy(item)
    if kind == "namespaces":
        new = names.namespaces.get(found["metadata"]["name"], found["metadata"]["name"])
        found["metadata"]["name"] = new
        if _NAME_LABEL in (found["metadata"].get("labels") or {}):
            found["metadata"]["labels"][_NAME_LABEL] = new
    for holder in _holders_of_namespace(kind, found):
        if holder.get("namespace") in names.namespaces:
            holder["namespace"] = names.namespaces[holder["namespace"]]
    for holder in _holders_of_class(kind, found):
        if holder.get("storageClassName") in names.storage_classes:
            holder["storageClassName"] = names.storage_classes[holder["storageClassName"]]
    return found


def _holders_of_namespace(kind: str, item: Json) -> Iterator[Json]:
    yield item["metadata"]
    spec = item.get("spec") or {}
    if kind in ("rolebindings.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io"):
        yield from item.get("subjects") or ()
    elif kind == "persistentvolumes":
        yield spec.get("claimRef") or {}
    elif kind == "apiservices.apiregistration.k8s.io":
        yield spec.get("service") or {}
    elif kind.endswith("webhookconfigurations.admissionregistration.k8s.io"):
        for webhook in item.get("webhooks") or ():
            yield (webhook.get("clientConfig") or {}).get("service") or {}
    elif kind == "customresourcedefinitions.apiextensions.k8s.io":
        client = ((spec.get("conversion") or {}).get("webhook") or {}).get("clientConfig") or {}
        yield client.get("service") or {}
    elif kind in ("endpoints", "endpointslices.discovery.k8s.io"):
        for endpoint in item.get("endpoints") or ():
            yield endpoint.get("targetRef") or {}


def _holders_of_class(kind: str, item: Json) -> Iterator[Json]:
    spec = item.get("spec") or {}
    if kind in ("persistentvolumes", "persistentvolumeclaims"):
        yield spec
    elif kind == "statefulsets.apps":
        for template in spec.get("volumeClaimTemplates") or ():
            yield template.get("spec") or {}
