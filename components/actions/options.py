"""The options that the command lines of the actions share."""

import sys
from typing import Annotated

import typer

from components.actions.client import Client
from components.actions.connection import load_kubeconfig
from components.actions.errors import ActionError

Kubeconfig = Annotated[str, typer.Option(envvar="KUBECONFIG", help="Path of the kubeconfig.")]
Context = Annotated[str | None, typer.Option(help="Context; by default the current one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def run_app(app: typer.Typer, failure: int) -> None:
    """Run a command line; a foreseeable problem is one line and the exit code `failure`."""
    try:
        app()
    except (ActionError, ValueError) as problem:
        typer.echo(f"error: {problem}", err=True)
        sys.exit(failure)


def connected(kubeconfig: str, context: str | None) -> Client:
    """Return a client for a kubeconfig, named by its path, and a context of it."""
    return load_kubeconfig(kubeconfig, context).client()
