"""One stack of the project and what is known of it: its folder, its record, its cluster, its engine."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from lab import ways
from lab.errors import LabError
from lab.given import GivenCluster, UnseenCluster
from lab.naming import DEFAULT_STACK, PROJECT, instance_of
from lab.official import OwnBackend
from lab.parts import ClusterLike, EngineLike, Parts, RealParts
from lab.paths import project_root, stack_dir
from lab.progress import Progress, best_progress
from lab.record import Record, read_record, write_record
from lab.stackfile import read_config, stack_file
from lab.ways import GIVEN, KIND, PULUMI, SIMULATED, Wish

# Which images the program takes, by kind of cluster: see the program's table.
_PLATFORMS = {KIND: "kind", GIVEN: "public"}
SIMULATED_NOTE = "Nodes and pods of this cluster are simulated: pods run nothing, and no traffic reaches them."


@dataclass
class Lab:
    """One stack of one project, and the parts to work on it."""

    stack: str = DEFAULT_STACK
    root: Path = field(default_factory=project_root)
    parts: Parts = field(default_factory=RealParts)
    progress: Progress = field(default_factory=best_progress)
    console: Console = field(default_factory=lambda: Console(highlight=False))

    @property
    def dir(self) -> Path:
        """The stack's folder in `.lab/`."""
        return stack_dir(self.stack, self.root)

    @property
    def state(self) -> Path:
        """Where the lab's engine keeps the stack's state."""
        return self.dir / "state"

    @property
    def instance(self) -> str:
        """The name of the stack's cluster instance: the recorded one where this folder was moved, not copied."""
        own, record = instance_of(self.root, self.stack), read_record(self.dir)
        if record is None or record.name == own:
            return own
        elsewhere = read_record(stack_dir(self.stack, Path(record.root)))
        return own if elsewhere and elsewhere.name == record.name and record.root != str(self.root) else record.name

    def record(self) -> Record | None:
        """Return what was recorded of the stack, or None."""
        return read_record(self.dir)

    def config(self) -> dict[str, object]:
        """Return the stack's config, with full keys."""
        return read_config(stack_file(self.root, self.stack), PROJECT)

    def wish(self) -> Wish:
        """Return what the config says of the cluster. `RefusedError` for what means nothing."""
        return Wish.read(self.stack, self.config())

    def choose(self, *, write: bool = True) -> Record:
        """Return the record of the stack, chosen (and written) now where there is none: engine, backend, cluster.

        What is written before the cluster exists has no cluster_id. `RefusedError` as in `lab.ways`.
        """
        wish, record = self.wish(), self.record()
        kind = ways.cluster_for(wish, record, self.parts)
        cli = self.parts.pulumi(self.root)
        engine = ways.engine_for(wish, kind, record, cli, os.environ)
        backend = ""
        if engine == PULUMI and cli is not None:
            cli.check()
            _, backend = ways.backend_for(self.stack, self.dir, record, cli, os.environ)
        minor = record.minor if record and kind != GIVEN and not wish.minor else wish.minor
        cluster = self._cluster(kind, minor, wish.kubeconfig, wish.context)
        chosen = Record(
            name=self.instance,
            root=str(self.root),
            kubeconfig=str(cluster.kubeconfig.absolute()) if str(cluster.kubeconfig) != "." else "",
            context=cluster.context,
            cluster_id=record.cluster_id if record else "",
            engine=engine,
            cluster=kind,
            platform=_PLATFORMS.get(kind, "lab"),
            backend=backend,
            minor=minor,
        )
        if record is None and write:
            write_record(self.dir, chosen)
        return chosen

    def write(self, record: Record, cluster_id: str) -> Record:
        """Write the record with the cluster's identity, now that it is known."""
        record = replace(record, cluster_id=cluster_id)
        write_record(self.dir, record)
        return record

    def cluster(self, record: Record) -> ClusterLike:
        """Return the recorded cluster, whether it exists or not."""
        return self._cluster(record.cluster, record.minor, record.kubeconfig, record.context)

    def engine(self, record: Record) -> EngineLike:
        """Return the recorded engine. `RefusedError` where it is not here, or would use another backend."""
        if record.engine != PULUMI:
            return self.parts.lab_engine(self.root, self.stack, self.state)
        cli = self.parts.pulumi(self.root)
        ways.engine_for(self.wish(), record.cluster, record, cli, os.environ)
        if cli is None:
            raise LabError("there is no official CLI on PATH")
        backend, _ = ways.backend_for(self.stack, self.dir, record, cli, os.environ)
        return self.parts.official_engine(cli, self.stack, backend, self.progress.note)

    def own_backend(self) -> OwnBackend:
        """Return the project's own backend for this stack, used or not."""
        return OwnBackend(self.dir)

    def say(self, text: str) -> None:
        """Print a sentence for people, which the terminal may wrap and nobody else does."""
        self.console.print(text, soft_wrap=True, markup=False)

    def tell(self, record: Record) -> None:
        """Say which engine deploys, and what is not real about the cluster."""
        if record.engine == PULUMI:
            where = "in .lab/" if record.backend == "own" else f"at {record.backend}"
            self.progress.note(f"Deploying with the official Pulumi CLI; the stack's state is {where}.")
        else:
            self.progress.note("Deploying with the lab's own engine; the official Pulumi CLI has no part in it.")
        self.tell_simulated(record)

    def tell_simulated(self, record: Record) -> None:
        """Say that pods are simulated, where they are."""
        if record.cluster == SIMULATED:
            self.progress.note(SIMULATED_NOTE)

    def command(self, name: str) -> str:
        """Return the command line that a person types for a command on this stack."""
        return f"make {name}" if self.stack == DEFAULT_STACK else f"make {name} STACK={self.stack}"

    def _cluster(self, kind: str, minor: str, kubeconfig: str, context: str) -> ClusterLike:
        if kind == GIVEN:
            if not kubeconfig or "\n" in kubeconfig:
                return UnseenCluster()
            return GivenCluster(Path(kubeconfig).expanduser(), context)
        return self.parts.cluster(kind, self.instance, minor)
