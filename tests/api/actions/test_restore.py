"""Snapshots brought back into a real cluster: everything as it was, whatever happens in between."""

import base64
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from components.actions.client import Client, path_of
from components.actions.errors import ActionError, ApiError, ConnectionProblem
from components.actions.restore import Choice, compare, restore
from components.actions.restore.wanted import wanted
from components.actions.snapshot import Archive, take, verify
from components.actions.snapshot.encryption import Recipients
from components.model.archive import Selection
from components.model.mapping import Names
from tests.api.actions.live import SLOW, KillingTransport
from tests.api.actions.world import World

if TYPE_CHECKING:
    from lab.cluster import Cluster

IDENTITY = pyrage.x25519.Identity.generate()
READERS = Recipients([str(IDENTITY.to_public())])


@pytest.fixture
def world(client: Client) -> Iterator[World]:
    """Give a world that is not made yet; what is left of it is deleted afterwards."""
    found = World(client, f"test-{uuid.uuid4().hex[:10]}")
    yield found
    found.delete(wait=False)


def dumped(world: World, folder: Path) -> Archive:
    """Take a snapshot of everything in a world."""
    place = take(world.client, str(folder), READERS, selection=Selection(labels=world.selector)).place
    return verify(place, [IDENTITY])


def bodies(archive: Archive) -> dict[str, Any]:
    """Return what a snapshot asks for, by object."""
    return {str(each.key): each.body for each in wanted(archive, Choice()).objects}


def test_everything_comes_back_as_it_was(world: World, tmp_path: Path) -> None:
    """Dump, delete, restore, dump: both dumps ask for the same, object by object; what is ready to run does."""
    world.make()
    before = dumped(world, tmp_path / "before")
    assert before.manifest.exact
    world.delete()
    assert 0 == compare(world.client, before).equal
    outcome = restore(world.client, before, tmp_path / "journal")
    after = dumped(world, tmp_path / "after")

    assert {} == dict(outcome.failed)
    assert ((), {}, ()) == (outcome.comparison.missing, outcome.comparison.different, outcome.comparison.extra)
    assert outcome.whole
    assert bodies(before) == bodies(after)
    assert len(bodies(before)) > 40
    assert {"kept", "updated", "failed"}.isdisjoint(outcome.counts)
    claim = path_of("v1", "persistentvolumeclaims", world.name, "bound")
    world.eventually(lambda: world.client.get(claim)["status"]["phase"] == "Bound")
    assert ["journal.done"] == [each.name for each in tmp_path.iterdir() if each.is_file()]


def call(lab_cluster: "Cluster", *arguments: object, code: int = 0) -> Any:
    """Run the command line as its own process; return what it printed as JSON, or its errors."""
    options = ["--kubeconfig", str(lab_cluster.kubeconfig), "--context", lab_cluster.context]
    command = [sys.executable, "-m", "components.actions", *map(str, arguments), *options, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == code, ended.stderr + ended.stdout
    return json.loads(ended.stdout) if code < 2 else ended.stderr


def test_who_owned_the_fields_owns_them_again(world: World, tmp_path: Path) -> None:
    """The next apply of whoever made an object meets no conflict with the restore."""
    world.create("v1", "namespaces", "Namespace", world.name, space="")
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "labels": world.labels},
        "data": {"a": "1"},
    }
    path = path_of("v1", "configmaps", world.name, "c")
    world.client.patch(path, body, kind="apply", field_manager="somebody")
    before = dumped(world, tmp_path)
    world.client.delete(path)
    assert restore(world.client, before, tmp_path / "journal").whole

    (entry,) = world.client.get(path)["metadata"]["managedFields"]
    assert ("somebody", "Apply") == (entry["manager"], entry["operation"])
    changed = world.client.patch(path, {**body, "data": {"a": "2"}}, kind="apply", field_manager="somebody")
    assert {"a": "2"} == changed["data"]


def test_policies_for_what_is_there_and_differs(world: World, tmp_path: Path) -> None:
    """Stop before anything is written; keep it and say so; change it."""
    world.create("v1", "namespaces", "Namespace", world.name, space="")
    world.create("v1", "configmaps", "ConfigMap", "a", data={"n": "1"})
    world.create("v1", "configmaps", "ConfigMap", "b", data={"n": "1", "more": "x"})
    before = dumped(world, tmp_path)
    maps = path_of("v1", "configmaps", world.name)
    world.client.delete(f"{maps}/a")
    changed = world.client.patch(f"{maps}/b", {"data": {"n": "2", "more": None, "new": "y"}})

    with pytest.raises(
        ActionError, match=rf"configmaps {world.name}/b: data.more, data.n, data.new\nsay --on-conflict"
    ):
        restore(world.client, before, tmp_path / "1")
    assert world.client.find(f"{maps}/a") is None
    kept = restore(world.client, before, tmp_path / "2", policy="skip", patience=0)
    assert kept.whole
    assert {f"configmaps {world.name}/b"} == kept.kept.keys() == kept.comparison.different.keys()
    assert {"n": "2", "new": "y"} == world.client.get(f"{maps}/b")["data"]
    updated = restore(world.client, before, tmp_path / "3", policy="update")
    assert updated.whole
    assert ({"n": "1", "more": "x"}, changed["metadata"]["uid"]) == (
        (now := world.client.get(f"{maps}/b"))["data"],
        now["metadata"]["uid"],
    )
    assert {"updated": 1, "same": 2} == updated.counts


@pytest.fixture
def copy(world: World) -> Iterator[str]:
    """Give the name of a namespace that a world's is restored as; what is left of it is deleted afterwards."""
    name = f"{world.name}-copy"
    yield name
    world.client.delete(path_of("v1", "namespaces", name=name))


def test_under_other_names(world: World, copy: str, client: Client, tmp_path: Path) -> None:
    """A namespace comes back beside the original, with everything in it that names it."""
    world.small()
    subject = {"kind": "ServiceAccount", "name": "app", "namespace": world.name}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    rbac = ("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding")
    world.create(*rbac, "app", subjects=[subject], roleRef=role)
    archive = dumped(world, tmp_path)
    choice = Choice(names=Names({world.name: copy}))
    outcome = restore(client, archive, tmp_path / "journal", choice=choice)
    binding = client.get(path_of(rbac[0], rbac[1], copy, "app"))
    secret = client.get(path_of("v1", "secrets", copy, "login"))
    config = client.get(path_of("v1", "configmaps", copy, "config"))

    assert outcome.whole, outcome
    assert [subject | {"namespace": copy}] == binding["subjects"]
    assert config["metadata"]["uid"] == secret["metadata"]["ownerReferences"][0]["uid"]
    assert compare(client, archive, choice).whole
    assert compare(client, archive).whole


KILLED = """
import os, signal, sys
from pathlib import Path
from components.actions.client import Client
from components.actions.connection import load_kubeconfig
from components.actions.restore import Choice, restore
from components.actions.restore.journal import Journal
from components.actions.snapshot import verify
from components.actions.snapshot.encryption import identities_in
from tests.api.actions.live import KillingTransport
from components.model.mapping import Names
kubeconfig, context, place, journal, key, number, old, new = sys.argv[1:]
real, append = load_kubeconfig(kubeconfig, context).client(), Journal._append
die = lambda: os.kill(os.getpid(), signal.SIGKILL)

def dying(self, lines):
    written = list(lines)
    append(self, written)
    if written:
        die()

if number == "0":
    Journal._append = dying
transport = KillingTransport(real._transport, int(number), act=die)
archive, choice = verify(place, identities_in(Path(key))), Choice(names=Names({old: new}))
outcome = restore(Client(transport), archive, Path(journal), choice=choice, patience=10)
sys.exit(0 if outcome.whole else 3)
"""


# Each is a chain of kills, until nothing is left to do; 0 is one after each step of the journal.
@pytest.mark.parametrize("number", [1, *(pytest.param(number, marks=SLOW) for number in (0, 2, 3, 5))])
def test_a_kill_at_every_change(
    lab_cluster: "Cluster", client: Client, world: World, copy: str, tmp_path: Path, number: int
) -> None:
    """Every run dies by SIGKILL after its nth change and the next goes on; in the end all is there once."""
    world.small()
    archive = dumped(world, tmp_path / "before")
    (tmp_path / "key").write_text(str(IDENTITY))
    options = [str(lab_cluster.kubeconfig), lab_cluster.context, archive.place, str(tmp_path / "journal")]
    arguments = [*options, str(tmp_path / "key"), str(number), world.name, copy]
    codes: list[int] = []
    while not codes or codes[-1] == -signal.SIGKILL:
        assert len(codes) < 60, "it does not come to its end"
        command = [sys.executable, "-c", KILLED, *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        codes.append(ended.returncode)
    found = compare(client, archive, Choice(names=Names({world.name: copy})))

    assert 0 == codes[-1], ended.stderr
    # A Namespace, four objects, a Deployment and its ReplicaSet take a change each at the least.
    assert len(codes) > 7 // (number or 1)
    assert (7, (), {}) == (found.equal, found.missing, found.different)
    assert not any(copy in each for each in found.extra)


def test_a_lost_cluster_is_gone_on_with(kube: Any, world: World, copy: str, tmp_path: Path) -> None:
    """When the API server goes away in the middle, the same call goes on when it is back."""
    world.small()
    archive, choice = dumped(world, tmp_path / "before"), Choice(names=Names({world.name: copy}))
    with pytest.raises(ConnectionProblem, match="does not answer"):
        restore(Client(KillingTransport(kube, 5, outage=True)), archive, tmp_path / "journal", choice=choice)
    assert (tmp_path / "journal").exists()
    outcome = restore(world.client, archive, tmp_path / "journal", choice=choice)

    assert outcome.whole
    assert {"created": 7} == outcome.counts


def test_a_webhook_that_is_down(lab_cluster: "Cluster", world: World, client: Client, tmp_path: Path) -> None:
    """What it stops is told with its name, the rest is restored; when it is up, or gone, the same command ends it."""
    world.create("v1", "namespaces", "Namespace", world.name, space="")
    world.create("v1", "configmaps", "ConfigMap", "a", data={"password": "made-up-value"})
    world.create("v1", "secrets", "Secret", "b", stringData={"password": "made-up-secret"})
    before = dumped(world, tmp_path)
    client.delete(path_of("v1", "configmaps", world.name, "a"))
    client.delete(path_of("v1", "secrets", world.name, "b"))
    webhook = {
        "name": "down.example.com",
        "clientConfig": {"service": {"namespace": world.name, "name": "nobody"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        "namespaceSelector": {"matchLabels": dict(world.labels)},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    hooks = path_of("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations")
    client.create(hooks, {"metadata": {"name": world.name}, "webhooks": [webhook]})
    (tmp_path / "key").write_text(str(IDENTITY))
    command = ["restore", before.place, "-i", tmp_path / "key", "--journal", tmp_path / "j", "--patience", "2"]
    try:
        # The API server learns of webhooks a moment later.
        world.eventually(lambda: _refused(client, world.name))
        told = call(lab_cluster, *command, code=1)
    finally:
        client.delete(f"{hooks}/{world.name}")

    assert {f"configmaps {world.name}/a"} == told["failed"].keys()
    assert "down.example.com" in told["failed"][f"configmaps {world.name}/a"]
    assert (1, 1) == (told["counts"]["created"], told["counts"]["failed"])
    world.eventually(lambda: not _refused(client, world.name))
    again = call(lab_cluster, *command)
    assert again["whole"]
    # Whatever went wrong, no secret value is in what was printed, nor in any file.
    written = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    assert len(written) > 2
    for value in (b"made-up-secret", base64.b64encode(b"made-up-secret")):
        assert not any(value in text for text in [*written, json.dumps([told, again]).encode()])


def test_what_lost_its_label_is_there_all_the_same(world: World, tmp_path: Path) -> None:
    """A snapshot by labels does not make a restore blind for what has other labels by now: it is a conflict."""
    world.create("v1", "namespaces", "Namespace", world.name, space="")
    config = world.create("v1", "configmaps", "ConfigMap", "a", data={"n": "1"})
    archive = dumped(world, tmp_path)
    world.client.patch(_path(config), {"metadata": {"labels": None}, "data": {"n": "2"}})
    with pytest.raises(ActionError, match=rf"configmaps {world.name}/a: data.n, metadata.labels"):
        restore(world.client, archive, tmp_path / "journal")
    assert restore(world.client, archive, tmp_path / "journal", policy="skip", patience=0).kept

    assert {"n": "2"} == world.client.get(_path(config))["data"]


def test_a_namespace_that_is_not_there_is_not_waited_for(world: World, tmp_path: Path) -> None:
    """Left out and absent it is told at once, for each object that would be in it."""
    world.create("v1", "namespaces", "Namespace", world.name, space="")
    world.create("v1", "configmaps", "ConfigMap", "a")
    archive = dumped(world, tmp_path)
    choice = Choice(without=("namespaces",), names=Names({world.name: f"{world.name}-absent"}))
    began = time.monotonic()
    outcome = restore(world.client, archive, tmp_path / "journal", choice=choice, patience=30)

    assert time.monotonic() - began < 20
    assert {f"configmaps {world.name}-absent/a": f'namespaces "{world.name}-absent" not found'} == outcome.failed


def _refused(client: Client, namespace: str) -> bool:
    try:
        client.create(path_of("v1", "configmaps", namespace), {"metadata": {"name": "probe"}}, dry_run=True)
    except ApiError as error:
        return "down.example.com" in error.message
    return False


def test_a_namespace_that_does_not_go_away(world: World, client: Client, tmp_path: Path) -> None:
    """It is told, nothing is written into it; once it is gone the same call restores everything."""
    world.create("v1", "namespaces", "Namespace", world.name, space="")
    held = world.create("v1", "configmaps", "ConfigMap", "held", finalizers=["example.com/held"])
    before = dumped(world, tmp_path)
    space = path_of("v1", "namespaces", name=world.name)
    client.delete(space)
    world.eventually(lambda: client.get(space)["status"]["phase"] == "Terminating")
    world.eventually(lambda: "deletionTimestamp" in client.get(_path(held))["metadata"])
    stuck = restore(client, before, tmp_path / "journal", patience=1)

    assert "being deleted" in stuck.failed[f"namespaces {world.name}"]
    assert "its namespace was not restored" == stuck.failed[f"configmaps {world.name}/held"]
    client.patch(_path(held), {"metadata": {"finalizers": None}})
    assert restore(client, before, tmp_path / "journal").whole
    assert ["example.com/held"] == client.get(_path(held))["metadata"]["finalizers"]


def _path(config: Any) -> str:
    return path_of("v1", "configmaps", config["metadata"]["namespace"], config["metadata"]["name"])
