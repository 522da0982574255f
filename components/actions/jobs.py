"""Waiting until a Job is complete, and no longer than there is hope.

1. Done means the condition Complete: its pods have succeeded, and have ended with their sidecars. A sidecar that does
   not heed SIGTERM holds it up for the pod's grace period, for which the wait goes on: that is no failure.
2. What fails is the Job's to count: a container that fails is followed by another attempt until `backoff_limit`. The
   wait ends as soon as the controller has given up (FailureTarget, which comes before Failed), or will once sidecars
   have ended, with the pod, the container, its exit code and its last words, from before the pods were deleted.
3. It ends early, too, when no attempt can come to be: a bad image, a sidecar that never starts, pods that fit nowhere
   or may not be created. How sidecars do once a main container runs, and how they end, is nothing to a Job.
4. A Job that is suspended waits for somebody, and is not waited for.
5. `ttl_seconds_after_finished` is given to a Job when it was seen to be complete (`let_expire`), and never to one that
   has failed: a Job that is gone could not tell the next run that it had.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from components.actions import deadlocks, dropped, events, telling
from components.actions.client import Client, Items, Json, path_of
from components.actions.diagnosis import Finding, findings
from components.actions.errors import ApiError
from components.actions.keepers import is_owned, keeper_path
from components.actions.pod_parts import sidecars_of
from components.actions.readiness import NotReady, node_is_coming
from components.actions.resize.journal import OWN_MANAGER
from components.actions.stateful import creation_finding

_POLL = 0.5
_ATTEMPTS = frozenset({"CrashLoopBackOff", "Failed"})
# Kubernetes' defaults.
_GRACE = 30
_BACKOFF_LIMIT = 6
_REFRESH = "`pulumi refresh`, then `pulumi up`, runs it again"
_AGAIN = "then write another `restart` text to run it again"
_SIDECARS_COUNT = (
    "with restart_policy OnFailure the restarts of sidecars count towards backoff_limit, too: of {names}. "
    "Remedy: write job.restart_policy: Never, or keep the sidecar from ending"
)


def wait_complete(
    client: Client,
    namespace: str,
    name: str,
    *,
    patience: float,
    expires_after: int | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[str], None] = lambda _text: None,
    asked: Json | None = None,
    enough: float | None = None,
) -> tuple[Json | None, str]:
    """Return the Job when it is complete, with what is to be said of it; raise `NotReady` when it cannot be.

    `patience` is in seconds; setting `stop` ends the wait early with `NotReady`. With `expires_after` a complete Job is
    deleted so many seconds after its end, and one that is gone (None) has been. `asked` is the manifest as the program
    has it, which tells of sidecars that the cluster made ordinary init containers. `enough` are the seconds that its
    main containers have to run for it to be well without having ended. Raises `ApiError` and `ConnectionProblem` when
    the cluster does not answer.
    """
    stop = stop or threading.Event()
    deadline = time.monotonic() + patience
    watch, told = _Watch(client, namespace, asked, again=_AGAIN if enough is None else ""), ""
    runs_since: float | None = None
    while True:
        live = client.find(keeper_path("Job", namespace, name))
        if live is None:
            return None, _gone(client, namespace, name, expires_after)
        if condition(live, "Complete"):
            let_expire(client, live, expires_after)
            return live, ""
        pods = pods_of_job(client, live)
        runs_since = (runs_since or time.monotonic()) if any(map(_runs, pods)) else None
        if enough is not None and runs_since is not None and time.monotonic() - runs_since >= enough:
            return live, ""
        found = watch.look(live, pods)
        if waits := _waits(live):
            return live, f"Job {namespace}/{name} {waits}"
        ending = _ending(live, pods)
        if time.monotonic() >= deadline + (_grace(live) if ending else 0):
            why = f"; {watch.text_of(found[0], pods)}" if found else watch.attempts(live)
            raise NotReady(f"{_head(live)}; not complete after {patience:.0f} s{why}")
        text = f"{_count(live)}; {ending}" if ending else _count(live)
        if told != (told := text):
            progress(text)
        if stop.wait(_POLL):
            raise NotReady(f"waiting for Job {namespace}/{name} was stopped")


class _Watch:
    """What was seen of a Job so far: of its attempts, too, for a controller that gives up deletes pods that run."""

    def __init__(self, client: Client, namespace: str, asked: Json | None, *, again: str) -> None:
        self._client, self._namespace, self._asked, self._again = client, namespace, asked, again
        self._sandboxes = events.Sandboxes(client)
        self._since: dict[tuple[str, str, str], float] = {}
        self._failures: dict[Finding, str] = {}
        self._restarts: dict[str, int] = {}

    def look(self, live: Json, pods: Items) -> list[Finding]:
        """Return what keeps the Job from its end; raise `NotReady` when it has failed or cannot come to it."""
        for pod in pods:
            # A pod may also be ended as a whole: evicted, or refused by its node.
            over = pod.get("status", {}).get("phase") == "Failed"
            for failure in [each for each in unwell(pod) if over or each.reason in _ATTEMPTS][:1]:
                if failure not in self._failures:
                    self._failures[failure] = self.text_of(failure, pods)
            for name, count in _sidecar_restarts(pod).items():
                self._restarts[name] = max(count, self._restarts.get(name, 0))
        failed = condition(live, "FailureTarget") or condition(live, "Failed")
        if failed:
            raise NotReady(f"{_head(live)}; {failure_of(failed)}{self.attempts(live)}")
        if used_up(live, pods):
            raise NotReady(f"{_head(live)}; no attempt of its backoff_limit is left{self.attempts(live)}")
        found, now = self._found(live, pods), time.monotonic()
        self._since = {each.key: self._since.get(each.key, now) for each in found}
        for finding in found:
            lasts = finding.grace is not None and now - self._since[finding.key] >= finding.grace
            if lasts and not node_is_coming(self._client, self._namespace, finding):
                raise NotReady(f"{_head(live)}; {self.text_of(finding, pods)}")
        return found

    def text_of(self, finding: Finding, pods: Items) -> str:
        """Return a finding in words, with the container's last ones and what the events of its pod add."""
        (finding,) = telling.explained(self._client, self._namespace, [finding], pods)
        return finding.text(telling.last_words(self._client, self._namespace, finding))

    def attempts(self, live: Json) -> str:
        """Return why its attempts failed, as the rest of a line."""
        counted = _policy(live) == "OnFailure" and self._restarts
        told = [text for each, text in self._failures.items() if each.role != "sidecar" or not counted]
        if told:
            return "; ".join(["", told[-1], *filter(None, [self._again])])
        names = ", ".join(f"{name} ({count})" for name, count in sorted(self._restarts.items()))
        return f"; {_SIDECARS_COUNT.format(names=names)}; {_AGAIN}" if counted else ""

    def _found(self, live: Json, pods: Items) -> list[Finding]:
        template, going = live["spec"]["template"], [pod for pod in pods if not _is_over(pod)]
        found = list(dropped.of_workload(self._asked, live)) if self._asked else []
        found += [each for pod in going for each in (*dropped.of_pod(template, pod), *unwell(pod))]
        found += filter(None, [self._sandboxes.finding(going), deadlocks.finding(self._client, going)])
        if not live.get("status", {}).get("active"):
            told = events.of_object(self._client, self._namespace, live["metadata"]["name"])
            blocked = creation_finding(live, told)
            found += [dropped.explained(live, blocked)] if blocked else []
        return sorted(found, key=lambda each: each.grace is None)


def let_expire(client: Client, job: Json, seconds: int | None) -> None:
    """Have a complete Job deleted so many seconds after its end; None keeps it."""
    if job["spec"].get("ttlSecondsAfterFinished") == seconds:
        return
    metadata = job["metadata"]
    path = keeper_path("Job", metadata["namespace"], metadata["name"])
    body = {"metadata": {"uid": metadata["uid"]}, "spec": {"ttlSecondsAfterFinished": seconds}}
    try:
        client.patch(path, body, field_manager=OWN_MANAGER)
    except ApiError as error:
        if not error.not_found and not error.conflict:
            raise


def pods_of_job(client: Client, job: Json) -> Items:
    """Return the pods of a Job, also those that have ended, the oldest first."""
    metadata = job["metadata"]
    selector = f"batch.kubernetes.io/controller-uid={metadata['uid']}"
    pods = client.list(path_of("v1", "pods", metadata["namespace"]), label_selector=selector)
    return sorted(
        filter(lambda pod: is_owned(pod, job), pods), key=lambda pod: str(pod["metadata"]["creationTimestamp"])
    )


def condition(job: Json, kind: str) -> Json | None:
    """Return a condition of the Job that is true, or None. Pure."""
    for each in job.get("status", {}).get("conditions") or []:
        if each["type"] == kind and each["status"] == "True":
            found: Json = each
            return found
    return None


def unwell(pod: Json) -> list[Finding]:
    """Return what keeps a Job's pod from its end, as far as the Job does not see to it. Pure.

    A failed attempt does not end the wait, for the controller counts it. A sidecar counts until a main container runs.
    """
    begun = any(_has_run(each) for each in pod.get("status", {}).get("containerStatuses") or [])
    kept = [each for each in findings(pod) if each.reason != "NotReady" or (each.role == "sidecar" and not begun)]
    kept = [each for each in kept if not (begun and each.role == "sidecar")]
    return [replace(each, grace=None) if each.reason in _ATTEMPTS and each.role != "sidecar" else each for each in kept]


def failure_of(failed: Json) -> str:
    """Return why the controller gave the Job up. Pure."""
    return f"{failed.get('reason', 'Failed')}: {failed.get('message', '')}".removesuffix(": ")


def _waits(job: Json) -> str:
    if job["spec"].get("suspend"):
        return "is suspended: it runs once suspend is false"
    if job["spec"].get("parallelism") == 0:
        return "runs no pods, for its parallelism is 0"
    return ""


def _gone(client: Client, namespace: str, name: str, expires_after: int | None) -> str:
    """Return that a Job that is gone was complete; raise `NotReady` where it was not, as far as that can be told."""
    if expires_after is None:
        raise NotReady(f"Job {namespace}/{name} does not exist: something deleted it; {_REFRESH}")
    told = [e for e in events.of_object(client, namespace, name) if e.get("involvedObject", {}).get("kind") == "Job"]
    ends = [e for e in told if e.get("reason") == "Completed" or e.get("type") == "Warning"]
    last = max(ends, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""), default={})
    if last.get("type") == "Warning":
        why = f"{last.get('reason')}: {last.get('message', '')}"
        raise NotReady(f"Job {namespace}/{name} does not exist: it failed ({why}) and something deleted it; {_REFRESH}")
    return f"Job {namespace}/{name} is gone, for ttl_seconds_after_finished is over: {_REFRESH}"


def _head(job: Json) -> str:
    return f"Job {job['metadata']['namespace']}/{job['metadata']['name']}: {_count(job)}"


def _count(job: Json) -> str:
    """Return how far the Job has come. Pure."""
    spec, status = job["spec"], job.get("status", {})
    text = f"{status.get('succeeded', 0)} of {spec.get('completions', 1)} succeeded"
    return f"{text}, {status['failed']} failed" if status.get("failed") else text


def used_up(job: Json, pods: Items) -> bool:
    """Tell whether the Job has failed as soon as pods of it have ended that wait for their sidecars' end. Pure.

    That may take their grace period, for a pod counts as failed no earlier. Only where containers are never restarted.
    """
    doomed = [pod for pod in pods if not _is_over(pod) and any(code > 0 for code in _exit_codes(pod))]
    if _policy(job) != "Never" or not doomed:
        return False
    failed = sum(pod.get("status", {}).get("phase") == "Failed" for pod in pods)
    failed = max(failed, int(job.get("status", {}).get("failed", 0))) + len(doomed)
    return bool(failed > job["spec"].get("backoffLimit", _BACKOFF_LIMIT))


def _ending(job: Json, pods: Items) -> str:
    """Return that the work is done and what is still waited for, or nothing. Pure."""
    done = [pod for pod in pods if set(_exit_codes(pod)) == {0}]
    if len(done) < job["spec"].get("completions", 1):
        return ""
    going = sorted({name for pod in done for name in _running_sidecars(pod)})
    return f"done, but for the end of sidecar {', '.join(going)}, which may take the grace period" if going else "done"


def _exit_codes(pod: Json) -> list[int]:
    """Return how the main containers have ended, -1 for one that has not."""
    listed = pod.get("status", {}).get("containerStatuses") or []
    return [((each.get("state") or {}).get("terminated") or {}).get("exitCode", -1) for each in listed]


def _runs(pod: Json) -> bool:
    """Tell whether every main container of a pod runs."""
    listed = pod.get("status", {}).get("containerStatuses") or []
    return bool(listed) and all("running" in (each.get("state") or {}) for each in listed)


def _running_sidecars(pod: Json) -> list[str]:
    listed = pod.get("status", {}).get("initContainerStatuses") or []
    return [each["name"] for each in listed if each["name"] in _sidecars(pod) and "running" in each.get("state", {})]


def _sidecars(pod: Json) -> set[str]:
    return {each["name"] for each in sidecars_of(pod)}


def _policy(job: Json) -> str:
    return str(job["spec"]["template"]["spec"].get("restartPolicy"))


def _grace(job: Json) -> float:
    return float(job["spec"]["template"]["spec"].get("terminationGracePeriodSeconds", _GRACE))


def _is_over(pod: Json) -> bool:
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _has_run(status: Json) -> bool:
    return bool(status.get("restartCount")) or not {"waiting"} & set(status.get("state") or {"waiting": {}})


def _sidecar_restarts(pod: Json) -> dict[str, int]:
    listed = pod.get("status", {}).get("initContainerStatuses") or []
    return {s["name"]: s["restartCount"] for s in listed if s["name"] in _sidecars(pod) and s.get("restartCount")}
