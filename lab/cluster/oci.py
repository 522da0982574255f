"""Container images as OCI archives, written by us: one layer, and the same bytes for the same content.

https://github.com/opencontainers/image-spec (layout, manifest and configuration); the annotation with the full
name is how containerd's importer learns it.
"""

import hashlib
import io
import json
import os
import platform
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class File:
    """A file of an image that is made here: its bytes and mode."""

    content: bytes
    mode: int = 0o644


@dataclass(frozen=True)
class Link:
    """A symbolic link of an image."""

    target: str


@dataclass(frozen=True)
class Folder:
    """A folder of an image, empty."""

    mode: int = 0o755


Entry = File | Link | Folder


@dataclass(frozen=True)
class Content:
    """What an image holds: files of `tree` that `keep` accepts, and `extra` over them, by path without a slash first.

    `config` is the image's configuration (User, Entrypoint, ...: the specification's names).
    """

    config: Mapping[str, Any]
    extra: Mapping[str, Entry] = field(default_factory=dict)
    tree: Path | None = None
    keep: Callable[[str], bool] = lambda _: True


def write_archive(target: Path, name: str, content: Content) -> None:
    """Write the image `name` (with its tag) as an OCI archive at `target`, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        layer = Path(folder) / "layer.tar"
        _write_layer(layer, content)
        layer_digest = _digest_of(layer)
        config = _json(
            {
                "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": dict(content.config),
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": _descriptor(_CONFIG, config),
                "layers": [{"mediaType": _LAYER, "digest": f"sha256:{layer_digest}", "size": layer.stat().st_size}],
            }
        )
        names = {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        }
        index = _json({"schemaVersion": 2, "manifests": [_descriptor(_MANIFEST, manifest) | {"annotations": names}]})
        archive = Path(folder) / "image.tar"
        with tarfile.open(archive, "w") as tar:
            _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add(tar, "index.json", index)
            for blob in (config, manifest):
                _add(tar, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
            info = _info(f"blobs/sha256/{layer_digest}", 0o644)
            info.size = layer.stat().st_size
            with layer.open("rb") as stream:
                tar.addfile(info, stream)
        archive.replace(target)


def _write_layer(target: Path, content: Content) -> None:
    found = dict(_walk(content.tree, content.keep)) if content.tree else {}
    entries: dict[str, Path | Entry] = {**found, **content.extra}
    for path in list(entries):
        # A folder that nothing names gets its usual mode, and comes before what it holds.
        for parent in list(Path(path).parents)[:-1]:
            entries.setdefault(str(parent), Folder())
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(entries):
            _add_entry(tar, path, entries[path])


def _walk(tree: Path, keep: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            path = Path(folder) / name
            inside = str(path.relative_to(tree))
            if keep(inside):
                yield inside, path


def _add_entry(tar: tarfile.TarFile, path: str, entry: Path | Entry) -> None:
    match entry:
        case File(content, mode):
            _add(tar, path, content, mode)
        case Link(target):
            info = _info(path, 0o777)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
        case Folder(mode):
            info = _info(path, mode)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        case Path():
            status = entry.lstat()
            if stat.S_ISLNK(status.st_mode):
                _add_entry(tar, path, Link(str(entry.readlink())))
            elif stat.S_ISDIR(status.st_mode):
                _add_entry(tar, path, Folder(stat.S_IMODE(status.st_mode)))
            elif stat.S_ISREG(status.st_mode):
                info = _info(path, stat.S_IMODE(status.st_mode) & 0o755)
                info.size = status.st_size
                with entry.open("rb") as stream:
                    tar.addfile(info, stream)


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int = 0o644) -> None:
    info = _info(path, mode)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _info(path: str, mode: int) -> tarfile.TarInfo:
    # No times, owners or names of this machine: the same content gives the same digest anywhere.
    info = tarfile.TarInfo(path)
    info.mode, info.mtime = mode, 0
    return info


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(blob).hexdigest()
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(blob)}


def _digest_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
