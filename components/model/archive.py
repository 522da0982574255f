"""What a snapshot's manifest says, and the rules by which a snapshot is one. Pure; docs/recovery.md has the format.

An archive is a tar file, in this order: `snapshot.json` (format and version), the parts, `manifest.json`. A part holds
objects of one type, one JSON text a line, compressed with gzip, and as `.age` encrypted. The manifest comes last,
so that an archive can be written in one go and that a truncated one is none.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT, VERSION = "kubernetes-emerging/snapshot", 1
HEADER, MANIFEST = "snapshot.json", "manifest.json"
VOLUMES = "Volume data is not included"
_PART_NAME = re.compile(r"parts/\d{5,}-[a-z0-9.-]+\.jsonl\.gz(\.age)?")
_SHA256 = re.compile("[0-9a-f]{64}")


def type_name(resource: str, api_version: str) -> str:
    """Return a type as people and manifests write it: `deployments.apps`, and `secrets` for the core group."""
    group = api_version.rpartition("/")[0]
    return f"{resource}.{group}" if group else resource


@dataclass(frozen=True)
class Type:
    """One type of objects in a snapshot, and the resource version of the cluster at which it was listed.

    `exact` says that this is the snapshot's own cut, so that all such types are seen at one moment.
    """

    api_version: str
    kind: str
    resource: str
    namespaced: bool
    count: int = 0
    cut: str = ""
    exact: bool = True

    @property
    def name(self) -> str:
        """The type as people write it: `deployments.apps`."""
        return type_name(self.resource, self.api_version)


@dataclass(frozen=True)
class Part:
    """One part of an archive: its member's name, the type of its objects, how many, and its bytes as they lie there."""

    name: str
    type: str
    count: int
    bytes: int
    sha256: str

    @property
    def encrypted(self) -> bool:
        """Tell whether it takes an identity to read it."""
        return self.name.endswith(".age")


@dataclass(frozen=True)
class Selection:
    """What was asked for: namespaces (none: all, and what has none), a label selector, patterns of types left out."""

    namespaces: tuple[str, ...] = ()
    labels: str = ""
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """Everything that a snapshot says of itself.

    `cluster` is the UID of the namespace kube-system, `cut` the resource version that exact types were listed at,
    `left_out` types that are not in it with the reasons, `notes` what a reader has to know.
    """

    cluster: str
    server: str
    kubernetes: str
    started: str
    finished: str
    cut: str
    selection: Selection
    types: tuple[Type, ...]
    parts: tuple[Part, ...]
    recipients: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many objects there are."""
        return sum(each.count for each in self.types)

    @property
    def exact(self) -> bool:
        """Tell whether all of it is from one moment."""
        return all(each.exact for each in self.types)

    def to_bytes(self) -> bytes:
        """Return the manifest as it lies in an archive."""
        told = {"format": FORMAT, "version": VERSION, "volumes": VOLUMES, **asdict(self)}
        return (json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def header() -> bytes:
    """Return an archive's first member: enough to refuse what this version cannot read."""
    return (json.dumps({"format": FORMAT, "version": VERSION}) + "\n").encode()


def digest_of(manifest: bytes) -> str:
    """Return the digest by which a snapshot is known: it covers every part, through the manifest."""
    return hashlib.sha256(manifest).hexdigest()


def check_header(content: bytes) -> None:
    """Raise `ValueError` unless this is the header, or the manifest, of a format that can be read here."""
    told = _object(content)
    if told.get("format") != FORMAT:
        raise ValueError("it is no snapshot of kubernetes-emerging: give the file that `snapshot` has written")
    version = told.get("version")
    if version != VERSION:
        raise ValueError(
            f"its format is version {version!r}, and this reads {VERSION}: use the kubernetes-emerging that wrote it"
        )


def parse_manifest(content: bytes) -> Manifest:
    """Return a manifest; `ValueError` says what is wrong with it, all at once."""
    check_header(content)
    told = _object(content)
    try:
        found = Manifest(
            **{key: str(told[key]) for key in ("cluster", "server", "kubernetes", "started", "finished", "cut")},
            selection=Selection(
                tuple(map(str, told["selection"]["namespaces"])),
                str(told["selection"]["labels"]),
                tuple(map(str, told["selection"]["without"])),
            ),
            types=tuple(Type(**each) for each in told["types"]),
            parts=tuple(Part(**each) for each in told["parts"]),
            recipients=tuple(map(str, told["recipients"])),
            left_out={str(key): str(value) for key, value in told["left_out"].items()},
            notes=tuple(map(str, told["notes"])),
        )
        problems = list(_problems(found))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"its manifest is damaged ({error}): take another copy of the snapshot") from None
    if problems:
        raise ValueError("\n".join(problems))
    return found


def _problems(manifest: Manifest) -> Iterator[str]:
    if not manifest.cluster:
        yield "manifest: it names no cluster"
    counted: dict[str, int] = {}
    names = [part.name for part in manifest.parts]
    for part in manifest.parts:
        if not _PART_NAME.fullmatch(part.name) or names.count(part.name) > 1:
            yield f"manifest: {part.name[:80]!r} is no name of a part, or comes twice"
        if not _SHA256.fullmatch(part.sha256) or part.count < 0:
            yield f"manifest: {part.name[:80]} has no sha256, or no count"
        if part.type == "secrets" and not part.encrypted:
            yield f"manifest: {part.name[:80]} holds Secrets in clear"
        counted[part.type] = counted.get(part.type, 0) + part.count
    told = {each.name: each.count for each in manifest.types if each.count}
    if told != {name: count for name, count in counted.items() if count}:
        yield "manifest: the counts of its types are not those of its parts"


def _object(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {}
