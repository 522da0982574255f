"""Kubernetes objects between inputs, the API server and outputs: their forms, their ids, and whose they are."""

import time
from typing import Any

from lab.engine.diff import compare, prune
from lab.engine.values import Object, reveal

MANAGER = "pulumi-kubernetes"
_RESERVED = ("__inputs", "__initialApiVersion", "__fieldManager")


def to_manifest(inputs: Object) -> Object:
    """Return the plain object for the API server: no secret marks, no reserved keys, dashed schema extensions."""
    return {key: _dashed(value) for key, value in reveal(inputs).items() if key not in _RESERVED}


def _dashed(value: Any) -> Any:
    if isinstance(value, dict):
        return {k.replace("_", "-") if k.startswith("x_kubernetes_") else k: _dashed(v) for k, v in value.items()}
    return [_dashed(item) for item in value] if isinstance(value, list) else value


def underscored(value: Any) -> Any:
    """Return what the server told with schema extensions named as the SDK has them: `x_kubernetes_...`."""
    if isinstance(value, dict):
        return {k.replace("-", "_") if k.startswith("x-kubernetes-") else k: underscored(v) for k, v in value.items()}
    return [underscored(item) for item in value] if isinstance(value, list) else value


def object_id(live: Object) -> str:
    """Return the resource id: `namespace/name`, or `name` where the kind is cluster-scoped."""
    metadata = live["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def made_by(inputs: Object, live: Object, since: float) -> bool:
    """Tell whether a live object is the one that an interrupted create of these inputs made.

    It has the create's field manager, is not older than the create's record, and holds the inputs unchanged.
    """
    manifest = to_manifest(inputs)
    managers = {entry.get("manager") for entry in live["metadata"].get("managedFields") or []}
    created = time.mktime(time.strptime(live["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    return (
        MANAGER in managers and created >= int(since) - 1 and not compare(prune(live, manifest), manifest, manifest, [])
    )
