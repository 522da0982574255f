"""Waiting until a Deployment, StatefulSet or DaemonSet is well, and no longer than there is hope.

1. Well means: the controller has seen the latest spec, every replica is of the current template and available, no pod
   of an older template is left, and no kubelet has yet to carry out a resize to the template's sizes.
2. Only pods of the current template are judged; old ones may be as broken as they like, unless a StatefulSet waits for
   them (see `stateful`).
3. The wait ends early when nothing that is still running can help (see `diagnosis`): a bad image, a crash loop in a
   main, init or sidecar container, a startup probe that never succeeds or asks what it holds back itself
   (`deadlocks`), pods that fit nowhere or may not be created, a volume that is not there, a RuntimeClass that is not
   there, a node that lacks the runtime it asks for, a sidecar that the cluster made an ordinary init container
   (`dropped`). A neighbour that may be late gets its time (`diagnosis`), and patience ends everything.
4. Without a readiness probe a container is ready the moment it runs, and one that dies a second later was, too; so a
   container or sidecar that lacks one has to run for three seconds first, and after a crash for longer than the run
   that ended in it.
5. It watches by reading: a watch that a proxy has silently dropped would look like a healthy silence.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from components.actions import causes, daemons, deadlocks, dropped, events, stateful, telling
from components.actions.client import Client, Json
from components.actions.diagnosis import Finding, findings, replica_set_finding
from components.actions.errors import ActionError
from components.actions.keepers import keeper_kind, keeper_path
from components.actions.pod_parts import serving_of, statuses_of
from components.actions.resize.kinds import KINDS, is_observed, kind_of
from components.actions.resize.live import pods_of, replica_sets_of
from components.actions.resize.pods import unactuated
from components.actions.resize.templates import equal_ignoring_hash
from components.actions.resize.verdict import of_update

_KINDS = (*KINDS, "DaemonSet")
_POLL = 0.5
_STALE = 5.0
_SETTLING = 3.0
# A kubelet tells of a crash a second or two after it; until then the container that is no more counts as running.
_TELLING = 2.0
_LONGEST_RUN = 30.0


class NotReady(ActionError):  # noqa: N818 - the state that is reported, as Kubernetes calls it
    """The workload is not well; the text is the diagnosis, also in `diagnosis`."""

    def __init__(self, diagnosis: str) -> None:
        super().__init__(diagnosis)
        self.diagnosis = diagnosis


def wait_ready(
    client: Client,
    namespace: str,
    name: str,
    kind: str = "Deployment",
    *,
    patience: float,
    stop: threading.Event | None = None,
    progress: Callable[[str], None] = lambda _text: None,
    asked: Json | None = None,
) -> Json:
    """Return the workload when it is well; raise `NotReady` with the diagnosis when it cannot be, or is not in time.

    `patience` is in seconds; setting `stop` ends the wait early with `NotReady`. `progress` gets a line whenever
    the count of ready pods, or what is wrong with them, changes. `asked` is the manifest as the program has it: a
    sidecar that the cluster made an ordinary init container ends the wait at once. Raises `ValueError` for a kind that
    is not Deployment, StatefulSet or DaemonSet, and `ApiError` or `ConnectionProblem` when the cluster does not answer.
    """
    if kind not in _KINDS:
        raise ValueError(f"waiting for a {kind} is not supported: only for a {' or a '.join(_KINDS)}")
    stop = stop or threading.Event()
    deadline = time.monotonic() + patience
    since: dict[tuple[str, str, str], float] = {}
    well_since: float | None = None
    stuck_since: float | None = None
    told = ""
    sandboxes = events.Sandboxes(client)
    path = keeper_path(kind, namespace, name)
    while True:
        live = client.find(path)
        if live is None:
            raise NotReady(f"{kind} {namespace}/{name} does not exist: something deleted it")
        if lost := list(dropped.of_workload(asked, live)) if asked else []:
            raise NotReady(_text(client, live, lost, ""))
        now = time.monotonic()
        well_since = (well_since if well_since is not None else now) if _is_well(live) else None
        if well_since is not None and _is_settled(client, live, now - well_since):
            return live
        stuck = _stuck(live)
        stuck_since = (stuck_since if stuck_since is not None else now) if stuck else None
        # For a moment after a change the conditions still tell of the rollout before it.
        hopeless = stuck if stuck_since is not None and now - stuck_since >= _STALE else ""
        found, pods = _look(client, live, sandboxes)
        since = {f.key: since.get(f.key, now) for f in found}
        lasting = [f for f in found if f.grace is not None and now - since[f.key] >= f.grace]
        lasting = [f for f in lasting if not node_is_coming(client, namespace, f)]
        lasting = lasting or list(filter(partial(_never_runs, client, namespace), found))
        if lasting or hopeless:
            raise NotReady(_text(client, live, lasting[:1] or found[:1], hopeless, pods))
        if now >= deadline:
            raise NotReady(_text(client, live, found[:1], f"not ready after {patience:.0f} s", pods))
        updated, available, wanted = _counts(live)
        ready = f"{updated} new, {available} ready of {wanted}"
        if told != (told := "; ".join([ready, *(f.headline for f in found[:1])])):
            progress(told)
        if stop.wait(min(_POLL, max(0.0, deadline - now))):
            raise NotReady(f"waiting for {kind} {namespace}/{name} was stopped")


def is_well(deployment: Json) -> bool:
    """Tell whether all replicas are of the current template and available, and nothing older is left. Pure."""
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    return bool(
        is_observed(deployment)
        and status.get("updatedReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
        and status.get("availableReplicas", 0) >= wanted
    )


def _counts(live: Json) -> tuple[int, int, int]:
    """Return how many pods are of the current template, how many available, and how many there are to be."""
    status = live.get("status", {})
    if keeper_kind(live) == "DaemonSet":
        return status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0), daemons.wanted_pods(live)
    return status.get("updatedReplicas", 0), status.get("availableReplicas", 0), live["spec"].get("replicas", 1)


def _is_well(live: Json) -> bool:
    if keeper_kind(live) == "DaemonSet":
        return daemons.is_well(live)
    return stateful.is_well(live) if kind_of(live) == "StatefulSet" else is_well(live)


def _stuck(live: Json) -> str:
    if keeper_kind(live) == "DaemonSet":
        return ""
    return stateful.stuck(live) if kind_of(live) == "StatefulSet" else paused_or_overdue(live)


def _is_settled(client: Client, live: Json, lasted: float) -> bool:
    """Tell whether being well for `lasted` seconds is believable of every container and sidecar of its pods."""
    if keeper_kind(live) == "DaemonSet":
        pods = daemons.current_pods(client, live)
    elif kind_of(live) == "StatefulSet":
        pods = of_update(live, pods_of(client, live))
    else:
        _replica_set, pods = _current(client, live)
    template = live["spec"]["template"]
    if any(unactuated(pod, template) for pod in pods):
        return False
    return all(
        max(lasted, running_seconds(status)) >= settling_seconds(status) for pod in pods for status in _unprobed(pod)
    )


def _unprobed(pod: Json) -> list[Json]:
    """Return the statuses of containers and sidecars that no readiness probe speaks for."""
    names = {each["name"] for each in serving_of(pod) if "readinessProbe" not in each}
    return [each for each in statuses_of(pod) if each["name"] in names]


def settling_seconds(status: Json) -> float:
    """Return for how long a container without readiness probe has to run until it is believed to be well. Pure."""
    ended = (status.get("lastState") or {}).get("terminated") or {}
    if not (
        status.get("restartCount") and ended.get("exitCode") and ended.get("startedAt") and ended.get("finishedAt")
    ):
        return _SETTLING
    run = datetime.fromisoformat(ended["finishedAt"]) - datetime.fromisoformat(ended["startedAt"])
    return _SETTLING + _TELLING + min(run.total_seconds(), _LONGEST_RUN)


def running_seconds(status: Json) -> float:
    """Return for how long a container has run since its last start, by the clocks of its node and of this machine.

    0 where it does not run, or is not known to.
    """
    started = ((status.get("state") or {}).get("running") or {}).get("startedAt")
    return (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds() if started else 0.0


def paused_or_overdue(deployment: Json) -> str:
    """Return why the Deployment as a whole cannot come to be well, or nothing. Pure."""
    spec, status = deployment["spec"], deployment.get("status", {})
    observed = is_observed(deployment)
    if observed and spec.get("paused") and status.get("updatedReplicas", 0) < spec.get("replicas", 1):
        return "it is paused, so its new template is not rolled out: `kubectl rollout resume` it"
    for condition in status.get("conditions") or []:
        if condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded" and observed:
            return "its progressDeadlineSeconds are over"
    return ""


def _look(client: Client, live: Json, sandboxes: events.Sandboxes) -> tuple[list[Finding], list[Json]]:
    """Return the findings about the current pods, those that can end the wait first, and these pods."""
    held: list[Finding] = []
    if keeper_kind(live) == "DaemonSet":
        pods = daemons.current_pods(client, live)
        blocked = _not_created(client, live) if daemons.lacks_pods(live) else None
    elif kind_of(live) == "StatefulSet":
        every = pods_of(client, live)
        pods = of_update(live, every)
        held += stateful.blocking(live, every)
        blocked = _not_created(client, live) if stateful.lacks_pods(live) else None
    else:
        replica_set, pods = _current(client, live)
        blocked = replica_set_finding(replica_set) if replica_set else None
    blocked = blocked and dropped.explained(live, blocked)
    template = live["spec"]["template"]
    found = held + [finding for pod in pods for finding in (*dropped.of_pod(template, pod), *findings(pod))]
    found += filter(None, (_resize_finding(pod, template) for pod in pods))
    found += filter(None, [blocked, sandboxes.finding(pods), deadlocks.finding(client, pods)])
    return sorted(found, key=lambda f: f.grace is None), pods


def _not_created(client: Client, live: Json) -> Finding | None:
    metadata = live["metadata"]
    return stateful.creation_finding(live, events.of_object(client, metadata["namespace"], metadata["name"]))


def _resize_finding(pod: Json, template: Json) -> Finding | None:
    """Return what a kubelet says against a resize of the pod; what is infeasible stays so until something changes."""
    held = unactuated(pod, template)
    if held is None:
        return None
    reason, _, detail = held.text.partition(": ")
    remedy = "make room on the node or delete the pod, so that it can be placed anew; or take the size back"
    grace = _STALE if reason == "Infeasible" else None
    return Finding(pod["metadata"]["name"], "", "", reason, detail, remedy, grace)


def _current(client: Client, deployment: Json) -> tuple[Json | None, list[Json]]:
    """Return the ReplicaSet of the current template and its pods; the controller takes the oldest match."""
    template = deployment["spec"]["template"]
    matching = [
        rs for rs in replica_sets_of(client, deployment) if equal_ignoring_hash(rs["spec"]["template"], template)
    ]
    if not matching:
        return None, []
    oldest = min(matching, key=lambda rs: rs["metadata"]["creationTimestamp"])
    return oldest, pods_of(client, oldest)


def _text(client: Client, live: Json, found: list[Finding], summary: str, pods: list[Json] | None = None) -> str:
    metadata, (_updated, available, wanted) = live["metadata"], _counts(live)
    count = f"{available} of {wanted} {'pods' if keeper_kind(live) == 'DaemonSet' else 'replicas'} are available"
    text = f"{keeper_kind(live)} {metadata['namespace']}/{metadata['name']}: {count}"
    if summary:
        text += f"; {summary}"
    for finding in telling.explained(client, metadata["namespace"], found, pods or []):
        text += f"; {finding.text(telling.last_words(client, metadata['namespace'], finding))}"
    if not found:
        text += _last_warning(client, pods or [])
    return text


def _never_runs(client: Client, namespace: str, finding: Finding) -> bool:
    """Tell whether a container that crashed says in its log that this runtime never can run it."""
    crashed = finding.reason in {"CrashLoopBackOff", "Failed"}
    return crashed and bool(causes.of_start(telling.last_words(client, namespace, finding)))


def _last_warning(client: Client, pods: list[Json]) -> str:
    """Return the newest warning about a pod that has nothing wrong in its status: a mount that fails, say."""
    for pod in pods:
        metadata = pod["metadata"]
        warning = events.newest_warning(events.of_object(client, metadata["namespace"], metadata["name"]))
        if warning:
            return f"; pod {metadata['name']}: {warning.get('reason')}: {warning.get('message', '')}"
    return ""


def node_is_coming(client: Client, namespace: str, finding: Finding) -> bool:
    """Tell whether a pod fits nowhere, and an autoscaler makes a node for it."""
    return finding.reason == "Unschedulable" and events.node_is_coming(client, namespace, finding.pod)
