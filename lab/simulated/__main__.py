"""Simulated clusters alone, for developers and tests: `python -m lab.simulated {build,up,down,status}`."""

import typer

from lab.cluster import DEFAULT_MINOR
from lab.cluster.life import Minor, add_commands, run
from lab.progress import best_progress
from lab.simulated import SimulatedCluster
from lab.simulated.artifacts import build as build_all

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def build(minor: Minor = DEFAULT_MINOR) -> None:
    """Build what simulated clusters of one Kubernetes minor are made of."""
    build_all(best_progress(), minor)


add_commands(app, SimulatedCluster)


def main() -> None:
    """Run the command line."""
    run(app)


if __name__ == "__main__":
    main()
