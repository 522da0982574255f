"""The cluster room alone, for developers: `python -m lab.cluster {build,up,down,reset,status}`."""

import typer

from lab.cluster import DEFAULT_MINOR, MINORS, Cluster
from lab.cluster.artifacts import build as build_all
from lab.cluster.life import Minor, add_commands, run
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


def main() -> None:
    """Run the command line."""
    run(app)


if __name__ == "__main__":
    main()
