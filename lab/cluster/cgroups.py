"""The node's place in the machine's control groups: one group per hierarchy, made at start, removed at the end.

One thing stays: on v2, a controller that the root group did not hand down yet (`cgroup.subtree_control`) is handed
down from then on until the machine restarts. Taken back, it would be missing for whoever came to use it since.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from lab.cluster.errors import ClusterError

ROOT = Path("/sys/fs/cgroup")
_POD_CONTROLLERS = {"cpu", "cpuset", "memory", "hugetlb", "pids"}
_SETTLES_WITHIN = 10.0  # seconds that the kernel may take to let go of processes that were killed


def hierarchies(root: Path = ROOT) -> list[Path]:
    """Return every mounted hierarchy that pods are placed in: one on cgroup v2, one per controller on v1."""
    if not root.is_dir():
        return []
    if (root / "cgroup.controllers").exists():
        return [root]
    found = [folder for folder in sorted(root.iterdir()) if (folder / "cgroup.procs").exists()]
    return [folder for folder in found if folder.name != "unified"]


def create(name: str) -> None:
    """Make the group `name` in every hierarchy."""
    for hierarchy in hierarchies():
        _hand_down(hierarchy)
        group = hierarchy / name
        group.mkdir(exist_ok=True)
        _fill_cpuset(group)


def exists(name: str) -> bool:
    """Tell whether any hierarchy has the group `name`."""
    return any((hierarchy / name).exists() for hierarchy in hierarchies())


def remove(name: str) -> None:
    """Remove the group `name` and all below it from every hierarchy, as soon as their processes are gone.

    Raises ClusterError naming the groups that stay.
    """
    ends_at = time.monotonic() + _SETTLES_WITHIN
    groups = [hierarchy / name for hierarchy in hierarchies()]
    while True:
        for group in groups:
            _remove_tree(group)
        left = [str(group) for group in groups if group.exists()]
        if not left:
            return
        if time.monotonic() > ends_at:
            raise ClusterError(
                f"control groups cannot be removed: {', '.join(left)}; end the processes that their cgroup.procs "
                "files list, theirs or those of groups below, then run again"
            )
        time.sleep(0.05)


def _remove_tree(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            Path(folder).rmdir()


def _hand_down(hierarchy: Path) -> None:
    # On v2 a group has the controllers that its parent hands down. The kubelet asks for all of these that the
    # kernel has; systemd hands most of them down already, and adding one changes nothing for what runs.
    if (hierarchy / "cgroup.controllers").exists():
        available = set((hierarchy / "cgroup.controllers").read_text().split())
        given = set((hierarchy / "cgroup.subtree_control").read_text().split())
        for controller in sorted(_POD_CONTROLLERS & available - given):
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")


def _fill_cpuset(group: Path) -> None:
    # On v1 a new cpuset is empty, and nothing can run in it or below it until it is filled.
    for file in ("cpuset.mems", "cpuset.cpus"):
        with suppress(OSError):
            if (group / file).exists() and not (group / file).read_text().strip():
                (group / file).write_text((group.parent / file).read_text())
