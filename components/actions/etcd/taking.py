"""Takes an etcd snapshot: encrypted on its way, checked by its trailer, whole at its place or not there.

It never lies on a disk in clear: it has every Secret of the cluster.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from components.actions.errors import ActionError
from components.actions.etcd.maintenance import Etcd
from components.actions.etcd.trailer import Trailer
from components.actions.snapshot.encryption import Recipients
from components.actions.snapshot.storage import locked, new_file, sync
from components.model.etcd_manifest import EtcdManifest

_KUBE_SYSTEM = "/registry/namespaces/kube-system"


@dataclass(frozen=True)
class Source:
    """The Kubernetes cluster whose etcd it is: UID of kube-system, address, version."""

    cluster: str
    server: str
    kubernetes: str


@dataclass(frozen=True)
class TakenEtcd:
    """A snapshot that was taken: the path of its manifest, what that says, and what has to be known of it."""

    manifest_path: Path
    manifest: EtcdManifest
    notes: tuple[str, ...] = ()


def take_etcd(etcd: Etcd, source: Source, folder: Path, recipients: Recipients) -> TakenEtcd:
    """Take a snapshot into a folder. Raises `ActionError`, and leaves nothing there then.

    An etcd that keeps another cluster than `source` is refused; where it does not tell, that is noted.
    """
    if not recipients:
        raise ActionError("an etcd snapshot has every Secret, and nobody is named who could read it: give --recipient")
    revision, value = etcd.read(_KUBE_SYSTEM)
    if value is not None and source.cluster.encode() not in value:
        raise ActionError(
            f"{etcd.endpoint} is not the etcd of the cluster {source.cluster} ({source.server}): check --endpoint, "
            "--kubeconfig and --context"
        )
    notes = () if value is not None else (f"whose etcd it is was not checked: it has no key {_KUBE_SYSTEM}",)
    version, now = etcd.version(), datetime.now(UTC)
    name = f"etcd-{source.cluster}-{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03}Z.db.age"
    with _understood(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(folder / ".etcd-snapshot.lock", f"another etcd snapshot is being written to {folder}"):
            for left in folder.glob(".etcd-*.part"):  # of a run that was killed: the lock is ours
                left.unlink()
            part = folder / f".{name}.part"
            try:
                trailer, written = _write(etcd, part, recipients)
                manifest = EtcdManifest(
                    file=name,
                    cluster=source.cluster,
                    server=source.server,
                    kubernetes=source.kubernetes,
                    etcd=version,
                    endpoint=etcd.endpoint,
                    taken=now.isoformat(timespec="seconds"),
                    revision=revision,
                    size=trailer.size,
                    sha256=trailer.sha256,
                    file_sha256=written,
                    recipients=recipients.texts,
                )
                with part.open("rb") as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() != written:
                        raise ActionError(f"{folder}: what was read back is not what was written: look at the disk")
                part.rename(folder / name)
            finally:
                part.unlink(missing_ok=True)
            # The manifest comes last: what has none is no snapshot.
            path = folder / f"{name.removesuffix('.db.age')}.json"
            _write_manifest(path, manifest)
            sync(folder)
    return TakenEtcd(path, manifest, notes)


def _write(etcd: Etcd, part: Path, recipients: Recipients) -> tuple[Trailer, str]:
    """Write what etcd sends, encrypted; return what it was, and the sha256 of what was written."""
    source = _Incoming(etcd.snapshot())
    with new_file(part) as stream:
        target = _Hashing(stream)
        recipients.encrypt_stream(source, target)
        stream.flush()
        os.fsync(stream.fileno())
    if source.problem:
        raise source.problem
    if fault := source.trailer.fault():
        raise ActionError(f"what {etcd.endpoint} sent is no whole snapshot ({fault}): take it again")
    return source.trailer, target.digest.hexdigest()


def _write_manifest(path: Path, manifest: EtcdManifest) -> None:
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with new_file(part) as stream:
        stream.write(manifest.to_bytes())
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(path)


class _Incoming(io.RawIOBase):
    """What etcd sends, as a file that can be read once; what goes wrong is kept, for the encryption would hide it."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.trailer = Trailer()
        self.problem: ActionError | None = None
        self._parts = parts
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            try:
                self._left = next(self._parts, b"")
            except ActionError as problem:
                self.problem = problem
            if not self._left:
                return 0
            self.trailer.add(self._left)
        taken = self._left[: len(buffer)]
        self._left = self._left[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


class _Hashing:
    """A file that is written to and hashed."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._stream = stream

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        return self._stream.write(content)

    def flush(self) -> None:
        self._stream.flush()


@contextmanager
def _understood(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ActionError(
            f"{folder} cannot be used ({error.strerror or error}): make room, or choose another place"
        ) from None
