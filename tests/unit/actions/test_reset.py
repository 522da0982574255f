"""Resets without a cluster: what stands against one, how its driver is run, and how it goes on after a kill."""

import json
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.actions.client import Client
from components.actions.errors import ActionError
from components.actions.reset import Accepted, Plan, plan_reset, reset
from components.actions.reset.draining import drain
from components.actions.reset.running import Target, _started
from components.actions.snapshot import Archive, take, verify
from components.model.archive import Selection
from components.model.reset_means import PROTECTED
from tests.unit.actions.api import EVERY, KUBE_SYSTEM, TYPES, ApiDouble, namespace, thing
from tests.unit.actions.doubles import double_client
from tests.unit.actions.test_snapshot import IDENTITY, READERS

MORE = [
    ("v1", "nodes", "Node", False, EVERY),
    ("v1", "pods", "Pod", True, EVERY),
    ("v1", "persistentvolumes", "PersistentVolume", False, EVERY),
    ("apps/v1", "statefulsets", "StatefulSet", True, EVERY),
    ("apps/v1", "daemonsets", "DaemonSet", True, EVERY),
    ("apps/v1", "replicasets", "ReplicaSet", True, EVERY),
]
NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {"providerID": "lab://n"}}


def quiet() -> ApiDouble:
    """Return a cluster of the lab against whose reset nothing stands."""
    deployment = thing("Deployment", "web", version="apps/v1", spec={"replicas": 1}, status=done())
    return ApiDouble(
        namespace("shop"), thing("ConfigMap", "c"), thing("Secret", "s"), deployment, NODE, types=TYPES + MORE
    )


def done(**status: Any) -> dict[str, Any]:
    """Return the status of a Deployment of one replica whose rollout is complete."""
    return {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, **status}


def dumped(api: ApiDouble, folder: Path, **options: Any) -> Archive:
    """Take a snapshot and open it."""
    return verify(take(Client(api), str(folder), READERS, **options).place, [IDENTITY])


def planned(api: ApiDouble, archive: Archive | None, *, later: timedelta = timedelta(), **accepted: bool) -> Plan:
    """Plan a reset."""
    return plan_reset(Client(api), archive, now=datetime.now(UTC) + later, accepted=Accepted(**accepted))


def test_a_quiet_cluster_with_a_snapshot_gets_a_token(tmp_path: Path) -> None:
    """Nothing is changed by asking."""
    api = quiet()
    plan = planned(api, dumped(api, tmp_path))

    assert ((), "lab", True) == (plan.refusals, plan.facts.platform, plan.means.executed)
    assert plan.token
    assert {"GET"} == {each[0] for each in api.requests}


def protect(api: ApiDouble) -> None:
    """Mark the cluster as protected."""
    api.stores["v1/namespaces"][0]["metadata"]["annotations"] = {PROTECTED: "true"}


def roll(api: ApiDouble) -> None:
    """Let a rollout be on its way."""
    api.stores["apps/v1/deployments"][0]["status"] = done(updatedReplicas=0)


def to_a_cloud(api: ApiDouble) -> None:
    """Let the cluster be one of EKS."""
    api.broken["/version"] = (200, {"gitVersion": "v1.35.2-eks-3a10415"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (protect, "the cluster is protected: remove kubernetes-emerging/protected"),
        (roll, "deployments shop/web is being rolled out: wait for the end, or say --accept-rollouts"),
        (to_a_cloud, "the control plane is the cloud's: run the commands above yourself"),
        (lambda api: api.put(thing("ConfigMap", "new")), "1 objects are not as in the snapshot: take a new one"),
        (
            lambda api: api.put(thing("Pod", "p", spec={"volumes": [{"name": "v", "emptyDir": {}}]})),
            "data would be lost in 1 places, listed above: save it, and say --accept-losses",
        ),
    ],
)
def test_what_stands_against_it(change: Any, words: str, tmp_path: Path) -> None:
    """Without a token there is no reset."""
    api = quiet()
    archive = dumped(api, tmp_path)
    change(api)
    plan = planned(api, archive, changes=words.startswith("data"))

    assert "" == plan.token
    assert any(each.startswith(words) for each in plan.refusals), plan.refusals


def test_what_can_be_accepted(tmp_path: Path) -> None:
    """A rollout, changes and losses, each by its own word; protection not."""
    api = quiet()
    archive = dumped(api, tmp_path)
    roll(api)
    api.put(thing("Pod", "p", spec={"volumes": [{"name": "v", "emptyDir": {}}]}))
    every: dict[str, Any] = {"losses": True, "rollouts": True, "changes": True}

    assert planned(api, archive, **every).token
    for missing in every:
        assert not planned(api, archive, **every | {missing: False}).token
    protect(api)
    assert not planned(api, archive, **every).token


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"selection": Selection(("shop",))}, "the snapshot is of a part of the cluster"),
        ({"selection": Selection(without=("events",))}, "the snapshot is of a part of the cluster"),
    ],
)
def test_a_snapshot_of_a_part_is_not_enough(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    """What is not in it would not come back."""
    api = quiet()

    assert any(words in each for each in planned(api, dumped(api, tmp_path, **options)).refusals)


def test_a_snapshot_has_to_be_of_this_cluster_new_and_open(tmp_path: Path) -> None:
    """Or there would be nothing to come back from."""
    api = quiet()
    archive = dumped(api, tmp_path)
    closed = verify(archive.place)
    other = quiet()
    other.stores["v1/namespaces"][0]["metadata"]["uid"] = "another"

    assert f"the snapshot is of the cluster {KUBE_SYSTEM}, and this is another" in planned(other, archive).refusals[0]
    assert "which is too old" in planned(api, archive, later=timedelta(minutes=61)).refusals[0]
    assert "nobody has proved that the snapshot's Secrets can be opened" in planned(api, closed).refusals[0]
    assert "no snapshot is named" in planned(api, None).refusals[0]


# Running it. The new cluster is played by a file that the driver writes.


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that resets with a driver written in Python, and the folder where it finds its things."""
    api = quiet()
    archive = dumped(api, tmp_path / "s")
    token = planned(api, archive).token
    made = tmp_path / "made"
    monkeypatch.setattr(Target, "client", lambda _self: Client(api))
    monkeypatch.setattr(Target, "identity", lambda _self: made.read_text() if made.exists() else KUBE_SYSTEM)

    def run(program: str, **options: Any) -> str:
        given: dict[str, Any] = {
            "drain_timeout": 0,
            "patience": 5.0,
            "token": token,
            "now": datetime.now(UTC),
        } | options
        driver = [sys.executable, "-c", program, str(made), "$RESET_CLUSTER"]
        target = Target(str(tmp_path / "kubeconfig"), "lab")
        return reset(target, archive, driver=driver, journal=tmp_path / "j", **given)

    return run


MAKE = "import os, sys; assert os.environ['RESET_CLUSTER'] == sys.argv[2]; open(sys.argv[1], 'w').write('new')"


def test_the_driver_makes_another_cluster(scene: Any, tmp_path: Path) -> None:
    """It is told which one is meant; the token is good for that one, once."""
    assert "new" == scene(MAKE)
    assert (tmp_path / "j.done").exists()
    with pytest.raises(ActionError, match=r"another cluster answers|was used already"):
        scene(MAKE)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"token": "20260101T000000Z-0"}, "(?s)was not touched.*for another cluster or another snapshot"),
        ({"now": datetime.now(UTC) + timedelta(minutes=20)}, "(?s)was not touched.*expired"),
    ],
)
def test_without_its_token_nothing_is_touched(scene: Any, options: Any, words: str, tmp_path: Path) -> None:
    """The driver is not even begun, and no journal stands in the way of the next attempt."""
    with pytest.raises(ActionError, match=words):
        scene(MAKE, **options)

    assert not (tmp_path / "made").exists()
    assert "new" == scene(MAKE)


def test_a_driver_that_fails_is_run_again(scene: Any, tmp_path: Path) -> None:
    """Its output is in a file for its owner alone, and not in the error, for it may be secret."""
    flag = tmp_path / "flag"
    program = (
        f"import os, sys; print('made-up-secret'); sys.exit(3) if not os.path.exists({str(flag)!r}) else None; {MAKE}"
    )
    with pytest.raises(ActionError, match=r"ended with 3: read .*j\.log, mend it") as caught:
        scene(program)
    log = tmp_path / "j.log"
    assert ("made-up-secret\n", 0o600) == (log.read_text(), stat.S_IMODE(log.stat().st_mode))
    assert "made-up-secret" not in str(caught.value)
    flag.touch()

    assert "new" == scene(program, now=datetime.now(UTC) + timedelta(hours=1))


def test_a_driver_that_outlived_a_killed_run_is_waited_for(scene: Any, tmp_path: Path) -> None:
    """Two at a time would work against each other."""
    flag = tmp_path / "flag"
    first = subprocess.Popen(["sh", "-c", f"sleep 1; touch {flag}"])
    with pytest.raises(ActionError, match="ended with 3"):
        scene(f"import os, sys; os.path.exists({str(flag)!r}) or sys.exit(3); {MAKE}")
    journal = (tmp_path / "j").read_text()
    with (tmp_path / "j").open("a") as stream:
        stream.write(json.dumps({"done": {"process": [str(first.pid), _started(first.pid)]}}) + "\n")

    assert '"process"' in journal
    assert not flag.exists()
    assert "new" == scene(f"import os, sys; os.path.exists({str(flag)!r}) or sys.exit(3); {MAKE}")
    first.wait()


DRIVER = """
import os, sys, time
folder = sys.argv[1]
def note(word):
    with open(os.path.join(folder, "log"), "a") as stream:
        stream.write(word + "\\n")
note("begin")
time.sleep(0.2)
open(os.path.join(folder, "made"), "w").write("new")
note("end")
"""
# Runs of a reset, each in a child of its own that kills itself before or after its nth step on disk, and then one that
# goes on; it prints how they ended. The last step is the rename at the end.
KILLED = """
import itertools, json, os, signal, sys, traceback
from datetime import UTC, datetime
from pathlib import Path
from components.actions.client import Client
from components.actions.reset import reset, running
from components.actions.restore.journal import Journal
from components.actions.snapshot import verify
from components.actions.snapshot.encryption import identities_in
from tests.unit.actions.api import KUBE_SYSTEM
from tests.unit.actions.test_reset import quiet
place, token, top, driver, moment = json.loads(sys.argv[1])
archive = verify(place, identities_in(Path(top) / "key"))
append, close = Journal._append, Journal.close_for_good

def child(folder, number):
    made, log, count = folder / "made", folder / "log", itertools.count(1)

    def killing(step):
        def run(*args):
            here = next(count) == number
            if here and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            step(*args)
            if here:
                os.kill(os.getpid(), signal.SIGKILL)
        return run

    Journal._append, Journal.close_for_good = killing(append), killing(close)
    running.Target.client = lambda self: Client(quiet())
    running.Target.identity = lambda self: made.read_text() if made.exists() else KUBE_SYSTEM
    running.drain = lambda client, **options: log.open("a").write("drained\\n")
    target, words = running.Target(str(folder / "kubeconfig"), "lab"), [*driver, str(folder)]
    new = reset(target, archive, token, words, folder / "j", now=datetime.now(UTC), patience=30.0)
    assert new == "new"

def ended(folder, number):
    pid = os.fork()
    if not pid:
        try:
            child(folder, number)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

codes = []
while not codes or codes[-1][0]:
    folder = Path(top) / f"{moment}-{len(codes) + 1}"
    folder.mkdir()
    codes.append([ended(folder, len(codes) + 1), ended(folder, 0) if (folder / "j").exists() else 0])
print(json.dumps(codes))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_at_every_step(tmp_path: Path, moment: str) -> None:
    """The same call goes on: pods end before the driver begins, no two drivers meet, and one has come to its end."""
    archive = dumped(quiet(), tmp_path / "s")
    (tmp_path / "key").write_text(str(IDENTITY))
    driver = [sys.executable, "-c", DRIVER]
    given = json.dumps([archive.place, planned(quiet(), archive).token, str(tmp_path), driver, moment])
    done = subprocess.run([sys.executable, "-c", KILLED, given], capture_output=True, text=True, check=False)

    # Header, what was found, the driver is begun, its process, its end, the new cluster, and the rename.
    assert [*[[-signal.SIGKILL, 0]] * 7, [0, 0]] == json.loads(done.stdout), done.stderr
    for number in range(1, 9):
        folder = tmp_path / f"{moment}-{number}"
        log = (folder / "log").read_text().split()
        begun = [word for word in log if word != "drained"]
        assert "drained" == log[0], number
        assert ["begin", "end"] * (len(begun) // 2) == begun, number
        assert 1 == begun.count("end"), number
        assert ["j.done", "j.log"] == sorted(each.name for each in folder.glob("j*")), number


def test_a_driver_that_does_not_end_is_ended(scene: Any) -> None:
    """With all that it has started."""
    with pytest.raises(ActionError, match=r"did not end in 0 s: read"):
        scene("import subprocess; subprocess.run(['sleep', '60'])", patience=0.3)


def test_a_driver_that_changes_nothing_has_failed(scene: Any) -> None:
    """The same cluster is no new one."""
    with pytest.raises(ActionError, match="the driver ended, and it is still the cluster"):
        scene("pass")


def test_another_cluster_in_the_kubeconfig_is_refused(scene: Any, tmp_path: Path) -> None:
    """Somebody swapped it between the plan and the reset, or in between two attempts."""
    (tmp_path / "made").write_text("another")
    with pytest.raises(ActionError, match="another cluster answers than"):
        scene("raise SystemExit('it must not run')")


# Draining.


def drained(answers: dict[str, tuple[int, Any]], pods: list[Any], **options: Any) -> list[tuple[str, str]]:
    """Drain a cluster whose pods end when they are evicted; return the changes that were asked for."""
    changes: list[tuple[str, str]] = []

    def answer(method: str, path: str, _body: Any) -> tuple[int, Any]:
        if method != "GET":
            changes.append((method, path.split("?", maxsplit=1)[0]))
        if path.endswith("/eviction"):
            found = answers.get(path.split("/")[-2], (201, {}))
            if found[0] == 201:
                pods[:] = [pod for pod in pods if pod["metadata"]["name"] != path.split("/")[-2]]
            return found
        return 200, {"items": pods if "/pods" in path else [{"metadata": {"name": "n"}}]}

    client, _ = double_client(answer)
    try:
        drain(client, **{"timeout": 0.1, "ignore_budgets": False, **options})
    except ActionError as error:
        changes.append(("error", str(error)))
    return changes


def running(name: str, **fields: Any) -> dict[str, Any]:
    """Return a pod on a node."""
    metadata = {"name": name, "namespace": "shop", "uid": name, **fields}
    return {"metadata": metadata, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}


def test_pods_end_in_peace() -> None:
    """Nodes take no more, every pod is evicted but those of DaemonSets and of the node."""
    daemon = running("d", ownerReferences=[{"kind": "DaemonSet", "controller": True}])
    mirror = running("m", annotations={"kubernetes.io/config.mirror": "x"})

    assert [("PATCH", "/api/v1/nodes/n"), ("POST", "/api/v1/namespaces/shop/pods/a/eviction")] == drained(
        {}, [running("a"), daemon, mirror]
    )


def test_a_budget_holds_a_reset_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pod and the budget's words are told, and the node takes pods again; or it is said to be ignored."""
    monkeypatch.setattr("components.actions.client.time.sleep", lambda _seconds: None)
    held = {"a": (429, {"message": "Cannot evict pod as it would violate the pod's disruption budget."})}
    changes = drained(held, [running("a")])

    assert ("PATCH", "/api/v1/nodes/n") == changes[-2]
    assert "shop/a (Cannot evict pod as it would violate the pod's disruption budget.)" in changes[-1][1]
    assert "error" not in dict(drained(held, [running("a")], ignore_budgets=True))
