"""The cluster room alone, for developers: `python -m lab.cluster --help` has its commands."""

from pathlib import Path
from typing import Annotated

import typer

from lab.cluster import DEFAULT_MINOR, MINORS, Cluster
from lab.cluster.artifacts import build as build_all
from lab.cluster.errors import ClusterError
from lab.cluster.life import Minor, Name, add_commands, run
from lab.progress import best_progress

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Real one-node clusters on this machine, without the program: each has a name, and a Kubernetes minor that it "
    f"keeps ({' or '.join(MINORS)}). `up` builds what is missing. Root is needed for all but `build` and `status`.",
)


@app.command()
def build(minor: Minor = DEFAULT_MINOR) -> None:
    """Build what clusters of one Kubernetes minor are made of."""
    build_all(best_progress(), minor)


add_commands(app, Cluster)


@app.command("etcd-restore")
def etcd_restore(
    snapshot: Annotated[Path, typer.Argument(help="a snapshot of etcd in clear, as `etcd-open --to` writes it")],
    expect: Annotated[str, typer.Option(help="the cluster that is meant: the UID of its kube-system")],
    name: Name = "dev",
) -> None:
    """Put a cluster's store back to what it was in a snapshot: the same cluster, with every object as it was then."""
    cluster = Cluster(name, Cluster(name).kept_minor or DEFAULT_MINOR)
    made = cluster.identity()
    if not made or made.cluster_id != expect:
        raise ClusterError(f"{name} is {f'the cluster {made.cluster_id}' if made else 'absent'}, and not {expect}")
    cluster.restore_etcd(snapshot, best_progress())


@app.command("give-youki")
def give_youki(name: Name = "dev") -> None:
    """Build youki with Wasmtime (twenty minutes, once) for a cluster, which has its handler from its next start on."""
    cluster = Cluster(name)
    cluster.give_youki(best_progress())
    if cluster.running():
        typer.echo(f"{name} runs without it; to start it anew: down --name {name} --keep, then up --name {name}")


def main() -> None:
    """Run the command line."""
    run(app)


if __name__ == "__main__":
    main()
