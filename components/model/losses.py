"""What goes with a cluster's nodes: data that lies on them, and volumes that are deleted with their claims. Pure.

A snapshot holds objects and no data. What lies in an external volume with reclaim policy Retain stays where it is; all
else is told here by name, so that nobody loses it unasked.
"""

from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]
_SCRATCH = {"Memory"}


def losses(pods: Iterable[Json], volumes: Iterable[Json]) -> Iterator[str]:
    """Yield what would be lost, each in words."""
    for pod in pods:
        if _is_mirror(pod) or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            continue
        for volume in pod.get("spec", {}).get("volumes") or ():
            where = f"pod {pod['metadata'].get('namespace')}/{pod['metadata']['name']}, volume {volume.get('name')}"
            if "emptyDir" in volume and (volume["emptyDir"] or {}).get("medium") not in _SCRATCH:
                yield f"{where}: emptyDir, which ends with the pod"
            elif "hostPath" in volume:
                yield f"{where}: hostPath {volume['hostPath'].get('path')} of its node"
            elif "ephemeral" in volume:
                yield f"{where}: an ephemeral volume, which ends with the pod"
    for volume in volumes:
        spec, name = volume.get("spec", {}), volume["metadata"]["name"]
        claim = spec.get("claimRef") or {}
        of = f" of claim {claim.get('namespace')}/{claim.get('name')}" if claim else ""
        if "local" in spec or "hostPath" in spec:
            yield f"PersistentVolume {name}{of}: it lies on a node"
        elif spec.get("persistentVolumeReclaimPolicy") == "Delete" and claim:
            yield f"PersistentVolume {name}{of}: its reclaim policy is Delete; with Retain it would stay"


def _is_mirror(pod: Json) -> bool:
    """Tell whether a node makes the pod from a file of its own, which comes back with the node."""
    return "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {})
