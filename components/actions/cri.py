"""`cri-check`: each node's container runtime and cgroups, against its kubelet and that of the next minor.

It reads only. It asks what preflight asks for its feature `cri`, and gives a verdict for every node; the right
`nodes/proxy` lets it see more.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict

import typer

from components.actions.client import Client
from components.actions.errors import ActionError
from components.actions.options import AsJson, Context, Kubeconfig, connected
from components.actions.preflight.observing import observe
from components.actions.preflight.rendering import wrapped
from components.model.cri import NodeVerdict, judge_nodes
from components.model.facts import Unseen
from components.model.feature import Feature


def check_nodes(client: Client) -> tuple[NodeVerdict, ...]:
    """Return a verdict for each node. Raises `ActionError` when the nodes cannot be listed."""
    nodes = observe(client, [Feature("cri")]).nodes
    if isinstance(nodes, Unseen):
        raise ActionError(f"{nodes.why}: {nodes.remedy or 'repeat it when the cluster answers'}")
    return judge_nodes(nodes)


def cri_check(
    kubeconfig: Kubeconfig,
    context: Context = None,
    *,
    following: bool = typer.Option(False, "--next", help="Fail, too, if the next Kubernetes minor would not work."),
    as_json: AsJson = False,
) -> None:
    """Judge the container runtime (CRI v1) and cgroups of every node: exit code 0 without a no, 1 with one.

    Exit code 2 means that there is no answer. Each node is held against what its runtime's project tests, and what
    kubelets of its own minor and of the next one require. What a node does not tell is unknown, which fails nothing.
    Reads only; with the right `nodes/proxy` it sees more.
    """
    with connected(kubeconfig, context) as client:
        found = check_nodes(client)
    if as_json:
        typer.echo(json.dumps({"version": 1, "nodes": [asdict(each) for each in found]}, indent=2))
    else:
        typer.echo("\n".join(_lines(found)))
    if any(each.now == "no" or (following and each.following == "no") for each in found):
        raise typer.Exit(1)


def _lines(found: tuple[NodeVerdict, ...]) -> Iterator[str]:
    if not found:
        yield "there are no nodes"
    for each in found:
        yield f"{each.node}: {each.now}; with the next minor: {each.following}"
        yield f"  kubelet {each.kubelet}, {each.runtime or 'no runtime told'}, cgroup {each.cgroup}"
        for text in each.evidence:
            yield from wrapped("  - ", text)
        if each.remedy:
            yield from wrapped("  -> ", each.remedy)
