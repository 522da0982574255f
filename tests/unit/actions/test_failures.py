"""Failures told by what waits for what, by events, and by when a crash came: each rule on its own."""

import time
from dataclasses import replace
from typing import Any

import pytest

from components.actions import deadlocks, dropped, events, explaining, readiness
from components.actions.causes import of_admission
from components.actions.client import Items, Json
from components.actions.diagnosis import Finding, findings
from components.actions.readiness import NotReady, wait_ready
from components.actions.starting import awaited, held_back, probed_port
from tests.unit.actions.doubles import container, deployment, double_client, pod, template
from tests.unit.actions.test_runtime_causes import rollout

WAITING: Json = {"waiting": {"reason": "PodInitializing"}}
RUNNING: Json = {"running": {}}
PROXY = container("proxy", restartPolicy="Always", startupProbe={"tcpSocket": {"port": 8080}})
APP = container("app", ports=[{"containerPort": 8080}])
REFUSED = "dial tcp 10.0.0.9:8080: connect: connection refused"


def starting(init: list[Json], *states: Json, mains: tuple[Json, ...] = (APP,), **status: Any) -> Json:
    """Return a pod whose init containers have these statuses and whose main containers have not started."""
    made = pod("web-1", template(*mains, init=init), ready=False, phase="Pending")
    told = [
        {"name": spec["name"], "ready": False, "restartCount": 0, "started": False, **state}
        for spec, state in zip(init, states, strict=False)
    ]
    waiting = [{"name": spec["name"], "state": WAITING, "restartCount": 0} for spec in (*init[len(told) :], *mains)]
    made["status"] |= {
        "initContainerStatuses": [*told, *waiting[: len(init) - len(told)]],
        "containerStatuses": waiting[len(init) - len(told) :],
        **status,
    }
    return made


def event(reason: str, message: str, name: str = "proxy", at: str = "2026-01-01T00:00:00Z", **fields: Any) -> Json:
    """Return an event about an init container of the pod."""
    about = {"name": "web-1", "fieldPath": f"spec.initContainers{{{name}}}"}
    found = {"type": "Warning", "reason": reason, "message": message, "lastTimestamp": at, "involvedObject": about}
    return {"metadata": {"uid": message}, **found, **fields}


def one(found: list[Finding]) -> Finding:
    """Return the only finding."""
    (finding,) = found
    return finding


def test_a_sidecar_that_has_not_started_holds_back_all_after_it() -> None:
    """Later sidecars and main containers wait; what ran before it, and what has run once, does not."""
    setup, log = container("setup"), container("log", restartPolicy="Always")
    held = starting([setup, PROXY, log], {"state": {"terminated": {"exitCode": 0}}}, {"state": RUNNING})
    begun = starting([PROXY], {"state": RUNNING})
    begun["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 1}}

    assert ["log", "app"] == held_back(held, "proxy")
    assert [] == held_back(held, "app")
    assert [] == held_back(begun, "proxy")
    assert [] == held_back(begun, "nobody")
    assert "its startup probe does not succeed; log, app wait for it" in one(findings(held)).text()


def test_an_init_container_that_does_not_end_is_told() -> None:
    """It may yet end, so only patience ends the wait; a sidecar that starts later may be what it waits for."""
    found = one(findings(starting([container("migrate"), PROXY], {"state": RUNNING})))

    assert ("InitNotEnding", "init container", None) == (found.reason, found.role, found.grace)
    assert "proxy, app wait for it" in found.text()
    assert "Should it need sidecar proxy, let it start after that" in found.text()
    assert found.has_log
    alone = one(findings(starting([container("migrate")], {"state": RUNNING})))
    assert "Should it need" not in alone.text()
    assert "app waits for it" in alone.text()


@pytest.mark.parametrize(
    ("probe", "port"),
    [
        ({"tcpSocket": {"port": 8080}}, 8080),
        ({"httpGet": {"port": "web", "path": "/"}}, 9000),
        ({"httpGet": {"port": "nosuch"}}, None),
        ({"grpc": {"port": 7}}, 7),
        ({"exec": {"command": ["wget", "-q", "http://127.0.0.1:8080/ready"]}}, 8080),
        ({"exec": {"command": ["nc", "-z", "localhost", "81"]}}, 81),
        ({"exec": {"command": ["test", "-e", "/run/ready"]}}, None),
        ({}, None),
    ],
)
def test_the_port_that_a_probe_asks(probe: Json, port: int | None) -> None:
    """A number, a name of the container's own, or what a command shows."""
    made = container("proxy", startupProbe=probe, ports=[{"name": "web", "containerPort": 9000}])

    assert port == probed_port(made)


def test_a_deadlock_takes_the_port_of_a_container_that_is_held_back_and_a_refused_connection() -> None:
    """Each sign alone may be a sidecar that is slow: then nothing is said."""
    locked = starting([PROXY], {"state": RUNNING})
    told = [event("Unhealthy", f"Startup probe failed: {REFUSED}")]
    found = deadlocks.of_pod(locked, told)

    assert found is not None
    assert ("Deadlock", "sidecar", 20.0) == (found.reason, found.role, found.grace)
    assert "its startup probe asks port 8080, on which container app listens" in found.text()
    assert deadlocks.of_pod(locked, []) is None
    assert deadlocks.of_pod(locked, [event("Unhealthy", "Startup probe failed: HTTP 503")]) is None
    own = starting([{**PROXY, "ports": [{"containerPort": 8080}]}], {"state": RUNNING})
    before = starting(
        [container("first", restartPolicy="Always", ports=[{"containerPort": 8080}]), PROXY],
        {"state": RUNNING, "started": True, "ready": True},
        {"state": RUNNING},
    )
    udp = starting(
        [PROXY], {"state": RUNNING}, mains=(container("app", ports=[{"containerPort": 8080, "protocol": "UDP"}]),)
    )
    started = starting([PROXY], {"state": RUNNING, "started": True})
    leaving = starting([PROXY], {"state": RUNNING})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for other in (own, before, udp, started, leaving):
        assert deadlocks.of_pod(other, told) is None
    assert (8080, "app") == awaited(locked, "proxy")


def test_events_are_read_only_where_a_deadlock_is_likely() -> None:
    """A poll of well pods costs nothing more."""
    client, transport = double_client(
        lambda *_: (200, {"items": [event("Unhealthy", f"Startup probe failed: {REFUSED}")]})
    )

    assert deadlocks.finding(client, [pod("p", template(APP))]) is None
    assert [] == transport.requests
    assert deadlocks.finding(client, [pod("p", template(APP)), starting([PROXY], {"state": RUNNING})]) is not None
    assert 1 == len(transport.requests)


@pytest.mark.parametrize(("began", "hopeless"), [("00:00:59", False), ("00:01:00", True), ("01:00:00", True)])
@pytest.mark.parametrize("probed", [True, False], ids=["startup probe", "crash loop"])
def test_a_neighbour_gets_a_minute(began: str, hopeless: bool, probed: bool) -> None:
    """An application that waits 40 s for its database by crashing is healthy, however often it has crashed by then."""
    ended = {"terminated": {"exitCode": 1, "startedAt": f"2026-01-01T{began}Z", "finishedAt": "2026-01-01T01:00:09Z"}}
    state = RUNNING if probed else {"waiting": {"reason": "CrashLoopBackOff"}}
    crashing = starting(
        [PROXY], {"state": state, "lastState": ended, "restartCount": 4}, startTime="2026-01-01T00:00:00Z"
    )
    found = findings(crashing)[0]

    assert hopeless == (found.grace == 0.0)
    assert (probed and not hopeless) == (found.reason == "NotReady")
    assert "app waits for it" in found.text()


def test_out_of_memory_names_the_limit() -> None:
    """Also before the second restart, and for a container without one, which the node had no room for."""
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    limited = pod("p", template(container("app", limits={"memory": "64Mi"})))
    free = pod("p", template(container("app")))
    for made, words in (
        (limited, "its memory limit is 64Mi. Remedy: raise its memory limit above 64Mi"),
        (free, "no memory limit"),
    ):
        status = made["status"]["containerStatuses"][0]
        status |= {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended, "restartCount": 1}
        assert words in one(findings(made)).text()
        status |= {"state": ended, "lastState": {}, "restartCount": 0}
        first = one(findings(made))
        assert ("Failed", 137) == (first.reason, first.exit_code)
        assert words in first.text()


def test_a_failing_post_start_hook_is_told_with_its_words() -> None:
    """The kubelet has a reason of its own for it; it counts as a crash."""
    made = pod("p", template(container("app")))
    waiting = {"waiting": {"reason": "PostStartHookError", "message": "exited with 4"}}
    made["status"]["containerStatuses"][0] |= {"state": waiting, "restartCount": 1}
    early = one(findings(made))
    made["status"]["containerStatuses"][0]["restartCount"] = 2

    assert early.grace is None
    assert 0.0 == one(findings(made)).grace
    assert "PostStartHookError; exited with 4. Remedy: correct the command of its postStart hook" in early.text()


def test_a_pod_that_was_evicted_is_told() -> None:
    """The message says what the node was short of; a pod that has succeeded is well whatever its sidecars did."""
    gone = pod("p", template(APP), phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    gone["status"]["containerStatuses"] = []
    done = pod("p", template(APP, init=[PROXY]), phase="Succeeded")
    done["status"]["initContainerStatuses"][0]["state"] = {"terminated": {"exitCode": 137}}

    text = one(findings(gone)).text()
    assert "pod p: Evicted; The node was low on resource: memory. Remedy: the node ran short" in text
    assert [] == findings(done)


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ('0/1 nodes: persistentvolumeclaim "data" not found.', "create the PersistentVolumeClaim 'data'"),
        ("0/1 nodes: pod has unbound immediate PersistentVolumeClaims.", "why its PersistentVolumeClaim is not bound"),
        ("0/1 nodes are available: 1 Insufficient cpu.", "lower the requests"),
    ],
)
def test_pods_that_fit_nowhere_for_their_volumes(message: str, remedy: str) -> None:
    """A claim that is missing or not bound is no matter of requests."""
    lonely = pod("p", template(APP), ready=False)
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    lonely["status"] = {"conditions": [condition]}

    assert remedy in one(findings(lonely)).text()


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ('MountVolume.SetUp failed for volume "x" : configmap "absent" not found', "create the ConfigMap 'absent'"),
        ('MountVolume.SetUp failed for volume "x" : secret "absent" not found', "create the Secret 'absent'"),
        ('volume "x" : references non-existent config key: a.conf', "add the key 'a.conf'"),
        (
            "kubernetes.io/csi: driver name x.example.com not found in the list",
            "install the CSI driver 'x.example.com'",
        ),
    ],
)
def test_a_volume_that_cannot_be_mounted_is_hopeless_after_a_while(message: str, remedy: str) -> None:
    """It may come with the next moment, so it is given half a minute; other words are left to patience."""
    found = events.mount_finding(pod("p", template(APP)), message)

    assert found is not None
    assert ("FailedMount", 30.0) == (found.reason, found.grace)
    assert remedy in found.text()
    assert events.mount_finding(pod("p", template(APP)), "timed out waiting for the condition") is None


def test_the_newest_event_that_tells_a_cause_counts() -> None:
    """A timeout says nothing of its own; a sandbox that fails after its volumes came is what keeps it now."""
    made = pod("p", template(APP))
    missing = event("FailedMount", 'configmap "absent" not found', at="2026-01-01T00:00:01Z")
    timeout = event("FailedMount", "timed out waiting for the condition", at="2026-01-01T00:00:02Z")
    sandbox = event("FailedCreatePodSandBox", 'no runtime for "x" is configured', at="2026-01-01T00:00:03Z")

    found = [events.start_finding(made, told) for told in ([missing, timeout], [missing, timeout, sandbox], [timeout])]
    assert ["FailedMount", "FailedCreatePodSandBox", None] == [each and each.reason for each in found]


@pytest.mark.parametrize(("status", "told"), [(200, False), (404, True), (403, True)])
def test_a_config_map_that_has_come_meanwhile_is_not_missing(status: int, told: bool) -> None:
    """The kubelet tries again later than we look; where it may not be read, the event alone counts."""
    made = starting([PROXY])
    for each in (*made["status"]["initContainerStatuses"], *made["status"]["containerStatuses"]):
        each["state"] = {"waiting": {"reason": "ContainerCreating"}}
    failed = event("FailedMount", 'failed for volume "x" : configmap "absent" not found')

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "/configmaps/absent" in path:
            return status, {"message": "refused"}
        return 200, {"items": [failed]}

    client, _ = double_client(answer)
    assert told == (events.Sandboxes(client).finding([made]) is not None)


def test_what_a_probe_was_told_is_in_the_text() -> None:
    """Only events have it; a refused connection means that nothing listens on that port."""
    web = container("web", readinessProbe={"httpGet": {"port": 9999}}, ports=[{"containerPort": 8080}])
    made = pod("web-1", template(web), ready=False)
    made["status"]["containerStatuses"][0]["started"] = True
    message = 'Readiness probe failed: Get "http://10.0.0.9:9999/": dial tcp: connect: connection refused'
    about = {"name": "web-1", "fieldPath": "spec.containers{web}"}
    told: Items = [event("Unhealthy", message, involvedObject=about), event("Unhealthy", "Startup probe failed: old")]
    text = explaining.explained(one(findings(made)), made, told).text()

    assert 'the probe was told: Get "http://10.0.0.9:9999/": dial tcp: connect: connection refused' in text
    assert "nothing listens on port 9999 of the pod: correct the probe's port (it declares 8080)" in text
    slow = [event("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", involvedObject=about)]
    text = explaining.explained(one(findings(made)), made, slow).text()
    assert "statuscode: 503. Remedy: correct the readiness probe or what it asks" in text
    assert "the probe was told" not in explaining.explained(one(findings(made)), made, []).text()


@pytest.mark.parametrize(
    ("killing", "words"),
    [
        ("Container app failed liveness probe, will be restarted", "killed by its liveness probe: timeout"),
        ("Init container proxy failed startup probe", "killed by its startup probe: refused"),
    ],
)
def test_a_crash_loop_that_a_probe_makes_is_told_so(killing: str, words: str) -> None:
    """Exit code 137 alone reads like want of memory."""
    last = {"terminated": {"exitCode": 137, "reason": "Error"}}
    state = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": last, "restartCount": 3}
    made = starting([PROXY], state)
    told = [
        event("Killing", killing, at="2026-01-01T00:00:02Z"),
        event("Unhealthy", "Startup probe failed: refused", at="2026-01-01T00:00:01Z"),
        event("Unhealthy", "Liveness probe failed: timeout", at="2026-01-01T00:00:01Z"),
    ]
    found = findings(made)[0]

    assert words in explaining.explained(found, made, told).text()
    assert found == explaining.explained(found, made, [event("Killing", "Stopping container proxy")])
    hook = explaining.explained(found, made, [event("FailedPostStartHook", "PostStartHook failed")])
    assert "PostStartHookFailed; exit code 137; " in hook.text()


def test_a_pod_that_lost_what_makes_its_sidecar_one() -> None:
    """The template has it and the pod does not: hopeless at once, with who drops such fields."""
    stripped = {key: value for key, value in PROXY.items() if key != "restartPolicy"}
    asked = template(APP, init=[PROXY, container("setup")])
    found = one(list(dropped.of_pod(asked, pod("web-1", template(APP, init=[stripped, container("setup")])))))

    assert ("RestartPolicyDropped", 0.0) == (found.reason, found.grace)
    assert "pod web-1, sidecar proxy: RestartPolicyDropped; the cluster dropped restartPolicy: Always" in found.text()
    assert "mutating webhook" in found.text()
    assert [] == list(dropped.of_pod(asked, pod("web-1", asked)))
    assert [] == list(dropped.of_pod(asked, pod("web-1", template(APP))))


def test_wait_ends_at_once_where_the_template_lost_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the program asked for is held against the live object, which is well otherwise."""
    monkeypatch.setattr(readiness, "_POLL", 0.01)
    stripped = {key: value for key, value in PROXY.items() if key != "restartPolicy"}
    asked, live = deployment(template(APP, init=[PROXY])), deployment(template(APP, init=[stripped]))
    client, _ = double_client(lambda _method, path, _body: (200, live if "/deployments/" in path else {"items": []}))
    began = time.monotonic()
    with pytest.raises(NotReady, match="dropped restartPolicy: Always of sidecar proxy, which the program asked for"):
        wait_ready(client, "shop", "web", patience=60, asked=asked)
    assert time.monotonic() - began < 5


def test_a_refusal_for_a_lost_restart_policy_names_the_webhook() -> None:
    """With a startup probe the API server refuses what the webhook left over."""
    message = "spec.initContainers[0].startupProbe: Forbidden: may not be set for init containers without "
    message += "restartPolicy=Always"

    assert "update the webhook that has dropped the sidecar's restartPolicy" in of_admission(message)


LOST = (
    'Deployment.apps "web" is invalid: [spec.template.spec.initContainers[1].startupProbe: Forbidden: may not be set '
    "for init containers without restartPolicy=Always, spec.template.spec.initContainers[1].lifecycle: Forbidden: may "
    "not be set for init containers without restartPolicy=Always]"
)


@pytest.mark.parametrize("message", [LOST, LOST.replace("may not", "must not").replace(" without", "")])
def test_a_refusal_is_told_as_what_it_comes_from(message: str) -> None:
    """The sidecar by its place, once; not an init container that was never one, nor anything else that is refused."""
    asked = template(APP, init=[container("setup"), PROXY])
    found = one(list(dropped.of_refusal(deployment(asked), message)))

    assert ("template of web", "proxy", 0.0) == (found.pod, found.container, found.grace)
    assert "it is an ordinary init container now, which may have no startupProbe" in found.text()
    assert [] == list(dropped.of_refusal(deployment(template(APP, init=[PROXY, container("setup")])), message))
    assert [] == list(dropped.of_refusal(deployment(asked), "spec.template.spec.containers: Required value"))
    job = {"kind": "CronJob", "metadata": {"name": "nightly"}, "spec": {"jobTemplate": {"spec": {"template": asked}}}}
    assert ["proxy"] == [each.container for each in dropped.of_refusal(job, message)]


def test_pods_that_cannot_be_made_for_it_are_told_so() -> None:
    """In the place of admission's words; every other cause stays as it is."""
    keeper = deployment(template(APP, init=[container("setup"), PROXY]))
    found = Finding("of ReplicaSet web-1", "", "", "FailedCreate", LOST, "", 5.0)
    told = dropped.explained(keeper, found)

    assert ("of ReplicaSet web-1", "proxy", "RestartPolicyDropped", 5.0) == (
        *(told.pod, told.container, told.reason, told.grace),
    )
    assert "which its template has" in told.text()
    quota = replace(found, detail="exceeded quota")
    assert quota == dropped.explained(keeper, quota)


def test_progress_tells_what_is_wrong_before_the_wait_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cause is on the screen within seconds, whatever the patience is."""
    monkeypatch.setattr(readiness, "_POLL", 0.01)
    lines: list[str] = []
    crashing = starting([PROXY], {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 1})
    client, _ = double_client(rollout(crashing))
    with pytest.raises(NotReady):
        wait_ready(client, "shop", "web", patience=0.1, progress=lines.append)
    assert ["2 new, 0 ready of 2; pod web-1, sidecar proxy: CrashLoopBackOff"] == lines
