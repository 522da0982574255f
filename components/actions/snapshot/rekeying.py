"""New recipients for a snapshot that exists: those who lost their identity, or left, cannot read the new one."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import IO

from components.actions.snapshot.encryption import Identities, Recipients, decrypt
from components.actions.snapshot.reading import Archive, members, verify
from components.actions.snapshot.storage import put
from components.actions.snapshot.writing import Writer


def rekey(archive: Archive, folder: str, recipients: Recipients, identities: Identities) -> Archive:
    """Write the snapshot anew for these recipients, under its own name, into another folder; return it.

    Nothing else of it changes. The old file stays: whoever could read it still can, until it is deleted. Secrets that
    somebody has read must be changed in the cluster, too.
    """
    parts = {part.name: part for part in archive.manifest.parts}
    digest = ""

    def write(stream: IO[bytes]) -> None:
        nonlocal digest
        with Writer(stream, recipients, frozenset()) as writer:
            for name, stored in members(archive.place):
                if name not in parts:
                    continue
                part, content = parts[name], stored
                if part.encrypted:
                    content = recipients.encrypt(decrypt(stored, identities))
                    part = replace(part, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
                writer.copy(part, content)
            digest = writer.end(replace(archive.manifest, parts=tuple(writer.parts), recipients=recipients.texts))

    def check(path: str) -> None:
        verify(path, digest=digest)

    place, _ = put(folder, Path(archive.place).name, write, check, None)
    return verify(place, digest=digest)
