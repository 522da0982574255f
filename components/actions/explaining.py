"""What only a pod's events tell of its containers: what probes and hooks answered, and which of them killed. Pure.

The kubelet writes no probe's result into a pod's status. Its events name the container in `fieldPath`.
"""

import re
from dataclasses import replace

from components.actions.client import Items, Json
from components.actions.diagnosis import Finding
from components.actions.pod_parts import spec_of
from components.actions.starting import probed_port

_KILLED = re.compile(r"ontainer \S+ failed (liveness|startup) probe")
_PROBE = re.compile(r"(Startup|Readiness|Liveness) probe (?:failed|errored)[^:]*: ?(.*)", re.DOTALL)
_LONGEST = 200


def of_container(events: Items, name: str) -> Items:
    """Return the events about one container of a pod, the oldest first."""
    paths = (f"spec.containers{{{name}}}", f"spec.initContainers{{{name}}}")
    found = [event for event in events if (event.get("involvedObject") or {}).get("fieldPath") in paths]
    return sorted(found, key=when)


def when(event: Json) -> str:
    """Return when an event was last seen, in a form that sorts."""
    series = event.get("series") or {}
    return str(event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime") or "")


def refused(events: Items, name: str) -> bool:
    """Tell whether nothing listened on the port that a container's startup probe asked last."""
    said = answer(of_container(events, name), "Startup")
    return "connection refused" in said


def explained(finding: Finding, pod: Json, events: Items) -> Finding:
    """Return the finding with what the events say of its container's probes and hooks."""
    told = of_container(events, finding.container) if finding.container else []
    if finding.reason == "CrashLoopBackOff":
        return _killed(finding, told)
    if finding.reason in ("NotReady", "StartupProbeFailed", "Deadlock"):
        probe = "Readiness" if "readiness" in finding.detail else "Startup"
        return _answered(finding, pod, probe, answer(told, probe))
    return finding


def _killed(finding: Finding, told: Items) -> Finding:
    """Tell of a crash loop what no exit code tells: that a probe or a hook that failed has ended the container."""
    for event in reversed(told):
        said = str(event.get("message", ""))
        if event.get("reason") == "FailedPostStartHook":
            detail = f"{finding.detail}; its postStart hook failed: {_short(said)}"
            remedy = "correct the command of its postStart hook, which runs inside the container"
            return replace(finding, reason="PostStartHookFailed", detail=detail, remedy=remedy)
        killed = _KILLED.search(said) if event.get("reason") == "Killing" else None
        if killed:
            probe = killed[1]
            said = answer(told, probe.capitalize())
            detail = f"{finding.detail}; killed by its {probe} probe" + (f": {said}" if said else "")
            more = (
                "give it a startup probe, which holds the liveness probe off"
                if probe == "liveness"
                else "give it more time"
            )
            return replace(finding, detail=detail, remedy=f"correct the {probe} probe or what it asks, or {more}")
    return finding


def _answered(finding: Finding, pod: Json, probe: str, said: str) -> Finding:
    if not said:
        return finding
    detail, remedy = f"{finding.detail}; the probe was told: {said}", finding.remedy
    container = spec_of(pod, finding.container)
    port = probed_port(container, f"{probe.lower()}Probe")
    if "connection refused" in said and port is not None and finding.reason != "Deadlock":
        declared = sorted({str(each["containerPort"]) for each in container.get("ports") or []})
        others = f" (it declares {', '.join(declared)})" if declared and str(port) not in declared else ""
        remedy = (
            f"nothing listens on port {port} of the pod: correct the probe's port{others}, or let the program listen "
        )
        remedy += "on it, on all addresses and not on localhost alone"
    return replace(finding, detail=detail, remedy=remedy)


def answer(told: Items, probe: str) -> str:
    """Return what a probe was told last, in one line."""
    for event in reversed(told):
        found = _PROBE.match(str(event.get("message", ""))) if event.get("reason") == "Unhealthy" else None
        if found and found[1] == probe:
            return _short(found[2])
    return ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "…"
