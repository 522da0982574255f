"""A Job around a workload's pods: what is wrong with its arguments, and what they become.

Rules without a source of their own are those of k8s.io/kubernetes/pkg/apis/batch/validation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import names, workload
from components.model.problem import Problem, entries, in_range, known, one_of

RESTART_POLICIES = ("Never", "OnFailure")
COMPLETION_MODES = ("NonIndexed", "Indexed")
_MOST_INDEXED = 100000
_INT32 = 2**31 - 1
_INT64 = 2**63 - 1
_NUMBERS = {
    "completions": _INT32,
    "parallelism": _INT32,
    "backoff_limit": _INT32,
    "ttl_seconds_after_finished": _INT32,
    "active_deadline_seconds": _INT64,
}
_COPIED = ("completions", "parallelism", "completionMode", "backoffLimit", "activeDeadlineSeconds", "suspend")


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the arguments of a Job alone, also of one that a CronJob makes (snake_case)."""
    found = args.get("job")
    given: Mapping[str, Any] = found if isinstance(found, dict) else {}
    for field, most in _NUMBERS.items():
        yield from in_range(f"job.{field}", given.get(field), 0, most)
    yield from one_of("job.restart_policy", given.get("restart_policy"), RESTART_POLICIES, "Never")
    yield from one_of("job.completion_mode", given.get("completion_mode"), COMPLETION_MODES, "NonIndexed")
    if given.get("completion_mode") == "Indexed":
        yield from _indexed(given, args.get("name") if args.get("kind") == "Job" else None)
    if given.get("restart_policy") in (None, "Never"):
        yield from _never_restarting(args)
    if args.get("kind") == "CronJob" and given.get("suspend") is not None:
        remedy = "write cron_job.suspend, which keeps it from making Jobs"
        yield Problem("job.suspend", "each of its Jobs would wait for somebody to start it", remedy, "kind")


def template(name: Any, args: Mapping[str, Any], config_maps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod template for the arguments of a Job (camelCase).

    Never by default: with OnFailure each restart of a sidecar counts towards the backoff limit, as if the work itself
    had failed (pastBackoffLimitOnFailure of the Job controller).
    """
    made = workload.template(name, args, config_maps)
    policy = (args.get("job") or {}).get("restartPolicy") or "Never"
    return {**made, "spec": {**made["spec"], "restartPolicy": policy}}


def spec(args: Mapping[str, Any], *, selector: Any, template: Any, deadline: Any) -> dict[str, Any]:
    """Return the spec of the Job around its template (camelCase); Kubernetes makes its selector.

    `ttlSecondsAfterFinished` is not in it: see `components.actions.jobs.let_expire`.
    """
    del selector, deadline
    given = args.get("job") or {}
    return {"template": template} | {field: given[field] for field in _COPIED if given.get(field) is not None}


def _indexed(given: Mapping[str, Any], name: Any) -> Iterator[Problem]:
    completions, parallelism = given.get("completions"), given.get("parallelism")
    if completions is None and parallelism is None:
        completions = 1  # SetDefaults_Job
    if completions is None:
        yield Problem("job.completions", "an Indexed Job has to have it", "write how many indexes there are")
    if isinstance(parallelism, int | float) and _MOST_INDEXED < parallelism <= _INT32:
        remedy = f"write at most {_MOST_INDEXED}"
        yield Problem("job.parallelism", f"{parallelism:g} is too many for an Indexed Job", remedy)
    if isinstance(completions, int | float) and 0 < completions <= _INT32 and isinstance(name, str):
        host = f"{name}-{int(completions) - 1}"
        if any(names.dns_label("", host)) and not any(names.dns_subdomain("", name)):
            remedy = "write a shorter one, of lower-case letters, digits and '-'"
            yield Problem("name", f"a pod of an Indexed Job has the host name {host!r}, which is none", remedy)


def _never_restarting(args: Mapping[str, Any]) -> Iterator[Problem]:
    for field in ("containers", "sidecars"):
        for index, entry in entries(args.get(field)):
            for place, asked in entries(entry.get("resize_policy")):
                if known(asked.get("restart_policy")) and asked["restart_policy"] == "RestartContainer":
                    yield Problem(
                        f"{field}[{index}].resize_policy[{place}].restart_policy",
                        "RestartContainer is nothing for a pod that never restarts its containers",
                        "leave it out, or write job.restart_policy: OnFailure",
                    )
