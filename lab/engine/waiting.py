"""When an object counts as ready, and the wait for it.

1. `pulumi.com/skipAwait: "true"`: at once.
2. `pulumi.com/waitFor`: `jsonpath={...}[=value]`, `condition=Type[=Status]`, or a JSON array of these, all met.
3. Otherwise by kind, the rules that the official provider documents: Deployment, StatefulSet, DaemonSet, Pod,
   Job, PersistentVolumeClaim, Service.

Known differences to the official provider: a Service is ready as soon as its endpoints have a target (the
official one watches ten seconds more); Ingress, PersistentVolume, ReplicationController, ResourceQuota and
service account token Secrets are not awaited.
"""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from lab.engine import jsonpath
from lab.engine.errors import PartialError, StepError
from lab.engine.values import Object

Check = Callable[[Object], str | None]
"""Gives None for a live object that is ready, else what is missing."""

_SECONDS = 600.0
_DELETE_SKIPPABLE = {
    *(("v1", kind) for kind in ("Namespace", "Pod", "ReplicationController")),
    *(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")),
    ("batch/v1", "Job"),
}


def annotation(manifest: Object, name: str) -> str:
    """Return the value of a `pulumi.com/` annotation, "" where there is none."""
    annotations = manifest.get("metadata", {}).get("annotations") or {}
    return str(annotations.get(f"pulumi.com/{name}", ""))


def timeout(manifest: Object, custom: float | None, default: float = _SECONDS) -> float:
    """Return the seconds to wait: the resource option, else the timeoutSeconds annotation, else the default."""
    text = annotation(manifest, "timeoutSeconds")
    return custom or (float(text) if text.isdigit() else default)


def skips_delete(manifest: Object) -> bool:
    """Tell whether skipAwait also skips the wait for deletion: only for the kinds where it always did."""
    kind = (manifest.get("apiVersion"), manifest.get("kind"))
    return annotation(manifest, "skipAwait") == "true" and kind in _DELETE_SKIPPABLE


def check_for(manifest: Object, endpoints: Callable[[Object], Object]) -> Check | None:
    """Return how to judge this object, None when there is nothing to wait for.

    StepError for a malformed waitFor. `endpoints` reads the Endpoints object of a Service.
    """
    if annotation(manifest, "skipAwait") == "true":
        return None
    wanted = annotation(manifest, "waitFor")
    if wanted:
        checks = [_expression(text) for text in _texts(wanted)]
        return lambda live: next(filter(None, (check(live) for check in checks)), None)
    if (manifest.get("apiVersion"), manifest.get("kind")) == ("v1", "Service"):
        return lambda live: _service(live, endpoints)
    return _BY_KIND.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))


def unwell(manifest: Object, live: Object, endpoints: Callable[[Object], Object]) -> list[str]:
    """Return why a live object is not well at this moment, for a refresh: by its kind, unless skipAwait is set."""
    kind = (str(live.get("apiVersion")), str(live.get("kind")))
    if annotation(manifest, "skipAwait") == "true" or kind == ("v1", "PersistentVolumeClaim"):
        return []
    try:
        check = _BY_KIND.get(kind)
        found = check(live) if check else None
        if kind == ("v1", "Service"):
            found = _service(live, endpoints)
    except PartialError as error:
        return [str(error)]
    return [found] if found else []


def wait(
    read: Callable[[], Object], check: Check, seconds: float, cancelled: threading.Event, say: Callable[[str], None]
) -> Object:
    """Read the object until the check gives None, and return it then. PartialError after `seconds` or a cancel."""
    end = time.monotonic() + seconds
    pause = 0.05
    while True:
        live = read()
        missing = check(live)
        if missing is None:
            return live
        say(missing)
        if time.monotonic() >= end:
            msg = f"not ready after {seconds:.0f} s: {missing}"
            raise PartialError(msg, live)
        if cancelled.wait(pause):
            msg = f"cancelled while waiting: {missing}"
            raise PartialError(msg, live)
        pause = min(pause * 1.5, 1.0)


def _texts(wanted: str) -> list[str]:
    try:
        parsed = json.loads(wanted)
    except ValueError:
        return [wanted]
    if not isinstance(parsed, list) or not parsed or not all(isinstance(text, str) for text in parsed):
        msg = f"pulumi.com/waitFor: {wanted!r} is neither an expression nor a list of expressions"
        raise StepError(msg)
    return parsed


def _expression(text: str) -> Check:
    if text.startswith("jsonpath="):
        try:
            parsed = jsonpath.parse(text.removeprefix("jsonpath="))
        except ValueError as error:
            raise StepError(str(error)) from error
        return lambda live: None if parsed.met(live) else f"Waiting for {parsed.text}"
    if text.startswith("condition="):
        name, _, status = text.removeprefix("condition=").partition("=")
        return lambda live: None if _condition(live, name) == (status or "True").lower() else f"Waiting for {name}"
    msg = f'expected a "jsonpath=" or "condition=" prefix in pulumi.com/waitFor, got {text!r}'
    raise StepError(msg)


def _condition(live: Object, name: str) -> str:
    for entry in live.get("status", {}).get("conditions") or []:
        if str(entry.get("type", "")).lower() == name.lower():
            return str(entry.get("status", "")).lower()
    return ""


def _behind(live: Object) -> bool:
    return int(live.get("status", {}).get("observedGeneration", 0)) < int(live["metadata"].get("generation", 0))


def _deployment(live: Object) -> str | None:
    status: dict[str, Any] = live.get("status", {})
    wanted = live["spec"].get("replicas", 1)
    if _behind(live):
        return "Waiting for the Deployment controller"
    if status.get("updatedReplicas", 0) < wanted or status.get("availableReplicas", 0) < wanted:
        return f"Waiting for app ReplicaSet to become available ({status.get('availableReplicas', 0)}/{wanted})"
    if status.get("replicas", 0) > status.get("updatedReplicas", 0):
        return "Waiting for old Pods to end"
    return None if _condition(live, "Available") == "true" else "Waiting for the minimum availability"


def _stateful_set(live: Object) -> str | None:
    status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
    if _behind(live) or status.get("updateRevision") != status.get("currentRevision"):
        return "Waiting for the StatefulSet update to roll out"
    ready = status.get("readyReplicas", 0)
    return None if ready >= wanted else f"Waiting for Pods to become ready ({ready}/{wanted})"


def _daemon_set(live: Object) -> str | None:
    status = live.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    done = min(status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    return None if not _behind(live) and done >= wanted else f"Waiting for Pods to become available ({done}/{wanted})"


def _pod(live: Object) -> str | None:
    if live.get("status", {}).get("phase") == "Succeeded" or _condition(live, "Ready") == "true":
        return None
    return f"Waiting for the Pod to become ready (phase {live.get('status', {}).get('phase')})"


def _job(live: Object) -> str | None:
    if _condition(live, "Failed") == "true":
        msg = "the Job failed"
        raise PartialError(msg, live)
    return None if _condition(live, "Complete") == "true" else "Waiting for the Job to complete"


def _claim(live: Object) -> str | None:
    phase = live.get("status", {}).get("phase")
    return None if phase in ("Bound", "Pending") else f"Waiting for the claim (phase {phase})"


def _service(live: Object, endpoints: Callable[[Object], Object]) -> str | None:
    spec = live["spec"]
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
        return None
    if spec.get("type") == "LoadBalancer" and not live.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return "Service was not allocated an IP address; does your cloud provider support this?"
    if endpoints(live).get("subsets"):
        return None
    return "Service does not target any Pods: they may not be ready, or .spec.selector may not match them"


_BY_KIND: dict[tuple[str, str], Check] = {
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("v1", "Pod"): _pod,
    ("batch/v1", "Job"): _job,
    ("v1", "PersistentVolumeClaim"): _claim,
}
