"""Simulated clusters alone, for developers and tests: `python -m lab.simulated {build,up,down,status}`."""

import sys
from typing import Annotated

import typer

from lab.cluster import DEFAULT_MINOR, MINORS, ClusterError
from lab.progress import best_progress
from lab.simulated import SimulatedCluster
from lab.simulated.artifacts import build as build_all
from lab.simulated.instance import Instance

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Option(help="the cluster's name; several can live side by side")]

Minor = Annotated[str, typer.Option(help=f"the Kubernetes minor: {' or '.join(MINORS)}")]


@app.command()
def build(minor: Minor = DEFAULT_MINOR) -> None:
    """Build what simulated clusters of one Kubernetes minor are made of."""
    build_all(best_progress(), minor)


@app.command()
def up(
    name: Name = "dev",
    minor: Annotated[str, typer.Option(help=f"{' or '.join(MINORS)}; a cluster keeps its own")] = "",
) -> None:
    """Start a cluster, or resume a stopped one; a new one is of the default Kubernetes minor."""
    cluster = SimulatedCluster(name, minor or Instance(name).minor() or DEFAULT_MINOR)
    cluster.start(best_progress())
    typer.echo(cluster.kubeconfig)


@app.command()
def down(name: Name = "dev", *, keep: Annotated[bool, typer.Option(help="stop it and keep its data")] = False) -> None:
    """Remove a cluster with every trace of it."""
    cluster = SimulatedCluster(name)
    if keep:
        cluster.stop(best_progress())
    else:
        cluster.delete(best_progress())


@app.command()
def status(name: Name = "dev") -> None:
    """Say whether a cluster runs and where its files are."""
    cluster = SimulatedCluster(name)
    made = cluster.identity()
    state = "running" if cluster.running() else "stopped" if made else "absent"
    minor = Instance(name).minor()
    typer.echo(f"{name}: {state}" + (f", Kubernetes {minor}" if minor else ""))
    if made:
        typer.echo(f"kubeconfig: {cluster.kubeconfig}\nserver: {made.server}\nkube-system: {made.cluster_id}")


def main() -> None:
    """Run the command line; a foreseeable problem is a message and exit code 1, not a traceback."""
    try:
        app()
    except (ClusterError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
