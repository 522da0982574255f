"""The launcher's command line: `python -m lab <command> --stack <stack>`, and what its exit codes mean.

0 done; 1 failed; 2 wrong usage, or refused before anything was changed; 130 stopped by Ctrl-C or SIGTERM.
"""

import os
import signal
import sys
from types import FrameType
from typing import Annotated, NoReturn

import typer

from lab import commands, views
from lab.errors import Exit, LabError, RefusedError
from lab.naming import DEFAULT_STACK, PROJECT, check_stack
from lab.paths import project_root
from lab.stack import Lab
from lab.stackfile import check_key, declared_keys, set_value, stack_file

app = typer.Typer(
    help="The lab: the program of this project on a Kubernetes cluster of its own, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Stack = Annotated[str, typer.Option(help="The stack to work on.", metavar="NAME")]


@app.command()
def up(stack: Stack = DEFAULT_STACK) -> None:
    """Set everything up and deploy the program; with nothing changed it changes nothing."""
    commands.up(_lab(stack))


@app.command()
def preview(stack: Stack = DEFAULT_STACK) -> None:
    """Say what `up` would change."""
    commands.preview(_lab(stack))


@app.command()
def refresh(stack: Stack = DEFAULT_STACK) -> None:
    """Bring the stack's state in line with what is in the cluster; the cluster stays as it is."""
    commands.refresh(_lab(stack))


@app.command()
def status(stack: Stack = DEFAULT_STACK) -> None:
    """Say what runs and how to reach it."""
    views.status(_lab(stack))


@app.command()
def logs(
    stack: Stack = DEFAULT_STACK,
    follow: Annotated[bool, typer.Option("--follow", help="Go on printing until Ctrl-C.")] = False,
) -> None:
    """Print the last lines of every container of the stack."""
    raise typer.Exit(views.logs(_lab(stack), follow=follow))


@app.command()
def env(stack: Stack = DEFAULT_STACK) -> None:
    """Print lines for a shell, after which a plain `pulumi` works on the stack."""
    typer.echo(views.env(_lab(stack)))


@app.command()
def clean(
    cache: Annotated[bool, typer.Option("--cache", help="Empty the build cache in the user's folder too.")] = False,
) -> None:
    """Remove what the lab keeps in this folder, where no stack is up."""
    commands.clean(_lab(DEFAULT_STACK), cache=cache)


@app.command()
def down(
    stack: Stack = DEFAULT_STACK,
    yes: Annotated[bool, typer.Option("--yes", help="Answer the question with yes.")] = False,
) -> None:
    """Remove the stack and the cluster that `up` made; asks first on any stack but the default one."""
    commands.down(_lab(stack), yes=yes, ask=_ask if sys.stdin.isatty() else None)


@app.command("set")
def set_config(
    key: Annotated[str, typer.Argument(help="The config key, without or with its namespace.")],
    value: Annotated[str, typer.Argument(help="The new value.")],
    stack: Stack = DEFAULT_STACK,
    secret: Annotated[bool, typer.Option("--secret", help="Not offered here; says why.")] = False,
) -> None:
    """Write one value into the stack's config file, as `pulumi config set` does."""
    if secret:
        raise RefusedError(
            "--secret: a secret in a stack file is encrypted with the stack's own key, which the official CLI "
            "keeps (`pulumi config set --secret`). The lab has no such key, and would have to write it in clear."
        )
    root = project_root()
    full = check_key(key, declared_keys(root / "Pulumi.yaml"), PROJECT)
    path = stack_file(root, check_stack(stack))
    changed = set_value(path, full, value, PROJECT)
    typer.echo(f"{path.name}: {full} = {value}" + ("" if changed else " (as before)"))


@app.command()
def kubeconfig(stack: Stack = DEFAULT_STACK) -> None:
    """Print the path of the kubeconfig in use, alone."""
    typer.echo(views.kubeconfig(_lab(stack)))


@app.command()
def outputs(stack: Stack = DEFAULT_STACK) -> None:
    """Print the stack's outputs as JSON."""
    typer.echo(views.outputs(_lab(stack)))


def _lab(stack: str) -> Lab:
    return Lab(check_stack(stack), project_root())


def _ask(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _reach_nodes_directly() -> None:
    """Except this machine, and the ranges that nodes take their addresses from, from a proxy for the outside.

    The program's own process inherits it; gRPC asks a proxy even for the loopback address.
    """
    ranges = ["localhost", "127.0.0.1", "::1", "10.0.0.0/8", "172.16.0.0/12", "198.18.0.0/15"]
    for name in ("NO_PROXY", "no_proxy"):
        given = [entry for entry in os.environ.get(name, "").split(",") if entry]
        os.environ[name] = ",".join(dict.fromkeys(given + ranges))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; foreseeable problems become one message on stderr."""
    from lab.cluster.errors import ClusterError  # noqa: PLC0415 (the parts stay unimported until needed)
    from lab.engine.errors import EngineError  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _terminated)
    _reach_nodes_directly()
    try:
        app(args=arguments, prog_name="python -m lab")
    except SystemExit as stop:  # typer ends this way, with 130 for Ctrl-C
        if stop.code == Exit.INTERRUPTED:
            sys.stderr.write("\nStopped. Nothing is lost: the same command goes on from here.\n")
        return int(stop.code or 0)
    except (ClusterError, EngineError, LabError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return error.code if isinstance(error, LabError) else Exit.FAILED
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main())
