"""The kinds of what can keep a workload's pods: which arguments each of them takes, and the rules that judge them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.model import cron, daemon, job, stateful, workload
from components.model.problem import UNKNOWN, Problem, entries, one_of

KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
RESIZED = ("Deployment", "StatefulSet")
"""The kinds whose running pods are resized in place."""
ENDING = ("Job", "CronJob")
"""The kinds whose pods run to their end."""
_GOING_ON = ("Deployment", "StatefulSet", "DaemonSet")
_REPLICAS = {
    "DaemonSet": "leave it out: each node that node_selector and tolerations allow gets one pod",
    "Job": "write job.completions and job.parallelism",
    "CronJob": "write job.completions and job.parallelism",
}
_STRATEGY = {
    "StatefulSet": "leave it out: its pods are replaced one after another, the highest ordinal first",
    "DaemonSet": "write daemon_set.max_unavailable or daemon_set.max_surge",
    "Job": "leave it out: a changed Job runs again as a new object",
    "CronJob": "leave it out: a change counts for the Jobs to come",
}
_OWN_SELECTOR = dict.fromkeys(ENDING, "leave it out: Kubernetes gives each Job a selector of its own")
# For each field that is not for all kinds: those it is for, and what to do about it with another one.
_FIELDS: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "stateful_set": (("StatefulSet",), {}),
    "daemon_set": (("DaemonSet",), {}),
    "job": (ENDING, {}),
    "cron_job": (("CronJob",), {}),
    "replicas": (RESIZED, _REPLICAS),
    "strategy": (("Deployment",), _STRATEGY),
    "rollback_on_failure": (RESIZED, {}),
    "min_ready_seconds": (_GOING_ON, {}),
    "match_labels": (_GOING_ON, _OWN_SELECTOR),
    "resize_failure_policy": (RESIZED, {}),
    "restart": ((*_GOING_ON, "Job"), {"CronJob": "leave it out: the pods of each of its Jobs are new"}),
    # Secure defaults make another template of it, and a Job's template never changes.
    "moved_from": ((*_GOING_ON, "CronJob"), {"Job": "leave it out: a Job that moved in would run again"}),
}
_PARTS = ("stateful_set", "daemon_set", "job", "cron_job")


def problems(args: Mapping[str, Any], kinds: Sequence[str] = KINDS, *, grace: int | None = None) -> Iterator[Problem]:
    """Yield everything that is wrong with the arguments of a workload whose `kind` is an argument (snake_case).

    `kinds` are those that the workload can be, `grace` is that of `workload.problems`.
    """
    kind = "Deployment" if args.get("kind") is None else args["kind"]
    if kind is UNKNOWN:
        yield Problem("kind", "it is not known before the deployment", f"write one of {', '.join(kinds)}", "own")
        return
    yield from one_of("kind", kind, kinds, "Deployment", "own")
    if kind not in kinds:
        return
    yield from _misfits(kind, args, kinds)
    for part in _PARTS:
        if args.get(part) is UNKNOWN:
            remedy = "write it out; the values inside may come later"
            yield Problem(part, "it is not known before the deployment", remedy, "own")
    judged = merged(args, "stateful_set") if kind == "StatefulSet" else args
    for problem in _of_kind(kind, judged, grace):
        yield _in_part(problem, "stateful_set", args) if kind == "StatefulSet" else problem


def meaning(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Return what a change of the spec (camelCase) of an object that stays means for its pods; "" where for none."""
    if kind == "DaemonSet" and old.get("template") != new.get("template"):
        return "the pods are replaced, node by node"
    if kind == "CronJob" and old.get("jobTemplate") != new.get("jobTemplate"):
        return "the change counts for the Jobs that are made from now on; those that run go on as they are"
    if kind == "Job" and old != new:
        return "the Job goes on with it: its pods stay as they are"
    return ""


def merged(args: Mapping[str, Any], part: str) -> dict[str, Any]:
    """Return arguments with the fields of one of their objects beside the others."""
    found = args.get(part)
    return {**args, **(found if isinstance(found, Mapping) else {})}


def _of_kind(kind: str, args: Mapping[str, Any], grace: int | None) -> Iterator[Problem]:
    yield from workload.problems(args, grace=grace)
    if kind == "StatefulSet":
        yield from stateful.own_problems(args)
    elif kind == "DaemonSet":
        yield from daemon.problems(args)
    elif kind in ENDING:
        yield from job.problems(args)
    if kind == "CronJob":
        yield from cron.problems(args)


def _in_part(problem: Problem, part: str, args: Mapping[str, Any]) -> Problem:
    """Return a problem with its path where the field is written: in an object of the arguments, if it is there."""
    found = args.get(part)
    top = problem.path.split(".")[0].split("[")[0]
    inside = isinstance(found, Mapping) and top in found
    return replace(problem, path=f"{part}.{problem.path}") if inside else problem


def _misfits(kind: str, args: Mapping[str, Any], kinds: Sequence[str]) -> Iterator[Problem]:
    for field, (fitting, remedies) in _FIELDS.items():
        if args.get(field) is not None and kind not in fitting:
            possible = [each for each in fitting if each in kinds]
            remedy = remedies.get(kind) or f"leave it out, or write kind: {' or '.join(possible)}"
            yield Problem(field, f"a {kind} has none", remedy, "kind")
    for index, volume in entries(args.get("volumes") if kind in ENDING else None):
        config = volume.get("config")
        if isinstance(config, dict) and config.get("reload") is not None:
            remedy = "leave it out: a pod that starts later reads the new content"
            yield Problem(f"volumes[{index}].config.reload", f"a {kind} has no pods that go on", remedy, "kind")
    if args.get("in_place") == "required" and kind not in RESIZED:
        message = f"the pods of a {kind} are not resized in place"
        possible = [each for each in RESIZED if each in kinds]
        yield Problem("in_place", message, f"leave it out, or write kind: {' or '.join(possible)}", "kind")
