"""What there is to say of a CronJob: it is ready once it is there, for its Jobs run when it is their time.

That its last Job failed is said, with the diagnosis, and fails nothing: it is a matter of that time, and no other
deployment has to wait for the next. What keeps the next Jobs from being made is said, too.
"""

from components.actions import events, telling
from components.actions.client import Client, Json
from components.actions.jobs import condition, failure_of, pods_of_job, unwell
from components.actions.keepers import is_owned, keeper_path
from components.actions.readiness import NotReady

_NEVER = ("UnknownTimeZone", "UnparseableSchedule", "InvalidSchedule", "FailedCreate")


def look(client: Client, namespace: str, name: str) -> tuple[Json, list[str]]:
    """Return the CronJob and what is to be said of it; raise `NotReady` when it is not there."""
    live = client.find(keeper_path("CronJob", namespace, name))
    if live is None:
        raise NotReady(f"CronJob {namespace}/{name} does not exist: something deleted it")
    where = f"CronJob {namespace}/{name}"
    notes = [f"{where} is suspended: it makes no Jobs"] if live["spec"].get("suspend") else []
    told = [e for e in events.of_object(client, namespace, name) if e.get("reason") in _NEVER]
    warning = events.newest_warning(
        [e for e in told if e["involvedObject"].get("uid") == live["metadata"]["uid"]],
    )
    if warning:
        notes.append(f"{where} made no Job at its last time: {warning.get('reason')}: {warning.get('message', '')}")
    jobs = [each for each in client.list(keeper_path("Job", namespace)) if is_owned(each, live)]
    last = max(jobs, key=lambda each: str(each["metadata"]["creationTimestamp"]), default=None)
    if last is not None and (text := _unwell(client, last)):
        notes.append(f"{where}: its last Job {last['metadata']['name']} {text}")
    return live, notes


def _unwell(client: Client, job: Json) -> str:
    """Return what is wrong with a Job of it, with the newest pod's diagnosis, or nothing."""
    failed = condition(job, "FailureTarget") or condition(job, "Failed")
    if condition(job, "Complete"):
        return ""
    text = f"failed: {failure_of(failed)}" if failed else ""
    for pod in reversed(pods_of_job(client, job)):
        for found in unwell(pod)[:1]:
            told = found.text(telling.last_words(client, job["metadata"]["namespace"], found))
            return f"{text}; {told}" if text else f"does not get on: {told}"
    return text
