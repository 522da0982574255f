"""A node's store put back to what it was: a snapshot of etcd becomes the data of the same cluster again.

A restore is whole before it counts: it is made beside the store while the node runs. Once the node has ended it is said
to be the one, and the next start, be it of this command or another, puts it in place. What was there stays, as
`etcd.before`, until the restore after it.
"""

import shutil
from pathlib import Path

from lab.cluster import building, golang
from lab.cluster.commands import run
from lab.cluster.config import ETCD_PEER
from lab.cluster.errors import ClusterError
from lab.cluster.pki import NODE_NAME
from lab.progress import Progress

ETCDUTL = golang.Binary("etcdutl", "etcd", "go.etcd.io/etcd/etcdutl/v3")
# Watchers and caches have seen revisions that the snapshot does not have; none of them may come again.
_LATER = 1_000_000_000
_MAKING, _MADE = "etcd.restoring", "etcd.restored"


def tool(progress: Progress) -> Path:
    """Return etcd's own tool, built where it is not there yet."""
    path = golang.binary_path(ETCDUTL)
    if not path.exists():
        with building.alone(progress):
            building.work_off(progress, golang.steps([ETCDUTL]))
    return path


def prepare(data: Path, snapshot: Path, etcdutl: Path) -> None:
    """Make a store of a snapshot beside the one in the folder `data`; the node may run meanwhile.

    Raises ClusterError for a snapshot that is not whole: then nothing has changed.
    """
    making = data / _MAKING
    if making.exists():
        shutil.rmtree(making)
    if not snapshot.is_file():
        raise ClusterError(f"{snapshot} is no file: give the snapshot in clear, as `etcd-open --to` writes it")
    # A restore that fails leaves a part of a store, so it is made under a name that no start looks at.
    command: list[str | Path] = [etcdutl, "snapshot", "restore", snapshot, "--data-dir", making]
    command += ["--name", NODE_NAME, "--initial-cluster", f"{NODE_NAME}={ETCD_PEER}"]
    command += ["--initial-advertise-peer-urls", ETCD_PEER, "--bump-revision", str(_LATER), "--mark-compacted"]
    run(command, timeout=300)


def choose(data: Path) -> None:
    """Say that the store that was prepared is the one. The node must not run, or it would write to the other one."""
    made = data / _MADE
    if made.exists():
        shutil.rmtree(made)
    (data / _MAKING).rename(made)


def put_in_place(data: Path) -> None:
    """Let the store that was chosen be the node's, if there is one; killed in between, it goes on."""
    made, store, before = data / _MADE, data / "etcd", data / "etcd.before"
    if not made.exists():
        return
    if store.exists():
        if before.exists():
            shutil.rmtree(before)
        store.rename(before)
    made.rename(store)
