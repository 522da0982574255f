"""Native sidecars on a real node: in which order they start and end, how they fail, and that nothing is lost."""

import contextlib
import itertools
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components import log_shipper
from components.actions.client import Client, Json, path_of
from components.model import effective
from lab.cluster import images
from lab.engine import Engine, QuietDisplay
from tests.node.sidecars import SIZE, Pod, container, ended, of, started, started_by, stops_after
from tests.node.test_resize import cgroup
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster

Make = Callable[..., Pod]
TICK = timedelta(seconds=1)  # timestamps have no fractions


@pytest.fixture
def make(client: Client, namespace: str) -> Iterator[Make]:
    """Give a function that makes pods, which are let go after the test."""
    made: list[Pod] = []

    def pod(name: str, **args: Any) -> Pod:
        made.append(Pod(client, namespace, name, **args))
        return made[-1]

    yield pod
    for each in made:
        each.release()


def test_each_starts_when_the_one_before_has_passed_its_probe(make: Make) -> None:
    """A second sidecar starts after the first has passed its startup probe, the main container after both (S05)."""
    slow = "trap exit TERM; sleep 3; touch /tmp/up; while :; do sleep 0.1; done"
    first = container("first", slow, startup_probe=started_by("[ -e /tmp/up ]"))
    second = container("second", startup_probe={**started_by("true"), "initial_delay_seconds": 3})
    pod = make("pod", sidecars=[first, second], containers=[container("app")])
    status = pod.wait_running()

    assert timedelta(seconds=3) - TICK <= started(status, "second") - started(status, "first")
    assert timedelta(seconds=3) - TICK <= started(status, "app") - started(status, "second")


def test_what_need_not_wait_does_not(make: Make) -> None:
    """With gates_start false nobody waits; a readiness probe that fails holds nobody off, it only costs Ready (S06)."""
    sidecar = container("logs", gates_start=False, readiness_probe=started_by("false"))
    pod = make("pod", sidecars=[sidecar], containers=[container("app")])
    status = pod.wait_running()

    assert 3 * TICK > started(status, "app") - started(status, "logs")
    assert "False" == next(each["status"] for each in status["conditions"] if each["type"] == "Ready")
    assert [True, False] == [of(status)[name]["ready"] for name in ("app", "logs")]


def test_a_sidecar_that_is_restarted_leaves_the_main_container_alone(make: Make) -> None:
    """A failing liveness probe restarts the sidecar, and nothing after it (S08)."""
    probe = {"exec": {"command": ["sh", "-c", "[ ! -e /tmp/ill ]"]}, "period_seconds": 1, "failure_threshold": 1}
    ill = "trap exit TERM; rm -f /tmp/ill; sleep 2; touch /tmp/ill; while :; do sleep 0.1; done"
    sidecar = container("proxy", ill, gates_start=False, liveness_probe=probe)
    pod = make("pod", sidecars=[sidecar], containers=[container("app")])
    before = pod.wait_running()
    after = pod.wait(lambda status: of(status)["proxy"]["restartCount"] > 0)

    assert 0 == of(after)["app"]["restartCount"]
    assert of(before)["app"]["containerID"] == of(after)["app"]["containerID"]


def test_the_end_is_in_order_and_within_the_computed_grace_period(make: Make) -> None:
    """The main container ends first, then one sidecar after another, the last first; none of them is killed (S11)."""
    probe = {"startup_probe": started_by("true")}
    sidecars = [container(name, stops_after(2), stop_seconds=3, **probe) for name in ("s1", "s2", "s3")]
    app = container("app", stops_after(2), stop_seconds=3, lifecycle={"pre_stop": {"sleep": {"seconds": 1}}})
    pod = make("pod", sidecars=sidecars, containers=[app])
    assert 1 + 3 + 3 * 3 == pod.spec["terminationGracePeriodSeconds"]
    pod.wait_running()
    status = pod.end()

    ends = [ended(status, name) for name in ("app", "s3", "s2", "s1")]
    assert [0, 0, 0, 0] == [code for _, code in ends]
    for (earlier, _), (later, _) in itertools.pairwise(ends):
        assert TICK <= later - earlier  # two seconds each, in whole ones


def test_what_exceeds_the_grace_period_is_killed(make: Make) -> None:
    """A main container fails the pod by it; a sidecar does not (S13)."""
    deaf = "trap '' TERM; while :; do sleep 0.1; done"
    grace: Json = {"termination_grace_period_seconds": 3}
    sidecar = container("logs", gates_start=False)
    main = make("main", sidecars=[sidecar], containers=[container("app", deaf)], **grace)
    late = container("logs", deaf, gates_start=False)
    side = make("side", sidecars=[late], containers=[container("app", stops_after(0))], **grace)
    for pod in (main, side):
        pod.wait_running()
    with ThreadPoolExecutor() as pool:
        failed, succeeded = pool.map(Pod.end, (main, side))

    assert ("Failed", 137) == (failed["phase"], ended(failed, "app")[1])
    assert ("Succeeded", 0, 137) == (succeeded["phase"], ended(succeeded, "app")[1], ended(succeeded, "logs")[1])


def test_a_crash_after_a_restart_of_the_kubelet_is_mended(make: Make, process: Callable[[str], int]) -> None:
    """A kubelet that starts anew restarts a main container beside a sidecar with a startup probe (S17, PR 137146)."""
    crash = "trap exit TERM; [ -e /tmp/again ] || { touch /tmp/again; sleep 10; exit 1; }; while :; do sleep 0.1; done"
    sidecar = container("proxy", startup_probe=started_by("true"))
    pod = make("pod", policy="Always", sidecars=[sidecar], containers=[container("app", crash)])
    pod.wait_running()
    before = process("kubelet")
    os.kill(before, signal.SIGKILL)
    back = wait_for_another(process, before)
    status = pod.wait(lambda status: of(status)["app"]["restartCount"] > 0 and "running" in of(status)["app"]["state"])

    last = of(status)["app"]["lastState"]["terminated"]
    assert back < datetime.fromisoformat(last["finishedAt"])
    assert (1, 1) == (last["exitCode"], of(status)["app"]["restartCount"])
    assert (0, True) == (of(status)["proxy"]["restartCount"], of(status)["proxy"]["started"])


def wait_for_another(process: Callable[[str], int], before: int) -> datetime:
    """Return the moment at which another kubelet than the one before was there."""
    for _ in range(100):
        with contextlib.suppress(AssertionError, OSError):
            if process("kubelet") != before:
                return datetime.now(UTC)
        time.sleep(0.1)
    raise AssertionError("no kubelet was started")


SHIPPER = """\
global(workDirectory="/tmp")
module(load="imfile")
template(name="line" type="string" string="shipped%msg%\\n")
input(type="imfile" file="/var/log/app/app.log" tag="app:")
action(type="omfile" file="/dev/stdout" template="line")
"""
# Many lines while it runs, and a thousand more after its SIGTERM, the last of them right before its end.
WRITER = """\
n=0; trap 'stop=1' TERM
line() { n=$((n + 1)); echo " $n"; }
{ while [ -z "$stop" ]; do line; sleep 0.02; done
  end=$((n + 1000)); while [ $n -lt $end ]; do line; done; echo " last $n"; } > /var/log/app/app.log
"""


def test_the_last_line_arrives(client: Client, namespace: str, make: Make) -> None:
    """A log shipper gets every line that the main container writes, also those of its end: none is lost."""
    files = {"metadata": {"name": "shipper"}, "data": {"rsyslog.conf": SHIPPER}}
    client.create(path_of("v1", "configmaps", namespace), files)
    shipper = log_shipper(
        image=images.RSYSLOG,
        logs="logs",
        config="shipper",
        scratch="scratch",
        command=["rsyslogd", "-n", "-i", "NONE", "-f", "/etc/log-shipper/rsyslog.conf"],
        resources=SIZE,
    )
    pod = make(
        "pod",
        sidecars=[shipper],
        containers=[container("app", WRITER, volume_mounts=[{"name": "logs", "mount_path": "/var/log/app"}])],
        volumes=[
            {"name": "logs", "empty_dir": {}},
            {"name": "scratch", "empty_dir": {}},
            {"name": "shipper", "config_map": {"name": "shipper"}},
        ],
    )
    pod.wait_running()
    shipped: list[str] = []
    # The log goes with its container, so it is followed to the end.
    query = {"container": "log-shipper", "follow": "true"}
    following = threading.Thread(target=lambda: shipped.append(client.text(f"{pod.path}/log", **query)))
    following.start()
    following.join(2)
    status = pod.end()
    following.join(20)

    assert [0, 0] == [ended(status, name)[1] for name in ("app", "log-shipper")]
    lines = [line.removeprefix("shipped ") for line in shipped[0].splitlines() if line.startswith("shipped ")]
    assert 1000 < len(lines)
    assert [*(str(number) for number in range(1, len(lines))), f"last {len(lines) - 1}"] == lines


@pytest.fixture
def widgets(client: Client) -> Iterator[str]:
    """Give the name of a resource of which the node has five, for as long as the test runs."""
    (node,) = client.list(path_of("v1", "nodes"))
    name = f"tests.example.com/widget-{uuid.uuid4().hex[:8]}"
    path = path_of("v1", "nodes", name=node["metadata"]["name"], subresource="status")

    def offer(amount: str | None) -> None:
        client.patch(path, {"status": {"capacity": {name: amount}, "allocatable": {name: amount}}})

    offer("5")
    yield name
    offer(None)


def test_the_scheduler_reserves_the_computed_requests(make: Make, widgets: str) -> None:
    """A pod whose effective requests are all that the node has runs, and one that asks for one more does not."""

    def widget(name: str, count: int, script: str = "true", **more: Any) -> Json:
        return container(name, script, resources={**SIZE, "limits": {widgets: str(count)}}, **more)

    forever = "trap exit TERM; while :; do sleep 0.1; done"

    def pod(name: str, init: int, sidecar: int, app: int) -> tuple[Pod, str]:
        made = make(
            name,
            init_containers=[widget("init", init)],
            sidecars=[widget("side", sidecar, forever, gates_start=False)],
            containers=[widget("app", app, forever)],
        )
        return made, effective.requests(made.spec)[widgets]

    too_dear, six = pod("too-dear", 6, 1, 1)
    beside, also_six = pod("beside", 1, 3, 3)
    fits, five = pod("fits", 5, 2, 3)
    assert ("6", "6", "5") == (six, also_six, five)
    fits.wait(lambda status: status["phase"] == "Running")
    for waiting in (too_dear, beside):
        status = waiting.wait(lambda status: bool(status.get("conditions")))
        assert ("PodScheduled", "Unschedulable") == (status["conditions"][0]["type"], status["conditions"][0]["reason"])
        assert f"Insufficient {widgets}" in status["conditions"][0]["message"]


ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import SidecarWorkload, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
side, app = ({{"cpu": cpu, "memory": "48Mi"}} for cpu in config.require("cpu").split())
run = ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"]


def container(name, size, **more):
    sizes = {{"requests": size, "limits": size}}
    return {{"name": name, "image": {images.RSYSLOG!r}, "command": run, "resources": sizes, **more}}


web = SidecarWorkload(
    "web",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "replicas": 1,
        "patience_seconds": 60,
        "sidecars": [container("logs", side, gates_start=False, stop_seconds=2)],
        "containers": [container("app", app, stop_seconds=2)],
    }},
    pulumi.ResourceOptions(provider=target.provider),
)
pulumi.export("facts", [web.qos_class, web.effective_requests, web.start_order, web.stop_order])
pulumi.export("ready", web.ready)
"""


def test_a_sidecar_is_resized_in_place_with_its_workload(
    client: Client, lab_cluster: "Cluster", namespace: str, tmp_path: Path
) -> None:
    """Both containers have another CPU limit in their control groups, the same ids and no restart (R03)."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)

    def up(cpu: str) -> tuple[Json, Any]:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, "cpu": cpu}
        engine = Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given)
        summary = engine.up()
        assert summary.ok, told(summary)
        (pod,) = [
            each
            for each in client.list(path_of("v1", "pods", namespace))
            if not each["metadata"].get("deletionTimestamp")
        ]
        limits = [cgroup(lab_cluster, namespace, pod["metadata"]["name"], name)[0] for name in ("app", "logs")]
        ids = [(each["containerID"], each["restartCount"]) for each in of(pod["status"]).values()]
        assert pod["status"]["qosClass"] == engine.outputs()["facts"][0]
        assert [0, 0] == [restarts for _, restarts in ids]
        return {"ids": ids, "limits": limits}, engine.outputs()["facts"]

    before, facts = up("20m 30m")
    after, later = up("30m 50m")
    assert [3000, 2000] == before["limits"]
    assert [5000, 3000] == after["limits"]
    assert before["ids"] == after["ids"]
    orders = [["logs", "app"], ["app", "logs"]]
    assert ["Guaranteed", {"cpu": "50m", "memory": "96Mi"}, *orders] == facts
    assert ["Guaranteed", {"cpu": "80m", "memory": "96Mi"}, *orders] == later
