"""What the launcher puts together: cluster, engine and reader, as the commands see them, and the real ones.

The commands know these protocols only, so that their own order of work can be tested on doubles; the real parts
are imported when they are first asked for, so that `set` and `kubeconfig` answer at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from lab.live import KubeReader, Reader
from lab.progress import Progress


class Problem(Protocol):
    """Something that this host lacks."""

    @property
    def what(self) -> str:
        """What is missing."""
        ...

    @property
    def remedy(self) -> str:
        """What to do about it."""
        ...


class ClusterLike(Protocol):
    """One cluster instance (`lab.cluster.Cluster`)."""

    @property
    def kubeconfig(self) -> Path:
        """Path of its kubeconfig."""
        ...

    @property
    def context(self) -> str:
        """Context in its kubeconfig."""
        ...

    @property
    def kubectl(self) -> Path:
        """The lab's own kubectl."""
        ...

    def running(self) -> bool:
        """Tell whether its processes run."""
        ...

    def start(self, progress: Progress) -> None:
        """Bring it up; nothing to do where it runs."""
        ...

    def delete(self) -> None:
        """Stop it and remove every trace."""
        ...

    def identity(self) -> Any:
        """Return who it is, or None where it never came up."""
        ...


class SummaryLike(Protocol):
    """What a run of the engine did or would do (`lab.engine.Summary`)."""

    @property
    def ok(self) -> bool:
        """Tell whether the run reached its end."""
        ...

    @property
    def cancelled(self) -> bool:
        """Tell whether a signal stopped the run."""
        ...

    @property
    def changes(self) -> bool:
        """Tell whether anything was, or would be, changed."""
        ...


class EngineLike(Protocol):
    """The engine on one stack (`lab.engine.Engine`)."""

    def preview(self) -> SummaryLike:
        """Tell what `up` would change."""
        ...

    def up(self) -> SummaryLike:
        """Make the cluster what the program says."""
        ...

    def destroy(self) -> SummaryLike:
        """Remove what the stack made."""
        ...

    def outputs(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """Return the stack's outputs."""
        ...


class Parts(Protocol):
    """Where the commands get their parts."""

    def host_problems(self) -> list[Problem]:
        """Return everything that this host lacks for a node of its own, all at once."""
        ...

    def build(self, progress: Progress) -> None:
        """Build what must be built once; nothing to do where it is there."""
        ...

    def cluster(self, name: str) -> ClusterLike:
        """Return the instance of that name; it need not exist."""
        ...

    def engine(self, root: Path, stack: str, state_dir: Path) -> EngineLike:
        """Return the engine on a stack, with a display for this terminal."""
        ...

    def reader(self, kubeconfig: Path, context: str) -> Reader:
        """Return what reads the cluster for tables."""
        ...


class RealParts:
    """The lab's own cluster and engine."""

    def host_problems(self) -> list[Problem]:
        """Ask `lab.cluster`."""
        from lab.cluster import check_host  # noqa: PLC0415

        return list(check_host())

    def build(self, progress: Progress) -> None:
        """Build through `lab.cluster`."""
        from lab.cluster import build, is_built  # noqa: PLC0415

        if not is_built():
            build(progress)

    def cluster(self, name: str) -> ClusterLike:
        """Return a `lab.cluster.Cluster`."""
        from lab.cluster import Cluster  # noqa: PLC0415

        return Cluster(name)

    def engine(self, root: Path, stack: str, state_dir: Path) -> EngineLike:
        """Return a `lab.engine.Engine` whose display suits standard output."""
        from lab.engine import Engine, best_display  # noqa: PLC0415

        return Engine(root, stack, state_dir, best_display())

    def reader(self, kubeconfig: Path, context: str) -> Reader:
        """Return a reader over the official client."""
        return KubeReader(kubeconfig, context)
