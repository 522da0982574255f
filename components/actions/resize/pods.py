"""One pod's resize: the patch for it, and whether the kubelet has carried it out. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from components.actions.client import Json, path_of
from components.actions.pod_parts import statuses_of
from components.actions.resize.resources import (
    RESIZABLE,
    Resources,
    containers,
    differences,
    effective,
    overlaid,
    plain,
    restarts_for,
    same,
)
from components.model.quantity import parse

_MILLICORE, _QUOTA_STEP, _PAGE = Decimal("0.001"), Decimal("0.01"), Decimal(4096)


def pod_sizes(template: Json, changed: set[str]) -> dict[str, Resources]:
    """Return what each container of a pod of this template should have.

    Plain init containers are immutable before 1.36, and over in a running pod: they count only when they are
    named in `changed`.
    """
    return {
        container["name"]: effective(container)
        for kind, container in containers(template["spec"])
        if kind != "init" or container["name"] in changed
    }


def resize_patch(pod: Json, wanted: dict[str, Resources]) -> Json | None:
    """Return the strategic merge patch for `pods/{name}/resize`, or None when the pod has these sizes.

    It carries full requests and limits built from the live pod plus the wanted ones: a patch with limits only
    would be read as another QoS class. Containers that the template lacks (injected ones) are not touched.
    """
    spec: Json = {}
    for kind, container in containers(pod["spec"]):
        name = container["name"]
        live = effective(container)
        if name not in wanted or same(live, target := overlaid(live, wanted[name])):
            continue
        key = "containers" if kind == "container" else "initContainers"
        spec.setdefault(key, []).append({"name": name, "resources": {section: q for section, q in target.items() if q}})
    return {"spec": spec} if spec else None


def resize_path(pod: Json) -> str:
    """Return the API path of a pod's subresource `resize`."""
    return path_of("v1", "pods", pod["metadata"]["namespace"], pod["metadata"]["name"], "resize")


def mutations(pod: Json, patch: Json, answer: Json) -> list[str]:
    """Name what the server made different from the intent of `patch` (a LimitRange mutates resizes)."""
    intended = {c["name"]: plain(c) for _kind, c in containers(pod["spec"])}
    intended |= {c["name"]: plain(c) for _kind, c in containers(patch["spec"])}
    found = []
    for _kind, container in containers(answer["spec"]):
        name = container["name"]
        for section, resource, before, after in differences(intended[name], plain(container)):
            found.append(f"{name} {section}.{resource} {before or 'unset'} -> {after or 'unset'}")
    return found


def needs_restart(pod: Json, patch: Json) -> list[str]:
    """Return the containers that this patch restarts, by their `resizePolicy`."""
    live = {c["name"]: c for _kind, c in containers(pod["spec"])}
    found = []
    for _kind, container in containers(patch["spec"]):
        current = live[container["name"]]
        restarts = restarts_for(current)
        changed = {resource for _s, resource, _o, _n in differences(effective(current), plain(container))}
        if restarts & changed:
            found.append(container["name"])
    return found


@dataclass(frozen=True)
class Progress:
    """How far a pod is: `done`, `waiting` (with what for) or `failed` (with the kubelet's reason)."""

    state: Literal["done", "waiting", "failed"]
    text: str = ""


def progress(pod: Json, wanted: dict[str, Resources], *, ready_needed: bool) -> Progress:
    """Judge a patched pod by status alone.

    Done means all of: the kubelet has seen this generation (where it says so), every running container of the
    template reports the wanted resources, no resize condition is left, and the pod is Ready where it was
    before. The absence of conditions alone proves nothing: the kubelet may not have looked yet.
    """
    failing = _conditions(pod)
    if failing is not None:
        return failing
    if resize_patch(pod, wanted) is not None:
        return Progress("waiting", "not patched yet")
    seen = pod["status"].get("observedGeneration")
    if seen is not None and seen < pod["metadata"].get("generation", 0):
        return Progress("waiting", "the kubelet has not seen the change yet")
    for container, status in _statuses(pod):
        if container["name"] not in wanted or "running" not in (status.get("state") or {}):
            continue
        target = overlaid(effective(container), wanted[container["name"]])
        allocated = {r: q for r, q in (status.get("allocatedResources") or {}).items() if r in RESIZABLE}
        admitted = same({"requests": target["requests"] | allocated, "limits": {}}, target | {"limits": {}})
        if not admitted or not _close(plain(status), target):
            return Progress("waiting", f"container {container['name']} has its old size still")
    if ready_needed and not is_ready(pod):
        return Progress("waiting", "not Ready yet")
    return Progress("done")


def unactuated(pod: Json, template: Json) -> Progress | None:
    """Return what a kubelet says against a resize to the template's sizes, or None where it says nothing.

    A pod that asks for other sizes was resized by somebody else, whose business that is.
    """
    found = _conditions(pod)
    asks = found is not None and resize_patch(pod, pod_sizes(template, set())) is None
    return found if asks else None


def is_ready(pod: Json) -> bool:
    """Tell whether the pod's Ready condition is true."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions") or [])


def is_alive(pod: Json) -> bool:
    """Tell whether the pod is neither being deleted nor finished."""
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") not in (
        "Succeeded",
        "Failed",
    )


def restart_counts(pod: Json) -> dict[str, int]:
    """Return the restarts of every container so far."""
    return {container["name"]: status.get("restartCount", 0) for container, status in _statuses(pod)}


def _conditions(pod: Json) -> Progress | None:
    waiting = None
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition.get("status") != "True":
            continue
        reason, message = condition.get("reason", ""), condition.get("message", "")
        text = f"{reason}: {message}" if message else reason
        if condition["type"] == "PodResizePending":
            if reason == "Infeasible":
                return Progress("failed", text)
            waiting = Progress("waiting", text)
        elif condition["type"] == "PodResizeInProgress":
            if reason == "Error":
                return Progress("failed", text)
            waiting = waiting or Progress("waiting", text or "the kubelet is resizing")
    return waiting


def _statuses(pod: Json) -> list[tuple[Json, Json]]:
    """Pair every container of the pod's spec with its status."""
    by_name = {s["name"]: s for s in statuses_of(pod)}
    return [(c, by_name[c["name"]]) for _kind, c in containers(pod["spec"]) if c["name"] in by_name]


def _close(actual: Resources, wanted: Resources) -> bool:
    return all(
        found is not None and expected is not None and _rounded(resource, parse(found), parse(expected))
        for _section, resource, found, expected in differences(actual, wanted)
    )


def _rounded(resource: str, found: Decimal, expected: Decimal) -> bool:
    """Tell whether `found` is what a kubelet makes of `expected`.

    CPU shares come back a millicore off, quotas are rounded up to 10 millicores (the least, and systemd's step), and
    the kernel rounds memory to pages.
    """
    if resource == "cpu":
        up = expected % _QUOTA_STEP != 0 and 0 < found - expected < _QUOTA_STEP
        return up or abs(found - expected) <= _MILLICORE
    return resource == "memory" and abs(found - expected) < _PAGE
