"""`snapshot`, `verify`, `rekey` and `keygen` on the command line."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from components.actions.errors import ActionError
from components.actions.options import AsJson, Context, Kubeconfig, connected
from components.actions.snapshot.encryption import Identities, Recipients, identities_in, new_identity, recipients_in
from components.actions.snapshot.reading import Archive, verify
from components.actions.snapshot.rekeying import rekey
from components.actions.snapshot.taking import take
from components.model.archive import VOLUMES, Selection

Snapshot = Annotated[str, typer.Argument(metavar="SNAPSHOT", help="Path or URL of a snapshot.")]
Identity = Annotated[
    list[Path] | None,
    typer.Option("--identity", "-i", help="A file with an age identity, or an SSH private key. Repeatable."),
]
Digest = Annotated[str, typer.Option(help="The digest that it has to have, as `snapshot` printed it.")]
Recipient = Annotated[
    list[str] | None,
    typer.Option("--recipient", "-r", help="Who can read it: age1… or an SSH public key. Repeatable."),
]
RecipientsFile = Annotated[
    list[Path] | None, typer.Option("--recipients-file", "-R", help="A file with recipients, one a line. Repeatable.")
]
To = Annotated[str, typer.Option(help="A folder, or a URL such as s3://bucket/path (needs fsspec's package for it).")]
Namespaces = Annotated[
    list[str] | None, typer.Option("--namespace", "-n", help="Only this namespace. Repeatable; all by default.")
]
Without = Annotated[
    list[str] | None,
    typer.Option(help="Leave out a type, such as events, or by a pattern: '*.metrics.k8s.io'. Repeatable."),
]
Encrypt = Annotated[list[str] | None, typer.Option(help="Encrypt a type beside Secrets: configmaps. Repeatable.")]


def snapshot(
    to: To,
    kubeconfig: Kubeconfig,
    context: Context = None,
    *,
    recipient: Recipient = None,
    recipients_file: RecipientsFile = None,
    namespaces: Namespaces = None,
    labels: Annotated[str, typer.Option("--selector", "-l", help="Only objects with these labels.")] = "",
    without: Without = None,
    encrypt: Encrypt = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Keep this many of this cluster there; all by default.")
    ] = None,
    encrypt_all: Annotated[bool, typer.Option(help="Encrypt every type.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a snapshot of every object that the API has, verify it, and print where it is and its digest.

    VOLUME DATA IS NOT INCLUDED. All objects are seen at one moment (one resource version) where the server allows it;
    where it does not, that is said. Secrets are encrypted always, for any number of age recipients; `keygen` makes an
    identity. A group that does not answer, or a type that may not be listed, fails it. Exit code 0 is a whole snapshot
    that was read back, 2 is none.

    Keep the digest in another place than the snapshot: with it `verify --digest` tells a snapshot from a forgery.
    """
    readers = recipients_of(recipient, recipients_file)
    chosen = Selection(tuple(dict.fromkeys(namespaces or ())), labels, tuple(without or ()))
    begun = time.monotonic()
    with connected(kubeconfig, context) as client, _progress() as progress:
        taken = take(
            client,
            to,
            readers,
            selection=chosen,
            encrypt=encrypt or (),
            encrypt_all=encrypt_all,
            keep=keep,
            progress=progress,
        )
    seconds = time.monotonic() - begun
    told = _told(taken.archive) | {"removed": list(taken.removed), "seconds": round(seconds, 1)}
    _print(told, taken.archive, as_json=as_json)


def verify_command(
    snapshot: Snapshot, identity: Identity = None, digest: Digest = "", *, as_json: AsJson = False
) -> None:
    """Read a whole snapshot and hold it against its manifest; needs no cluster. Exit code 0 is good, 2 is not.

    With an identity the encrypted parts are opened and counted, too: do that now and then, for an identity that is lost
    shows otherwise on the day on which it is needed.
    """
    archive = verify(snapshot, identities(identity), digest=digest)
    _print(_told(archive), archive, as_json=as_json)


def rekey_command(
    snapshot: Snapshot,
    to: To,
    identity: Identity,
    recipient: Recipient = None,
    recipients_file: RecipientsFile = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write a snapshot anew for other recipients, into another folder; the old file stays, delete it yourself."""
    readers = recipients_of(recipient, recipients_file)
    if not readers:
        raise ActionError("nobody is named who could read it: give --recipient")
    keys = identities(identity)
    archive = rekey(verify(snapshot, keys), to, readers, keys)
    _print(_told(archive), archive, as_json=as_json)


def keygen(file: Annotated[Path, typer.Argument(help="Where the identity is written; must not exist.")]) -> None:
    """Make an age identity (a file that opens snapshots: keep it safe, apart from them) and print its recipient."""
    secret, recipient = new_identity()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ActionError(f"{file} cannot be made ({error.strerror}): give the path of a new file") from None
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"# recipient: {recipient}\n{secret}\n")
    typer.echo(recipient)


def identities(files: list[Path] | None) -> Identities:
    """Return the identities in files."""
    return [each for file in files or () for each in identities_in(file)]


def recipients_of(texts: list[str] | None, files: list[Path] | None) -> Recipients:
    """Return the recipients in options and files."""
    return Recipients([*(texts or ()), *(text for file in files or () for text in recipients_in(file))])


def _told(archive: Archive) -> dict[str, object]:
    manifest = archive.manifest
    return {
        "snapshot": archive.place,
        "digest": archive.digest,
        "cluster": manifest.cluster,
        "kubernetes": manifest.kubernetes,
        "started": manifest.started,
        "objects": manifest.count,
        "types": sum(1 for each in manifest.types if each.count),
        "exact": manifest.exact,
        "encrypted": sum(part.count for part in manifest.parts if part.encrypted),
        "unread": sum(part.count for part in manifest.parts if part.encrypted) if archive.needs_identity() else 0,
        "left_out": dict(manifest.left_out),
        "notes": list(manifest.notes),
    }


def _print(told: dict[str, object], archive: Archive, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    manifest = archive.manifest
    typer.echo(f"{archive.place}")
    typer.echo(f"digest {archive.digest}")
    typer.echo(f"cluster {manifest.cluster} ({manifest.server}, Kubernetes {manifest.kubernetes}), {manifest.started}")
    moment = f"all at resource version {manifest.cut}" if manifest.exact else "not all of one moment"
    typer.echo(f"{told['objects']} objects of {told['types']} types, {moment}; {told['encrypted']} encrypted")
    if told["unread"]:
        typer.echo(f"{told['unread']} encrypted objects were not opened: give --identity to count them, too")
    for name, reason in manifest.left_out.items():
        typer.echo(f"left out: {name} ({reason})")
    for note in manifest.notes:
        typer.echo(f"note: {note}" if note != VOLUMES else VOLUMES)
    for each in told.get("removed") or []:  # type: ignore[attr-defined]
        typer.echo(f"removed: {each}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str, int], None]]:
    """Give what shows progress: a bar on a terminal, nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _number, _of, _name, _objects: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None)

        def show(number: int, of: int, name: str, objects: int) -> None:
            bars.update(task, completed=number - 1, total=of, description=f"{name}, {objects} objects so far")

        yield show
