"""The commands on clusters of one kind (`up`, `down`, `reset`, `status`), for command lines such as `lab.cluster`."""

import sys
from typing import Annotated

import typer

from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR, MINORS
from lab.cluster.own import OwnCluster
from lab.files import write_atomically
from lab.paths import cache_root
from lab.progress import best_progress

Name = Annotated[str, typer.Option(help="the cluster's name; several can live side by side")]
Minor = Annotated[str, typer.Option(help=f"the Kubernetes minor: {' or '.join(MINORS)}")]


def add_commands(app: typer.Typer, kind: type[OwnCluster]) -> None:
    """Add the four commands to `app`."""

    @app.command()
    def up(
        name: Name = "dev",
        minor: Annotated[str, typer.Option(help=f"{' or '.join(MINORS)}; a cluster keeps its own")] = "",
    ) -> None:
        """Start a cluster, or resume a stopped one; a new one is of the default Kubernetes minor."""
        cluster = kind(name, minor or kind(name).kept_minor or DEFAULT_MINOR)
        cluster.start(best_progress())
        typer.echo(cluster.kubeconfig)

    @app.command()
    def down(
        name: Name = "dev", *, keep: Annotated[bool, typer.Option(help="stop it and keep its data")] = False
    ) -> None:
        """Remove a cluster with every trace of it."""
        cluster = kind(name)
        if keep:
            cluster.stop(best_progress())
        else:
            cluster.delete(best_progress())

    @app.command()
    def reset(
        expect: Annotated[str, typer.Option(help="the cluster that is meant: the UID of its kube-system")],
        name: Name = "dev",
        minor: Annotated[str, typer.Option(help=f"{' or '.join(MINORS)}; by default the one that it has")] = "",
    ) -> None:
        """Delete a cluster and make it anew, another one of the same name; run again, it goes on where it was."""
        cluster, begun = kind(name), cache_root() / "resets" / name
        made = cluster.identity()
        # Of a reset that was cut short the new cluster may be there, half started.
        unfinished = begun.read_text().split() if begun.exists() else ["", ""]
        if unfinished[0] != expect:
            if made and made.cluster_id != expect:
                raise ClusterError(f"{name} is the cluster {made.cluster_id}, and not {expect}: nothing was done")
            unfinished = [expect, minor or cluster.kept_minor or DEFAULT_MINOR]
            write_atomically(begun, " ".join(unfinished))
        if not made or made.cluster_id == expect:
            cluster.delete(best_progress())
        kind(name, unfinished[1]).start(best_progress())
        begun.unlink()

    @app.command()
    def status(name: Name = "dev") -> None:
        """Say whether a cluster runs and where its files are."""
        cluster = kind(name)
        made = cluster.identity()
        state = "running" if cluster.running() else "stopped" if made else "absent"
        minor = cluster.kept_minor
        typer.echo(f"{name}: {state}" + (f", Kubernetes {minor}" if minor else ""))
        if made:
            typer.echo(f"kubeconfig: {cluster.kubeconfig}\nserver: {made.server}\nkube-system: {made.cluster_id}")


def run(app: typer.Typer) -> None:
    """Run the command line; a foreseeable problem is a message and exit code 1, not a traceback."""
    try:
        app()
    except (ClusterError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
