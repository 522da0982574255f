"""Reads an archive and believes nothing of it: every part is held against the manifest's counts and sha256."""

import hashlib
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, NoReturn

from components.actions.client import Json
from components.actions.errors import ActionError
from components.actions.snapshot.encryption import Identities, decrypt
from components.actions.snapshot.storage import opened
from components.model.archive import HEADER, MANIFEST, Manifest, Part, check_header, digest_of, parse_manifest

# What is written has parts of a few MiB; a part beyond this was not written by a snapshot.
_LARGEST_PART, _LARGEST_TEXT = 256 << 20, 1 << 30


class Archive:
    """A snapshot that was verified: its manifest, its digest, and the objects, which are read anew each time."""

    def __init__(self, place: str, manifest: Manifest, digest: str, identities: Identities) -> None:
        self.place = place
        self.manifest = manifest
        self.digest = digest
        self._identities = identities

    def objects(self, wanted: Callable[[str], bool] = lambda _type: True) -> Iterator[tuple[str, Json]]:
        """Yield the name of its type and the object, of the types that are wanted.

        Raises `ActionError` for encrypted parts without an identity, and when the archive has changed since.
        """
        parts = {part.name: part for part in self.manifest.parts}
        for name, content in members(self.place):
            part = parts.get(name)
            if part is None or not wanted(part.type):
                continue
            if hashlib.sha256(content).hexdigest() != part.sha256:
                _refuse(self.place, f"{name} has changed since it was verified")
            for item in _items(self.place, part, content, self._identities):
                yield part.type, item

    def needs_identity(self) -> bool:
        """Tell whether some of it cannot be read without an identity that was not given."""
        return not self._identities and any(part.encrypted for part in self.manifest.parts)


def verify(place: str, identities: Identities = (), *, digest: str = "") -> Archive:
    """Return the archive at a path or URL, after all of it was read and held against its manifest; needs no cluster.

    `digest` is the one that it has to have, as `snapshot` printed it: it alone tells a snapshot from one that somebody
    made to look like it. Encrypted parts are opened and counted where identities are given; without any, their sha256
    is held against the manifest. Raises `ActionError` with everything that is wrong.
    """
    found: dict[str, tuple[int, str, int | None]] = {}
    kept: list[tuple[str, bytes]] = []
    last = ""
    for name, content in members(place):
        if last == MANIFEST:
            _refuse(place, f"{name[:80]!r} stands behind the manifest")
        last = name
        if name in (HEADER, MANIFEST):
            kept.append((name, content))
            continue
        if name in found:
            _refuse(place, f"{name[:80]!r} comes twice")
        counted = None
        if identities or not name.endswith(".age"):
            part = Part(name, "", 0, len(content), "")
            counted = sum(1 for _ in _items(place, part, content, identities))
        found[name] = (len(content), hashlib.sha256(content).hexdigest(), counted)
    if last != MANIFEST:
        _refuse(place, "it ends before its manifest: it was truncated, or its snapshot was not finished")
    content = dict(kept)[MANIFEST]
    with _named(place):
        manifest = parse_manifest(content)
    problems = list(_differences(manifest.parts, found))
    if digest and digest != digest_of(content):
        problems.insert(
            0, f"its digest is {digest_of(content)}, and not {digest}: it is another snapshot, or was changed"
        )
    if problems:
        _refuse(place, "\n".join(problems))
    return Archive(place, manifest, digest_of(content), identities)


def _differences(parts: Sequence[Part], found: dict[str, tuple[int, str, int | None]]) -> Iterator[str]:
    for part in parts:
        size, sha256, counted = found.get(part.name, (0, "", None))
        if part.name not in found:
            yield f"{part.name} is missing"
        elif (size, sha256) != (part.bytes, part.sha256):
            yield f"{part.name} is not what was written (its sha256 differs)"
        elif counted not in (None, part.count):
            yield f"{part.name} has {counted} objects, and not {part.count}"
    for name in found.keys() - {part.name for part in parts}:
        yield f"{name[:80]!r} is not in the manifest"


def members(place: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every member; the header, which comes first, is checked at once."""
    first = True
    with opened(place) as stream, _readable(place), tarfile.open(fileobj=stream, mode="r|") as tar:
        for entry in tar:
            if not entry.isreg() or entry.size > _LARGEST_PART:
                _refuse(place, f"{entry.name[:80]!r} is no part of a snapshot")
            content = _read(tar.extractfile(entry), entry.size)
            if first:
                if entry.name != HEADER:
                    _refuse(
                        place, "it is no snapshot of kubernetes-emerging: give the file that `snapshot` has written"
                    )
                with _named(place):
                    check_header(content)
                first = False
            yield entry.name, content
    if first:
        _refuse(place, "it is empty")


def _read(stream: IO[bytes] | None, size: int) -> bytes:
    content = stream.read() if stream else b""
    if len(content) != size:
        raise tarfile.ReadError("unexpected end of data")
    return content


def _items(place: str, part: Part, content: bytes, identities: Identities) -> Iterator[Json]:
    if part.encrypted:
        if not identities:
            _refuse(place, f"{part.name} is encrypted: give --identity")
        content = decrypt(content, identities)
    inflating = zlib.decompressobj(wbits=31)
    try:
        text = inflating.decompress(content, _LARGEST_TEXT)
        whole = inflating.eof and not inflating.unused_data
        items = [json.loads(line) for line in text.splitlines()] if whole else []
    except (zlib.error, ValueError):
        whole = False
    if not whole or not all(isinstance(item, dict) and isinstance(item.get("metadata"), dict) for item in items):
        # No excerpt: it may be of a Secret.
        _refuse(place, f"{part.name} is damaged: take another copy")
    yield from items


@contextmanager
def _readable(place: str) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, OSError) as error:
        _refuse(place, f"it cannot be read as a snapshot ({error}): it is truncated, damaged or something else")


@contextmanager
def _named(place: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        _refuse(place, str(error))


def _refuse(place: str, why: str) -> NoReturn:
    raise ActionError(f"{place}: {why}") from None
