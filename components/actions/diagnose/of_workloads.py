"""Workloads that make no pods, hold them back, or have failed as a whole."""

import json
from collections.abc import Callable, Iterator

from components.actions import dropped
from components.actions.client import Items, Json
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.actions.diagnosis import Finding, admission_remedy, replica_set_finding
from components.actions.explaining import when
from components.actions.readiness import paused_or_overdue
from components.actions.stateful import stuck

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CREATIONS = ("FailedCreate", "SuccessfulCreate")


def check(snapshot: Snapshot) -> Iterator[Trouble]:
    """Yield what is wrong with the workloads themselves; their pods are another check's."""
    for resource, judge in _JUDGES:
        for live in snapshot.of(resource):
            subject, objects = snapshot.subject(live)
            for problem, remedy in judge(live, snapshot.events_of(live)):
                yield Trouble("workloads", subject, problem, remedy, objects)


def not_created(events: Items) -> str:
    """Return why a controller cannot make a pod, by its latest event about that; nothing where it could since. Pure."""
    told = sorted((event for event in events if event.get("reason") in _CREATIONS), key=when)
    return str(told[-1].get("message", "")) if told and told[-1]["reason"] == "FailedCreate" else ""


def last_applied(live: Json) -> Json:
    """Return what `kubectl apply` was given for an object; empty where it was made otherwise. Pure."""
    text = (live["metadata"].get("annotations") or {}).get(_APPLIED)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _overdue(live: Json, _events: Items) -> Iterator[tuple[str, str]]:
    if why := paused_or_overdue(live):
        yield why, "see its pods; its rollout goes on once it is resumed or corrected"


def _refused(live: Json, _events: Items) -> Iterator[tuple[str, str]]:
    found = replica_set_finding(live) if live["spec"].get("replicas") else None
    if found is not None:
        yield _unmade(live, found)


def _held(live: Json, _events: Items) -> Iterator[tuple[str, str]]:
    if why := stuck(live):
        yield why, "delete these pods, or set updateStrategy RollingUpdate"


def _without_pods(live: Json, events: Items) -> Iterator[tuple[str, str]]:
    if why := not_created(events):
        yield _unmade(live, Finding("", "", "", "FailedCreate", why, admission_remedy(why), None))


def _unmade(live: Json, found: Finding) -> tuple[str, str]:
    told = dropped.explained(live, found)
    return f"no pods can be made: {told.detail}", told.remedy


def _failed(job: Json, _events: Items) -> Iterator[tuple[str, str]]:
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["type"] == "Failed" and condition["status"] == "True":
            told = f"it has failed: {condition.get('reason', '')}: {condition.get('message', '')}"
            yield told, "see its pods' logs; a Job that has failed is not run again: make a new one"


def _stripped(live: Json, _events: Items) -> Iterator[tuple[str, str]]:
    asked = last_applied(live)
    for found in dropped.of_workload(asked, live) if "template" in asked.get("spec", {}) else ():
        yield found.detail, found.remedy


_JUDGES: tuple[tuple[str, Callable[[Json, Items], Iterator[tuple[str, str]]]], ...] = (
    ("deployments", _overdue),
    ("replicasets", _refused),
    ("statefulsets", _held),
    *((resource, _without_pods) for resource in ("statefulsets", "daemonsets", "jobs")),
    ("jobs", _failed),
    *((resource, _stripped) for resource in ("deployments", "statefulsets", "daemonsets")),
)
