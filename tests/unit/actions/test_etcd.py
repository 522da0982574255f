"""Snapshots of etcd without an etcd: what is written, what is refused, and that nothing is left of what failed."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest

from components.actions.errors import ActionError
from components.actions.etcd import Source, TakenEtcd, open_snapshot, take_etcd
from components.actions.etcd.maintenance import Access, Etcd
from components.actions.etcd.trailer import Trailer
from components.actions.snapshot.encryption import Recipients
from tests.unit.actions.test_snapshot import IDENTITY, READERS

SOURCE = Source("uid-of-kube-system", "https://server", "v1.33.13")
DATABASE = b"made-up-secret!!" * 4096


class Double:
    """Plays a member of etcd: it sends its database in pieces, and its sha256 behind it."""

    endpoint = "https://double:2379"

    def __init__(
        self, database: bytes = DATABASE, *, cut: int = 0, namespace: bytes | None = b"..uid-of-kube-system.."
    ) -> None:
        content = database + hashlib.sha256(DATABASE).digest()
        self.content = content[: len(content) - cut]
        self.namespace = namespace
        self.fails = False

    def version(self) -> str:
        """Return a version."""
        return "3.5.21"

    def read(self, key: str) -> tuple[int, bytes | None]:
        """Return the revision and what it has of the namespace."""
        assert "/registry/namespaces/kube-system" == key
        return 41, self.namespace

    def snapshot(self) -> Iterator[bytes]:
        """Send everything."""
        for begin in range(0, len(self.content), 10_000):
            yield self.content[begin : begin + 10_000]
            if self.fails:
                raise ActionError("it went away")


def taken(folder: Path, double: Double | None = None, recipients: Recipients = READERS) -> TakenEtcd:
    """Take a snapshot of a double."""
    etcd: Any = double or Double()
    return take_etcd(etcd, SOURCE, folder, recipients)


def visible(folder: Path) -> list[str]:
    """Return the files in a folder, but for its lock."""
    return sorted(each.name for each in folder.iterdir() if not each.name.endswith(".lock")) if folder.exists() else []


def test_what_was_sent_comes_out_again(tmp_path: Path) -> None:
    """Encrypted in between, for its owner alone, with a manifest that tells what it is."""
    made = taken(tmp_path / "s")
    clear = tmp_path / "clear"
    found = open_snapshot(made.manifest_path, [IDENTITY], clear)
    stored = made.manifest_path.with_name(found.file)

    assert (found, ()) == (made.manifest, made.notes)
    assert ("uid-of-kube-system", 41, "3.5.21") == (found.cluster, found.revision, found.etcd)
    assert DATABASE + hashlib.sha256(DATABASE).digest() == clear.read_bytes()
    assert (len(DATABASE) + 32, hashlib.sha256(clear.read_bytes()).hexdigest()) == (found.size, found.sha256)
    assert b"made-up-secret" not in stored.read_bytes() + made.manifest_path.read_bytes()
    assert {0o600} == {stat.S_IMODE(each.stat().st_mode) for each in (stored, made.manifest_path, clear)}
    assert [found.file, made.manifest_path.name] == visible(tmp_path / "s")


@pytest.mark.parametrize(
    ("double", "words"),
    [
        (Double(cut=1), "no sha256 behind them: it was cut off"),
        (Double(cut=512), "its content is not that of the sha256 behind it"),
        (Double(cut=len(DATABASE) + 32), "it has 0 bytes"),
        (Double(DATABASE[:-1] + b"?"), "its content is not that of the sha256 behind it"),
        (Double(namespace=b"..another.."), "is not the etcd of the cluster uid-of-kube-system"),
    ],
)
def test_what_is_not_whole_is_not_kept(tmp_path: Path, double: Double, words: str) -> None:
    """Nothing lies at its place then, and nothing beside it."""
    with pytest.raises(ActionError, match=words):
        taken(tmp_path / "s", double)
    assert [] == visible(tmp_path / "s")


def test_an_etcd_that_goes_away_is_told(tmp_path: Path) -> None:
    """In its own words; what a run that was killed has left is removed by the next one."""
    double = Double()
    double.fails = True
    with pytest.raises(ActionError, match="it went away"):
        taken(tmp_path, double)
    assert [] == visible(tmp_path)
    (tmp_path / ".etcd-old.db.age.part").touch()
    taken(tmp_path)
    assert not [name for name in visible(tmp_path) if name.endswith(".part")]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither while it is taken nor while it is opened; the place and the remedy are told."""
    made = taken(tmp_path / "s")

    def full(path: Path) -> Any:
        path.touch()
        return Path("/dev/full").open("wb", buffering=0)

    for module in ("taking", "opening"):
        monkeypatch.setattr(f"components.actions.etcd.{module}.new_file", full)
    with pytest.raises(ActionError, match="No space left on device"):
        taken(tmp_path / "t")
    with pytest.raises(ActionError, match=r"clear cannot be used \(No space left on device\): choose another place"):
        open_snapshot(made.manifest_path, [IDENTITY], tmp_path / "clear")
    assert ([], ["s", "t"]) == (visible(tmp_path / "t"), visible(tmp_path))


def test_whose_it_is_may_be_unknown(tmp_path: Path) -> None:
    """With another prefix of keys it cannot be told, which is said."""
    assert "was not checked" in taken(tmp_path, Double(namespace=None)).notes[0]


def test_somebody_has_to_be_able_to_read_it(tmp_path: Path) -> None:
    """It has every Secret."""
    with pytest.raises(ActionError, match="nobody is named who could read it: give --recipient"):
        taken(tmp_path / "s", recipients=Recipients([]))
    assert not (tmp_path / "s").exists()


def test_what_was_changed_is_refused(tmp_path: Path) -> None:
    """The file, its manifest, a manifest of something else or of a newer version, and one that names another folder."""
    made = taken(tmp_path / "s")
    path, stored = made.manifest_path, made.manifest_path.with_name(made.manifest.file)
    original, content = path.read_text(), bytearray(stored.read_bytes())
    other = pyrage.x25519.Identity.generate()

    def refused(words: str, manifest: str = original, *, identity: Any = IDENTITY) -> None:
        path.write_text(manifest)
        with pytest.raises(ActionError, match=words):
            open_snapshot(path, [identity] if identity else (), tmp_path / "clear")
        assert ["s"] == visible(tmp_path)

    refused("none of the identities opens it", identity=other)
    refused("it is encrypted: give --identity", identity=None)
    refused("what is in it is not what its manifest says", original.replace(made.manifest.sha256, "0" * 64))
    refused("is no manifest of an etcd snapshot", "{}")
    refused("is no manifest of an etcd snapshot", original[:100])
    refused("and this reads 1 of", json.dumps({**json.loads(original), "version": 2}))
    refused("does not lie beside it", json.dumps({**json.loads(original), "file": "../x"}))
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)
    refused(r"it is not what was written \(its sha256 differs\)")
    stored.write_bytes(content[:-10])
    refused("it is not what was written")
    digest = hashlib.sha256(stored.read_bytes()).hexdigest()
    refused("it is damaged: take another copy", original.replace(made.manifest.file_sha256, digest))
    stored.unlink()
    refused("it belongs beside its manifest")


def test_the_trailer_may_come_in_pieces() -> None:
    """However the bytes are cut, the last 32 are the sha256 of the rest."""
    content = os.urandom(1024)
    whole = content + hashlib.sha256(content).digest()
    for size in (1, 31, 32, 33, 2000):
        trailer = Trailer()
        for begin in range(0, len(whole), size):
            trailer.add(whole[begin : begin + size])
        assert ("", hashlib.sha256(whole).hexdigest()) == (trailer.fault(), trailer.sha256)


@pytest.mark.parametrize("endpoint", ["127.0.0.1:2379", "http://127.0.0.1:2379", "https://"])
def test_an_address_that_is_none(tmp_path: Path, endpoint: str) -> None:
    """And files that are not there: both say what to write."""
    with pytest.raises(ActionError, match="is no address of an etcd: write https://"):
        Etcd(Access(endpoint, tmp_path, tmp_path, tmp_path))
    missing = tmp_path / "missing"
    with pytest.raises(ActionError, match="missing cannot be read"):
        Etcd(Access("https://127.0.0.1:2379", missing, missing, missing))
