"""Command line of the actions: `python -m components.actions` works without Pulumi."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from components.actions import preflight
from components.actions.client import Client
from components.actions.clouds import platforms_app
from components.actions.cri import cri_check
from components.actions.diagnose.command import diagnose_command
from components.actions.errors import ActionError
from components.actions.etcd.commands import etcd_open_command, etcd_snapshot_command
from components.actions.options import AsJson, Context, Kubeconfig, connected, run_app
from components.actions.reset.commands import plan_reset_command, reset_command
from components.actions.resize import Kind, Unfinished, finish, plan, unfinished
from components.actions.resize.desired import manifest_of, with_sizes
from components.actions.resize.kinds import parse_argument, workload_path
from components.actions.restore.commands import compare_command, restore_command
from components.actions.snapshot import commands as recovery
from components.actions.wasm_check import wasm_check
from components.actions.wasm_nodes import wasm_nodes_app
from components.model.feature import parse

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
resize_app = typer.Typer(no_args_is_help=True, help="Resizes of Deployments and StatefulSets.")
app.add_typer(resize_app, name="resize")
app.add_typer(platforms_app, name="platforms")
app.add_typer(wasm_nodes_app, name="wasm-nodes")
app.command("diagnose")(diagnose_command)
app.command("cri-check")(cri_check)
app.command("wasm-check")(wasm_check)
app.command("snapshot")(recovery.snapshot)
app.command("verify")(recovery.verify_command)
app.command("rekey")(recovery.rekey_command)
app.command("restore")(restore_command)
app.command("compare")(compare_command)
app.command("plan-reset")(plan_reset_command)
app.command("reset")(reset_command)
app.command("keygen")(recovery.keygen)
app.command("etcd-snapshot")(etcd_snapshot_command)
app.command("etcd-open")(etcd_open_command)

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
Sizes = Annotated[
    list[str] | None,
    typer.Option("--set", help="A new size, CONTAINER.requests|limits.cpu|memory=QUANTITY. Repeatable."),
]
File = Annotated[Path | None, typer.Option(help="The workload as it is to be, YAML or JSON.")]
Name = Annotated[str, typer.Argument(help="The Deployment, or statefulset/NAME.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Its namespace.")]


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
    wasm=<handler>, cri, kind=<Kind>, pod-security=<level>. Reads only, and changes nothing.
    """
    wanted = [parse(text) for text in features]
    with connected(kubeconfig, context) as client:
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
    """Say whether a resize of the workload is unfinished: exit code 0 if none is, 1 if one is, 2 without it."""
    kind, name = parse_argument(name)
    with connected(kubeconfig, context) as client:
        found = _unfinished(client, namespace, name, kind)
    if as_json:
        typer.echo(json.dumps({"unfinished": found.to_json() if found else None}))
    else:
        typer.echo(str(found) if found else f"{kind} {namespace}/{name} has no unfinished resize")
    if found:
        raise typer.Exit(1)


@resize_app.command("plan")
def plan_command(
    name: Name,
    kubeconfig: Kubeconfig,
    sizes: Sizes = None,
    file: File = None,
    namespace: Namespace = "default",
    context: Context = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what a change would do to the running pods: exit code 0 in place, 1 anything else, 2 without an answer.

    The change is written with --set, such as --set nginx.requests.cpu=200m, or is a whole manifest. Reads
    and dry runs only.
    """
    if (file is None) == (not sizes):
        raise ActionError("what is to change is not clear: write --set or --file, and not both")
    kind, name = parse_argument(name)
    with connected(kubeconfig, context) as client:
        live = client.find(workload_path(kind, namespace, name))
        if live is None:
            raise _missing(namespace, name, kind)
        found = plan(client, manifest_of(file, live) if file else with_sizes(live, sizes or []))
    typer.echo(json.dumps(found.to_json(), indent=2) if as_json else "\n".join(found.lines()))
    if not found.spares_pods or (found.outcome == "rollout" and not found.empty):
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
    _finish(kubeconfig, context, namespace, name, None, as_json=as_json)


@resize_app.command()
def resume(
    name: Name,
    kubeconfig: Kubeconfig,
    namespace: Namespace = "default",
    context: Context = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Go on with an unfinished resize, to the new sizes; one that was being undone is undone."""
    _finish(kubeconfig, context, namespace, name, "forward", as_json=as_json)


@resize_app.command()
def undo(
    name: Name,
    kubeconfig: Kubeconfig,
    namespace: Namespace = "default",
    context: Context = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Take an unfinished resize back: pods and templates have the old sizes afterwards."""
    _finish(kubeconfig, context, namespace, name, "undo", as_json=as_json)


def _finish(
    kubeconfig: str,
    context: str | None,
    namespace: str,
    name: str,
    direction: Literal["forward", "undo"] | None,
    *,
    as_json: bool,
) -> None:
    kind, name = parse_argument(name)
    with connected(kubeconfig, context) as client:
        found = _unfinished(client, namespace, name, kind)
        text = "nothing to finish"
        if found:
            text = finish(client, found, lambda line: typer.echo(line, err=True), direction=direction)
    typer.echo(json.dumps({"result": text}) if as_json else text)


def _unfinished(client: Client, namespace: str, name: str, kind: Kind) -> Unfinished | None:
    if client.find(workload_path(kind, namespace, name)) is None:
        raise _missing(namespace, name, kind)
    return unfinished(client, namespace, name, kind)


def _missing(namespace: str, name: str, kind: Kind) -> ActionError:
    return ActionError(f"{kind} {namespace}/{name} does not exist: check name, --namespace and --context")


def run() -> None:
    """Run the command line; foreseeable problems are one line and exit code 2."""
    run_app(app, failure=2)


if __name__ == "__main__":
    run()
