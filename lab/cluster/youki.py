"""youki with Wasmtime inside: a second WASM runtime, for nodes that ask for it, which cargo builds, and only then.

It is no part of an ordinary build: it takes a Rust toolchain and, on two cores, some twenty minutes. What cargo fetches
stays in cargo's own home, as for everything that it builds; all else is in the lab's cache.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.cluster import building, debian
from lab.cluster.building import Step
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.paths import cache_root
from lab.progress import Progress

CRATE, VERSION = "youki", "0.7.0"
FEATURES = ("v1", "v2", "seccomp", "wasm-wasmtime")
"""youki has none by default; `v1` and `v2` are the versions of control groups."""
HANDLER = "youki"
"""The handler for a RuntimeClass whose pods are WASM modules, and whose exit codes are kept."""

_RUST = (1, 94)  # what its Wasmtime takes
# Debian's oldest: linked in, its libseccomp needs no more than the machine's own libc has.
_SECCOMP = debian.Root("libseccomp", "bookworm", ("libseccomp-dev",), ("libc6", "libgcc-s1", "gcc-12-base"))


def path() -> Path:
    """Return where the program is or will be; the folder's name comes from what it is made of."""
    made_of = repr((CRATE, VERSION, FEATURES, _SECCOMP.path.name))
    return cache_root() / "bin" / hashlib.sha256(made_of.encode()).hexdigest()[:12] / CRATE


def is_built() -> bool:
    """Tell whether it is there."""
    return path().exists()


def build(progress: Progress) -> None:
    """Build it, where it is not there.

    Raises ClusterError where cargo is missing, too old, or fails, with what it said.
    """
    if is_built():
        return
    _check_toolchain()
    with building.alone(progress):
        building.work_off(progress, _steps())
        debian.forget_archives()
        building.remove(_SECCOMP.path)


def spec() -> dict[str, Any]:
    """Return what containerd is to begin a container's configuration with (base_runtime_spec), for `json.dump`.

    youki takes for a module what carries the annotation, and knows no exception for the pod's own container. containerd
    would copy a pod's annotations onto that one, too, and begins with this for all others alone. What else is here is
    what containerd begins with by itself (`ctr oci spec`), without a terminal and shared memory.
    """
    inaccessible = (
        "acpi",
        "asound",
        "kcore",
        "keys",
        "latency_stats",
        "timer_list",
        "timer_stats",
        "sched_debug",
        "scsi",
    )
    quiet = ["nosuid", "noexec", "nodev"]
    return {
        "ociVersion": "1.2.1",
        "annotations": {"run.oci.handler": "wasm"},
        "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "noNewPrivileges": True, "capabilities": {}},
        "root": {"path": "rootfs"},
        "mounts": [
            _mount("/proc", "proc", *quiet),
            _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
            _mount("/sys", "sysfs", *quiet, "ro"),
        ],
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")],
            "maskedPaths": [*(f"/proc/{name}" for name in inaccessible), "/sys/firmware"],
            "readonlyPaths": [f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")],
        },
    }


def _mount(destination: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": kind, "options": list(options)}


def _check_toolchain() -> None:
    needed = f"{CRATE} {VERSION} needs Rust {'.'.join(map(str, _RUST))} or later (https://rustup.rs)"
    try:
        said = run(["cargo", "--version"])
    except ClusterError as error:
        raise ClusterError(f"{needed}: {error}") from error
    found = re.match(r"cargo (\d+)\.(\d+)", said)
    if not found or tuple(map(int, found.groups())) < _RUST:
        raise ClusterError(f"{needed}, and this is {said.strip()}")


def _steps() -> list[Step]:
    return [*debian.steps([_SECCOMP]), (f"build {CRATE} {VERSION} with Wasmtime, for some twenty minutes", _compile)]


def _compile() -> None:
    """Build it in a folder of its own, and put it in its place whole."""
    path().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path().parent, prefix=".building-") as folder:
        command = ["cargo", "install", CRATE, "--version", VERSION, "--locked", "--features", ",".join(FEATURES)]
        run([*command, "--root", folder, "--no-track"], env=_environment(Path(folder)))
        (Path(folder) / "bin" / CRATE).replace(path())


def _environment(folder: Path) -> Mapping[str, str]:
    (libraries,) = _SECCOMP.path.glob("usr/lib/*-linux-gnu")
    return {
        **os.environ,
        "CARGO_TARGET_DIR": str(folder / "target"),
        "LIBSECCOMP_LIB_PATH": str(libraries),
        "LIBSECCOMP_LINK_TYPE": "static",
        # A libseccomp that pkg-config finds would be linked beside it, as a library that a node may not have.
        "PKG_CONFIG_LIBDIR": str(folder),
        "PKG_CONFIG_PATH": str(folder),
    }
