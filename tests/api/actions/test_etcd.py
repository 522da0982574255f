"""A snapshot of the real etcd of a node, and the same cluster brought back from it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from components.actions.errors import ApiError
from components.actions.readiness import wait_ready
from tests.api.actions.live import SLOW, create, eventually, manifest
from tests.api.actions.test_restore import IDENTITY, READERS

if TYPE_CHECKING:
    from lab.cluster import Cluster

SMALL = {"cpu": "10m", "memory": "16Mi"}


def on_node(cluster: "Cluster", *arguments: object, code: int = 0, **files: str) -> Any:
    """Run the command line in the node's network, where its etcd is; return its JSON, or its errors."""
    from lab.cluster import node

    keys = cluster.folder / "etc" / "pki"
    given = {"cacert": "etcd-ca.crt", "cert": "apiserver-etcd-client.crt", "key": "apiserver-etcd-client.key", **files}
    pki = [f"--{name}={keys / file}" for name, file in given.items()]
    target = ["--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context]
    enter = ["nsenter", "--net", "--target", str(node.first_process(cluster._instance)), "--"]
    command = [*enter, sys.executable, "-m", "components.actions", *map(str, arguments), *target, *pki, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == code, ended.stderr + ended.stdout
    return json.loads(ended.stdout) if not code else ended.stderr


def opened(taken: Any, folder: Path) -> Path:
    """Open a snapshot; return the path of it in clear."""
    (folder / "key").write_text(str(IDENTITY))
    clear = folder / "clear"
    command = [sys.executable, "-m", "components.actions", "etcd-open", taken["manifest"], "-i", str(folder / "key")]
    ended = subprocess.run([*command, "--to", str(clear)], capture_output=True, text=True, timeout=60, check=False)
    assert 0 == ended.returncode, ended.stderr
    return clear


def test_a_snapshot_of_a_live_etcd(lab_cluster: "Cluster", client: Client, namespace: str, tmp_path: Path) -> None:
    """It has what the API server has stored, whole by etcd's own sha256, and nobody reads it without a key."""
    secret = {"metadata": {"name": "s"}, "stringData": {"password": "made-up-secret-in-etcd"}}
    made = client.create(path_of("v1", "secrets", namespace), secret)
    taken = on_node(lab_cluster, "etcd-snapshot", "--to", tmp_path / "s", "-r", READERS.texts[0])
    clear = opened(taken, tmp_path)

    assert lab_cluster.identity().cluster_id == taken["cluster"]  # type: ignore[union-attr]
    assert taken["revision"] >= int(made["metadata"]["resourceVersion"])
    assert b"made-up-secret-in-etcd" in clear.read_bytes()
    assert not any(b"made-up-secret-in-etcd" in each.read_bytes() for each in (tmp_path / "s").iterdir())
    # A certificate that is not for etcd, and no etcd at the address.
    refused = on_node(
        lab_cluster,
        "etcd-snapshot",
        "--to",
        tmp_path / "t",
        "-r",
        READERS.texts[0],
        code=2,
        cert="admin.crt",
        key="admin.key",
    )
    nobody = "--endpoint=https://127.0.0.1:2999"
    absent = on_node(lab_cluster, "etcd-snapshot", "--to", tmp_path / "t", "-r", READERS.texts[0], nobody, code=2)
    assert "check --endpoint, --cacert, --cert and --key" in refused
    assert "https://127.0.0.1:2999 gives no snapshot" in absent
    assert not (tmp_path / "t").exists()


def restored(cluster: "Cluster", snapshot: Path, expect: str, code: int = 0) -> str:
    """Run the lab's command; return what it said."""
    command = [sys.executable, "-m", "lab.cluster", "etcd-restore", str(snapshot), "--name", cluster.name]
    ended = subprocess.run([*command, "--expect", expect], capture_output=True, text=True, timeout=400, check=False)
    assert ended.returncode == code, ended.stderr + ended.stdout
    return ended.stderr


@SLOW
def test_the_same_cluster_from_its_etcd(own: "Cluster", tmp_path: Path) -> None:
    """What was deleted is back, what came later is gone, no revision comes twice, kubelet and controllers go on."""
    client = load_kubeconfig(str(own.kubeconfig)).client()
    uid = own.identity().cluster_id  # type: ignore[union-attr]
    maps = path_of("v1", "configmaps", "default")
    create(client, manifest("default", SMALL))
    kept = client.create(maps, {"metadata": {"name": "kept"}, "data": {"a": "1"}})
    taken = on_node(own, "etcd-snapshot", "--to", tmp_path / "s", "-r", READERS.texts[0])
    clear = opened(taken, tmp_path)
    client.delete(f"{maps}/kept")
    client.delete(path_of("apps/v1", "deployments", "default", "web"))
    client.create(maps, {"metadata": {"name": "later"}})
    eventually(lambda: not client.list(path_of("v1", "pods", "default")), 60)

    # What is not whole, or is for another cluster, changes nothing.
    damaged = tmp_path / "damaged"
    damaged.write_bytes(clear.read_bytes()[:-600] + clear.read_bytes()[-500:])
    assert "is the cluster" in restored(own, clear, "another", code=1)
    assert "etcdutl" in restored(own, damaged, uid, code=1)
    assert client.find(f"{maps}/later")

    restored(own, clear, uid)
    client = load_kubeconfig(str(own.kubeconfig)).client()
    back = client.get(f"{maps}/kept")
    assert (uid, kept["metadata"]["uid"]) == (own.identity().cluster_id, back["metadata"]["uid"])  # type: ignore[union-attr]
    assert client.find(f"{maps}/later") is None
    with pytest.raises(ApiError) as gone:
        client.get(f"{maps}?resourceVersionMatch=Exact&resourceVersion={kept['metadata']['resourceVersion']}")
    assert 410 == gone.value.status
    changed = client.patch(f"{maps}/kept", {"data": {"a": "2"}})
    assert int(changed["metadata"]["resourceVersion"]) > 1_000_000_000
    # The Deployment's pods run again, and a new one gets its own.
    wait_ready(client, "default", "web", patience=120)
    client.delete(path_of("apps/v1", "deployments", "default", "web"))
    eventually(lambda: not client.list(path_of("v1", "pods", "default")), 60)
    create(client, manifest("default", SMALL))
