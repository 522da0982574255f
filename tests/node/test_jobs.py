"""Jobs with sidecars of every temper, on a real node: when they are complete, and why they fail.

S names the rows of the scenario list. What is said of endings is read from the containers' own timestamps.
"""

import time
from datetime import datetime
from typing import Any

import pytest

from components.actions import jobs
from components.actions.client import Client, Json, path_of
from components.actions.keepers import keeper_path
from components.actions.readiness import NotReady
from components.model import job
from lab.cluster import images
from tests.api.actions.live import eventually

# The image names another signal, QUIT, to be stopped with.
HEEDS = "trap 'exit {code}' TERM QUIT; while :; do sleep 0.1; done"
IGNORES = "trap '' TERM QUIT; while :; do sleep 0.1; done"
KEEPS_EXITING = "sleep 3; exit {code}"
LINES = 2000
WRITES = f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i; done >> /logs/app.log"
SHIPS = """
stop=; trap 'stop=1' TERM QUIT
exec 3< /logs/app.log
while :; do
  cat <&3
  if [ -n "$stop" ]; then cat <&3; exit 0; fi
  sleep 0.1
done
"""


def container(name: str, command: str, **more: Any) -> Json:
    """Return a container that runs a shell command, small enough for many of them."""
    size = {"requests": {"cpu": "10m", "memory": "16Mi"}}
    context = {"runAsUser": images.USER}
    shell = ["sh", "-c", command]
    made = {"name": name, "image": images.NGINX_1_22, "command": shell, "resources": size, "securityContext": context}
    return {**made, **more}


def create(client: Client, namespace: str, name: str, main: str, side: str, *, grace: int = 2, **more: Any) -> None:
    """Make a Job as a SidecarWorkload makes it; `more` are its own fields and, with `pod`, those of its pods."""
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    args: Json = {
        "containers": [container("main", main)],
        "sidecars": [container("side", side, startupProbe=probe)],
        "terminationGracePeriodSeconds": grace,
        **more.pop("pod", {}),
        "job": more,
    }
    spec = job.spec(args, selector=None, template=job.template(name, args, {}), deadline=None)
    metadata = {"namespace": namespace, "name": name}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
    client.create(keeper_path("Job", namespace), body, field_manager="pulumi-kubernetes")


def pod_of(client: Client, namespace: str, name: str) -> Json:
    """Return the one pod of a Job."""
    (pod,) = jobs.pods_of_job(client, client.get(keeper_path("Job", namespace, name)))
    return pod


def ended(pod: Json, name: str) -> tuple[int, datetime]:
    """Return how and when a container of a finished pod ended."""
    statuses = [*pod["status"]["initContainerStatuses"], *pod["status"]["containerStatuses"]]
    (state,) = [each["state"]["terminated"] for each in statuses if each["name"] == name]
    return state["exitCode"], datetime.fromisoformat(state["finishedAt"])


def test_a_job_is_complete_whatever_its_sidecar_exits_with(client: Client, namespace: str) -> None:
    """S09: with 0 and 1 at once; one that ignores SIGTERM is killed after the grace period, which is no failure."""
    create(client, namespace, "zero", "sleep 1", HEEDS.format(code=0), grace=20)
    create(client, namespace, "one", "sleep 1", HEEDS.format(code=1), grace=20)
    create(client, namespace, "deaf", "sleep 1", IGNORES, grace=12)
    said: list[str] = []
    # Longer than the pods take to be done with their work, shorter than the sidecar's end.
    found, _ = jobs.wait_complete(client, namespace, "deaf", patience=10, progress=said.append)
    assert found is not None
    for name in ("zero", "one"):
        jobs.wait_complete(client, namespace, name, patience=5)

    for name, code, least, most in (("zero", 0, 0, 4), ("one", 1, 0, 4), ("deaf", 137, 10, 17)):
        pod = pod_of(client, namespace, name)
        (main, done), (side, gone) = ended(pod, "main"), ended(pod, "side")
        assert ("Succeeded", 0, code) == (pod["status"]["phase"], main, side)
        assert least <= (gone - done).total_seconds() <= most, name
    assert any("done, but for the end of sidecar side" in line for line in said)


def test_a_sidecar_that_keeps_exiting_is_restarted_and_fails_no_job(client: Client, namespace: str) -> None:
    """S10: with 0 and with 1, in pods that never restart their main containers and in those that do on failure."""
    tempers = [(policy, code) for policy in ("Never", "OnFailure") for code in (0, 1)]
    for policy, code in tempers:
        name, limit = f"{policy.lower()}-{code}", 0 if policy == "Never" else 6
        side = KEEPS_EXITING.format(code=code)
        create(client, namespace, name, "sleep 8", side, restartPolicy=policy, backoffLimit=limit)
    for policy, code in tempers:
        name = f"{policy.lower()}-{code}"
        found, note = jobs.wait_complete(client, namespace, name, patience=40)
        assert found is not None
        assert "" == note
        (side,) = pod_of(client, namespace, name)["status"]["initContainerStatuses"]
        assert side["restartCount"] > 0


def test_restarts_of_a_sidecar_count_on_failure_alone(client: Client, namespace: str) -> None:
    """The Job controller gives up for them (it does not with Never, see above); the diagnosis says what to write."""
    side = KEEPS_EXITING.format(code=1)
    create(client, namespace, "counts", "sleep 20", side, restartPolicy="OnFailure", backoffLimit=1)
    with pytest.raises(NotReady) as caught:
        jobs.wait_complete(client, namespace, "counts", patience=40)
    assert "BackoffLimitExceeded" in caught.value.diagnosis
    assert "the restarts of sidecars count towards backoff_limit, too: of side (1)" in caught.value.diagnosis
    assert "write job.restart_policy: Never" in caught.value.diagnosis


@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_a_job_that_fails_says_why_within_seconds(client: Client, namespace: str, policy: str) -> None:
    """Pod, container, exit code and last words, though its sidecar takes long to end; and again by the next run."""
    main = "echo reading; echo no such table; exit 3"
    limit = 0 if policy == "Never" else 1
    create(client, namespace, "fails", main, IGNORES, grace=25, restartPolicy=policy, backoffLimit=limit)
    began = time.monotonic()
    with pytest.raises(NotReady) as caught:
        jobs.wait_complete(client, namespace, "fails", patience=60)
    assert time.monotonic() - began < 15
    for words in (", container main: ", "exit code 3", "no such table", "run it again"):
        assert words in caught.value.diagnosis
    with pytest.raises(NotReady, match=r"BackoffLimitExceeded|no attempt of its backoff_limit is left"):
        jobs.wait_complete(client, namespace, "fails", patience=60)


@pytest.mark.parametrize("after", [{}, {"after": "side"}], ids=["before the sidecar", "after it"])
def test_an_init_container_that_fails_ends_its_pod(client: Client, namespace: str, after: Json) -> None:
    """S14: the sidecar never starts, or runs beside it; the main container starts in neither, and the cause is told."""
    init = [container("prepare", "echo no schema; exit 4", **after)]
    create(client, namespace, "init", "true", HEEDS.format(code=0), backoffLimit=0, pod={"initContainers": init})
    with pytest.raises(NotReady, match=r"init container prepare: .*exit code 4; .*no schema"):
        jobs.wait_complete(client, namespace, "init", patience=30)
    # A pod has failed once its sidecars have ended.
    eventually(lambda: pod_of(client, namespace, "init")["status"]["phase"] == "Failed")
    status = pod_of(client, namespace, "init")["status"]
    states = {each["name"]: each["state"] for each in [*status["initContainerStatuses"], *status["containerStatuses"]]}
    assert 4 == states["prepare"]["terminated"]["exitCode"]
    assert ("terminated" in states["side"]) == bool(after)
    assert "terminated" not in states["main"]


def test_what_cannot_start_is_not_waited_for(client: Client, namespace: str) -> None:
    """A sidecar whose image is not there, and one that crashes before its startup probe succeeds."""
    bad = [container("side", "", image="localhost/none:1", startupProbe={"exec": {"command": ["true"]}})]
    create(client, namespace, "no-image", "true", "", pod={"sidecars": bad})
    never = {"exec": {"command": ["false"]}}
    crashing = [container("side", "echo no config; exit 7", startupProbe=never)]
    create(client, namespace, "crashes", "true", "", pod={"sidecars": crashing})
    began = time.monotonic()
    for name, words in (("no-image", "ErrImagePull|ImagePullBackOff"), ("crashes", "exit code 7; .*no config")):
        with pytest.raises(NotReady, match=f"sidecar side: .*(?:{words})"):
            jobs.wait_complete(client, namespace, name, patience=14)
    assert time.monotonic() - began < 35


def test_the_last_log_line_arrives(client: Client, namespace: str) -> None:
    """A sidecar that drains at its SIGTERM, which comes after the main container's end, ships every line in order."""
    mount = {"volumeMounts": [{"name": "logs", "mountPath": "/logs"}]}
    probe = {"exec": {"command": ["test", "-e", "/logs/app.log"]}, "periodSeconds": 1}
    pod = {
        "initContainers": [container("make", "touch /logs/app.log", **mount)],
        "containers": [container("main", WRITES, **mount)],
        "sidecars": [container("side", SHIPS, startupProbe=probe, **mount)],
        "volumes": [{"name": "logs", "emptyDir": {}}],
        "fsGroup": images.USER,
    }
    create(client, namespace, "ships", "", "", grace=10, pod=pod)
    jobs.wait_complete(client, namespace, "ships", patience=60)
    made = pod_of(client, namespace, "ships")
    log = client.text(path_of("v1", "pods", namespace, made["metadata"]["name"], "log"), container="side")
    assert [f"line {number}" for number in range(1, LINES + 1)] == log.splitlines()
    assert 0 == ended(made, "side")[0]


def test_a_complete_job_expires_and_a_failed_one_stays(client: Client, namespace: str) -> None:
    """The TTL is given to what is complete; a Job that is gone is said to be so, and one that was deleted fails."""
    create(client, namespace, "done", "true", HEEDS.format(code=0))
    create(client, namespace, "fails", "exit 1", HEEDS.format(code=0), backoffLimit=0)
    jobs.wait_complete(client, namespace, "done", patience=40, expires_after=0)
    with pytest.raises(NotReady, match="BackoffLimitExceeded"):
        jobs.wait_complete(client, namespace, "fails", patience=40, expires_after=0)
    path = keeper_path("Job", namespace, "done")
    deadline = time.monotonic() + 20
    while client.find(path) is not None and time.monotonic() < deadline:
        time.sleep(0.2)
    found, note = jobs.wait_complete(client, namespace, "done", patience=5, expires_after=0)
    assert found is None
    assert "is gone, for ttl_seconds_after_finished is over: `pulumi refresh`" in note
    failed = client.get(keeper_path("Job", namespace, "fails"))
    assert "ttlSecondsAfterFinished" not in failed["spec"]
    client.delete(keeper_path("Job", namespace, "fails"))
    with pytest.raises(NotReady, match=r"it failed .BackoffLimitExceeded.* and something deleted it"):
        jobs.wait_complete(client, namespace, "fails", patience=5, expires_after=0)
