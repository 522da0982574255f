"""Pods that are not well: what their status tells (`components.actions.diagnosis`), and what only events tell."""

import re
from collections.abc import Iterator

from components.actions import deadlocks, dropped, explaining, telling
from components.actions.client import Items, Json
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.actions.diagnosis import Finding, findings
from components.actions.events import newest_warning, start_finding, waits_for_sandbox
from components.actions.pod_parts import containers_of, role_of, statuses_of
from components.actions.resize.pods import is_alive, is_ready

_LOGS = 20
_RESTARTED = re.compile(r"ontainer (\S+) failed liveness probe")


def check(snapshot: Snapshot) -> Iterator[Trouble]:
    """Yield what is wrong with each pod, once for all pods of one owner that fail alike."""
    alike: dict[tuple[str, str, str, str], list[tuple[Json, Finding]]] = {}
    for pod in snapshot.of("pods"):
        if any(map(_is_complete, snapshot.owners(pod))):  # what a Job has done in the end is done
            continue
        subject, _ = snapshot.subject(pod)
        for finding in of_pod(snapshot, pod):
            alike.setdefault((subject, finding.role, finding.container, finding.reason), []).append((pod, finding))
    logs = 0
    for (subject, *_), group in alike.items():
        pod, finding = group[0]
        log = telling.last_words(snapshot.client, snapshot.namespace, finding) if logs < _LOGS else ""
        logs += bool(log)
        text, _, remedy = finding.text(log).rpartition(". Remedy: ")
        others = len(group) - 1
        more = f" (and {others} more pod{'s' if others > 1 else ''} alike)" if others else ""
        objects = tuple(dict.fromkeys(name for each, _ in group for name in snapshot.subject(each)[1]))
        yield Trouble("pods", subject, text + more, remedy, objects, certain=finding.grace is not None)


def of_pod(snapshot: Snapshot, pod: Json) -> list[Finding]:
    """Return what is wrong with one pod, with what its events add; the logs apart."""
    told = snapshot.events_of(pod)
    found = [*_lost(snapshot, pod), *findings(pod)]
    starting = start_finding(pod, told) if waits_for_sandbox(pod) else None
    found += filter(None, [deadlocks.of_pod(pod, told), starting])
    found = [explaining.explained(each, pod, told) for each in _without_echo(found)]
    found += [*_killed(pod, told), *_hooks(pod, told)]
    if not found and not is_ready(pod) and is_alive(pod) and (warning := newest_warning(told)):
        text = f"{' '.join(str(warning.get('message', '')).split())}"
        found.append(Finding(pod["metadata"]["name"], "", "", str(warning.get("reason")), text, "see the event", None))
    return found


def _is_complete(item: Json) -> bool:
    conditions = item.get("status", {}).get("conditions") or []
    return item["kind"] == "Job" and any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)


def _lost(snapshot: Snapshot, pod: Json) -> Iterator[Finding]:
    owner = snapshot.owner(pod)
    if owner is not None and "template" in owner.get("spec", {}) and is_alive(pod):
        yield from dropped.of_pod(owner["spec"]["template"], pod)


def _without_echo(found: list[Finding]) -> list[Finding]:
    """Leave out what a more telling finding about the same container says already."""
    telling_more = {each.container for each in found if each.reason in ("Deadlock", "RestartPolicyDropped")}
    return [
        each for each in found if each.reason not in ("NotReady", "InitNotEnding") or each.container not in telling_more
    ]


def _killed(pod: Json, told: Items) -> Iterator[Finding]:
    """Yield the containers that run now and that their liveness probe has ended before."""
    for container in containers_of(pod):
        name = container["name"]
        events = explaining.of_container(told, name)
        kills = [
            each for each in events if each.get("reason") == "Killing" and _RESTARTED.search(each.get("message", ""))
        ]
        if not kills or not _runs(pod, name):
            continue
        times = sum(int(each.get("count") or 1) for each in kills)
        why = f"its liveness probe has had it restarted {times} time{'s' if times > 1 else ''}"
        answer = explaining.answer(events, "Liveness")
        why += f"; the probe was told: {answer}" if answer else ""
        remedy = "correct the liveness probe or what it asks; a startup probe holds it off while the program starts"
        yield Finding(pod["metadata"]["name"], name, role_of(pod, name), "LivenessProbeFailed", why, remedy, 0.0)


def _hooks(pod: Json, told: Items) -> Iterator[Finding]:
    """Yield the containers whose preStop hook has failed, so that they were stopped without what it is for."""
    for container in containers_of(pod):
        name = container["name"]
        failed = [e for e in explaining.of_container(told, name) if e.get("reason") == "FailedPreStopHook"]
        if failed:
            why, remedy = str(failed[-1].get("message", "")), "correct the command or the request of its preStop hook"
            yield Finding(pod["metadata"]["name"], name, role_of(pod, name), "FailedPreStopHook", why, remedy, 0.0)


def _runs(pod: Json, name: str) -> bool:
    return any(each["name"] == name and "running" in (each.get("state") or {}) for each in statuses_of(pod))
