"""Takes a snapshot of a cluster: all of one moment where the server allows it, and said aloud where it does not."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import IO

from components.actions.client import Client, path_of
from components.actions.connection import live_cluster_id
from components.actions.errors import ActionError, ApiError
from components.actions.snapshot.discovery import Served, served
from components.actions.snapshot.encryption import Recipients
from components.actions.snapshot.listing import Expired, cut_of, pages
from components.actions.snapshot.reading import Archive, verify
from components.actions.snapshot.storage import name_of, put
from components.actions.snapshot.writing import Writer
from components.model.archive import VOLUMES, Manifest, Selection, Type

_ATTEMPTS = 3

Progress = Callable[[int, int, str, int], None]
"""Told the number of the type, how many there are, its name, and how many objects were read so far."""


@dataclass(frozen=True)
class Taken:
    """A snapshot that was taken and read back: where it lies, what it is, and what retention has removed."""

    place: str
    archive: Archive
    removed: tuple[str, ...] = ()


def take(
    client: Client,
    folder: str,
    recipients: Recipients,
    *,
    selection: Selection | None = None,
    encrypt: Iterable[str] = (),
    encrypt_all: bool = False,
    keep: int | None = None,
    progress: Progress = lambda _number, _of, _name, _objects: None,
) -> Taken:
    """Write a snapshot into a folder, or under a URL, read it back, and return it.

    Secrets, the types in `encrypt`, or all of them, are encrypted for the recipients. Raises `ActionError` before
    anything is written when there are no recipients for them, when a namespace does not exist or when an API group does
    not answer; later when a type cannot be listed or the place takes no more. A failed run leaves no file behind.
    """
    chosen = selection or Selection()
    found = served(client, chosen.without)
    _check(client, chosen, found, recipients, encrypt=encrypt, encrypt_all=encrypt_all)
    cluster = live_cluster_id(client)
    started = datetime.now(UTC)
    run = _Run(
        client, chosen, found, recipients, None if encrypt_all else frozenset(encrypt), cluster, started, progress
    )
    name = name_of(cluster, f"{started:%Y%m%dT%H%M%S}.{started.microsecond // 1000:03}Z")
    place, removed = put(folder, name, run.write, run.check, keep)
    return Taken(place, verify(place, digest=run.digest), tuple(removed))


class _Run:
    """One snapshot while it is written."""

    def __init__(
        self,
        client: Client,
        selection: Selection,
        found: Served,
        recipients: Recipients,
        encrypted: frozenset[str] | None,
        cluster: str,
        started: datetime,
        progress: Progress,
    ) -> None:
        self.digest = ""
        self._client = client
        self._selection = selection
        self._found = found
        self._recipients = recipients
        self._encrypted = encrypted
        self._cluster = cluster
        self._started = started
        self._progress = progress

    def write(self, stream: IO[bytes]) -> None:
        """Write the archive: a moment that the server has forgotten meanwhile makes it begin again at a later one."""
        for _attempt in range(_ATTEMPTS):
            try:
                self._attempt(stream, exact=True)
            except Expired:
                stream.seek(0)
                stream.truncate()
            else:
                return
        self._attempt(stream, exact=False)

    def check(self, path: str) -> None:
        """Read back what was written."""
        verify(path, digest=self.digest)

    def _attempt(self, stream: IO[bytes], *, exact: bool) -> None:
        cut = cut_of(self._client)
        types, done, refused = [], 0, []
        with Writer(stream, self._recipients, self._encrypted) as writer:
            for number, listed in enumerate(self._found.types, 1):
                self._progress(number, len(self._found.types), listed.name, done)
                try:
                    together = exact and listed.name not in self._found.apart
                    written = self._type(writer, listed, cut if together else "", cut)
                except ApiError as error:
                    refused.append(f"  {listed.name}: {error.message}")
                    continue
                done += written.count
                types.append(written)
            if refused:
                raise ActionError(
                    "\n".join(["not every type can be listed, so that the snapshot would lack objects:", *refused])
                    + "\nallow `list` on them, or leave them out by name: --without TYPE"
                )
            writer.flush()
            self.digest = writer.end(self._manifest(writer, cut, types, exact=exact))

    def _type(self, writer: Writer, listed: Type, cut: str, moment: str) -> Type:
        """Write the objects of a type; return it with what was found."""
        count, seen = 0, []
        for namespace, fields in self._places(listed):
            for version, items in pages(
                self._client, listed, namespace, cut, labels="" if fields else self._selection.labels, fields=fields
            ):
                seen.append(version)
                for item in items:
                    writer.add(listed, item)
                count += len(items)
        exact = all(version == moment for version in seen)
        return replace(listed, count=count, cut=moment if exact else ",".join(dict.fromkeys(seen)), exact=exact)

    def _places(self, listed: Type) -> Sequence[tuple[str, str]]:
        """Return the namespaces, and field selectors, to list a type in; none for what the selection leaves out."""
        chosen = self._selection.namespaces
        if not chosen:
            return [("", "")]
        if listed.namespaced:
            return [(namespace, "") for namespace in chosen]
        return [("", f"metadata.name={name}") for name in chosen] if listed.name == "namespaces" else []

    def _manifest(self, writer: Writer, cut: str, types: Sequence[Type], *, exact: bool) -> Manifest:
        apart = [each.name for each in types if not each.exact and each.count]
        notes = [VOLUMES]
        if not exact:
            notes.append(
                "the cluster forgets its past before all of it is read, so that each type is of a moment of its own"
            )
        elif apart:
            notes.append(f"not of the same moment as the rest, because another server keeps them: {', '.join(apart)}")
        return Manifest(
            cluster=self._cluster,
            server=self._client.server,
            kubernetes=str(self._client.get("/version").get("gitVersion", "")),
            started=self._started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            cut=cut,
            selection=self._selection,
            types=tuple(types),
            parts=tuple(writer.parts),
            recipients=self._recipients.texts,
            left_out=self._found.left_out,
            notes=tuple(notes),
        )


def _check(
    client: Client,
    selection: Selection,
    found: Served,
    recipients: Recipients,
    *,
    encrypt: Iterable[str],
    encrypt_all: bool,
) -> None:
    names = {each.name for each in found.types}
    problems = []
    if not recipients and ("secrets" in names or encrypt_all or set(encrypt) & names):
        problems.append(
            "Secrets are encrypted always, and nobody is named who could read them: give --recipient (see `keygen`), "
            "or leave them out: --without secrets"
        )
    unknown = sorted(set(encrypt) - names)
    if unknown:
        problems.append(
            f"--encrypt names what is not in the snapshot: {', '.join(unknown)}: write types as in {_some(names)}"
        )
    missing = [name for name in selection.namespaces if client.find(path_of("v1", "namespaces", name=name)) is None]
    if missing:
        problems.append(f"these namespaces do not exist: {', '.join(missing)}: check --namespace and --context")
    if problems:
        raise ActionError("\n".join(problems))


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3]) or "deployments.apps"
