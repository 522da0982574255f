"""What is made of the states of Jobs, CronJobs and DaemonSets; `tests/node/test_jobs.py` has real ones."""

from typing import Any

import pytest

from components.actions import cron_jobs, daemons, jobs
from components.actions.client import Client, Json
from components.actions.keepers import pod_template
from components.actions.readiness import NotReady, wait_ready
from components.actions.waiting import wait_well
from tests.unit.actions.doubles import container, double_client, pod, template

TEMPLATE = template(container(), init=[container("side", restartPolicy="Always")], restartPolicy="Never")
RUNNING: Json = {"running": {}}


def exited(code: int) -> Json:
    """Return the state of a container that has ended."""
    return {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}


def job(*conditions: str, uid: str = "uid-job", status: Json | None = None, **spec: Any) -> Json:
    """Return a live Job with conditions that are true."""
    listed = [{"type": each, "status": "True", "reason": f"{each}Reason", "message": "so"} for each in conditions]
    metadata = {"name": "job", "namespace": "shop", "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {
        "kind": "Job",
        "metadata": metadata,
        "spec": {"completions": 1, "backoffLimit": 0, "template": TEMPLATE, **spec},
        "status": {"conditions": listed, **(status or {})},
    }


def attempt(main: Json, side: Json, *, phase: str = "Running", restarts: int = 0, ready: bool = False) -> Json:
    """Return a pod of the Job whose containers are in these states."""
    found = pod("job-1", TEMPLATE)
    found["metadata"] |= {"ownerReferences": [{"uid": "uid-job"}], "creationTimestamp": "2026-01-01T00:00:00Z"}
    found["status"] |= {
        "phase": phase,
        "containerStatuses": [{"name": "app", "state": main, "ready": ready, "restartCount": 0}],
        "initContainerStatuses": [
            {"name": "side", "state": side, "ready": ready, "started": ready, "restartCount": restarts}
        ],
    }
    return found


def api(found: Json | None, pods: list[Json] | None = None, events: list[Json] | None = None) -> Client:
    """Return a client of an API server where this object, these pods and these events are."""

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "/events" in path:
            return 200, {"items": events or []}
        if path.split("?", maxsplit=1)[0].endswith("/pods"):
            return 200, {"items": pods or []}
        if "/log" in path:
            return 200, "no such table"
        return (200, found) if found else (404, {})

    return double_client(answer)[0]


def wait(client: Client, **options: Any) -> tuple[Json | None, str]:
    """Wait for the Job with little patience."""
    return jobs.wait_complete(client, "shop", "job", **{"patience": 0.0, **options})


def test_how_a_sidecar_does_is_nothing_once_the_work_has_begun() -> None:
    """Before that it is what keeps everything; after it neither a crash loop nor an exit code counts."""
    waiting: Json = {"waiting": {"reason": "PodInitializing"}}
    loop: Json = {"waiting": {"reason": "CrashLoopBackOff"}}
    assert ["CrashLoopBackOff"] == [each.reason for each in jobs.unwell(attempt(waiting, loop, restarts=3))]
    assert ["NotReady"] == [each.reason for each in jobs.unwell(attempt(waiting, RUNNING))]
    assert [] == jobs.unwell(attempt(RUNNING, loop, restarts=3))
    assert [] == jobs.unwell(attempt(exited(0), exited(137)))
    assert [] == jobs.unwell(attempt(RUNNING, RUNNING))


def test_a_failed_attempt_does_not_end_the_wait() -> None:
    """It is told with its exit code, and the Job controller counts it."""
    (finding,) = jobs.unwell(attempt(exited(3), exited(137), phase="Failed"))
    assert (None, 3) == (finding.grace, finding.exit_code)


@pytest.mark.parametrize("condition", ["Failed", "FailureTarget"])
def test_a_failed_job_is_told_with_its_cause(condition: str) -> None:
    """As soon as the controller gives up, with the last words of the last attempt."""
    client = api(job(condition), [attempt(exited(3), RUNNING)])
    with pytest.raises(NotReady) as caught:
        wait(client, patience=60)
    for words in (f"{condition}Reason: so", 'container app: Failed; exit code 3; last log: "no such table"'):
        assert words in caught.value.diagnosis


def test_a_pod_that_its_node_has_refused_is_told() -> None:
    """None of its containers has ever been; the node's words say why."""
    refused = attempt({"waiting": {}}, {"waiting": {}}, phase="Failed")
    refused["status"] |= {"reason": "NodeAffinity", "message": "Predicate NodeAffinity failed", "containerStatuses": []}
    with pytest.raises(NotReady) as caught:
        wait(api(job("Failed"), [refused]), patience=60)
    assert "pod job-1: NodeAffinity; Predicate NodeAffinity failed" in caught.value.diagnosis


@pytest.mark.parametrize(
    ("policy", "limit", "failed", "main", "told"),
    [
        ("Never", 0, 0, exited(3), True),
        ("Never", 1, 0, exited(3), False),
        ("Never", 1, 1, exited(3), True),
        ("Never", 0, 0, exited(0), False),
        ("Never", 0, 0, RUNNING, False),
        ("OnFailure", 0, 0, exited(3), False),
    ],
)
def test_the_last_attempt_fails_before_its_sidecar_ends(
    policy: str, limit: int, failed: int, main: Json, told: bool
) -> None:
    """A pod counts as failed once it has ended, which may take its grace period; what it will be is known before."""
    own = template(container(), restartPolicy=policy)
    live = job(status={"failed": failed}, backoffLimit=limit, template=own)
    assert told == jobs.used_up(live, [attempt(main, RUNNING)])


def test_a_sidecar_that_takes_long_to_end_is_no_failure() -> None:
    """The wait goes on for the grace period, and says for whom; while the work goes on it does not."""
    short = template(container(), terminationGracePeriodSeconds=1)
    states = [job(template=short), job(template=short), job("Complete")]
    pods = [attempt(exited(0), RUNNING)]

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "/pods" in path or "/events" in path:
            return 200, {"items": pods if "/pods" in path else []}
        return 200, states.pop(0) if len(states) > 1 else states[0]

    said: list[str] = []
    found, note = wait(double_client(answer)[0], patience=0.1, progress=said.append)
    assert (True, "") == (bool(found), note)
    assert any("done, but for the end of sidecar side" in line for line in said)
    with pytest.raises(NotReady, match="0 of 1 succeeded; not complete after 0 s"):
        wait(api(job(), [attempt(RUNNING, RUNNING, ready=True)]))


@pytest.mark.parametrize(
    ("spec", "words"), [({"suspend": True}, "is suspended"), ({"parallelism": 0}, "its parallelism is 0")]
)
def test_a_job_that_waits_for_somebody_is_not_waited_for(spec: Json, words: str) -> None:
    """That is what the program asks for; it is said."""
    assert words in wait(api(job(**spec)))[1]


def test_a_job_that_is_gone() -> None:
    """It had to be there, unless it was to expire; where an event tells of its failure that is believed."""
    with pytest.raises(NotReady, match="does not exist: something deleted it; `pulumi refresh`"):
        wait(api(None))
    assert "is gone, for ttl_seconds_after_finished is over" in wait(api(None), expires_after=5)[1]
    of = {"kind": "Job", "uid": "uid-job"}
    failed = {"type": "Warning", "reason": "DeadlineExceeded", "message": "late", "involvedObject": of}
    done = {"type": "Normal", "reason": "Completed", "involvedObject": of, "lastTimestamp": "2026-01-02T00:00:00Z"}
    with pytest.raises(NotReady, match=r"it failed .DeadlineExceeded: late"):
        wait(api(None, events=[failed]), expires_after=5)
    assert "is gone" in wait(api(None, events=[failed, done]), expires_after=5)[1]


def test_the_ttl_is_for_what_is_complete() -> None:
    """It is set, or taken away, with the UID as precondition; where it is as it should be nothing is written."""
    for before, wanted, written in ((None, 5, [5]), (5, 5, []), (5, None, [None])):
        client, transport = double_client(lambda *_: (200, {}))
        jobs.let_expire(client, job("Complete", ttlSecondsAfterFinished=before), wanted)
        patches = [body for method, _p, body, _h in transport.requests if method == "PATCH"]
        assert written == [each["spec"]["ttlSecondsAfterFinished"] for each in patches]
        assert ["uid-job"] * len(written) == [each["metadata"]["uid"] for each in patches]


def cron(**spec: Any) -> Json:
    """Return a live CronJob."""
    metadata = {"name": "nightly", "namespace": "shop", "uid": "uid-cron"}
    return {"kind": "CronJob", "metadata": metadata, "spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}, **spec}}


def cron_api(found: Json, made: Json, pods: list[Json], events: list[Json] | None = None) -> Client:
    """Return a client of an API server where a CronJob and its Job are."""
    made["metadata"] |= {"ownerReferences": [{"uid": "uid-cron"}]}

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        items = {"/jobs": [made], "/pods": pods, "/events": events or []}
        for end, listed in items.items():
            if path.split("?", maxsplit=1)[0].endswith(end):
                return 200, {"items": listed}
        return (200, "boom") if "/log" in path else (200, found)

    return double_client(answer)[0]


def test_a_cron_job_tells_of_its_last_job_and_fails_nothing() -> None:
    """That it failed and why, that it does not get on, that it is suspended, that no Job could be made."""
    failed, notes = cron_jobs.look(cron_api(cron(), job("Failed"), [attempt(exited(3), exited(0))]), "shop", "nightly")
    assert "uid-cron" == failed["metadata"]["uid"]
    (note,) = notes
    assert "its last Job job failed: FailedReason: so; pod job-1, container app: Failed; exit code 3" in note
    _, (note,) = cron_jobs.look(cron_api(cron(), job(), [attempt(exited(3), RUNNING)]), "shop", "nightly")
    assert "its last Job job does not get on: pod job-1" in note
    _, (note,) = cron_jobs.look(cron_api(cron(suspend=True), job("Complete"), []), "shop", "nightly")
    assert "is suspended" in note
    warning = {"type": "Warning", "reason": "FailedCreate", "message": "quota", "involvedObject": {"uid": "uid-cron"}}
    _, (note,) = cron_jobs.look(cron_api(cron(), job("Complete"), [], [warning]), "shop", "nightly")
    assert "made no Job at its last time: FailedCreate: quota" in note


def test_what_has_to_be_there() -> None:
    """A CronJob that something deleted is an error for every run."""
    with pytest.raises(NotReady, match="CronJob shop/nightly does not exist"):
        wait_well(api(None), {"kind": "CronJob", "metadata": {"namespace": "shop", "name": "nightly"}}, patience=1)
    assert TEMPLATE == pod_template(cron())


def daemon_set(**status: int) -> Json:
    """Return a live DaemonSet whose status says this of its pods."""
    metadata = {"name": "agent", "namespace": "shop", "uid": "uid-set", "generation": 2}
    counts = {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "observedGeneration": 2}
    counts |= {"updatedNumberScheduled": 2, "numberAvailable": 2}
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": TEMPLATE}
    return {"kind": "DaemonSet", "metadata": metadata, "spec": spec, "status": {**counts, **status}}


@pytest.mark.parametrize(
    ("status", "well"),
    [
        ({}, True),
        ({"updatedNumberScheduled": 1}, False),
        ({"numberAvailable": 1}, False),
        ({"observedGeneration": 1}, False),
        ({"desiredNumberScheduled": 3}, False),
    ],
)
def test_when_a_daemon_set_is_well(status: dict[str, int], well: bool) -> None:
    """The controller has seen the latest spec, and each node has a pod of it that is available."""
    assert well == daemons.is_well(daemon_set(**status))


def test_a_daemon_set_without_nodes_says_so() -> None:
    """It is well, for no node is to have a pod, which is hardly meant."""
    none = dict.fromkeys(("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled"), 0)
    _, notes = wait_well(
        api(daemon_set(**none, numberAvailable=0)),
        {"kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent"}},
        patience=1,
    )
    assert ["no node takes its pods"] == [note.split(": ")[1] for note in notes]


def test_a_daemon_set_that_cannot_be_well_says_why() -> None:
    """Only pods of its latest revision count."""
    label = "controller-revision-hash"
    owner = [{"uid": "uid-set", "controller": True}]
    revisions: list[Json] = [
        {"metadata": {"labels": {label: name}, "ownerReferences": owner}, "revision": number}
        for name, number in (("old", 9), ("new", 10))
    ]
    pods = []
    for name in ("old", "new"):
        bad = pod(name, TEMPLATE)
        bad["metadata"] |= {"labels": {label: name}, "ownerReferences": owner}
        waits = {"waiting": {"reason": "InvalidImageName", "message": "bad"}}
        bad["status"]["containerStatuses"] = [{"name": "app", "ready": False, "restartCount": 0, "state": waits}]
        pods.append(bad)

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        listed = revisions if "controllerrevisions" in path else pods if "/pods" in path else []
        return 200, daemon_set(numberAvailable=1) if path.endswith("/agent") else {"items": listed}

    with pytest.raises(NotReady) as caught:
        wait_ready(double_client(answer)[0], "shop", "agent", "DaemonSet", patience=5)
    assert "DaemonSet shop/agent: 1 of 2 pods are available; pod new, container app: Invalid" in caught.value.diagnosis
