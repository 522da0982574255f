"""Times what a user waits for, in a copy of the project with a cluster of its own, and prints it beside its bound.

The cold build is timed only where nothing is built yet: to have it, name an empty folder in `XDG_CACHE_HOME`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab import simulated
from lab.cluster import Cluster, build, is_built
from lab.naming import instance_of
from lab.paths import project_root
from lab.progress import PlainProgress

_LEFT_OUT = (".git", ".venv", ".lab", "__pycache__", ".*_cache", ".hypothesis")
# What else this machine has (a container runtime, the official CLI) has no part in it.
_CONFIG = "config:\n  kubernetes-emerging:cluster: {cluster}\n"
_ENVIRONMENT = {**os.environ, "LAB_ENGINE": "lab"}


def main() -> int:
    """Return 0 when everything was within its bound."""
    rows: list[tuple[str, float, float]] = []
    if not is_built():
        rows.append(("build from nothing", _seconds(lambda: build(PlainProgress())), 600))
    simulated.build(PlainProgress())
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "project"
        shutil.copytree(project_root(), folder, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        (folder / ".venv").symlink_to(Path(sys.prefix))
        stack = folder / "Pulumi.dev.yaml"
        stack.write_text(_CONFIG.format(cluster="node"))
        try:
            rows.append(("up, no cluster yet", _make(folder, "up"), 90))
            rows.append(("up, nothing changed", _make(folder, "up"), 10))
            stack.write_text(_CONFIG.format(cluster="node") + "  kubernetes-emerging:inplaceCpu: 200m\n")
            rows.append(("up, resize in place", _make(folder, "up"), 30))
            Cluster(instance_of(folder, "dev")).stop()
            rows.append(("up, cluster stopped", _make(folder, "up"), 90))
        finally:
            down = _make(folder, "down")
        rows.append(("down", down, 60))
        stack.write_text(_CONFIG.format(cluster="simulated"))
        try:
            rows.append(("up, simulated nodes", _make(folder, "up"), 60))
        finally:
            down = _make(folder, "down")
        rows.append(("down, simulated nodes", down, 60))
    sys.stdout.write("command                    took     bound\n")
    for name, seconds, bound in rows:
        sys.stdout.write(f"  {name:22} {seconds:6.1f} s {bound:5.0f} s\n")
    return int(any(seconds > bound for _, seconds, bound in rows))


def _make(folder: Path, target: str) -> float:
    def run() -> None:
        subprocess.run(["make", "-s", target], cwd=folder, env=_ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)

    return _seconds(run)


def _seconds(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
