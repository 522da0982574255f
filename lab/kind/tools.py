"""The programs that a kind cluster needs on this machine: Docker or Podman, kind itself, kubectl."""

import os
import re
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.cluster import building, golang, wasm_bundle
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.kind.config import Ports
from lab.progress import Progress

# The node images of config.NODE_IMAGES need a kind of this age.
LEAST = (0, 32, 0)
BINARY = golang.Binary("kind", "kind", "sigs.k8s.io/kind")
PROVIDERS = ("docker", "podman")
_ANSWER_SECONDS = 20.0


@dataclass(frozen=True)
class Problem:
    """Something that this machine lacks for a kind cluster."""

    what: str
    remedy: str


@dataclass(frozen=True)
class Wasm:
    """What gives a node the WASM handler: the runtime's folder on this machine, and the demo's image archive."""

    folder: Path
    image: Path


def provider() -> str | None:
    """Return the first of Docker and Podman whose daemon, or machine, answers; None where neither does."""
    return next((name for name in PROVIDERS if _works(name)), None)


def check_host() -> list[Problem]:
    """Return what keeps kind from working here: that neither Docker nor Podman does, and how each fails."""
    if provider():
        return []
    found = [name for name in PROVIDERS if shutil.which(name)]
    what = f"{' and '.join(found)} is installed, but does not answer" if found else "there is neither Docker nor Podman"
    remedy = f"start it, and look at `{found[0]} info`" if found else "install one of them"
    return [Problem(what, remedy)]


def kind(progress: Progress) -> Path:
    """Return the kind to use: the one on PATH where it is new enough, else the one built from its pinned module."""
    on_path = shutil.which("kind")
    if on_path and _version(on_path) >= LEAST:
        return Path(on_path)
    return _built(BINARY, progress)


def kubectl(progress: Progress) -> Path:
    """Return kubectl: the one on PATH, else the lab's own, built where it is not yet."""
    path = kubectl_path()
    if path.exists():
        return path
    return _built(next(binary for binary in golang.binaries() if binary.name == "kubectl"), progress)


def kubectl_path() -> Path:
    """Return where kubectl is, or will be once `kubectl` has been called."""
    on_path = shutil.which("kubectl")
    return Path(on_path) if on_path else golang.find("kubectl")


def environment(name: str) -> Mapping[str, str]:
    """Return the environment for kind with the provider called `name`; Docker is what it takes by itself."""
    return {**os.environ, "KIND_EXPERIMENTAL_PROVIDER": name}


def free_ports() -> Ports:
    """Return ports of the loopback address for HTTP and UDP: 8080 and 9090, or any where those are taken."""
    return Ports(_free(socket.SOCK_STREAM, 8080), _free(socket.SOCK_DGRAM, 9090))


def _free(kind_of_socket: int, wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, kind_of_socket) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    raise ClusterError("no port is free on the loopback address")


def _works(name: str) -> bool:
    if not shutil.which(name):
        return False
    try:
        run([name, "info"], timeout=_ANSWER_SECONDS)
    except ClusterError:
        return False
    return True


def _version(program: str) -> tuple[int, ...]:
    """Return the version in `kind v0.33.0 go1.26.8 linux/amd64`; an unknown form counts as too old."""
    try:
        found = re.match(r"kind v(\d+)\.(\d+)\.(\d+)", run([program, "version"], timeout=_ANSWER_SECONDS))
    except ClusterError:
        return ()
    return tuple(int(part) for part in found.groups()) if found else ()


def wasm(progress: Progress) -> Wasm | None:
    """Return what gives a node the WASM handler, made at first use; None, with the reason told, where it cannot be."""
    try:
        return Wasm(wasm_bundle.bundle(progress), wasm_bundle.wasm_image(progress))
    except ClusterError as error:
        progress.note(f"The cluster gets no WASM handler, for its runtime cannot be made here: {error}")
        return None


def _built(binary: golang.Binary, progress: Progress) -> Path:
    path = golang.binary_path(binary)
    if not path.exists():
        with building.alone(progress):
            building.work_off(progress, golang.steps([binary]))
    return path
