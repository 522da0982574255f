"""`restore` and `compare` on the command line."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from components.actions.errors import ActionError
from components.actions.options import AsJson, Context, Kubeconfig, connected
from components.actions.restore.comparing import Comparison, compare
from components.actions.restore.running import Outcome, Policy, restore
from components.actions.restore.wanted import Choice
from components.actions.snapshot.commands import Digest, Identity, Snapshot, identities
from components.actions.snapshot.reading import Archive, verify
from components.model.archive import VOLUMES
from components.model.mapping import Names

Namespaces = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", help="Only this namespace of the snapshot, and its objects. Repeatable."),
]
Without = Annotated[list[str] | None, typer.Option(help="Leave out a type, by name or pattern. Repeatable.")]
MapNamespace = Annotated[list[str] | None, typer.Option(help="Another name for a namespace, OLD=NEW. Repeatable.")]
MapStorageClass = Annotated[list[str] | None, typer.Option(help="Another StorageClass, OLD=NEW. Repeatable.")]
OnConflict = Annotated[
    Policy,
    typer.Option(help="What becomes of objects that are there and differ: stop before writing, keep, or change them."),
]


def restore_command(
    snapshot: Snapshot,
    kubeconfig: Kubeconfig,
    context: Context = None,
    *,
    identity: Identity = None,
    digest: Digest = "",
    from_cluster: Annotated[
        str, typer.Option(help="The cluster that the snapshot is of (UID of its kube-system), if it is not this one.")
    ] = "",
    on_conflict: OnConflict = "fail",
    namespaces: Namespaces = None,
    without: Without = None,
    map_namespace: MapNamespace = None,
    map_storage_class: MapStorageClass = None,
    journal: Annotated[Path | None, typer.Option(help="The file that makes it resumable; here by default.")] = None,
    patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for CRDs, webhooks and controllers.")] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Bring a snapshot back: verify it, write its objects in order, and compare every one of them at the end.

    VOLUME DATA IS NOT INCLUDED. After a kill, or when the cluster went away, the same command goes on where it was. A
    snapshot of another cluster, also of this one before it was rebuilt, is accepted by naming its source:
    --from-cluster. Exit code 0: every object is there as it was (or was kept, with --on-conflict skip); 1: some are
    not, each with its reason; 2: nothing was written, or the run was cut short.
    """
    chosen = _choice(namespaces, without, map_namespace, map_storage_class)
    archive = verify(snapshot, identities(identity), digest=digest)
    with connected(kubeconfig, context) as client, _progress() as progress:
        outcome = restore(
            client,
            archive,
            journal or Path(f"restore-{archive.digest[:12]}.journal"),
            choice=chosen,
            policy=on_conflict,
            source=from_cluster,
            patience=patience,
            progress=progress,
        )
    typer.echo(json.dumps(_json(outcome), indent=2) if as_json else "\n".join(_lines(outcome, archive)))
    if not outcome.whole:
        raise typer.Exit(1)


def compare_command(
    snapshot: Snapshot,
    kubeconfig: Kubeconfig,
    context: Context = None,
    *,
    identity: Identity = None,
    digest: Digest = "",
    namespaces: Namespaces = None,
    without: Without = None,
    map_namespace: MapNamespace = None,
    map_storage_class: MapStorageClass = None,
    as_json: AsJson = False,
) -> None:
    """Compare a snapshot with a cluster, object by object: exit code 0 if all of it is there as it was, 1 if not.

    Differences are told as paths of fields, never as values. What is there besides is listed, and fails nothing. Reads
    only.
    """
    chosen = _choice(namespaces, without, map_namespace, map_storage_class)
    archive = verify(snapshot, identities(identity), digest=digest)
    with connected(kubeconfig, context) as client:
        found = compare(client, archive, chosen)
    typer.echo(json.dumps(found.to_json(), indent=2) if as_json else "\n".join(_compared(found)))
    if not found.whole:
        raise typer.Exit(1)


def _choice(
    namespaces: list[str] | None, without: list[str] | None, spaces: list[str] | None, classes: list[str] | None
) -> Choice:
    names = Names(_pairs("--map-namespace", spaces), _pairs("--map-storage-class", classes))
    return Choice(tuple(dict.fromkeys(namespaces or ())), tuple(without or ()), names)


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts or ()]
    if not all(old and new for old, _, new in pairs):
        raise ActionError(f"{option} is a pair of names: write OLD=NEW")
    found = {old: new for old, _, new in pairs}
    if len(found) < len(pairs) or len(set(found.values())) < len(found):
        raise ActionError(f"{option} maps a name twice, or two names to one: write each name once")
    return found


def _json(outcome: Outcome) -> dict[str, object]:
    return {
        "whole": outcome.whole,
        "counts": dict(outcome.counts),
        "kept": dict(outcome.kept),
        "failed": dict(outcome.failed),
        "notes": list(outcome.notes),
        "comparison": outcome.comparison.to_json(),
    }


def _lines(outcome: Outcome, archive: Archive) -> Iterator[str]:
    counts = ", ".join(f"{number} {name}" for name, number in outcome.counts.items()) or "nothing to do"
    yield f"{archive.place}: {counts}"
    for name, why in outcome.failed.items():
        yield f"failed: {name}: {why}"
    for name, why in outcome.kept.items():
        yield f"kept: {name}: {why}"
    for note in outcome.notes:
        yield f"note: {note}"
    yield from _compared(outcome.comparison)
    yield VOLUMES


def _compared(found: Comparison) -> Iterator[str]:
    yield (
        f"compared: {found.equal} equal, {len(found.different)} different, {len(found.missing)} missing, "
        f"{len(found.extra)} that are not in the snapshot"
    )
    for name in found.missing:
        yield f"missing: {name}"
    for name, paths in found.different.items():
        yield f"different: {name}: {', '.join(paths)}"
    for name in found.extra:
        yield f"besides: {name}"
    for reason, number in found.left.items():
        yield f"not restored: {number} {reason}"


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """Give what shows progress: a bar on a terminal, nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _done, _of, _kind: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, of, kind: bars.update(task, completed=done, total=of, description=kind)
