"""`wasm-check`: what a RuntimeClass is, whose, who uses it, which pools have its handler, and whether a canary runs."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from components.actions.canary import Canary, Proof, class_path, prove
from components.actions.client import Client, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.node_facts import facts_of
from components.actions.options import AsJson, Context, Kubeconfig, connected
from components.actions.preflight.rendering import wrapped
from components.model import wasm, wasm_pools, wasm_presets
from components.model.node_features import by_table
from components.model.pools import chosen


@dataclass(frozen=True)
class Checked:
    """A RuntimeClass as it is: `used_by` counts its pods by namespace, None where they may not be listed."""

    name: str
    handler: str
    overhead: dict[str, str]
    node_selector: dict[str, str]
    owner: str
    shared: bool
    used_by: dict[str, int] | None
    pools: Sequence[wasm_pools.PoolAnswer]
    proofs: Sequence[Proof] = field(default_factory=tuple)

    @property
    def fails(self) -> bool:
        """Tell whether a pod of the class cannot run: a canary failed, or, without one, no pool has the handler."""
        if self.proofs:
            return not all(proof.ran for proof in self.proofs)
        return bool(self.pools) and all(each.answer == "no" for each in self.pools)

    def to_json(self) -> dict[str, Any]:
        """Return it as values for JSON."""
        return {
            "version": 1,
            "class": self.name,
            "handler": self.handler,
            "overhead": self.overhead,
            "nodeSelector": self.node_selector,
            "owner": self.owner,
            "shared": self.shared,
            "usedBy": self.used_by,
            "pools": [{"pool": e.pool.name, "answer": e.answer, "reason": e.reason} for e in self.pools],
            "canaries": [{"pool": proof.pool, "ran": proof.ran, "cause": proof.cause} for proof in self.proofs],
        }


def check_class(client: Client, name: str, canary: Canary | None = None) -> Checked:
    """Return what a RuntimeClass is and which pools have its handler; with a canary, whether that runs in each.

    Raises `ActionError` for a class that is not there, and when the cluster does not answer.
    """
    live = client.find(class_path(name))
    if live is None:
        raise ActionError(f"RuntimeClass {name!r} does not exist: `kubectl get runtimeclass` lists those there are")
    marks = live["metadata"].get("annotations") or {}
    selector = dict((live.get("scheduling") or {}).get("nodeSelector") or {})
    return Checked(
        name=name,
        handler=live["handler"],
        overhead=dict((live.get("overhead") or {}).get("podFixed") or {}),
        node_selector=selector,
        owner=marks.get(wasm.OWNER_ANNOTATION, ""),
        shared=wasm.SHARED_ANNOTATION in marks,
        used_by=_used_by(client, name),
        pools=_pools(client, live["handler"], selector),
        proofs=prove(client, canary) if canary else (),
    )


def wasm_check(
    kubeconfig: Kubeconfig,
    name: Annotated[str, typer.Option("--class", help="Name of the RuntimeClass.")],
    *,
    image: Annotated[str, typer.Option(help="Image of a small module, run in every pool; else reads only.")] = "",
    command: Annotated[
        list[str] | None, typer.Option(help="A part of its command, such as /app.wasm. Repeatable; else the image's.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help=f"Its runtime: {', '.join(wasm_presets.PRESETS)}.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where the canaries run.")] = "default",
    pools: Annotated[
        list[str] | None,
        typer.Option("--pool", help="A pool without nodes to prove, too, as LABEL=VALUE,LABEL=VALUE. Repeatable."),
    ] = None,
    patience: Annotated[float, typer.Option(min=1, max=3600, help="Seconds, new nodes included.")] = 120,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Check a RuntimeClass: exit code 0 if its pods run, 1 if some do not, 2 without an answer.

    It tells who made the class and whose pods use it, which is worth knowing before it is deleted, and of each pool of
    nodes whether it has the handler, as far as nodes tell. A node may list a handler whose program is gone, and older
    ones list none. With --image a canary settles it: a Job of one pod in every pool that the class chooses, watched
    until it has run for three seconds or has ended well, and deleted afterwards. The image has to be one that the
    class's runtime runs: of a Go program built with GOOS=wasip1 GOARCH=wasm, say. A pool that scales from zero is named
    with --pool karpenter.sh/nodepool=wasm, and takes a --patience that a new node fits in.
    """
    wrong = [f"{problem.message}; {problem.remedy}" for problem in wasm_presets.problems("preset", preset)]
    if wrong:
        raise ActionError(f"--preset: {wrong[0]}")
    canary = Canary(
        class_name=name,
        image=image,
        owner=f"wasm-check/{uuid.uuid4()}",  # so that two people do not delete each other's
        command=command or (),
        namespace=namespace,
        patience=patience,
        pools=[_selector(text) for text in pools or ()],
        preset=preset,
    )
    with connected(kubeconfig, context) as client:
        found = check_class(client, name, canary if image else None)
    typer.echo(json.dumps(found.to_json(), indent=2) if as_json else "\n".join(_lines(found)))
    if found.fails:
        raise typer.Exit(1)


def _selector(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(label and separator for label, separator, _ in pairs):
        raise ActionError(f"--pool: {text!r} are no labels of nodes; write LABEL=VALUE,LABEL=VALUE")
    return {label: value for label, _, value in pairs}


def _used_by(client: Client, name: str) -> dict[str, int] | None:
    try:
        pods = client.list(path_of("v1", "pods"))
    except ApiError as error:
        if not error.forbidden:
            raise
        return None
    counts: dict[str, int] = {}
    for pod in pods:
        if pod["spec"].get("runtimeClassName") == name:
            counts[pod["metadata"]["namespace"]] = counts.get(pod["metadata"]["namespace"], 0) + 1
    return counts


def _pools(client: Client, handler: str, selector: dict[str, str]) -> tuple[wasm_pools.PoolAnswer, ...]:
    try:
        nodes = [facts_of(node) for node in client.list(path_of("v1", "nodes"))]
    except ApiError as error:
        if not error.forbidden:
            raise
        return ()
    return wasm_pools.answers(chosen(nodes, selector), handler, lambda node: by_table(node, "wasm"))


def _lines(found: Checked) -> Iterator[str]:
    overhead = ", ".join(f"{key} {amount}" for key, amount in found.overhead.items()) or "none"
    where = ", ".join(f"{key}={value}" for key, value in found.node_selector.items()) or "any node"
    yield from wrapped(f"RuntimeClass {found.name}: ", f"handler {found.handler}; overhead {overhead}; {where}")
    whose = f"made by {found.owner}" if found.owner else "made by something else than this library"
    yield from wrapped("  ", f"{whose}{', shared: it stays when that stack goes' if found.shared else ''}")
    if found.used_by is None:
        yield "  who uses it is unknown: pods may not be listed"
    else:
        users = ", ".join(f"{namespace} ({count})" for namespace, count in sorted(found.used_by.items()))
        yield from wrapped("  ", f"used by pods in {users}" if users else "used by no pods")
    for each in found.pools:
        yield from wrapped("  ", str(each))
    if not found.pools:
        yield "  no node that it chooses is there, or none may be seen"
    for proof in found.proofs:
        yield from wrapped("  canary in ", str(proof))
