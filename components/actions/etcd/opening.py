"""Opens an etcd snapshot: what its manifest and its trailer say is checked before it is there to be used."""

import hashlib
import os
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NoReturn

from components.actions.errors import ActionError
from components.actions.etcd.trailer import Trailer
from components.actions.snapshot.encryption import Identities, decrypt_stream
from components.actions.snapshot.storage import new_file, sync
from components.model.etcd_manifest import EtcdManifest, parse


def open_snapshot(manifest_path: Path, identities: Identities = (), to: Path | None = None) -> EtcdManifest:
    """Return the manifest of a snapshot that is whole; needs neither etcd nor a cluster.

    With identities it is decrypted and its trailer checked, and written to `to` (0600, in clear: delete it afterwards),
    as `etcdutl snapshot restore` takes it. Without, its sha256 is held against the manifest. Raises `ActionError` with
    what is wrong, and writes nothing then.
    """
    try:
        manifest = parse(manifest_path.read_bytes())
    except OSError as error:
        raise ActionError(f"{manifest_path} cannot be read ({error.strerror}): give the path of a manifest") from None
    except ValueError as error:
        raise ActionError(f"{manifest_path}: {error}") from None
    if Path(manifest.file).name != manifest.file:
        _refuse(manifest_path, "the file that it names does not lie beside it")
    path = manifest_path.with_name(manifest.file)
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ActionError(f"{path} cannot be read ({error.strerror}): it belongs beside its manifest") from None
    if found != manifest.file_sha256:
        _refuse(path, "it is not what was written (its sha256 differs): take another copy")
    if identities:
        _decrypt(path, manifest, identities, to)
    elif to:
        _refuse(path, "it is encrypted: give --identity")
    return manifest


def _decrypt(path: Path, manifest: EtcdManifest, identities: Identities, to: Path | None) -> None:
    part = to.with_name(f".{to.name}.part") if to else None
    trailer = Trailer()
    try:
        if part:
            part.unlink(missing_ok=True)
        with ExitStack() as stack:
            stream = stack.enter_context(path.open("rb"))
            clear = stack.enter_context(new_file(part)) if part else None
            decrypt_stream(stream, _Checked(trailer, clear), identities)
            if clear:
                clear.flush()
                os.fsync(clear.fileno())
        if fault := trailer.fault():
            _refuse(path, fault)
        if (trailer.size, trailer.sha256) != (manifest.size, manifest.sha256):
            _refuse(path, "what is in it is not what its manifest says")
        if part and to:
            part.rename(to)
            sync(to.parent)
    except OSError as error:
        raise ActionError(f"{to or path} cannot be used ({error.strerror or error}): choose another place") from None
    finally:
        if part:
            part.unlink(missing_ok=True)


class _Checked:
    """Takes what comes out, and writes it where somebody wants it."""

    def __init__(self, trailer: Trailer, target: IO[bytes] | None) -> None:
        self._trailer = trailer
        self._target = target

    def write(self, content: bytes) -> int:
        self._trailer.add(bytes(content))
        return self._target.write(content) if self._target else len(content)

    def flush(self) -> None:
        if self._target:
            self._target.flush()


def _refuse(path: Path, why: str) -> NoReturn:
    raise ActionError(f"{path}: {why}")
