"""`python -m program preflight|diagnose`: looks at a stack's cluster without deploying.

`preflight` asks what it can do of what the program uses: exit code 0 when nothing says no, 1 when something does.
`diagnose` says what is wrong with what the stack runs: 0 when nothing is, 1 when something is. 2 is no answer.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pulumi
import typer

from components.actions import preflight
from components.actions.diagnose import diagnose
from components.actions.diagnose.command import tell
from components.actions.errors import ActionError
from components.model.feature import parse
from program import config, demos
from program.stackfile import connection_to, load_config

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
ROOT = Path(__file__).resolve().parent.parent


@app.callback()
def main() -> None:
    """Look at the program's stacks without deploying them."""


@app.command("preflight")
def preflight_command(
    stack: Annotated[str, typer.Option(help="The stack.")] = "dev",
    *,
    deploying: Annotated[
        bool, typer.Option("--deploying", help="This identity is the one that deploys: a right that it lacks is a no.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what the stack's cluster can do of what the program uses. Reads only, and changes nothing."""
    load_config(ROOT, stack)
    settings = config.load(pulumi.Config(config.PROJECT), stack, ROOT)
    features = [
        parse(text) for text in demos.needs(settings, with_wasm=settings.wasm != "off" and bool(settings.wasm_image))
    ]
    if settings.wasm == "auto":  # then the demo is left out where there is no handler
        features = [replace(each, optional=each.optional or each.name == "wasm") for each in features]
    with connection_to(settings.target).client() as client:
        report = preflight.check(client, features, [config.namespace_of(stack)], deploying=deploying)
    typer.echo(json.dumps(report.to_json(), indent=2) if as_json else preflight.render(report))
    if report.stops:
        raise typer.Exit(1)


@app.command("diagnose")
def diagnose_command(
    stack: Annotated[str, typer.Option(help="The stack.")] = "dev",
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what is wrong with what the stack runs in its namespace. Reads only, and changes nothing."""
    load_config(ROOT, stack)
    settings = config.load(pulumi.Config(config.PROJECT), stack, ROOT)
    with connection_to(settings.target).client() as client:
        found = diagnose(client, [config.namespace_of(stack)])
    tell(found, as_json=as_json)


def run() -> None:
    """Run the command line; foreseeable problems are told without a traceback, with exit code 2."""
    try:
        app()
    except (ActionError, ValueError, pulumi.RunError) as problem:
        typer.echo(f"error: {problem}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    run()
