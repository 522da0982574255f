"""What the launcher puts together: cluster, engine and reader, as the commands see them, and the real ones.

The commands know these protocols only, so that their own order of work can be tested on doubles; the real parts
are imported when they are first asked for, so that `set` and `kubeconfig` answer at once.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lab.live import KubeReader, Reader
from lab.official import Backend, Cli, OfficialEngine, find
from lab.progress import Progress

if TYPE_CHECKING:
    from lab.engine import Engine


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
    """An engine on one stack: the lab's own, or the official CLI."""

    def preview(self) -> SummaryLike:
        """Tell what `up` would change."""
        ...

    def up(self) -> SummaryLike:
        """Make the cluster what the program says."""
        ...

    def refresh(self) -> SummaryLike:
        """Bring the state in line with what is in the cluster; the cluster stays as it is."""
        ...

    def destroy(self) -> SummaryLike:
        """Remove what the stack made."""
        ...

    def outputs(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """Return the stack's outputs."""
        ...

    def has_state(self) -> bool:
        """Tell whether there is state of the stack, so that something may be in the cluster."""
        ...

    def forget(self) -> None:
        """Remove the state, whatever it says is there."""
        ...


class Parts(Protocol):
    """Where the commands get their parts."""

    def host_problems(self, kind: str, minor: str) -> list[Problem]:
        """Return everything that this host lacks for such a cluster, all at once. `minor` may be empty: the default."""
        ...

    def cluster(self, kind: str, name: str, minor: str) -> ClusterLike:
        """Return the instance of that kind and name; it need not exist. `minor` may be empty: the lab's default."""
        ...

    def pulumi(self, root: Path) -> Cli | None:
        """Return the official CLI on PATH, or None."""
        ...

    def lab_engine(self, root: Path, stack: str, state_dir: Path) -> EngineLike:
        """Return the lab's engine on a stack, with a display for this terminal."""
        ...

    def official_engine(self, cli: Cli, stack: str, backend: Backend, note: Callable[[str], None]) -> EngineLike:
        """Return the official CLI as an engine."""
        ...

    def reader(self, kubeconfig: Path, context: str) -> Reader:
        """Return what reads the cluster for tables."""
        ...


class RealParts:
    """The lab's clusters and engine, kind, and the official CLI."""

    def host_problems(self, kind: str, minor: str) -> list[Problem]:
        """Ask the package of that kind of cluster."""
        from lab.cluster import DEFAULT_MINOR  # noqa: PLC0415  (parts stay unimported until they are needed)

        minor = minor or DEFAULT_MINOR
        match kind:
            case "kind":
                from lab.kind import check_host as check_kind  # noqa: PLC0415

                return list(check_kind())
            case "simulated":
                from lab.simulated import check_host as check_simulated  # noqa: PLC0415

                return list(check_simulated(minor))
            case _:
                from lab.cluster import check_host as check_node  # noqa: PLC0415

                return list(check_node(minor))

    def cluster(self, kind: str, name: str, minor: str) -> ClusterLike:
        """Return a cluster of the package for that kind."""
        from lab.cluster import DEFAULT_MINOR  # noqa: PLC0415

        minor = minor or DEFAULT_MINOR
        match kind:
            case "kind":
                from lab.kind import KindCluster  # noqa: PLC0415

                return KindCluster(name, minor)
            case "simulated":
                from lab.simulated import SimulatedCluster  # noqa: PLC0415

                return SimulatedCluster(name, minor)
            case _:
                from lab.cluster import Cluster  # noqa: PLC0415

                return Cluster(name, minor)

    def pulumi(self, root: Path) -> Cli | None:
        """Look on PATH."""
        return find(root)

    def lab_engine(self, root: Path, stack: str, state_dir: Path) -> EngineLike:
        """Return a `lab.engine.Engine` whose display suits standard output."""
        return LabEngine(root, stack, state_dir)

    def official_engine(self, cli: Cli, stack: str, backend: Backend, note: Callable[[str], None]) -> EngineLike:
        """Return a `lab.official.OfficialEngine`."""
        return OfficialEngine(cli, stack, backend, note)

    def reader(self, kubeconfig: Path, context: str) -> Reader:
        """Return a reader over the official client."""
        return KubeReader(kubeconfig, context)


@dataclass(frozen=True)
class LabEngine:
    """The lab's own engine on a stack whose state is in the folder `state`."""

    root: Path
    stack: str
    state: Path

    def preview(self) -> SummaryLike:
        """Tell what `up` would change."""
        return self._engine().preview()

    def up(self) -> SummaryLike:
        """Make the cluster what the program says."""
        return self._engine().up()

    def refresh(self) -> SummaryLike:
        """Bring the state in line with what is in the cluster."""
        return self._engine().refresh()

    def destroy(self) -> SummaryLike:
        """Remove what the stack made."""
        return self._engine().destroy()

    def outputs(self, *, show_secrets: bool = False) -> Mapping[str, Any]:
        """Return the stack's outputs."""
        return self._engine().outputs(show_secrets=show_secrets)

    def has_state(self) -> bool:
        """Tell whether the folder is there."""
        return self.state.exists()

    def forget(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.state, ignore_errors=True)

    def _engine(self) -> "Engine":
        from lab.engine import Engine, best_display  # noqa: PLC0415

        return Engine(self.root, self.stack, self.state, best_display())
