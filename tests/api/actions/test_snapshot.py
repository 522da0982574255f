"""Snapshots of a real cluster: complete, of one moment while others write, without a secret in clear."""

import base64
import gzip
import json
import subprocess
import sys
import tarfile
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from components.actions.client import Client, Transport, path_of
from components.actions.snapshot import Archive, take, verify
from components.actions.snapshot.encryption import Recipients
from components.actions.snapshot.listing import pages
from components.model.archive import Selection

if TYPE_CHECKING:
    from lab.cluster import Cluster

IDENTITY = pyrage.x25519.Identity.generate()
READERS = Recipients([str(IDENTITY.to_public())])
# Its pages are read one after the other; with smaller ones a type of a hundred objects is read over a while.
SMALL_PAGE = 20


def snapshot(client: Client, folder: Path, **options: Any) -> Archive:
    """Take a snapshot and open it."""
    return verify(take(client, str(folder), READERS, **options).place, [IDENTITY])


def test_every_object_of_every_type_is_in_it(client: Client, namespace: str, tmp_path: Path) -> None:
    """What the API lists at the snapshot's moment is what is in it, to the resource version, for all types."""
    client.create(path_of("v1", "secrets", namespace), {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    archive = snapshot(client, tmp_path)
    found: dict[str, set[tuple[str, str]]] = {}
    for name, item in archive.objects():
        found.setdefault(name, set()).add((item["metadata"]["uid"], item["metadata"]["resourceVersion"]))

    assert archive.manifest.exact
    assert {"secrets", "configmaps", "nodes", "pods", "customresourcedefinitions.apiextensions.k8s.io"} <= {
        each.name for each in archive.manifest.types
    }
    for listed in archive.manifest.types:
        items = [item for _, page in pages(client, listed, "", archive.manifest.cut) for item in page]
        assert {(i["metadata"]["uid"], i["metadata"]["resourceVersion"]) for i in items} == found.get(
            listed.name, set()
        )


@pytest.fixture
def writer(client: Client, namespace: str) -> Iterator[Callable[[], int]]:
    """Let somebody write all the time: a number, first into a ConfigMap and then into a Secret; give how far it is.

    At every moment the ConfigMap's number is the Secret's, or one more; and no number up to it is without its object.
    """
    maps, secrets = path_of("v1", "configmaps", namespace), path_of("v1", "secrets", namespace)
    client.create(maps, {"metadata": {"name": "first"}, "data": {"n": "0"}})
    client.create(secrets, {"metadata": {"name": "second"}, "stringData": {"n": "0"}})
    stop, done = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            number = done[0] + 1
            client.create(maps, {"metadata": {"name": f"number-{number}"}})
            client.patch(f"{maps}/first", {"data": {"n": str(number)}})
            client.patch(f"{secrets}/second", {"stringData": {"n": str(number)}})
            done[0] = number

    thread = threading.Thread(target=write)
    thread.start()
    yield lambda: done[0]
    stop.set()
    thread.join()


def test_it_is_of_one_moment_while_others_write(
    client: Client, namespace: str, writer: Callable[[], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No object of the moment is missing, none is of a later one, and two types agree with each other."""
    monkeypatch.setattr("components.actions.snapshot.listing.PAGE", SMALL_PAGE)
    while writer() < 2 * SMALL_PAGE:
        pass
    for attempt in range(4):
        before = writer()
        # Secrets are listed long after ConfigMaps.
        archive = snapshot(client, tmp_path / str(attempt))
        after = writer()
        own = {
            (name, item["metadata"]["name"]): item
            for name, item in archive.objects()
            if item["metadata"].get("namespace") == namespace
        }
        first = int(own["configmaps", "first"]["data"]["n"])
        second = int(base64.b64decode(own["secrets", "second"]["data"]["n"]))
        numbers = {int(name[7:]) for kind, name in own if kind == "configmaps" and name.startswith("number-")}

        assert archive.manifest.exact
        assert after > before + 2, "the writer has to write while the snapshot is taken"
        assert 0 <= first - second <= 1
        assert set(range(1, first + 1)) <= numbers <= set(range(1, first + 2))


def test_the_command_line_and_no_secret_in_clear(
    lab_cluster: "Cluster", client: Client, namespace: str, tmp_path: Path
) -> None:
    """A value that lies in a Secret is nowhere in the file, nor in what is printed; with the identity it is there."""
    value = f"made-up-{uuid.uuid4().hex}"
    client.create(path_of("v1", "secrets", namespace), {"metadata": {"name": "s"}, "stringData": {"password": value}})
    (tmp_path / "key").write_text(str(IDENTITY))

    def call(*arguments: str) -> Any:
        command = [sys.executable, "-m", "components.actions", *arguments, "--json"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        printed.append(ended.stdout + ended.stderr)
        return json.loads(ended.stdout)

    printed: list[str] = []
    options = ["--kubeconfig", str(lab_cluster.kubeconfig), "--context", lab_cluster.context]
    told = call("snapshot", "--to", str(tmp_path / "s"), "-n", namespace, "-r", READERS.texts[0], *options)
    assert 0 == call("verify", told["snapshot"], "-i", str(tmp_path / "key"), "--digest", told["digest"])["unread"]
    with tarfile.open(told["snapshot"]) as tar:
        contents = [tar.extractfile(entry).read() for entry in tar]  # type: ignore[union-attr]
    contents += [gzip.decompress(each) for each in contents if each.startswith(b"\x1f\x8b")]
    encoded = base64.b64encode(value.encode()).decode()
    (secret,) = [item for name, item in verify(told["snapshot"], [IDENTITY]).objects() if name == "secrets"]

    assert encoded == secret["data"]["password"]
    for text in (value, encoded):
        assert not any(text.encode() in each for each in [*contents, Path(told["snapshot"]).read_bytes()])
        assert not any(text in each for each in printed)


def test_a_kill_leaves_no_snapshot_and_the_next_run_cleans_up(
    lab_cluster: "Cluster", kube: Transport, tmp_path: Path
) -> None:
    """A process that is killed in the middle leaves a file without a snapshot's name, which the next run removes."""
    program = (
        "import os, signal, sys\n"
        "from components.actions.connection import load_kubeconfig\n"
        "from components.actions.snapshot import take\n"
        "from components.actions.snapshot.encryption import Recipients\n"
        "def die(number, of, name, objects):\n"
        "    if objects > 50: os.kill(os.getpid(), signal.SIGKILL)\n"
        "take(load_kubeconfig(sys.argv[1]).client(), sys.argv[2], Recipients([sys.argv[3]]), progress=die)\n"
    )
    command = [sys.executable, "-c", program, str(lab_cluster.kubeconfig), str(tmp_path), READERS.texts[0]]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert -9 == ended.returncode, ended.stderr
    left = {each.name.rpartition(".")[2] for each in tmp_path.iterdir()}
    assert {"lock", "part"} == left

    path = Path(take(Client(kube), str(tmp_path), READERS, selection=Selection(("default",))).place)
    assert {".snapshot.lock", path.name} == {each.name for each in tmp_path.iterdir()}


def test_a_full_disk_is_a_line_and_leaves_nothing(lab_cluster: "Cluster", tmp_path: Path) -> None:
    """On a file system of 64 KiB, which only this process sees."""
    script = (
        'mount -t tmpfs -o size=64k none "$1" && '
        '"$2" -m components.actions snapshot --to "$1" --kubeconfig "$3" -r "$4"; code=$?; ls -A "$1"; exit $code'
    )
    arguments = [str(tmp_path), sys.executable, str(lab_cluster.kubeconfig), READERS.texts[0]]
    command = ["unshare", "--mount", "sh", "-c", script, "sh", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (2, ".snapshot.lock\n") == (ended.returncode, ended.stdout), ended.stderr
    assert "No space left on device" in ended.stderr
    assert "make room, or choose another place" in ended.stderr
