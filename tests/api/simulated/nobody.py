"""A user who may do nothing: what it is given, and how a command is run as it."""

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cluster import golang
from lab.paths import cache_root
from lab.simulated import artifacts

ROOT = Path(__file__).resolve().parents[3]
USER = 65534


def furnish(folder: Path, minor: str) -> None:
    """Put what was built into `folder`, which then belongs to the user; as another user than root, to this one."""
    for binary in artifacts.binaries(minor):
        source = golang.binary_path(binary)
        target = folder / "cache" / source.relative_to(cache_root().parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:  # another disk, or a kernel that protects hard links
            shutil.copy2(source, target)
    (folder / "home").mkdir()
    give(folder)
    folder.chmod(0o755)


def give(folder: Path) -> None:
    """Make the user the owner of a folder and of the folders in it."""
    if os.geteuid() == 0:
        for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
            os.chown(path, USER, USER)


class Nobody:
    """Runs Python as the user, with a home and a cache in `folder`, and the project at `root`.

    Constructing one skips the test where the user may run no Python of this version with the project's packages.
    """

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        self.root = root
        self.user = USER if os.geteuid() == 0 else None
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(root), *site.getsitepackages()]),
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "LAB_ENGINE": "lab",
        }
        self._python = self._find()

    def python(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run Python with these words, at most three minutes."""
        groups: list[int] | None = [] if self.user else None
        return subprocess.run(
            [self._python, "-B", *words],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            user=self.user,
            group=self.user,
            extra_groups=groups,
        )

    def _find(self) -> str:
        # Root's own Python may lie where nobody else may look.
        version = f"python3.{sys.version_info.minor}"
        for found in (sys.executable, f"/usr/local/bin/{version}", f"/usr/bin/{version}"):
            try:
                words = [found, "-B", "-c", "import lab.engine, lab.simulated"]
                subprocess.run(
                    words, cwd="/", env=self.environment, user=self.user, capture_output=True, check=True, timeout=60
                )
            except (OSError, subprocess.CalledProcessError):
                continue
            return found
        pytest.skip(f"a user without rights may run no {version} here, or not read {self.root}")
