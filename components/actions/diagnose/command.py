"""`python -m components.actions diagnose`: what is wrong with what runs."""

import json
from typing import Annotated

import typer

from components.actions.diagnose.diagnosing import diagnose, every_namespace
from components.actions.diagnose.rendering import render
from components.actions.diagnose.report import Diagnosis
from components.actions.diagnose.targets import parse_target
from components.actions.errors import ActionError
from components.actions.options import AsJson, Context, Kubeconfig, connected


def diagnose_command(
    kubeconfig: Kubeconfig,
    target: Annotated[
        str | None, typer.Argument(metavar="[KIND/NAME]", help="One object; NAME alone is a Deployment.")
    ] = None,
    namespaces: Annotated[
        list[str] | None, typer.Option("--namespace", "-n", help="A namespace to look at. Repeatable.")
    ] = None,
    context: Context = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Look at every namespace.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with what runs: exit code 0 if nothing is, 1 if something is, 2 without an answer.

    Pods, workloads, Services, runtimes and resizes of a namespace (`default`), or one object of it, whoever made them.
    Reads only, and changes nothing.
    """
    if sum([bool(target), every]) > 1 or (every and namespaces) or (target and len(namespaces or []) > 1):
        raise ActionError("what to look at is not clear: write KIND/NAME with one --namespace, or --all alone")
    meant = parse_target(target) if target else None
    with connected(kubeconfig, context) as client:
        named = every_namespace(client) if every else namespaces or ["default"]
        found = diagnose(client, named, meant, may_be_gone=every)
    tell(found, as_json=as_json)


def tell(found: Diagnosis, *, as_json: bool) -> None:
    """Print a diagnosis, and end with exit code 1 where something is wrong."""
    typer.echo(json.dumps(found.to_json(), indent=2) if as_json else render(found))
    if found.troubles:
        raise typer.Exit(1)
