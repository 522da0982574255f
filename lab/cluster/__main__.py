"""The cluster room alone, for developers: `python -m lab.cluster {build,up,down,status}`."""

import sys
from typing import Annotated

import typer

from lab.cluster import Cluster, ClusterError
from lab.cluster.artifacts import build as build_all
from lab.progress import best_progress

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
Name = Annotated[str, typer.Option(help="the cluster's name; several can live side by side")]


@app.command()
def build() -> None:
    """Build what clusters are made of."""
    build_all(best_progress())


@app.command()
def up(name: Name = "dev") -> None:
    """Start a cluster, or resume a stopped one."""
    cluster = Cluster(name)
    cluster.start(best_progress())
    typer.echo(cluster.kubeconfig)


@app.command()
def down(name: Name = "dev", *, keep: Annotated[bool, typer.Option(help="stop it and keep its data")] = False) -> None:
    """Remove a cluster with every trace of it."""
    cluster = Cluster(name)
    if keep:
        cluster.stop(best_progress())
    else:
        cluster.delete(best_progress())


@app.command()
def status(name: Name = "dev") -> None:
    """Say whether a cluster runs and where its files are."""
    cluster = Cluster(name)
    made = cluster.identity()
    state = "running" if cluster.running() else "stopped" if made else "absent"
    typer.echo(f"{name}: {state}")
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
