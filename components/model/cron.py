"""A CronJob around a Job: what is wrong with its arguments, and what they become.

Rules without a source of their own are those of k8s.io/kubernetes/pkg/apis/batch/validation (validateCronJobSpec).
"""

import functools
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

from components.model import job, schedule
from components.model.problem import UNKNOWN, Problem, in_range, one_of

CONCURRENCY_POLICIES = ("Allow", "Forbid", "Replace")
# The controller names each Job after its CronJob, with up to eleven characters behind it, and a Job's name is a label.
_LONGEST_NAME = 52
_ZONE_PART = re.compile(r"[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13}")
# The controller looks every ten seconds, so a start that may be no later than that may be missed each time.
_SHORTEST_DEADLINE = 10
_INT32 = 2**31 - 1
_INT64 = 2**63 - 1
_COPIED = (
    "schedule",
    "timeZone",
    "concurrencyPolicy",
    "suspend",
    "startingDeadlineSeconds",
    "successfulJobsHistoryLimit",
    "failedJobsHistoryLimit",
)


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the arguments of a CronJob alone (snake_case); `job.problems` judges its Jobs."""
    name = args.get("name")
    if isinstance(name, str) and len(name) > _LONGEST_NAME:
        yield Problem("name", f"it has {len(name)} characters", f"write {_LONGEST_NAME} at most")
    given = args.get("cron_job")
    if given is None:
        yield Problem("cron_job", "a CronJob has to have it", "write its schedule: {'schedule': '@daily'}", "kind")
    if not isinstance(given, dict):
        return
    yield from schedule.problems("cron_job.schedule", given.get("schedule"))
    yield from _time_zone("cron_job.time_zone", given.get("time_zone"))
    policy = given.get("concurrency_policy")
    yield from one_of("cron_job.concurrency_policy", policy, CONCURRENCY_POLICIES, "Allow")
    for field in ("successful_jobs_history_limit", "failed_jobs_history_limit"):
        yield from in_range(f"cron_job.{field}", given.get(field), 0, _INT32)
    path, seconds = "cron_job.starting_deadline_seconds", given.get("starting_deadline_seconds")
    yield from in_range(path, seconds, 0, _INT64)
    if isinstance(seconds, int | float) and 0 <= seconds < _SHORTEST_DEADLINE:
        message = f"its controller looks every {_SHORTEST_DEADLINE} s, and may find each start to be too late"
        yield Problem(path, message, f"write {_SHORTEST_DEADLINE} or more, or leave it out", "cron-deadline")


def spec(args: Mapping[str, Any], *, selector: Any, template: Any, deadline: Any) -> dict[str, Any]:
    """Return the spec of the CronJob around the template of its Jobs' pods (camelCase)."""
    given = args.get("cronJob") or {}
    made = job.spec(args, selector=selector, template=template, deadline=deadline)
    seconds = (args.get("job") or {}).get("ttlSecondsAfterFinished")
    if seconds is not None:
        made["ttlSecondsAfterFinished"] = seconds
    return {field: given[field] for field in _COPIED if given.get(field) is not None} | {"jobTemplate": {"spec": made}}


def _time_zone(path: str, zone: Any) -> Iterator[Problem]:
    if zone is None or zone is UNKNOWN or not isinstance(zone, str):
        return
    if not all(_ZONE_PART.fullmatch(part) and part not in (".", "..") for part in zone.split("/")):
        yield Problem(path, f"{zone!r} is no time zone", "write one such as Europe/Berlin or Etc/UTC")
    elif zone.lower() == "local":
        yield Problem(path, "Local is that of each controller", "write one such as Europe/Berlin or Etc/UTC")
    elif _zones() and zone not in _zones():
        remedy = "write one such as Europe/Berlin or Etc/UTC, in upper and lower case as there"
        yield Problem(path, f"there is no time zone {zone!r}", remedy, "time-zone")


@functools.cache
def _zones() -> frozenset[str]:
    """Return the time zones of this machine's database; none where it has no database."""
    return frozenset(zoneinfo.available_timezones())
