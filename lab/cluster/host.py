"""Whether this machine can run a node: everything that is missing at once, each with its remedy."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.cluster import artifacts, cgroups, golang, network
from lab.cluster.debian import KEYRINGS
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR
from lab.paths import cache_root

_GIB = 2**30
_BUILD_BYTES = 9 * _GIB  # sources, build cache and results of the Go modules; measured 6.5
_NEXT_MINOR_BYTES = 5 * _GIB  # Kubernetes of one more minor; measured 4
_RUN_BYTES = 2 * _GIB
_MEMORY_BYTES = 2 * _GIB
_RIGHTS = {"CAP_NET_ADMIN": 12, "CAP_SYS_CHROOT": 18, "CAP_SYS_ADMIN": 21}
_V1_CONTROLLERS = {"cpu", "cpuacct", "cpuset", "memory"}
_V2_CONTROLLERS = {"cpu", "cpuset", "memory", "pids"}
_RUN_TOOLS = {"ip": "iproute2", "unshare": "util-linux", "setsid": "util-linux", "mount": "mount"}
_DEBIAN_TOOLS = ("apt-get", "dpkg", "dpkg-deb")
_ELSEWHERE = "go without pods that run: make set KEY=cluster VALUE=simulated"
# Some file systems can be mounted over and then cannot keep that a file or a folder's content was removed.
_OVERLAY_TRIAL = """
set -e
mkdir lower upper work merged lower/folder
touch lower/file lower/folder/inside
mount -t overlay lab -o lowerdir=lower,upperdir=upper,workdir=work merged
cd merged
rm -r file folder
mkdir folder
test "$(ls -A)" = folder
test -z "$(ls -A folder)"
"""
_VETH_TRIAL = "ip link add lab0 type veth peer name lab1"
_NO_MOUNT_POINT = "cannot change root filesystem propagation"  # what unshare says in a plain chroot


@dataclass(frozen=True)
class HostProblem:
    """One thing that keeps the node from running here: what it is, and what to do about it."""

    what: str
    remedy: str


def check_host(minor: str = DEFAULT_MINOR) -> list[HostProblem]:
    """Return everything that keeps a node of that Kubernetes from being built and run here; an empty list means it can.

    Nothing is changed; the kernel is tried out in namespaces that end with the trial. arm64 and hosts with cgroup v2
    only are no problems. Raises ValueError for a minor that is none of `MINORS`.
    """
    if problems := _platform():
        return problems
    building: list[Callable[[], Iterable[HostProblem]]] = [partial(_tools, minor), partial(_space, minor)]
    checks = [_rights, *building, _memory, _cgroups, _addresses]
    problems = [problem for check in checks for problem in check()]
    # Without rights or tools the trial fails for a reason that is told already.
    return problems or list(_kernel())


def missing_tools(tools: dict[str, str], find: Callable[[str], str | None] = shutil.which) -> list[HostProblem]:
    """Return one problem that names all of `tools` (package by program) that `find` does not, or none."""
    absent = {tool: package for tool, package in tools.items() if not find(tool)}
    if not absent:
        return []
    packages = " ".join(sorted(set(absent.values())))
    remedy = f"apt-get install --yes {packages}"
    if not find("apt-get"):
        remedy = f"install them with this system's own package manager; Debian has them in {packages}"
    return [HostProblem(f"programs are missing: {', '.join(absent)}", remedy)]


def cgroup_problems(root: Path) -> list[HostProblem]:
    """Return what is wrong with the control groups mounted at `root`."""
    v2 = (root / "cgroup.controllers").exists()
    if not v2 and not cgroups.hierarchies(root):
        return [HostProblem(f"no control groups are mounted at {root}", "mount them as your distribution does")]
    if v2:
        available = set((root / "cgroup.controllers").read_text().split())
        needed = _V2_CONTROLLERS
    else:
        available = {folder.name for folder in cgroups.hierarchies(root)}
        available |= {part for name in available for part in name.split(",")}
        needed = _V1_CONTROLLERS
    problems = []
    if lacking := sorted(needed - available):
        problems.append(
            HostProblem(f"control group controllers are missing: {', '.join(lacking)}", "enable them in the kernel")
        )
    # The file exists in every group of cgroup v2 but the true root: so this is a container's view of a part.
    if v2 and (root / "cgroup.type").exists():
        problems.append(
            HostProblem(
                "this is a container with a control group namespace of its own",
                "start the container with --privileged --cgroupns=host",
            )
        )
    if any(os.statvfs(folder).f_flag & os.ST_RDONLY for folder in cgroups.hierarchies(root)):
        problems.append(
            HostProblem("the control groups are mounted read-only", "in a container: start it with --privileged")
        )
    return problems


def _platform() -> list[HostProblem]:
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        what = f"the lab's node needs Linux on x86_64 or aarch64; this is {sys.platform} on {platform.machine()}"
        return [HostProblem(what, "install Docker or Podman, for kind; or give the stack a cluster of yours")]
    return []


def _rights() -> Iterable[HostProblem]:
    if os.geteuid() != 0:
        yield HostProblem(
            "the node's namespaces, mounts and network need root",
            f"run the same command as root (sudo), or {_ELSEWHERE}",
        )
        return
    have = effective_capabilities(Path("/proc/self/status").read_text())
    if lacking := [name for name, bit in _RIGHTS.items() if not have >> bit & 1]:
        yield HostProblem(f"root lacks rights here: {', '.join(lacking)}", "in a container: start it with --privileged")


def effective_capabilities(status: str) -> int:
    """Return the mask of effective capabilities in the text of a /proc/<pid>/status."""
    return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))


def _tools(minor: str) -> Iterable[HostProblem]:
    yield from missing_tools(_RUN_TOOLS, shutil.which)
    if artifacts.is_built(minor):
        return
    if absent := [program for program in _DEBIAN_TOOLS if not shutil.which(program)]:
        yield HostProblem(
            f"the node is made of Debian packages, and this machine has no {', '.join(absent)}",
            f"use a Debian-like Linux, or {_ELSEWHERE}",
        )
    elif not any(file.exists() for file in KEYRINGS):
        yield HostProblem("the keys of the Debian archive are missing", "apt-get install --yes debian-archive-keyring")
    if golang.toolchain(minor) is None and importlib.util.find_spec("pip") is None:
        least = ".".join(map(str, golang.required_version(minor)))
        yield HostProblem(
            f"no Go >= {least} on PATH, and this Python has no pip to get one with", f"{sys.executable} -m ensurepip"
        )


def _space(minor: str) -> Iterable[HostProblem]:
    folder = next(parent for parent in (cache_root(), *cache_root().parents) if parent.exists())
    if not os.access(folder, os.W_OK):
        yield HostProblem(f"{folder} cannot be written", "set XDG_CACHE_HOME to a folder that can")
        return
    needed, what_for = _BUILD_BYTES, "to build the node"
    if artifacts.is_built(minor):
        needed, what_for = _RUN_BYTES, "to run it"
    elif artifacts.is_built():
        needed, what_for = _NEXT_MINOR_BYTES, f"to build Kubernetes {minor}"
    free = shutil.disk_usage(folder).free
    if free < needed:
        yield HostProblem(
            f"{folder} has {free / _GIB:.1f} GiB free; {needed / _GIB:.0f} are needed {what_for}",
            "free some, or set XDG_CACHE_HOME to a folder on a larger disk",
        )
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        yield HostProblem(f"{folder} is mounted noexec: nothing built there can run", "set XDG_CACHE_HOME elsewhere")


def _memory() -> Iterable[HostProblem]:
    available = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemAvailable:")
    )
    if available < _MEMORY_BYTES:
        yield HostProblem(
            f"{available / _GIB:.1f} GiB of memory are available; {_MEMORY_BYTES / _GIB:.0f} are needed",
            "end other programs",
        )


def _cgroups() -> Iterable[HostProblem]:
    yield from cgroup_problems(cgroups.ROOT)


def _addresses() -> Iterable[HostProblem]:
    if not shutil.which("ip"):
        return
    try:
        network.choose(network.host_networks())
    except ClusterError as error:
        yield HostProblem(str(error), "end a VPN or another instance, or remove a route that covers them all")


def overlay_works(folder: Path) -> bool:
    """Tell whether overlays can be kept below `folder`: on most disks, but not on NFS, FUSE or another overlay.

    Tried out in a mount namespace that ends with the trial; nothing stays.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".overlay-") as trial:
        command = ["unshare", "--mount", "sh", "-c", _OVERLAY_TRIAL]
        return subprocess.run(command, cwd=trial, capture_output=True, check=False, timeout=30).returncode == 0


def _kernel() -> Iterable[HostProblem]:
    namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork"]
    done = subprocess.run(
        ["unshare", *namespaces, "sh", "-c", _VETH_TRIAL], capture_output=True, text=True, check=False, timeout=30
    )
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no word why"])[-1]
        if _NO_MOUNT_POINT in said:
            yield HostProblem(
                f"this is a chroot whose root is no mount point: {said}",
                "before entering it: mount --bind FOLDER FOLDER; or work outside of it",
            )
        else:
            yield HostProblem(
                f"the kernel gives no network namespaces with veth links: {said}",
                "modprobe veth; in a container: on its host",
            )
