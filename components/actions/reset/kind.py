"""The driver that resets a kind cluster: `python -m components.actions.reset.kind --name NAME [--config FILE]`.

kind deletes by name, asks nobody, and takes a name by default; so the cluster of this name is asked who it is first. It
is deleted and made anew under the same kubeconfig, with the same name, from the file that it was made from.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from components.actions.connection import cluster_id_of, load_kubeconfig
from components.actions.errors import ActionError
from components.actions.options import Kubeconfig, run_app

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


Name = Annotated[str, typer.Option(help="The kind cluster's name; here there is no default.")]
Expected = Annotated[
    str, typer.Option(envvar="RESET_CLUSTER", help="The cluster that is meant: the UID of kube-system.")
]
Config = Annotated[Path | None, typer.Option(help="The file that the cluster was made from, if any.")]


@app.command()
def main(name: Name, kubeconfig: Kubeconfig, expect: Expected, config: Config = None) -> None:
    """Delete a kind cluster and make it anew, if it is the one that is meant; one that is not there is made."""
    if config and not config.is_file():
        raise ActionError(f"{config} does not exist: give the file that the cluster was made from")
    if name in _kind("get", "clusters").split():
        found = cluster_id_of(load_kubeconfig(_kind("get", "kubeconfig", "--name", name)))
        if found != expect:
            raise ActionError(f"the kind cluster {name} is {found or 'unknown'}, and not {expect}: nothing was deleted")
        _kind("delete", "cluster", "--name", name, "--kubeconfig", kubeconfig)
    made_from: Sequence[str] = ["--config", str(config)] if config else []
    _kind("create", "cluster", "--name", name, "--kubeconfig", kubeconfig, *made_from)


def _kind(*arguments: str) -> str:
    try:
        ended = subprocess.run(["kind", *arguments], stdout=subprocess.PIPE, text=True, check=False, env=os.environ)
    except OSError:
        raise ActionError("kind is not on PATH: install it, or put its folder there") from None
    if ended.returncode:
        raise ActionError(f"`kind {' '.join(arguments[:2])}` ended with {ended.returncode}: read what it wrote above")
    return ended.stdout


def run() -> None:
    """Run the command line; a foreseeable problem is a line and exit code 1."""
    run_app(app, failure=1)


if __name__ == "__main__":
    run()
