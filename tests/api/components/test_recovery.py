"""The recovery components in whole programs on a real cluster: what they do once, and what they never do again.

The cluster that a reset "makes" is another one that is there already: its driver puts that one's kubeconfig in place.
"""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from components.actions.readiness import wait_ready
from components.actions.snapshot import verify
from lab.engine import Engine
from tests.api.actions.live import SLOW, create, eventually, manifest
from tests.api.actions.test_etcd import SMALL
from tests.api.actions.test_restore import IDENTITY, READERS
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster
    from lab.simulated import SimulatedCluster

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import json
import pulumi
from components import ClusterReset, ClusterRestore, ClusterSnapshot, CriCheck

config = pulumi.Config()
with open(config.require("kubeconfig")) as file:
    connection = {{"kubeconfig": pulumi.Output.secret(file.read()), **config.get_object("connection", {{}})}}
if asked := config.get_object("snapshot"):
    made = ClusterSnapshot("backup", {{"connection": connection, **asked}})
    for field in ("snapshot", "digest", "objects", "exact"):
        pulumi.export(field, getattr(made, field))
if asked := config.get_object("restore"):
    back = ClusterRestore("back", {{"connection": connection, **asked}})
    pulumi.export("created", back.created)
if asked := config.get_object("reset"):
    reset = ClusterReset("reset", {{"kubeconfig": config.require("kubeconfig"), **asked}})
    pulumi.export("plan", reset.plan)
    pulumi.export("old", reset.old_cluster)
    pulumi.export("new", reset.new_cluster)
    pulumi.export("connection", reset.connection)
    if asked := config.get_object("back"):
        given = {{"connection": reset.connection, "from_cluster": reset.old_cluster, **asked}}
        pulumi.export("created", ClusterRestore("back", given).created)
if asked := config.get("fail_for"):
    pulumi.export("nodes", CriCheck("cri", {{"connection": connection, "fail_for": asked}}).nodes)
"""
Run = Callable[..., Engine]
SECRET = "made-up-secret-of-recovery"


@pytest.fixture
def work(tmp_path: Path, run: Run, lab_cluster: "Cluster") -> "Work":
    """Give a stack with a key that opens its snapshots, and a copy of the kubeconfig that a driver may change."""
    (tmp_path / "key").write_text(str(IDENTITY))
    shutil.copy(lab_cluster.kubeconfig, tmp_path / "kubeconfig")
    return Work(run, tmp_path)


class Work:
    """A stack: what was asked of it last is asked again, but for what changes."""

    def __init__(self, run: Run, folder: Path) -> None:
        self._run = run
        self._asked: dict[str, Any] = {"kubeconfig": str(folder / "kubeconfig")}
        self.folder = folder

    def config(self, **asked: Any) -> dict[str, str]:
        """Return the config that is asked for with these keys; None takes one out."""
        self._asked = {key: value for key, value in (self._asked | asked).items() if value is not None}
        return {key: each if isinstance(each, str) else json.dumps(each) for key, each in self._asked.items()}

    def engine(self, **asked: Any) -> Engine:
        """Return an engine for the program with these config keys."""
        return self._run(**self.config(**asked))

    def up(self, **asked: Any) -> dict[str, Any]:
        """Update; return the outputs."""
        engine = self.engine(**asked)
        summary = engine.up()
        assert summary.ok, told(summary)
        return dict(engine.outputs())

    def refused(self, **asked: Any) -> str:
        """Update, which fails; return what it said."""
        summary = self.engine(**asked).up()
        assert not summary.ok
        return told(summary)

    def files(self) -> list[Path]:
        """Return the snapshots that there are."""
        return sorted((self.folder / "s").glob("*.tar"))


class Watched:
    """Looks for a secret in the arguments and the environment of every process of this machine, as long as it lasts."""

    def __init__(self, secret: str) -> None:
        self.met = False
        self.found: list[str] = []
        self._secret = secret.encode()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    arguments = (process / "cmdline").read_bytes()
                    self.met = self.met or b"components.actions.commanded" in arguments
                    if self._secret in arguments + (process / "environ").read_bytes():
                        self.found.append(str(arguments))


def test_a_snapshot_and_a_restore_as_resources(work: Work, client: Client, namespace: str) -> None:
    """Each does its work once for what is asked; neither a rotated kubeconfig nor a destroy does more."""
    client.create(path_of("v1", "configmaps", namespace), {"metadata": {"name": "c"}, "data": {"a": "1"}})
    client.create(path_of("v1", "secrets", namespace), {"metadata": {"name": "s"}, "stringData": {"password": SECRET}})
    asked: dict[str, Any] = {"to": "s", "recipients": list(READERS.texts), "namespaces": [namespace]}

    # A preview takes none; an update takes one, and no other for a kubeconfig that was written anew.
    assert work.engine(snapshot=asked).preview().ok
    assert [] == work.files()
    kubeconfig = work.folder / "kubeconfig"
    key = re.search(r"client-key-data\W+([\w+/=]{40})", kubeconfig.read_text())
    assert key
    with Watched(key[1]) as watched:
        first = work.up()
    assert (True, []) == (watched.met, watched.found)
    kubeconfig.write_text(f"# renewed\n{kubeconfig.read_text()}")
    assert first == work.up()
    assert [work.folder / first["snapshot"]] == work.files()
    archive = verify(str(work.folder / first["snapshot"]), [IDENTITY], digest=first["digest"])
    assert (archive.manifest.count, True) == (first["objects"], first["exact"])
    second = work.up(snapshot=asked | {"triggers": ["2"]})
    assert 2 == len(work.files())
    assert first["digest"] != second["digest"]

    # A restore brings back what is missing, once.
    maps = path_of("v1", "configmaps", namespace)
    client.delete(f"{maps}/c")
    restore: dict[str, Any] = {"snapshot": first["snapshot"], "identities": ["key"], "patience_seconds": 30}
    assert 1 == work.up(restore=restore)["created"]
    assert {"a": "1"} == client.get(f"{maps}/c")["data"]
    client.patch(f"{maps}/c", {"data": {"a": "2"}})
    assert "configmaps" in (said := work.refused(restore=restore | {"triggers": ["2"]}))
    assert f"{namespace}/c: data.a" in said
    assert {"a": "2"} == client.get(f"{maps}/c")["data"]
    assert 0 == work.up(restore=restore | {"triggers": ["2"], "on_conflict": "update"})["created"]
    assert {"a": "1"} == client.get(f"{maps}/c")["data"]

    # A destroy leaves everything; no secret is anywhere in clear.
    assert work.engine().destroy().ok
    assert (2, "c") == (len(work.files()), client.get(f"{maps}/c")["metadata"]["name"])
    written = [
        each for each in work.folder.rglob("*") if each.is_file() and each not in (kubeconfig, work.folder / "key")
    ]
    for value in (SECRET.encode(), base64.b64encode(SECRET.encode()), key[1].encode()):
        assert not [each for each in written if value in each.read_bytes()]
    assert any(each.name.startswith("state") or each.parent.name == "state" for each in written)


def test_what_a_snapshot_cannot_do_fails_the_run(work: Work, namespace: str) -> None:
    """A cluster that is another than the one meant, and a namespace that is not there, each with its remedy."""
    asked: dict[str, Any] = {"to": "s", "recipients": list(READERS.texts), "namespaces": [namespace]}
    wrong = work.refused(snapshot=asked, connection={"cluster_id": "another"})
    assert "is another cluster than the one meant" in wrong
    missing = work.refused(snapshot=asked | {"namespaces": ["nowhere"]}, connection={})
    assert "these namespaces do not exist: nowhere" in missing
    assert [] == work.files()
    # What failed is not recorded, and is done when it can be.
    assert work.up(snapshot=asked)["objects"] > 0


MAKE = """
import os, shutil, sys
assert os.environ["RESET_CLUSTER"] == sys.argv[1]
open("ran", "a").write("x")
if os.path.exists("break"):
    sys.exit("made-up-secret-of-the-driver")
shutil.copy("other", os.environ["KUBECONFIG"])
"""


def test_a_reset_as_a_resource(
    work: Work, client: Client, simulated: "SimulatedCluster", lab_cluster: "Cluster"
) -> None:
    """It plans until it has a token, resets once, and neither a lost state nor a new stack resets again."""
    made, other = lab_cluster.identity(), simulated.identity()
    assert made
    assert other
    taken = work.up(snapshot={"to": "s", "recipients": list(READERS.texts)})
    new = json.loads(json.dumps(_kubeconfig(simulated.kubeconfig)).replace(simulated.context, lab_cluster.context))
    (work.folder / "other").write_text(json.dumps(new))
    asked: dict[str, Any] = {
        "context": lab_cluster.context,
        "snapshot": taken["snapshot"],
        "digest": taken["digest"],
        "identities": ["key"],
        # The driver makes nothing and deletes nothing, and pods stay: it is the tests' own cluster that is meant.
        "driver": [sys.executable, "-c", MAKE, "$RESET_CLUSTER"],
        "drain_timeout_seconds": 0,
        "patience_seconds": 60,
        "accept_losses": True,
        "accept_rollouts": True,
    }

    # A plan, in previews as well, and what stands against it; nothing else.
    space = path_of("v1", "namespaces", name="kube-system")
    client.patch(space, {"metadata": {"annotations": {"kubernetes-emerging/protected": "yes"}}})
    try:
        preview = work.engine(reset=asked).preview()
        assert "refused: the cluster is protected" in told(preview)
        assert "" == work.up()["plan"]["token"]
    finally:
        client.patch(space, {"metadata": {"annotations": {"kubernetes-emerging/protected": None}}})
    asked["accept_changes"] = True
    planned = work.up(reset=asked)
    token = planned["plan"]["token"]
    assert (made.cluster_id, "", "lab") == (planned["old"], planned["new"], planned["plan"]["platform"])
    assert token

    # A preview with the token says what will be, and refuses a wrong one.
    wrong = f"{token[:-4]}0000"
    assert "the token is for another cluster or another snapshot" in told(
        work.engine(reset=asked | {"token": wrong}).preview()
    )
    assert "RESETS THE CLUSTER" in told(work.engine(reset=asked | {"token": token}).preview())
    assert not (work.folder / "ran").exists()

    # A driver that fails keeps its words to itself, and is run again by the next update.
    (work.folder / "break").touch()
    said = work.refused()
    assert "ended with 1: read reset-" in said
    assert "made-up-secret-of-the-driver" not in said
    (work.folder / "break").unlink()
    done = work.up(snapshot=None)
    assert (made.cluster_id, other.cluster_id) == (done["old"], done["new"])
    assert ("xx", "[secret]") == ((work.folder / "ran").read_text(), done["connection"])
    given = work.engine().outputs(show_secrets=True)["connection"]
    assert (other.cluster_id, lab_cluster.context) == (given["cluster_id"], given["context"])

    # Nothing resets again: not another update, not other arguments.
    assert not work.engine().up().changes
    assert done == work.up(reset=asked | {"token": token, "patience_seconds": 61})
    # Nor a state that was lost: the journal tells what was done, as it does where Pulumi was killed and the reset not.
    shutil.rmtree(work.folder / "state")
    assert done == work.up()
    # Nor a stack that knows nothing of it; that is told in its preview already.
    shutil.rmtree(work.folder / "state")
    (journal,) = work.folder.glob("reset-*.journal.done")
    journal.unlink()
    told_before = told(work.engine().preview())
    for said in (told_before, work.refused()):
        assert "the token is for another cluster or another snapshot, or was used already" in said
    assert "xx" == (work.folder / "ran").read_text()
    assert work.engine().destroy().ok


UP = """
import json, sys
from pathlib import Path
from lab.engine import Engine, QuietDisplay
folder = Path(sys.argv[1])
Engine(folder, "dev", folder / "state", QuietDisplay(), config=json.loads(sys.argv[2])).up()
"""


@SLOW
def test_a_reset_whose_engine_is_killed(work: Work, simulated: "SimulatedCluster", lab_cluster: "Cluster") -> None:
    """It goes on without it; the next update waits for it, takes note of it, and resets nothing."""
    taken = work.up(snapshot={"to": "s", "recipients": list(READERS.texts)})
    new = json.loads(json.dumps(_kubeconfig(simulated.kubeconfig)).replace(simulated.context, lab_cluster.context))
    (work.folder / "other").write_text(json.dumps(new))
    asked: dict[str, Any] = {
        "context": lab_cluster.context,
        "snapshot": taken["snapshot"],
        "identities": ["key"],
        "driver": [sys.executable, "-c", MAKE.replace("if os", "import time; time.sleep(3)\nif os"), "$RESET_CLUSTER"],
        "drain_timeout_seconds": 0,
        **dict.fromkeys(("accept_losses", "accept_rollouts", "accept_changes"), True),
    }
    token = work.up(snapshot=None, reset=asked)["plan"]["token"]
    config = work.config(reset=asked | {"token": token})
    engine = subprocess.Popen([sys.executable, "-c", UP, str(work.folder), json.dumps(config)], cwd=ROOT)
    eventually((work.folder / "ran").exists, 120)
    engine.kill()
    engine.wait()
    done = work.up()

    assert simulated.identity().cluster_id == done["new"]  # type: ignore[union-attr]
    assert "x" == (work.folder / "ran").read_text()


@SLOW
def test_the_whole_drill_as_resources(work: Work, own: "Cluster") -> None:
    """A snapshot, the lab's own reset, and the restore into what it has made, each by its resource, in two updates."""
    client = load_kubeconfig(str(own.kubeconfig)).client()
    secret = {"metadata": {"name": "s"}, "stringData": {"password": SECRET}}
    client.create(path_of("v1", "secrets", "default"), secret)
    create(client, manifest("default", SMALL))
    asked: dict[str, Any] = {"to": "s", "recipients": list(READERS.texts)}
    taken = work.up(kubeconfig=str(own.kubeconfig), snapshot=asked)
    driver = [sys.executable, "-m", "lab.cluster", "reset", "--name", own.name, "--expect", "$RESET_CLUSTER"]
    files = {"snapshot": taken["snapshot"], "digest": taken["digest"], "identities": ["key"]}
    accepted = {"accept_losses": True, "accept_rollouts": True, "accept_changes": True}
    # The program stands elsewhere, so the lab is found by its path.
    given = {"context": own.context, "driver": ["env", f"PYTHONPATH={ROOT}", *driver], **files, **accepted}
    token = work.up(snapshot=None, reset=given)["plan"]["token"]
    done = work.up(reset=given | {"token": token}, back=files | {"on_conflict": "skip"})
    again = load_kubeconfig(str(own.kubeconfig)).client()

    assert own.identity().cluster_id == done["new"]  # type: ignore[union-attr]
    assert done["old"] != done["new"]
    assert done["created"] > 0
    password = again.get(path_of("v1", "secrets", "default", "s"))["data"]["password"]
    assert SECRET.encode() == base64.b64decode(password)
    wait_ready(again, "default", "web", patience=120)
    # The kubeconfig is another one by now, and nothing is done once more.
    assert done == work.up()


def _kubeconfig(path: Path) -> Any:
    """Return a kubeconfig as values."""
    import yaml

    return yaml.safe_load(path.read_text())


def test_nodes_are_judged_in_every_run(work: Work) -> None:
    """Verdicts come out with their evidence, in an update that changes nothing as well."""
    (node,) = work.up(fail_for="now")["nodes"]
    (again,) = work.up()["nodes"]

    # Newer minors are not among those that containerd's project tests with this version.
    assert ("lab", True) == (node["node"], node["now"] in ("yes", "unknown"))
    assert "containerd" in node["evidence"][0]
    assert node == again
