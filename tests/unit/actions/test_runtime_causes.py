"""Pods that cannot start for want of their runtime: what is recognised, what is told, and how soon it counts."""

from typing import Any

import pytest

from components.actions import readiness
from components.actions.client import Json
from components.actions.diagnosis import findings, replica_set_finding
from components.actions.events import Sandboxes, newest_warning, sandbox_finding, waits_for_sandbox
from components.actions.readiness import NotReady, wait_ready
from tests.unit.actions.doubles import container, deployment, double_client, pod, replica_set, template

TEMPLATE = template(container(), runtimeClassName="wasm")
ID = "3d49b33f817fc785805eaf2ee9792221374e71b0666bfa32b740a4b54320de11"
PREAMBLE = "Failed to create pod sandbox: rpc error: code = Unknown desc = "
NO_HANDLER = f'{PREAMBLE}unable to get OCI runtime for sandbox "{ID}": no runtime for "nosuch" is configured'
FAILED = f'{PREAMBLE}failed to start sandbox "{ID}": '
NO_SHIM = (
    f"{FAILED}failed to create containerd task: failed to start shim: failed to resolve runtime path: runtime "
    '"io.containerd.wasmtime.v1" binary not installed "containerd-shim-wasmtime-v1": file does not exist'
)
NO_BINARY = (
    f"{FAILED}OCI runtime create failed: unable to retrieve OCI runtime error (open /run/containerd/{ID}/log.json: no "
    "such file or directory): fork/exec /opt/wasm/crun-wasm: no such file or directory"
)
STARTING = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: "
)


def stuck(*conditions: Json) -> Json:
    """Return a pod on a node, of which nothing has started."""
    found = pod("web-aaaa-1", TEMPLATE, ready=False)
    found["status"] = {
        "phase": "Pending",
        "conditions": list(conditions),
        "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}}],
    }
    return found


def rollout(judged: Json, log: str = "", events: list[list[Json]] | None = None) -> Any:
    """Return a handler for a Deployment with this one pod; each look at events gets the next list, the last repeats."""
    current = replica_set("web-aaaa", TEMPLATE)
    current["spec"]["selector"] = {"matchLabels": {"app": "web"}}
    current["metadata"]["ownerReferences"] = [{"controller": True, "uid": "uid-web"}]
    judged["metadata"]["ownerReferences"] = [{"controller": True, "uid": "uid-web-aaaa"}]
    left = list(events or [[]])

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "/deployments/" in path:
            return 200, deployment(TEMPLATE)
        if "/log" in path:
            return 200, log.encode()
        if "/events" in path:
            return 200, {"items": left.pop(0) if len(left) > 1 else left[0]}
        return 200, {"items": [current] if "replicasets" in path else [judged]}

    return answer


def event(message: str, uid: str = "e1", at: str = "2026-01-01T00:00:00Z", **fields: Any) -> Json:
    """Return a warning about a pod's sandbox."""
    found = {"type": "Warning", "reason": "FailedCreatePodSandBox", "message": message, "lastTimestamp": at}
    return {"metadata": {"uid": uid}, **found, **fields}


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (NO_HANDLER, "set the handler 'nosuch' up on the node"),
        ('failed to get sandbox runtime: no runtime for "nosuch" is configured', "set the handler 'nosuch' up"),
        ("desc = failed to find runtime handler nosuch from runtime list map[runc:0xc]", "set the handler 'nosuch' up"),
        (NO_SHIM, "names the program 'containerd-shim-wasmtime-v1', which is not there"),
        (NO_BINARY, "names the program '/opt/wasm/crun-wasm', which is not there"),
        (
            'Failed to create pod sandbox: runtimeclass.node.k8s.io "wasm" not found',
            "create the RuntimeClass 'wasm' again",
        ),
    ],
)
def test_a_sandbox_without_its_runtime(message: str, words: str) -> None:
    """The node, the runtime's own words without ids, and what to do are told."""
    finding = sandbox_finding(stuck(), message, 1.0)

    assert finding is not None
    assert words in finding.remedy
    assert "pod web-aaaa-1: FailedCreatePodSandBox; node node-1: " in finding.text()
    assert ID not in finding.text()
    assert "rpc error" not in finding.text()


def test_a_sandbox_that_fails_for_another_reason_is_left_to_patience() -> None:
    """A network that is not there yet often comes."""
    assert sandbox_finding(stuck(), f"{PREAMBLE}failed to setup network for sandbox", 1.0) is None


def test_only_a_pod_that_waits_for_its_sandbox_is_looked_up() -> None:
    """Pods without a node, with a sandbox, with a past, or on their way out have no such events to tell."""
    assert waits_for_sandbox(stuck())
    assert not waits_for_sandbox(stuck({"type": "PodReadyToStartContainers", "status": "True"}))
    assert not waits_for_sandbox(pod("p", TEMPLATE))
    homeless, leaving, crashed = stuck(), stuck(), stuck()
    del homeless["spec"]["nodeName"]
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    crashed["status"]["containerStatuses"][0]["lastState"] = {"terminated": {}}
    assert [False, False, False] == [waits_for_sandbox(each) for each in (homeless, leaving, crashed)]


def test_the_newest_warning_counts() -> None:
    """The kubelet writes one for each attempt; ordinary events are none."""
    late, early = event("late", at="2026-01-01T00:00:14Z"), event("early")
    other = event("x", reason="FailedMount", at="2026-01-01T00:01:00Z")
    normal = event("y", type="Normal", at="2026-01-01T00:02:00Z")

    assert late == newest_warning([early, late, other, normal], "FailedCreatePodSandBox")
    assert other == newest_warning([early, late, other, normal])
    assert newest_warning([normal]) is None


def test_an_event_from_before_the_wait_has_to_last() -> None:
    """Until the kubelet tries again, it may tell of what has been mended; one that comes meanwhile counts at once."""
    listed = [event(NO_HANDLER)]
    client, transport = double_client(lambda _method, _path, _body: (200, {"items": listed}))
    sandboxes = Sandboxes(client)

    before = sandboxes.finding([pod("p", TEMPLATE), stuck()])
    listed.append(event(NO_HANDLER, "e2", "2026-01-01T00:00:14Z"))
    after = sandboxes.finding([stuck()])

    assert before is not None
    assert after is not None
    assert (16.0, 1.0) == (before.grace, after.grace)
    assert 2 == len(transport.requests)


def test_well_pods_cost_no_request() -> None:
    """Events are read only where a pod waits for its sandbox."""
    client, transport = double_client(lambda *_: (200, {"items": []}))

    assert Sandboxes(client).finding([pod("p", TEMPLATE)]) is None
    assert [] == transport.requests


def test_wait_ends_when_no_runtime_can_make_the_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole diagnosis is one line with the handler's name, long before patience is over."""
    monkeypatch.setattr(readiness, "_POLL", 0.01)
    monkeypatch.setattr("components.actions.events._FRESH", 0.0)
    client, _ = double_client(rollout(stuck(), events=[[], [event(NO_HANDLER)]]))
    with pytest.raises(NotReady, match=r'no runtime for "nosuch" is configured\. Remedy: set the handler') as caught:
        wait_ready(client, "shop", "web", patience=60)
    assert "\n" not in caught.value.diagnosis


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('pods "web-" is forbidden: pod rejected: RuntimeClass "wasm" not found', "create the RuntimeClass 'wasm'"),
        (
            "pods is forbidden: conflict: runtimeClass.scheduling.nodeSelector[k] = a; pod.spec.nodeSelector[k] = b",
            "node selector",
        ),
        ("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead", "leave overhead out"),
        ("exceeded quota: q", "make room in the quota"),
    ],
)
def test_what_admission_says_of_a_runtime_class(message: str, words: str) -> None:
    """There is no pod to look at; the ReplicaSet's condition tells, and each cause has a remedy of its own."""
    blocked = replica_set("web-aaaa", TEMPLATE)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    blocked["status"]["conditions"] = [failure]
    finding = replica_set_finding(blocked)

    assert finding is not None
    assert words in finding.remedy
    assert message in finding.text()


def failing(waiting: Json, ended: Json | None = None) -> Json:
    """Return a pod whose container could not be started."""
    found = pod("web-aaaa-1", TEMPLATE, ready=False)
    status: Json = {"name": "app", "ready": False, "restartCount": 0, "state": {"waiting": waiting}}
    found["status"]["containerStatuses"] = [status | {"lastState": {"terminated": ended} if ended else {}}]
    return found


@pytest.mark.parametrize(
    "said",
    [
        f'{STARTING}exec: "/hello.wasm": permission denied',
        f'{STARTING}exec: "/hello.wasm": exec format error',
        "OCI runtime create failed: the path '/hello.wasm' exists but it is not executable",
    ],
)
def test_a_module_that_is_run_as_a_program_is_hopeless_at_once(said: str) -> None:
    """Whichever of its two states the kubelet shows, it is the same finding, with the way out."""
    ended = {"exitCode": 128, "reason": "StartError", "message": said}
    first = findings(failing({"reason": "RunContainerError", "message": said}))[0]
    second = findings(failing({"reason": "CrashLoopBackOff", "message": "back-off"}, ended))[0]

    assert first == second
    assert 0.0 == first.grace
    assert "run it under a WASM runtime, as WasmWorkload does" in first.text()
    assert "/hello.wasm" in first.text()


def test_the_log_may_name_the_cause() -> None:
    """Where the module could be executed as a file, only the last log line says that it is no program."""
    ended = {"exitCode": 1, "reason": "Error"}
    finding = findings(failing({"reason": "CrashLoopBackOff"}, ended))[0]

    assert "under a WASM runtime" in finding.text("exec /hello.wasm: exec format error")
    assert "another architecture" in finding.text("exec /app: exec format error")
    assert "Remedy: see its log" in finding.text("no database")


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("exec /hello.wasm: exec format error", "as WasmWorkload does"),
        ("[error] load library failed:/usr/sbin/nginx: cannot dynamically load", "build it for WASI"),
    ],
)
def test_a_log_that_leaves_no_hope_ends_the_wait_at_the_first_crash(
    monkeypatch: pytest.MonkeyPatch, log: str, words: str
) -> None:
    """An ordinary crash is given two more attempts; a program of the wrong kind is not."""
    monkeypatch.setattr(readiness, "_POLL", 0.01)
    ended = {"exitCode": 1, "reason": "Error"}
    crashed, ending = failing({"reason": "CrashLoopBackOff"}, ended), failing({})
    # For a moment the kubelet shows the end itself, before it backs off.
    ending["status"]["containerStatuses"][0]["state"] = {"terminated": ended}
    for judged in (crashed, ending):
        client, _ = double_client(rollout(judged, log))
        with pytest.raises(NotReady) as caught:
            wait_ready(client, "shop", "web", patience=5)
        assert words in caught.value.diagnosis
        assert "not ready after" not in caught.value.diagnosis
    client, _ = double_client(rollout(crashed, "no database"))
    with pytest.raises(NotReady, match="not ready after"):
        wait_ready(client, "shop", "web", patience=0.05)


def test_another_start_error_has_its_words_too() -> None:
    """A program that is not in the image is retried like any crash, and told."""
    ended = {"exitCode": 128, "reason": "StartError", "message": f'{STARTING}exec: "nope": not found'}
    finding = findings(failing({"reason": "CrashLoopBackOff"}, ended))[0]

    assert finding.grace is None
    assert 'exec: "nope": not found' in finding.text()


def test_an_image_with_wasm_layers_under_an_old_containerd_is_told() -> None:
    """It cannot be unpacked there, which no other pull of it changes."""
    found = pod("web-aaaa-1", TEMPLATE, ready=False)
    said = 'failed to pull and unpack image "r/hello:1": mismatched image rootfs and manifest layers'
    found["status"]["containerStatuses"] = [
        {"name": "app", "state": {"waiting": {"reason": "ErrImagePull", "message": said}}, "lastState": {}}
    ]
    (finding, *_) = findings(found)

    assert 0.0 == finding.grace
    assert "take containerd 1.6.25, 1.7.7, 2.0 or later" in finding.remedy
