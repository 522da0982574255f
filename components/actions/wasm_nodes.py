"""`wasm-nodes`: what nodes are made with, so that they have a WASM runtime. It asks no cluster, and changes nothing.

The texts are the model's; here is what takes a look at this machine: whether the program that a kind cluster is to
mount is the one that was pinned.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from components.actions.errors import ActionError
from components.model import wasm_nodes, wasm_nodes_eks, wasm_nodes_kind, wasm_nodes_shim, wasm_nodes_ways
from components.model.problem import Problem
from components.model.wasm_nodes import PROGRAMS
from components.model.wasm_presets import PRESETS

wasm_nodes_app = typer.Typer(
    no_args_is_help=True,
    help="What nodes are made with, so that they have a WASM runtime: printed, and never carried out. `where` says "
    "which kinds of nodes can have one. A version is pinned, and its digest is yours to write: look at what the "
    "runtime's project publishes, and hold `sha256sum` of what you fetched against it.",
)

_PRESETS = ", ".join(PRESETS)
_WITH_ARCHIVES = ", ".join(name for name, program in PROGRAMS.items() if program.archive)

Preset = Annotated[str, typer.Option(help=f"The runtime: {_PRESETS}.")]
Version = Annotated[str, typer.Option(help="Its version, such as 0.24.0; it names the folder on the node.")]
Handler = Annotated[str, typer.Option(help="The name for RuntimeClasses; the preset's by default.")]
Program = Annotated[str, typer.Option(help="The file's name; the preset's by default.")]
Url = Annotated[str, typer.Option(help=f"An https address of your own; the release's for {_WITH_ARCHIVES} by default.")]
SystemdCgroup = Annotated[bool, typer.Option(help="Whether it makes control groups through systemd.")]


def file_problems(folder: str, program: str, sha256: str) -> Iterator[Problem]:
    """Yield what is wrong with a program on this machine: not there, not executable, or not the pinned one."""
    file = Path(folder, program)
    # What is not there would be mounted as an empty folder, and be missed by the first pod.
    if not file.is_file() or not os.access(file, os.X_OK):
        yield Problem("folder", f"it has no executable {program}", "write the folder that the program is in")
        return
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        remedy = f"fetch it again from where you have the digest; if {found} is what was tried, write that"
        yield Problem("sha256", f"{file} has {found}", remedy)


@wasm_nodes_app.command()
def kind(
    preset: Preset,
    version: Version,
    sha256: Annotated[str, typer.Option(help="SHA-256 of the program in the folder.")],
    folder: Annotated[str, typer.Option(help="Folder on this machine with the program, and what it needs beside it.")],
    handler: Handler = "",
    program: Program = "",
    node_folder: Annotated[str, typer.Option(help="Where nodes see the folder; one by handler and version.")] = "",
    config: Annotated[Path | None, typer.Option(help="Your own kind configuration, which stays as it is.")] = None,
    *,
    systemd_cgroup: Annotated[
        bool | None,
        typer.Option(help="Whether it makes control groups through systemd; by default crun does and shims do not."),
    ] = None,
) -> None:
    """Print the configuration of a kind cluster whose nodes have the runtime.

    The program is checked against its digest first. kind reads the text at creation, and only then:

    python -m components.actions wasm-nodes kind --preset spin --version 0.24.0 --sha256 ... --folder ~/spin
    --config kind.yaml | kind create cluster --config -
    """
    try:
        given = config.read_text(encoding="utf-8") if config else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ActionError(f"--config {config}: {error}: give the path of a text file") from error
    args = {
        "preset": preset,
        "version": version,
        "sha256": sha256,
        "folder": folder,
        "handler": handler,
        "program": program,
        "node_folder": node_folder,
        "config": given,
        "systemd_cgroup": systemd_cgroup,
    }
    _stop(kind_problems(args))
    typer.echo(wasm_nodes_kind.render(args), nl=False)


@wasm_nodes_app.command()
def eks(
    preset: Preset,
    version: Version,
    sha256: Annotated[str, typer.Option(help="SHA-256 of what the address leads to, the archive as it is.")],
    architecture: Annotated[str, typer.Option(help="Of the nodes: amd64 or arm64.")] = "amd64",
    handler: Handler = "",
    program: Program = "",
    url: Url = "",
    *,
    systemd_cgroup: SystemdCgroup = True,
) -> None:
    """Print the user data of an EKS node group on AL2023 whose nodes have the runtime.

    It goes into the group's launch template (base64 there), for new nodes. A node on which the installation fails, as
    for an archive that is not the pinned one, does not join the cluster. Give the group a label and a taint of its own:

    python -m components.actions wasm-nodes eks --preset spin --version 0.24.0 --sha256 ... > wasm.mime
    """
    args = {
        "preset": preset,
        "version": version,
        "sha256": sha256,
        "architecture": architecture,
        "handler": handler,
        "program": program,
        "url": url,
        "systemd_cgroup": systemd_cgroup,
    }
    _stop(list(wasm_nodes_eks.problems(args)))
    typer.echo(wasm_nodes_eks.render(args), nl=False)


@wasm_nodes_app.command()
def shim(
    preset: Preset,
    version: Version,
    node_selector: Annotated[list[str], typer.Option(help="A label of the nodes, KEY=VALUE. Repeatable.")],
    sha256: Annotated[
        list[str], typer.Option(help="ARCHITECTURE=DIGEST of its archive, such as amd64=.... Repeatable.")
    ],
    url: Annotated[list[str] | None, typer.Option(help="ARCHITECTURE=ADDRESS of a copy of yours. Repeatable.")] = None,
    class_name: Annotated[str, typer.Option(help="Name of the RuntimeClass that the installer makes.")] = "",
    program: Program = "",
    *,
    systemd_cgroup: SystemdCgroup = True,
) -> None:
    """Print a Shim, by which runtime-class-manager installs the runtime on nodes that exist.

    It restarts the container runtime of all these nodes at once; docs/wasm-nodes.md tells what else to know first.

    python -m components.actions wasm-nodes shim --preset spin --version 0.24.0 --node-selector pool=wasm
    --sha256 amd64=... | kubectl apply -f -
    """
    args = {
        "preset": preset,
        "version": version,
        "sha256": _pairs("--sha256", sha256),
        "node_selector": _pairs("--node-selector", node_selector),
        "urls": _pairs("--url", url or []),
        "class_name": class_name,
        "program": program,
        "systemd_cgroup": systemd_cgroup,
    }
    _stop(list(wasm_nodes_shim.problems(args)))
    typer.echo(yaml.safe_dump(wasm_nodes_shim.render(args), sort_keys=False), nl=False)


@wasm_nodes_app.command()
def where() -> None:
    """List the kinds of nodes, whether they can have a WASM runtime, and the way to it or around it."""
    for way in wasm_nodes_ways.ways():
        typer.echo(f"{way.platform} {way.node_type}: {way.answer}: {way.reason}\n  -> {way.way}\n     ({way.source})")


def kind_problems(args: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with arguments for a kind cluster, this machine's files included."""
    if found := list(wasm_nodes_kind.problems(args)):
        return found
    program = wasm_nodes.runtime_of(args).program_name
    return [*wasm_nodes_kind.conflicts(args), *file_problems(args["folder"], program, args["sha256"])]


def _stop(problems: list[Problem]) -> None:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ActionError(f"nothing is printed for {count}:" + "".join(f"\n  {problem}" for problem in problems))


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        key, separator, value = text.partition("=")
        if not separator or key in found:
            raise ActionError(f"{option} {text}: write KEY=VALUE, each key once")
        found[key] = value
    return found
