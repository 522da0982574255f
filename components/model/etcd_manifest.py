"""What is told of an etcd snapshot in the file beside it. Pure; docs/recovery.md has the format."""

import json
from dataclasses import asdict, dataclass
from typing import Any

FORMAT, VERSION = "kubernetes-emerging/etcd-snapshot", 1


@dataclass(frozen=True)
class EtcdManifest:
    """An etcd snapshot, which lies encrypted in the file `file` beside its manifest.

    `cluster` is the UID of the namespace kube-system, `revision` the one that etcd was at just before, so that the
    snapshot is of this one or a later one. `size` and `sha256` are of the snapshot in clear, with the sha256 that etcd
    sends behind its database; `file_sha256` is of the file as it lies there.
    """

    file: str
    cluster: str
    server: str
    kubernetes: str
    etcd: str
    endpoint: str
    taken: str
    revision: int
    size: int
    sha256: str
    file_sha256: str
    recipients: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Return the manifest as it lies beside the snapshot."""
        return (json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, indent=1) + "\n").encode()


def parse(content: bytes) -> EtcdManifest:
    """Return a manifest; `ValueError` says what is wrong with it."""
    try:
        told: Any = json.loads(content)
        if (told["format"], told["version"]) != (FORMAT, VERSION):
            raise ValueError(
                f"it is version {told['version']!r} of {str(told['format'])[:60]!r}, and this reads {VERSION} of "
                f"{FORMAT}: use the kubernetes-emerging that wrote it"
            )
        fields = {name: told[name] for name in EtcdManifest.__annotations__}
        return EtcdManifest(**{**fields, "recipients": tuple(told["recipients"])})
    except (KeyError, TypeError, json.JSONDecodeError):
        raise ValueError(
            "it is no manifest of an etcd snapshot: give the one that `etcd-snapshot` has written"
        ) from None
