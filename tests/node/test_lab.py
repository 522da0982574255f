"""The lab as a user meets it: the README's commands in a copy of the project, looked at from outside.

The tests run in their order, like a person's first half hour; a step that fails stops the ones after it.
"""

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.cluster import DEFAULT_MINOR, Cluster, check_host
from lab.cluster.instance import Instance
from lab.naming import instance_of
from lab.paths import project_root
from tests.node import traces

NAMESPACE = "kubernetes-emerging-dev"
MINOR = os.environ.get("LAB_TEST_MINOR") or DEFAULT_MINOR
# What the program registers: components and their children, provider, memory of the cluster, namespace, decision.
OBJECTS = 20
ENVIRONMENT = {**os.environ, "LAB_ENGINE": "lab"}
_LEFT_OUT = (".git", ".venv", ".lab", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis")


class Checkout:
    """A copy of the project, the commands that a user types in it, and what the cluster says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed = ""
        self.before: dict[str, list[str]] = {}
        self.namespaces: set[str] = set()

    @property
    def instance(self) -> Instance:
        """The cluster instance that belongs to this copy."""
        return Instance(instance_of(self.folder, "dev"))

    @functools.cached_property
    def kubeconfig(self) -> str:
        """The path that `make kubeconfig` prints."""
        return self.make("kubeconfig").strip()

    def make(self, *words: str, expected: int = 0) -> str:
        """Run make and return everything it printed; fail when its exit code is another (a failure is 2)."""
        run = subprocess.run(
            ["make", "-s", *words], cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
        assert expected == run.returncode, f"make {' '.join(words)}:\n{run.stdout}\n{run.stderr}"
        return run.stdout + run.stderr

    def make_and_kill(self, target: str, when: Callable[[], bool], seconds: float = 60) -> None:
        """Run make and kill everything that it started, without a word, as soon as the moment has come."""
        run = subprocess.Popen(
            ["make", "-s", target],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        came = eventually(when, seconds, every=0.02)
        while members := _session(run.pid):  # again and again: one that is being born is not there yet
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        run.wait()
        assert came, f"the moment to kill make {target} never came"

    def set(self, key: str, value: str) -> None:
        """Write one config key as the README says."""
        self.make("set", f"KEY={key}", f"VALUE={value}")

    def kubectl(self, *words: str) -> str:
        """Run the lab's own kubectl and return what it printed."""
        kubectl = Cluster(self.instance.name, MINOR).kubectl
        command = [str(kubectl), "--kubeconfig", self.kubeconfig, "--namespace", NAMESPACE]
        return subprocess.run([*command, *words], capture_output=True, text=True, check=True).stdout

    def items(self, kind: str, app: str) -> list[dict[str, Any]]:
        """Return the live objects of a kind that belong to one of the demos."""
        found = self.kubectl("get", kind, "--selector", f"app.kubernetes.io/name={app}", "--output", "json")
        return [item for item in json.loads(found)["items"] if "deletionTimestamp" not in item["metadata"]]

    def outputs(self) -> dict[str, str]:
        """Return the stack's outputs."""
        return dict(json.loads(self.make("outputs")))


def _session(leader: int) -> list[int]:
    """Return the living processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if os.getsid(int(entry.name)) == leader and (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Copy the project, with the virtual environment at hand; whatever it made is removed afterwards."""
    if problems := check_host():
        pytest.skip("; ".join(f"{problem.what} ({problem.remedy})" for problem in problems))
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    folder = tmp_path_factory.mktemp("checkout") / "project"
    shutil.copytree(project_root(), folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    (folder / ".venv").symlink_to(Path(sys.prefix))
    # What else this machine has (a container runtime, the official CLI) has no part in it.
    config = f'config:\n  kubernetes-emerging:cluster: node\n  kubernetes-emerging:kubernetesVersion: "{MINOR}"\n'
    (folder / "Pulumi.dev.yaml").write_text(config)
    copy = Checkout(folder)
    copy.before = traces.of_the_machine()
    try:
        yield copy
        copy.make("down")
    finally:
        Cluster(copy.instance.name).delete()


@pytest.fixture(autouse=True)
def in_order(checkout: Checkout, request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop after the first step that failed: the ones after it stand on it."""
    if checkout.failed:
        pytest.fail(f"the step before failed: {checkout.failed}")
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        checkout.failed = request.node.name


def identities(pods: list[dict[str, Any]]) -> set[tuple[str, str, int]]:
    """Return what a restart or a replacement would change: UID, container id and restart count of each pod."""
    return {
        (pod["metadata"]["uid"], status["containerID"], status["restartCount"])
        for pod in pods
        for status in pod["status"]["containerStatuses"]
    }


def limits_in_the_kernel(checkout: Checkout, pod: dict[str, Any]) -> tuple[str, str]:
    """Return CPU and memory limit as the container's own control group files say them, of cgroup v1 or v2."""
    read = (
        "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max;"
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max"
    )
    quota, memory = checkout.kubectl("exec", pod["metadata"]["name"], "--", "sh", "-c", read).split()
    return quota, memory


def eventually(check: Callable[[], bool], seconds: float = 20, every: float = 0.3) -> bool:
    """Tell whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def test_preview_without_a_cluster_says_what_to_do(checkout: Checkout) -> None:
    """Before the first `make up`, preview names it and exits with 2."""
    assert "make up" in checkout.make("preview", expected=2)


def test_bad_config_changes_nothing(checkout: Checkout) -> None:
    """Every bad key is named with its value before anything is deployed, and its removal is enough."""
    config = checkout.folder / "Pulumi.dev.yaml"
    good = config.read_text()
    config.write_text(good + "  kubernetes-emerging:platform: mars\n  kubernetes-emerging:inplaceMemory: 128m\n")
    said = checkout.make("up", expected=2)
    config.write_text(good)

    assert "kubernetes-emerging:platform: 'mars'" in said
    assert "kubernetes-emerging:inplaceMemory: '128m' is 0.128 bytes; write '128Mi'" in said
    assert "Traceback" not in said
    assert "kubernetes:" not in said


def test_a_killed_up_loses_nothing(checkout: Checkout) -> None:
    """Killed as soon as the first object is there: the same command goes on (in the next step)."""

    def begun() -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return NAMESPACE in checkout.kubectl("get", "namespaces", "--output", "name")
        return False

    assert not begun()
    checkout.make_and_kill("up", begun)
    assert begun()


def test_up_brings_everything(checkout: Checkout) -> None:
    """One command ends with what runs and what to try."""
    said = checkout.make("up")
    checkout.namespaces = traces.namespaces_of(checkout.instance)

    assert "sidecar-demo" in said
    assert f"curl {checkout.outputs()['httpUrl']}" in said
    assert 2 == len(checkout.items("pods", "sidecar-demo"))
    assert 2 == len(checkout.items("pods", "inplace-update-demo"))


def test_the_sidecar_started_before_main(checkout: Checkout) -> None:
    """In every pod the sidecar was running, its startup probe passed, before nginx started."""
    for pod in checkout.items("pods", "sidecar-demo"):
        (sidecar,) = pod["status"]["initContainerStatuses"]
        (main,) = pod["status"]["containerStatuses"]
        assert "Always" == pod["spec"]["initContainers"][0]["restartPolicy"]
        assert sidecar["started"]
        assert sidecar["ready"]
        # Times are in whole seconds; the demo's startup probe first looks a second after the start.
        assert sidecar["state"]["running"]["startedAt"] < main["state"]["running"]["startedAt"]


def test_http_and_udp_through_one_address(checkout: Checkout) -> None:
    """The same cluster IP answers HTTP and carries a datagram to the sidecar, which prints both."""
    outputs = checkout.outputs()
    marker = uuid.uuid4().hex
    with urllib.request.urlopen(f"{outputs['httpUrl']}?{marker}", timeout=5) as answer:  # noqa: S310  # the lab's own
        assert 200 == answer.status
        assert b"sidecar-demo" in answer.read()
    host, _, port = outputs["udpAddress"].rpartition(":")
    assert host in outputs["httpUrl"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(f"<14>datagram {marker}".encode(), (host, int(port)))

    def shipped() -> bool:
        log = checkout.kubectl(
            "logs", "--selector", "app.kubernetes.io/name=sidecar-demo", "--container", "log-shipper", "--tail=-1"
        )
        return f"?{marker} HTTP/1.1" in log and f"datagram {marker}" in log

    assert eventually(shipped)


def test_the_wasm_module_says_what_it_was_built_for(checkout: Checkout) -> None:
    """Both pods print the line that only a wasip1 build can; `make logs` shows it with everything else."""
    pods = checkout.items("pods", "wasm-demo")
    assert 2 == len(pods)
    for pod in pods:
        log = checkout.kubectl("logs", pod["metadata"]["name"])
        assert "hello from wasip1 wasm" == log.splitlines()[0]
    said = checkout.make("logs")
    assert "wasm] hello from wasip1 wasm" in said
    assert "log-shipper]" in said
    assert checkout.outputs()["wasm"].startswith("on: ")


def test_refresh_finds_everything_as_it_is(checkout: Checkout) -> None:
    """Reading the cluster changes neither it nor the state."""
    said = checkout.make("refresh")
    assert f"{OBJECTS} unchanged" in said


def test_a_resize_keeps_every_pod_and_container(checkout: Checkout) -> None:
    """New CPU and memory reach the kernel; pods, containers, restart counts and ReplicaSet stay, and agree."""
    pods = checkout.items("pods", "inplace-update-demo")
    before = identities(pods)
    replica_sets = [each["metadata"]["name"] for each in checkout.items("replicasets", "inplace-update-demo")]
    assert ("10000", str(128 * 2**20)) == limits_in_the_kernel(checkout, pods[0])

    checkout.set("inplaceCpu", "200m")
    checkout.set("inplaceMemory", "256Mi")
    assert "limits.memory 128Mi -> 256Mi: in place" in checkout.make("preview")
    said = checkout.make("up")

    assert "resized in place" in said
    pods = checkout.items("pods", "inplace-update-demo")
    assert before == identities(pods)
    for pod in pods:
        assert ("20000", str(256 * 2**20)) == limits_in_the_kernel(checkout, pod)
        assert {"cpu": "200m", "memory": "256Mi"} == pod["spec"]["containers"][0]["resources"]["limits"]
    sets = checkout.items("replicasets", "inplace-update-demo")
    assert replica_sets == [each["metadata"]["name"] for each in sets]
    (deployment,) = checkout.items("deployments", "inplace-update-demo")
    for workload in (deployment, *sets):
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        assert (
            {"cpu": "200m", "memory": "256Mi"} == container["resources"]["limits"] == container["resources"]["requests"]
        )
    assert not deployment["spec"].get("paused")


@pytest.mark.parametrize("reverted", [True, False], ids=["and reverted", "and repeated"])
def test_a_killed_resize_is_brought_to_its_end(checkout: Checkout, reverted: bool) -> None:
    """Killed in the middle, the Deployment is paused; the next `make up` undoes or finishes, even with no change."""
    before = identities(checkout.items("pods", "inplace-update-demo"))

    def paused() -> bool:
        (deployment,) = checkout.items("deployments", "inplace-update-demo")
        return bool(deployment["spec"].get("paused"))

    checkout.set("inplaceCpu", "300m")
    checkout.make_and_kill("up", paused)
    assert paused()
    if reverted:
        checkout.set("inplaceCpu", "200m")
    assert "interrupted" in checkout.make("preview")
    checkout.make("up")

    assert not paused()
    pods = checkout.items("pods", "inplace-update-demo")
    assert before == identities(pods)
    assert {"200m" if reverted else "300m"} == {
        item["spec"]["containers"][0]["resources"]["limits"]["cpu"]
        for item in [
            *pods,
            *(each["spec"]["template"] for each in checkout.items("replicasets", "inplace-update-demo")),
        ]
    }
    assert {"20000" if reverted else "30000"} == {limits_in_the_kernel(checkout, pod)[0] for pod in pods}


def test_a_lower_memory_limit_does_what_preview_says(checkout: Checkout) -> None:
    """On 1.33 a memory limit cannot shrink in place, and new pods come; later servers keep the pods (KEP-1287)."""
    before = identities(checkout.items("pods", "inplace-update-demo"))
    checkout.set("inplaceMemory", "192Mi")

    rolls = "cannot lower a memory limit" in checkout.make("preview")
    checkout.make("up")

    assert rolls == (MINOR == "1.33")
    assert eventually(lambda: 2 == len(checkout.items("pods", "inplace-update-demo")))
    after = identities(checkout.items("pods", "inplace-update-demo"))
    assert (not before & after) if rolls else (before == after)


def test_another_image_rolls(checkout: Checkout) -> None:
    """An image change replaces the pods."""
    before = identities(checkout.items("pods", "inplace-update-demo"))
    checkout.set("inplaceImage", "localhost/nginx:1.26")
    checkout.make("up")

    pods = checkout.items("pods", "inplace-update-demo")
    assert not before & identities(pods)
    assert {"localhost/nginx:1.26"} == {pod["spec"]["containers"][0]["image"] for pod in pods}


def test_other_files_roll_and_earlier_ones_stay_for_a_rollback(checkout: Checkout) -> None:
    """New content is a new immutable ConfigMap; the one before stays, and both belong to the Deployment."""
    before = identities(checkout.items("pods", "inplace-update-demo"))
    checkout.set("nginxConfig", "server { listen 8080; location / { return 200 changed; } }")
    checkout.make("up")

    pods = checkout.items("pods", "inplace-update-demo")
    assert not before & identities(pods)
    assert "changed" == checkout.kubectl(
        "exec", pods[0]["metadata"]["name"], "--", "busybox", "wget", "-qO-", "http://127.0.0.1:8080/"
    )
    kept = json.loads(
        checkout.kubectl("get", "configmaps", "-l", "kubernetes-emerging/config-of=nginx-config", "-o", "json")
    )["items"]
    assert 2 == len(kept)
    for config_map in kept:
        assert config_map["immutable"]
        assert ["inplace-update-demo"] == [owner["name"] for owner in config_map["metadata"]["ownerReferences"]]


def test_a_rollback_mounts_what_it_needs(checkout: Checkout) -> None:
    """`kubectl rollout undo` finds the earlier files, which Pulumi has let go of."""
    checkout.kubectl("rollout", "undo", "deployment/inplace-update-demo")
    checkout.kubectl("rollout", "status", "deployment/inplace-update-demo", "--timeout=60s")
    pod = checkout.items("pods", "inplace-update-demo")[0]["metadata"]["name"]

    page = checkout.kubectl("exec", pod, "--", "busybox", "wget", "-qO-", "http://127.0.0.1:8080/")
    assert page.startswith("inplace-update-demo on")


def test_up_again_changes_nothing(checkout: Checkout) -> None:
    """With nothing changed, nothing is: the same pods, in seconds."""
    pods = identities(checkout.items("pods", "sidecar-demo"))
    started = time.monotonic()
    said = checkout.make("up")

    assert f"{OBJECTS} unchanged" in said
    assert "No changes" in said
    assert time.monotonic() - started < 10, "the bound is the project's own; a machine this slow is overloaded"
    assert pods == identities(checkout.items("pods", "sidecar-demo"))


def test_a_broken_image_fails_with_its_cause_every_time(checkout: Checkout) -> None:
    """A pod that cannot start fails the run in seconds with the reason, again without a change, and is mended."""
    checkout.set("inplaceImage", "localhost/no-such-image:1")
    for _ in range(2):
        said = checkout.make("up", expected=2)
        assert "localhost/no-such-image:1" in said
        assert "Remedy:" in said
        assert "Traceback" not in said
    checkout.set("inplaceImage", "localhost/nginx:1.26")
    checkout.make("up")


def test_no_secret_is_written_in_clear(checkout: Checkout) -> None:
    """The kubeconfig's key is in no file of the project's own folder."""
    kubeconfig = yaml.safe_load(Path(checkout.kubeconfig).read_text())
    key = kubeconfig["users"][0]["user"]["client-key-data"]
    files = [path for path in (checkout.folder / ".lab").rglob("*") if path.is_file()]

    # A database may break a long value over its pages, so pieces are looked for.
    pieces = [key[start : start + 40].encode() for start in range(0, len(key) - 40, 40)]
    assert files
    assert len(pieces) > 4
    assert [] == [path.name for path in files if any(piece in path.read_bytes() for piece in pieces)]


def test_down_leaves_nothing(checkout: Checkout) -> None:
    """No process, mount, link, rule, control group or file of the cluster is left; a second down is harmless."""
    checkout.make("down")

    assert [] == traces.of_an_instance(checkout.instance, checkout.namespaces)
    assert checkout.before == traces.of_the_machine()
    checkout.make("down")
