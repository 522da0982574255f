"""Sidecars that a cluster has made ordinary init containers, by dropping their `restartPolicy: Always`. Pure.

An API server before Kubernetes 1.29 drops the field (KEP-753), and so does a webhook or a controller that was built
with types from before it and writes back what it has read. Such a container never ends, and the pod hangs in Init.
"""

from collections.abc import Iterator

from components.actions.client import Json
from components.actions.diagnosis import Finding

_REMEDY = (
    "a mutating webhook (`kubectl get mutatingwebhookconfigurations`), a controller, or an API server before "
    "Kubernetes 1.29 has dropped it: update that, or keep it away from this namespace"
)


def sidecars(pod_spec: Json) -> list[str]:
    """Return the names of a pod spec's sidecars, in the order in which they start."""
    return [each["name"] for each in pod_spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"]


def lost(asked: Json, stored: Json) -> list[str]:
    """Return the sidecars of one pod spec that are ordinary init containers in the other."""
    kept = {each["name"]: each.get("restartPolicy") for each in stored.get("initContainers") or []}
    return [name for name in sidecars(asked) if name in kept and kept[name] != "Always"]


def of_pod(template: Json, pod: Json) -> Iterator[Finding]:
    """Yield what a pod's sidecars have lost since they were in the template that it was made from."""
    for name in lost(template["spec"], pod["spec"]):
        what = f"the cluster dropped restartPolicy: Always of sidecar {name}, which its template has"
        yield _finding(pod["metadata"]["name"], name, what)


def of_workload(asked: Json, live: Json) -> Iterator[Finding]:
    """Yield what the template's sidecars have lost since the program asked for them; both are manifests."""
    for name in lost(asked["spec"]["template"]["spec"], live["spec"]["template"]["spec"]):
        what = f"the cluster dropped restartPolicy: Always of sidecar {name}, which the program asked for"
        yield _finding(f"template of {live['metadata']['name']}", name, what)


def _finding(where: str, name: str, what: str) -> Finding:
    detail = f"{what}: it is an ordinary init container now, and nothing after it starts before it ends"
    return Finding(where, name, "sidecar", "RestartPolicyDropped", detail, _REMEDY, 0.0)
