"""Pods that cannot start, on a real node: how soon `up` fails and with which cause, and that it does so again.

The failures are deployed side by side, three at a time, as each takes most of its time to wait.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.cluster import images
from lab.engine import Engine, QuietDisplay, Summary
from tests.namespaces import new_namespace
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""
import json
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import SidecarWorkload, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
made = SidecarWorkload(
    config.require("name"),
    {{"connection": target.connection, "namespace": config.require("space"), **json.loads(config.require("args"))}},
    pulumi.ResourceOptions(provider=target.provider),
)
pulumi.export("ready", made.ready)
"""
# What a run takes beside its waiting: a program starts, on a machine that may be busy.
SLACK = 25
IDLE = "sleep 1000"


def container(name: str, script: str = "", **fields: Any) -> dict[str, Any]:
    """Return the arguments of a container that runs a script, or nginx."""
    made = {
        "name": name,
        "image": images.NGINX_1_26,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "48Mi"}},
        "security_context": {"run_as_user": images.USER},
        "volume_mounts": [{"name": "tmp", "mount_path": "/tmp"}],  # noqa: S108 - a path in the container
    }
    return made | ({"command": ["sh", "-c", script]} if script else {}) | fields


def probe(port: int, failures: int = 60) -> dict[str, Any]:
    """Return the arguments of a startup probe that asks a port each second."""
    return {"tcp_socket": {"port": str(port)}, "period_seconds": 1, "failure_threshold": failures}


WEB = container("web", ports=[{"name": "http", "container_port": 8080}], readiness_probe=probe(8080, 3))
SIDE = container("proxy", IDLE, startup_probe={"exec": {"command": ["true"]}, "period_seconds": 1})


@dataclass(frozen=True)
class Case:
    """What is deployed, and what its failure tells: `within` seconds of waiting, by rule or by patience."""

    words: tuple[str, ...]
    within: float
    patience: int = 100
    sidecars: tuple[Mapping[str, Any], ...] = (SIDE,)
    containers: tuple[Mapping[str, Any], ...] = (WEB,)
    init_containers: tuple[Mapping[str, Any], ...] = field(default=())

    def args(self) -> str:
        """Return the arguments of the workload as JSON."""
        parts = {key: list(getattr(self, key)) for key in ("sidecars", "containers", "init_containers")}
        rest = {"volumes": [{"name": "tmp", "empty_dir": {}}], "replicas": 1, "patience_seconds": self.patience}
        return json.dumps({**{key: value for key, value in parts.items() if value}, **rest})


# Ended by what is certain where `patience` is 100, else by patience.
CASES = {
    "crash": Case(
        ("sidecar proxy: CrashLoopBackOff; exit code 3", "web waits for it", "last log: no upstream", "Remedy: "),
        within=95,
        sidecars=(container("proxy", "echo no upstream >&2; exit 3", startup_probe=probe(9000)),),
    ),
    "probe": Case(
        ("sidecar proxy: ", "web waits for it", "9000: connect: connection refused", "startup probe"),
        within=25,
        patience=25,
        sidecars=(container("proxy", IDLE, startup_probe=probe(9000, 3)),),
    ),
    "image": Case(
        ("sidecar proxy: ", "localhost/none:1", "check the image's name"),
        within=20,
        sidecars=({**SIDE, "image": "localhost/none:1"},),
    ),
    "memory": Case(
        ("container web: ", "exit code 137", "OOMKilled", "raise its memory limit above 48Mi"),
        within=25,
        patience=25,
        containers=(container("web", "exec tail /dev/zero"),),
    ),
    "deadlock": Case(
        (
            "sidecar proxy: Deadlock; its startup probe asks port 8080, on which container web listens",
            "the probe was told: dial tcp",
            "let the startup probe ask the sidecar itself",
        ),
        within=35,
        sidecars=(container("proxy", IDLE, startup_probe=probe(8080)),),
    ),
    "init": Case(
        (
            "init container migrate: InitNotEnding; it runs and has not ended; proxy, web wait for it",
            "last log: waiting for proxy",
            "Should it need sidecar proxy",
        ),
        within=20,
        patience=20,
        init_containers=(container("migrate", f"echo waiting for proxy; {IDLE}"),),
    ),
}
# An application that waits for its database by crashing, and whose database takes 40 s from the first try on.
WAITING = "f=/tmp/began; [ -e $f ] || date +%s > $f; [ $(date +%s) -ge $(($(cat $f) + 40)) ] || exit 1; exec sleep 1000"
HEALTHY = Case((), within=120, patience=150, containers=(container("web", WAITING),))


@dataclass
class Outcome:
    """What two runs of the same program did."""

    first: Summary
    seconds: float
    second: Summary
    seconds_again: float


@pytest.fixture(scope="module")
def space(kube: Any) -> Iterator[str]:
    """Make the one namespace of these tests."""
    with new_namespace(kube, {"pod-security.kubernetes.io/enforce": "restricted"}) as name:
        yield name


@pytest.fixture(scope="module")
def outcomes(lab_cluster: "Cluster", space: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Deploy each case twice without a change between."""

    def deploy(name: str) -> Outcome:
        folder = tmp_path_factory.mktemp(name)
        (folder / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        args = {**CASES, "healthy": HEALTHY}[name].args()
        config = {"kubeconfig": str(lab_cluster.kubeconfig), "space": space, "name": name, "args": args}

        def up() -> tuple[Summary, float]:
            began = time.monotonic()
            summary = Engine(folder, "dev", folder / "state", QuietDisplay(), config=config).up()
            return summary, time.monotonic() - began

        return Outcome(*up(), *up())

    # The longest first.
    names = ["healthy", "crash", *(name for name in CASES if name != "crash")]
    with ThreadPoolExecutor(4) as threads:
        return dict(zip(names, threads.map(deploy, names), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_up_fails_with_the_cause(outcomes: dict[str, Outcome], name: str) -> None:
    """Soon after it is hopeless, or when patience is over: pod, container, role, reason, last words and remedy."""
    outcome, case = outcomes[name], CASES[name]

    assert not outcome.first.ok
    text = told(outcome.first)
    assert f"pod {name}-" in text
    for words in case.words:
        assert words in text
    assert outcome.seconds < case.within + SLACK


@pytest.mark.parametrize("name", CASES)
def test_the_next_up_does_not_call_it_success(outcomes: dict[str, Outcome], name: str) -> None:
    """Nothing has changed, and nothing is well: the cause is told again."""
    outcome, case = outcomes[name], CASES[name]

    assert not outcome.second.ok
    assert 0 == outcome.second.counts.get("update", 0)
    assert case.words[0].split(": ")[0] in told(outcome.second)
    assert outcome.seconds_again < case.within + SLACK


def test_an_application_that_waits_for_its_database_is_healthy(outcomes: dict[str, Outcome]) -> None:
    """It crashes for 40 seconds, and is well from the next attempt on."""
    outcome = outcomes["healthy"]

    assert outcome.first.ok, told(outcome.first)
    assert outcome.seconds > 40
    assert outcome.second.ok, told(outcome.second)


@pytest.mark.usefixtures("outcomes")
def test_the_command_finds_them_all(lab_cluster: "Cluster", space: str) -> None:
    """Each Deployment of the namespace, without Pulumi; the healthy one is not among them."""
    options = ["--kubeconfig", str(lab_cluster.kubeconfig), "-n", space, "--json"]
    command = [sys.executable, "-m", "components.actions", "diagnose", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 1 == done.returncode, done.stderr
    troubles = json.loads(done.stdout)["troubles"]
    assert {f"Deployment {space}/{name}" for name in CASES} == {each["subject"] for each in troubles}
    assert {"Deployment"} == {each["objects"][-1].split()[0] for each in troubles}
