"""Writes an archive in one go, to anything that takes bytes; at most one part is held in memory."""

import gzip
import hashlib
import io
import json
import tarfile
import time
from typing import IO, Self

from components.actions.client import Json
from components.actions.snapshot.encryption import Recipients
from components.model.archive import HEADER, MANIFEST, Manifest, Part, Type, digest_of, header

_PART_BYTES = 4 << 20
_LEVEL = 6


class Writer:
    """Takes objects type by type. `parts` is what was written of them so far; what has no manifest is no snapshot."""

    def __init__(self, stream: IO[bytes], recipients: Recipients, encrypted: frozenset[str] | None) -> None:
        """Begin an archive; `encrypted` names the types that are, None for all. Secrets are, whatever it says."""
        self.parts: list[Part] = []
        self._tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115  # closed by `end`
        self._recipients = recipients
        self._encrypted = encrypted
        self._type = ""
        self._lines: list[bytes] = []
        self._size = 0
        self._member(HEADER, header())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def add(self, listed: Type, item: Json) -> None:
        """Write an object."""
        if listed.name != self._type:
            self._flush()
            self._type = listed.name
        text = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
        line = text.encode("utf-8", "surrogatepass")  # the API takes lone surrogates, too
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _PART_BYTES:
            self._flush()

    def flush(self) -> None:
        """Write what is held back, so that `parts` is whole."""
        self._flush()

    def end(self, manifest: Manifest) -> str:
        """Write the manifest, which has to be of these `parts`; return its digest."""
        content = manifest.to_bytes()
        self._member(MANIFEST, content)
        self._tar.close()
        return digest_of(content)

    def copy(self, part: Part, content: bytes) -> None:
        """Write a part as it stands."""
        self.parts.append(part)
        self._member(part.name, content)

    def _flush(self) -> None:
        if not self._lines:
            return
        content = gzip.compress(b"\n".join(self._lines) + b"\n", _LEVEL, mtime=0)
        secret = self._encrypted is None or self._type in self._encrypted or self._type == "secrets"
        name = f"parts/{len(self.parts):05}-{self._type}.jsonl.gz"
        if secret:
            content, name = self._recipients.encrypt(content), f"{name}.age"
        part = Part(name, self._type, len(self._lines), len(content), hashlib.sha256(content).hexdigest())
        self.copy(part, content)
        self._lines, self._size = [], 0

    def _member(self, name: str, content: bytes) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
        self._tar.addfile(entry, io.BytesIO(content))
