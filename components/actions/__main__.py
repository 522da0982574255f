"""Command line of the actions: `python -m components.actions preflight|resize|platforms` works without Pulumi."""

import json
import sys
from typing import Annotated

import typer

from components.actions import preflight
from components.actions.client import Client
from components.actions.clouds import platforms_app
from components.actions.connection import load_kubeconfig
from components.actions.errors import ActionError
from components.actions.resize import Unfinished, finish, unfinished
from components.actions.resize.live import deployment_path
from components.model.feature import parse

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
resize_app = typer.Typer(no_args_is_help=True, help="Resizes of Deployments that were interrupted.")
app.add_typer(resize_app, name="resize")
app.add_typer(platforms_app, name="platforms")

Features = Annotated[
    list[str],
    typer.Option("--feature", "-f", help="A feature that is needed, with a `?` at the end if not badly. Repeatable."),
]
Namespaces = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", help="A namespace that will be deployed to. Repeatable."),
]
Deploying = Annotated[
    bool,
    typer.Option("--deploying", help="This identity is the one that deploys: a right that it lacks is a no."),
]
Name = Annotated[str, typer.Argument(help="The Deployment.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Its namespace.")]
Kubeconfig = Annotated[str, typer.Option(envvar="KUBECONFIG", help="Path of the kubeconfig.")]
Context = Annotated[str | None, typer.Option(help="Context; by default the current one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


@app.callback()
def main() -> None:
    """Act on a live cluster, without Pulumi."""


@app.command("preflight")
def preflight_command(
    kubeconfig: Kubeconfig,
    features: Features,
    namespaces: Namespaces = None,
    context: Context = None,
    *,
    deploying: Deploying = False,
    as_json: AsJson = False,
) -> None:
    """Say what a cluster can do: exit code 0 if nothing says no, 1 if something needed does, 2 without an answer.

    Features: sidecars, resize, mixed-protocol, load-balancer, mixed-protocol-load-balancer, same-port-load-balancer,
    wasm=<handler>, cri. Reads only, and changes nothing.
    """
    wanted = [parse(text) for text in features]
    with _client(kubeconfig, context) as client:
        report = preflight.check(client, wanted, namespaces or (), deploying=deploying)
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else preflight.render(report))
    if report.stops:
        raise typer.Exit(1)


@resize_app.command()
def status(
    name: Name,
    kubeconfig: Kubeconfig,
    namespace: Namespace = "default",
    context: Context = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say whether a resize of the Deployment is unfinished: exit code 0 if none is, 1 if one is, 2 without it."""
    with _client(kubeconfig, context) as client:
        found = _unfinished(client, namespace, name)
    if as_json:
        typer.echo(json.dumps({"unfinished": found.to_json() if found else None}))
    else:
        typer.echo(str(found) if found else f"Deployment {namespace}/{name} has no unfinished resize")
    if found:
        raise typer.Exit(1)


@resize_app.command("finish")
def finish_command(
    name: Name,
    kubeconfig: Kubeconfig,
    namespace: Namespace = "default",
    context: Context = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Bring an unfinished resize to its end: it goes on if the template is new already, else it is undone."""
    with _client(kubeconfig, context) as client:
        found = _unfinished(client, namespace, name)
        text = "nothing to finish"
        if found:
            text = finish(client, found, lambda line: typer.echo(line, err=True))
    typer.echo(json.dumps({"result": text}) if as_json else text)


def _client(kubeconfig: str, context: str | None) -> Client:
    return load_kubeconfig(kubeconfig, context).client()


def _unfinished(client: Client, namespace: str, name: str) -> Unfinished | None:
    if client.find(deployment_path(namespace, name)) is None:
        raise ActionError(f"Deployment {namespace}/{name} does not exist: check name, --namespace and --context")
    return unfinished(client, namespace, name)


def run() -> None:
    """Run the command line; foreseeable problems are one line and exit code 2."""
    try:
        app()
    except (ActionError, ValueError) as problem:
        typer.echo(f"error: {problem}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    run()
