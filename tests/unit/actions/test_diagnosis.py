"""Findings about pods, and the wait on a double of the API."""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.actions import readiness
from components.actions.client import Json
from components.actions.diagnosis import findings, replica_set_finding
from components.actions.readiness import NotReady, is_well, paused_or_overdue, wait_ready
from tests.unit.actions.doubles import container, deployment, double_client, pod, replica_set, template

TEMPLATE = template(container(), init=[container("setup"), container("shipper", restartPolicy="Always")])


def broken(name: str, *, key: str = "containerStatuses", **status: Any) -> Json:
    """Return a pod in which one container has this status."""
    found = pod("web-aaaa-1", TEMPLATE)
    found["status"][key] = [{"name": name, "ready": False, "restartCount": 0, **status}]
    return found


def waiting(reason: str, message: str = "") -> Json:
    """Return a waiting state."""
    return {"waiting": {"reason": reason, "message": message}}


def test_a_well_pod_has_no_findings() -> None:
    """Running and ready containers are nothing to tell."""
    assert findings(pod("p", TEMPLATE)) == []


@pytest.mark.parametrize(
    "reason", ["InvalidImageName", "ErrImagePull", "ImagePullBackOff", "CreateContainerConfigError"]
)
def test_a_container_that_cannot_start_is_hopeless_after_a_grace(reason: str) -> None:
    """The kubelet's reason and message are in the text, with a remedy."""
    finding = findings(broken("app", state=waiting(reason, "why")))[0]
    assert finding.grace is not None
    assert f"pod web-aaaa-1, container app: {reason}; why. Remedy: " in finding.text()


def test_a_pull_that_backs_off_is_the_same_finding() -> None:
    """The kubelet alternates between two words; the grace must not start anew each time."""
    first = findings(broken("app", state=waiting("ErrImagePull")))[0]
    second = findings(broken("app", state=waiting("ImagePullBackOff")))[0]
    assert first.key == second.key


@pytest.mark.parametrize(("restarts", "hopeless"), [(1, False), (2, True)])
def test_a_crash_loop_is_hopeless_from_the_third_crash(restarts: int, hopeless: bool) -> None:
    """An application may crash twice while it waits for a neighbour."""
    last = {"terminated": {"exitCode": 3, "reason": "Error"}}
    finding = findings(broken("app", state=waiting("CrashLoopBackOff"), lastState=last, restartCount=restarts))[0]
    assert hopeless == (finding.grace == 0.0)
    assert "exit code 3" in finding.text("last words")
    assert "last log: last words" in finding.text("last words")


@pytest.mark.parametrize(("name", "role"), [("setup", "init container"), ("shipper", "sidecar")])
def test_init_containers_and_sidecars_are_told_apart(name: str, role: str) -> None:
    """The text says what kind of container it is."""
    status = {"state": waiting("CrashLoopBackOff"), "restartCount": 2}
    finding = findings(broken(name, key="initContainerStatuses", **status))[0]
    assert f"{role} {name}: CrashLoopBackOff" in finding.text()


def test_a_startup_probe_that_never_succeeds_is_hopeless() -> None:
    """A container that is killed by its startup probe again and again runs each time one looks."""
    status = {"state": {"running": {}}, "started": False, "restartCount": 2}
    finding = findings(broken("shipper", key="initContainerStatuses", **status))[0]
    assert (finding.reason, finding.grace) == ("StartupProbeFailed", 0.0)


def test_restarts_of_long_ago_say_nothing_about_a_start() -> None:
    """A pod that was ready once may be starting again for any reason; a new one that never was is judged."""
    status: Any = {"state": {"running": {}}, "started": False, "restartCount": 5}
    for turned, hopeless in (("2026-01-01T00:00:01Z", True), ("2026-01-03T12:00:00Z", False)):
        pod = broken("app", **status)
        pod["status"]["startTime"] = "2026-01-01T00:00:00Z"
        # Held back by a readiness gate from the beginning, so that only the containers' own condition tells.
        gated = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        pod["status"]["conditions"] = [gated, {**gated, "type": "ContainersReady", "lastTransitionTime": turned}]
        assert any(finding.grace == 0.0 for finding in findings(pod)) == hopeless


def test_a_readiness_probe_may_still_succeed() -> None:
    """Running without being ready never ends the wait early."""
    finding = findings(broken("app", state={"running": {}}, started=True))[0]
    assert finding.grace is None
    assert "readiness probe" in finding.text()


def test_unschedulable_and_quota_have_the_server_s_words() -> None:
    """Pods that fit nowhere and pods that may not be created are findings too."""
    lonely = pod("p", TEMPLATE, ready=False)
    lonely["status"] = {
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]
    }
    assert "Unschedulable; 0/1 nodes" in findings(lonely)[0].text()
    blocked = replica_set("web-aaaa", TEMPLATE)
    assert replica_set_finding(blocked) is None
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: q"}
    blocked["status"]["conditions"] = [failure]
    finding = replica_set_finding(blocked)
    assert finding is not None
    assert "exceeded quota: q" in finding.text()


def test_a_pod_that_is_being_deleted_is_not_judged() -> None:
    """A pod on its way out says nothing about the new template."""
    leaving = broken("app", state=waiting("ErrImagePull"))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert findings(leaving) == []


def test_is_well_asks_for_all_of_it() -> None:
    """Every number has to agree, or the wait goes on."""
    good = deployment(TEMPLATE)
    good["status"]["availableReplicas"] = 2
    assert is_well(good)
    for key, value in {"observedGeneration": 2, "updatedReplicas": 1, "replicas": 3, "availableReplicas": 1}.items():
        assert not is_well({**good, "status": {**good["status"], key: value}})


def test_a_pause_or_a_passed_deadline_is_hopeless() -> None:
    """A paused Deployment rolls nothing out, and one past its deadline has said so."""
    paused = deployment(TEMPLATE, paused=True)
    assert paused_or_overdue(paused) == ""
    paused["status"]["updatedReplicas"] = 0
    assert "paused" in paused_or_overdue(paused)
    late = deployment(TEMPLATE)
    late["status"]["conditions"] = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    assert "progressDeadlineSeconds" in paused_or_overdue(late)


def api(live: Json | None, pods: list[Json], log: str = "") -> Any:
    """Return a handler that serves one Deployment with one ReplicaSet and these pods."""
    current = replica_set("web-aaaa", TEMPLATE)
    current["spec"]["selector"] = {"matchLabels": {"app": "web"}}
    current["metadata"]["ownerReferences"] = [{"controller": True, "uid": "uid-web"}]
    owner = [{"controller": True, "uid": "uid-web-aaaa"}]
    for item in pods:
        item["metadata"]["ownerReferences"] = owner

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "/deployments/" in path:
            return (200, live) if live else (404, {})
        if "/log" in path:
            return 200, log.encode()
        return 200, {"items": [current] if "replicasets" in path else pods if "/pods" in path else []}

    return answer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_POLL", 0.01)


def test_wait_returns_when_all_is_well() -> None:
    """A Deployment that has long been healthy costs three requests and no wait."""
    live = deployment(TEMPLATE)
    live["status"]["availableReplicas"] = 2
    old = pod("web-aaaa-1", TEMPLATE)
    for status in [*old["status"]["containerStatuses"], *old["status"]["initContainerStatuses"]]:
        status["state"] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    client, transport = double_client(api(live, [old]))
    wait_ready(client, "shop", "web", patience=5)
    assert len(transport.requests) == 3


@pytest.mark.parametrize(("fields", "waits"), [({}, True), ({"readinessProbe": {}}, False)])
def test_a_pod_without_readiness_probe_has_to_stay_well(
    fields: Json, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a pod is available the moment it runs, also when it dies right afterwards."""
    monkeypatch.setattr(readiness, "_SETTLING", 0.3)
    live = deployment(TEMPLATE)
    live["status"]["availableReplicas"] = 2
    young = pod("web-aaaa-1", template(container(**fields)))
    young["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": "2999-01-01T00:00:00Z"}}
    client, _ = double_client(api(live, [young]))
    started = time.monotonic()
    wait_ready(client, "shop", "web", patience=5)
    assert waits == (time.monotonic() - started >= 0.3)


@pytest.mark.parametrize(("code", "seconds", "expected"), [(0, 50, 3.0), (3, 0, 5.0), (3, 8, 13.0), (137, 600, 35.0)])
def test_a_container_that_crashed_has_to_outlive_its_last_run(code: int, seconds: int, expected: float) -> None:
    """A program that dies after eight seconds is not well after three; half a minute is the most it has to last."""
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    ended = {
        "exitCode": code,
        "startedAt": begun.isoformat(),
        "finishedAt": (begun + timedelta(seconds=seconds)).isoformat(),
    }
    assert expected == readiness.settling_seconds({"restartCount": 1, "lastState": {"terminated": ended}})


def test_a_sidecar_has_to_stay_well_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod is ready while its crashing sidecar runs for a moment, whatever its main containers' probes say."""
    monkeypatch.setattr(readiness, "_SETTLING", 0.3)
    live = deployment(TEMPLATE)
    live["status"]["availableReplicas"] = 2
    flapping = pod("web-aaaa-1", template(container(readinessProbe={}), init=[container("s", restartPolicy="Always")]))
    flapping["status"]["initContainerStatuses"] = [{"name": "s", "state": {"running": {}}, "restartCount": 1}]
    client, _ = double_client(api(live, [flapping]))
    started = time.monotonic()
    wait_ready(client, "shop", "web", patience=5)
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize("lasts", [False, True])
def test_a_passed_deadline_counts_once_it_lasts(lasts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after a change the condition may still tell of the rollout before; one that stays ends the wait."""
    monkeypatch.setattr(readiness, "_STALE", 0.3)
    overdue, well = deployment(TEMPLATE), deployment(template(container(readinessProbe={})))
    overdue["status"]["conditions"] = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    well["status"]["availableReplicas"] = 2
    started = time.monotonic()

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        seen = time.monotonic() - started
        live = overdue if lasts or seen < 0.1 else well
        return api(live, [])(method, path, body)  # type: ignore[no-any-return]

    client, _ = double_client(answer)
    if not lasts:
        wait_ready(client, "shop", "web", patience=5)
        return
    with pytest.raises(NotReady, match="its progressDeadlineSeconds are over"):
        wait_ready(client, "shop", "web", patience=5)
    assert 0.3 <= time.monotonic() - started < 2


def test_wait_gives_up_on_a_crash_loop_long_before_its_patience() -> None:
    """The diagnosis has pod, container, exit code, last log line and remedy, in one line."""
    last = {"terminated": {"exitCode": 1, "reason": "Error"}}
    crashing = broken("app", state=waiting("CrashLoopBackOff"), lastState=last, restartCount=4)
    client, transport = double_client(api(deployment(TEMPLATE), [crashing], "starting\nno database\n"))
    started = time.monotonic()
    with pytest.raises(NotReady) as caught:
        wait_ready(client, "shop", "web", patience=60)
    assert time.monotonic() - started < 5
    assert "container app: CrashLoopBackOff; exit code 1" in caught.value.diagnosis
    assert "last log: starting | no database" in caught.value.diagnosis
    assert "\n" not in caught.value.diagnosis
    assert any("previous=true" in path for _m, path, _b, _h in transport.requests)


def test_wait_gives_up_where_the_state_stays_at_how_the_container_ended() -> None:
    """A newer kubelet never says CrashLoopBackOff; the third end is as hopeless, and the log is that of this run."""
    ended = {"terminated": {"exitCode": 3, "reason": "Error"}}
    crashing = broken("app", state=ended, lastState=ended, restartCount=2)
    client, transport = double_client(api(deployment(TEMPLATE), [crashing], "no database\n"))
    with pytest.raises(NotReady) as caught:
        wait_ready(client, "shop", "web", patience=60)
    assert "container app: CrashLoopBackOff; exit code 3" in caught.value.diagnosis
    assert "ended 3 times" in caught.value.diagnosis
    assert not any("previous=true" in path for _m, path, _b, _h in transport.requests)


def test_wait_ends_with_patience_and_says_what_is_missing() -> None:
    """When only patience ends the wait, the best finding so far is the diagnosis."""
    slow = broken("app", state={"running": {}}, started=True)
    client, _ = double_client(api(deployment(TEMPLATE), [slow]))
    with pytest.raises(NotReady, match="not ready after 0 s; pod web-aaaa-1, container app: NotReady"):
        wait_ready(client, "shop", "web", patience=0.05)


def test_wait_tells_progress_only_when_it_changes() -> None:
    """The same count is said once."""
    told: list[str] = []
    client, _ = double_client(api(deployment(TEMPLATE), []))
    with pytest.raises(NotReady):
        wait_ready(client, "shop", "web", patience=0.1, progress=told.append)
    assert told == ["2 new, 0 ready of 2"]


def test_wait_can_be_stopped_and_knows_its_kinds() -> None:
    """A set event ends the wait, a deleted Deployment is said, other kinds are refused."""
    stop = threading.Event()
    stop.set()
    client, _ = double_client(api(deployment(TEMPLATE), []))
    with pytest.raises(NotReady, match="was stopped"):
        wait_ready(client, "shop", "web", patience=5, stop=stop)
    client, _ = double_client(api(None, []))
    with pytest.raises(NotReady, match="does not exist"):
        wait_ready(client, "shop", "web", patience=5)
    with pytest.raises(ValueError, match="Job is not supported"):
        wait_ready(client, "shop", "web", "Job", patience=5)
