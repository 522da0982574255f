"""Sidecars that a cluster has made ordinary init containers, by dropping their `restartPolicy: Always`. Pure.

An API server before Kubernetes 1.29 drops the field (KEP-753), and so does a webhook or a controller that was built
with types from before it and writes back what it has read. Such a container never ends, and the pod hangs in Init; one
with a probe or a lifecycle hook, which are for sidecars alone, is refused by the API server, which names only those.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from components.actions.client import Json
from components.actions.diagnosis import Finding
from components.actions.keepers import pod_template

_REMEDY = (
    "a mutating webhook (`kubectl get mutatingwebhookconfigurations`), a controller, or an API server before "
    "Kubernetes 1.29 has dropped it: update that, or keep it away from this namespace"
)
_REFUSED = re.compile(r"initContainers\[(\d+)\]\.(\w+): Forbidden: m\w+ not be set for init containers")


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
    for name in lost(pod_template(asked)["spec"], pod_template(live)["spec"]):
        what = f"the cluster dropped restartPolicy: Always of sidecar {name}, which the program asked for"
        yield _finding(f"template of {live['metadata']['name']}", name, what)


def of_refusal(asked: Json, message: str) -> Iterator[Finding]:
    """Yield the sidecars of a manifest for which the API server refused it, since it got them as ordinary ones."""
    for name, field in _refused(pod_template(asked)["spec"], message):
        what = f"the cluster dropped restartPolicy: Always of sidecar {name}, which the program asked for"
        yield _finding(f"template of {asked['metadata']['name']}", name, what, field)


def explained(keeper: Json, finding: Finding) -> Finding:
    """Return why no pods can be made in these words, where the cause is a sidecar that became an ordinary one."""
    for name, field in _refused(pod_template(keeper)["spec"], finding.detail):
        what = f"the cluster dropped restartPolicy: Always of sidecar {name}, which its template has"
        return replace(_finding(finding.pod, name, what, field), grace=finding.grace)
    return finding


def _refused(pod_spec: Json, message: str) -> Iterator[tuple[str, str]]:
    """Yield name and refused field of each sidecar of a pod spec about which an API server says that it is none."""
    listed, told = pod_spec.get("initContainers") or [], set()
    for place, field in _REFUSED.findall(message):
        each = listed[int(place)] if int(place) < len(listed) else {}
        if each.get("restartPolicy") == "Always" and each["name"] not in told:
            told.add(each["name"])
            yield each["name"], field


def _finding(where: str, name: str, what: str, field: str = "") -> Finding:
    hangs = "and nothing after it starts before it ends"
    rest = f"which may have no {field}, so the API server refuses the pods" if field else hangs
    detail = f"{what}: it is an ordinary init container now, {rest}"
    return Finding(where, name, "sidecar", "RestartPolicyDropped", detail, _REMEDY, 0.0)
