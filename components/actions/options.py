"""The options that the command lines of the actions share."""

from typing import Annotated

import typer

from components.actions.client import Client
from components.actions.connection import load_kubeconfig

Kubeconfig = Annotated[str, typer.Option(envvar="KUBECONFIG", help="Path of the kubeconfig.")]
Context = Annotated[str | None, typer.Option(help="Context; by default the current one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def connected(kubeconfig: str, context: str | None) -> Client:
    """Return a client for a kubeconfig, named by its path, and a context of it."""
    return load_kubeconfig(kubeconfig, context).client()
