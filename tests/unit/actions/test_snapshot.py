"""Snapshots without a cluster: what is taken, what is refused, and what a file has to be to be one."""

import base64
import gzip
import io
import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.actions.client import Client
from components.actions.errors import ActionError
from components.actions.snapshot import rekey, take, verify
from components.actions.snapshot.encryption import Recipients, identities_in, new_identity, recipients_in
from components.actions.snapshot.storage import locked, put
from components.model.archive import HEADER, MANIFEST, Selection, digest_of
from tests.unit.actions.api import KUBE_SYSTEM, ApiDouble, namespace, thing

VALUE = "made-up-password-of-the-shop"
SECRET = thing("Secret", "login", data={"password": base64.b64encode(VALUE.encode()).decode()})
IDENTITY = pyrage.x25519.Identity.generate()
READERS = Recipients([str(IDENTITY.to_public())])


def shop() -> ApiDouble:
    """Return a cluster with a few objects, more than a page of one type."""
    maps = [thing("ConfigMap", f"map-{number}", data={"number": str(number), "text": "ü\u2028"}) for number in range(5)]
    return ApiDouble(namespace("shop"), namespace("other"), SECRET, *maps, thing("ConfigMap", "far", space="other"))


def taken(api: ApiDouble, folder: Path, **options: Any) -> Path:
    """Take a snapshot and return its path."""
    return Path(take(Client(api), str(folder), options.pop("readers", READERS), **options).place)


def names(path: Path, *identities: Any) -> list[tuple[str, str]]:
    """Return type and name of all objects in a snapshot."""
    archive = verify(str(path), identities or [IDENTITY])
    return [(name, item["metadata"]["name"]) for name, item in archive.objects()]


def members(path: Path) -> dict[str, bytes]:
    """Return the members of a tar file."""
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def rebuilt(path: Path, contents: dict[str, bytes]) -> str:
    """Write a tar file of these members beside a snapshot; return its path."""
    other = path.with_name("other.tar")
    with tarfile.open(other, "w") as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return str(other)


# What is taken.


def test_every_object_is_in_it_whole(tmp_path: Path) -> None:
    """Objects come out as the server gave them, with what they are; views and second names are left out, said so."""
    api = shop()
    path = taken(api, tmp_path)
    archive = verify(str(path), [IDENTITY])
    stored = {(each["kind"], each["metadata"]["name"]): each for store in api.stores.values() for each in store}

    assert stored == {(item["kind"], item["metadata"]["name"]): item for _, item in archive.objects()}
    assert {"configmaps": 6, "namespaces": 3, "secrets": 1} == {
        t.name: t.count for t in archive.manifest.types if t.count
    }
    assert {"componentstatuses", "events.events.k8s.io"} == set(archive.manifest.left_out)
    assert (KUBE_SYSTEM, "v1.33.13", True) == (
        archive.manifest.cluster,
        archive.manifest.kubernetes,
        archive.manifest.exact,
    )
    assert "Volume data is not included" in archive.manifest.notes


def test_all_of_it_is_of_one_moment(tmp_path: Path) -> None:
    """Every first page is asked for at the same resource version, exactly; later pages go on from there."""
    api = shop()
    cut = verify(str(taken(api, tmp_path))).manifest.cut
    lists = [path for _, path, _, _ in api.requests if "limit=500" in path and "apiservices?limit=500" not in path]

    assert lists
    assert all(f"resourceVersion={cut}&resourceVersionMatch=Exact" in path or "continue=" in path for path in lists)


def test_a_selection(tmp_path: Path) -> None:
    """A namespace comes with its objects and itself, and with nothing that has no namespace."""
    path = taken(shop(), tmp_path, selection=Selection(("other",), "", ("sec*",)), readers=Recipients([]))

    assert [("configmaps", "far"), ("namespaces", "other")] == names(path)
    assert "excluded by --without" == verify(str(path)).manifest.left_out["secrets"]


def test_no_secret_is_in_it_in_clear(tmp_path: Path) -> None:
    """Neither the value nor its base64 is found in any part, compressed or not; what is not secret is found."""
    path = taken(shop(), tmp_path)
    parts = [gzip.decompress(c) if n.endswith(".gz") else c for n, c in members(path).items()] + [path.read_bytes()]

    assert any(b"map-3" in part for part in parts)
    for value in (VALUE.encode(), SECRET["data"]["password"].encode(), b'"login"'):
        assert not any(value in part for part in parts)


def test_more_can_be_encrypted(tmp_path: Path) -> None:
    """One type more, or everything."""
    some = verify(str(taken(shop(), tmp_path / "some", encrypt=["configmaps"]))).manifest
    every = verify(str(taken(shop(), tmp_path / "all", encrypt_all=True))).manifest

    assert {"configmaps", "secrets"} == {part.type for part in some.parts if part.encrypted}
    assert all(part.encrypted for part in every.parts)


def test_large_types_have_several_parts(tmp_path: Path) -> None:
    """Not more than some MiB are held at a time."""
    maps = [thing("ConfigMap", f"big-{number}", data={"text": "x" * 1_000_000}) for number in range(9)]
    path = taken(ApiDouble(namespace("shop"), *maps), tmp_path)
    parts = [part.count for part in verify(str(path)).manifest.parts if part.type == "configmaps"]

    assert (9, True) == (sum(parts), len(parts) > 1)
    assert [f"big-{number}" for number in range(9)] == [name for kind, name in names(path) if kind == "configmaps"]


# What the server may answer.


def test_a_group_that_does_not_answer_is_a_failure(tmp_path: Path) -> None:
    """Nothing is written; named as left out it is none."""
    api = shop()
    api.broken["/apis/apps/v1"] = (503, {"message": "service unavailable"})
    with pytest.raises(ActionError, match=r"apps: service unavailable\n.*--without '\*\.GROUP'"):
        taken(api, tmp_path)

    assert [] == list(tmp_path.iterdir())
    assert names(taken(api, tmp_path, selection=Selection(without=("*.apps",))))


def test_an_aggregated_api_that_is_unavailable_is_a_failure(tmp_path: Path) -> None:
    """The aggregator says so, even where discovery still answers."""
    api = shop()
    unavailable = {"type": "Available", "status": "False", "message": "endpoints not found"}
    service = thing(
        "APIService",
        "v1.apps",
        version="apiregistration.k8s.io/v1",
        spec={"group": "apps", "version": "v1", "service": {"name": "x", "namespace": "y"}},
        status={"conditions": [unavailable]},
    )
    api.put(service)
    with pytest.raises(ActionError, match="apps: endpoints not found"):
        taken(api, tmp_path)


def test_a_type_that_may_not_be_listed_is_a_failure(tmp_path: Path) -> None:
    """All of them are named, and no file is left."""
    api = shop()
    api.broken["/api/v1/secrets"] = (403, {"message": "secrets is forbidden"})
    api.broken["/apis/apps/v1/deployments"] = (403, {"message": "deployments.apps is forbidden"})
    with pytest.raises(ActionError, match=r"(?s)deployments\.apps is forbidden.*secrets is forbidden.*--without TYPE"):
        taken(api, tmp_path)

    assert [".snapshot.lock"] == [each.name for each in tmp_path.iterdir()]


def test_a_forgotten_moment_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 410 all of it is read at a later moment; no object is in it twice."""
    api = shop()
    real, gone = api._answer, [2]

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if "secrets?" in path and gone[0]:
            gone[0] -= 1
            api.revision += 10
            return 410, {"reason": "Expired", "message": "too old"}
        return real(method, path, body)

    monkeypatch.setattr(api, "_handler", answer)
    path = taken(api, tmp_path)

    assert (0, True) == (gone[0], verify(str(path)).manifest.exact)
    assert len(names(path)) == len(set(names(path))) == 10


def test_a_moment_that_is_always_forgotten_is_said_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three attempts each type is of a moment of its own, and the manifest says so."""
    api = shop()
    real = api._answer

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        api.revision += 1
        forgotten = "Exact" in path and "secrets?" in path
        return (410, {"reason": "Expired", "message": "too old"}) if forgotten else real(method, path, body)

    monkeypatch.setattr(api, "_handler", answer)
    manifest = verify(str(taken(api, tmp_path))).manifest

    assert not manifest.exact
    assert "each type is of a moment of its own" in manifest.notes[1]


def test_a_store_of_its_own_is_said_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A type that another etcd keeps knows nothing of the cluster's resource version; the others stay exact."""
    api = shop()
    real = api._answer

    def answer(method: str, path: str, body: Any) -> tuple[int, Any]:
        if "configmaps?" not in path:
            return real(method, path, body)
        if "Exact" in path:
            return 500, {"message": "etcdserver: mvcc: required revision is a future revision"}
        status, page = real(method, path, body)
        return status, page | {"metadata": page["metadata"] | {"resourceVersion": "7"}}

    monkeypatch.setattr(api, "_handler", answer)
    manifest = verify(str(taken(api, tmp_path))).manifest

    assert ["configmaps"] == [each.name for each in manifest.types if not each.exact]
    assert "another server keeps them: configmaps" in manifest.notes[1]


# What is refused before.


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Readers for the Secrets, types and namespaces; nothing is written."""
    with pytest.raises(ActionError) as caught:
        taken(shop(), tmp_path, readers=Recipients([]), selection=Selection(("shpo",)), encrypt=["configmap"])

    assert 3 == len(str(caught.value).splitlines())
    assert [] == list(tmp_path.iterdir())


def test_an_identity_in_the_place_of_a_recipient_is_not_shown() -> None:
    """It is a secret, and error texts end in logs."""
    with pytest.raises(ActionError, match=r"write age1…") as caught:
        Recipients([str(IDENTITY), "nobody"])

    assert "'nobody' is no recipient" in str(caught.value)
    assert str(IDENTITY)[20:] not in str(caught.value)


# What a file has to be.


def test_a_changed_part_is_refused(tmp_path: Path) -> None:
    """Also one that is a good part in itself."""
    path = taken(shop(), tmp_path)
    contents = members(path)
    (name,) = [each for each in contents if "configmaps" in each]
    contents[name] = gzip.compress(gzip.decompress(contents[name]).replace(b"map-3", b"map-9"))
    with pytest.raises(ActionError, match=r"configmaps.* is not what was written"):
        verify(rebuilt(path, contents))


def test_a_forged_manifest_is_refused_by_its_digest(tmp_path: Path) -> None:
    """Parts and manifest that were changed together are a snapshot, but not the one that was taken."""
    path = taken(shop(), tmp_path)
    digest = verify(str(path)).digest
    contents = members(path)
    contents[MANIFEST] = contents[MANIFEST].replace(b"v1.33.13", b"v1.33.14")
    forged = rebuilt(path, contents)

    assert digest == verify(str(path), digest=digest).digest
    assert "v1.33.14" == verify(forged).manifest.kubernetes
    with pytest.raises(ActionError, match=f"and not {digest}"):
        verify(forged, digest=digest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: {k: v for k, v in c.items() if "secrets" not in k}, "secrets.* is missing"),
        (lambda c: {k: v for k, v in c.items() if k != MANIFEST}, "ends before its manifest"),
        (lambda c: {HEADER: c[HEADER], "parts/00009-x.jsonl.gz": gzip.compress(b""), **c}, "is not in the manifest"),
        (lambda c: c | {"late": b""}, "stands behind the manifest"),
        (lambda c: {MANIFEST: c[MANIFEST]}, "it is no snapshot"),
        (lambda c: c | {HEADER: b"[1]"}, "it is no snapshot"),
        (lambda c: c | {HEADER: c[HEADER].replace(b'"version": 1', b'"version": 2')}, "version 2, and this reads 1"),
        (lambda c: c | {MANIFEST: c[MANIFEST].replace(b'"version": 1', b'"version": 9')}, "version 9, and this reads"),
        (lambda c: c | {MANIFEST: c[MANIFEST].replace(b'"count": 6', b'"count": 7', 1)}, "the counts of its types"),
        (lambda c: c | {MANIFEST: c[MANIFEST].replace(b'"count": 6', b'"count": 7')}, "configmaps.* has 6 objects"),
        (lambda c: c | {MANIFEST: c[MANIFEST].replace(b'"sha256": ', b'"sha": ')}, "its manifest is damaged"),
        (lambda _: {}, "it is empty"),
    ],
)  # fmt: skip
def test_what_is_no_snapshot_is_refused(
    change: Callable[[dict[str, bytes]], dict[str, bytes]], words: str, tmp_path: Path
) -> None:
    """Each says what is wrong with it."""
    path = taken(shop(), tmp_path)
    other = rebuilt(path, change(members(path)))
    with pytest.raises(ActionError, match=words):
        verify(other)


def test_secrets_in_clear_are_no_snapshot(tmp_path: Path) -> None:
    """A manifest that says so was not written by a snapshot."""
    path = taken(shop(), tmp_path)
    contents = members(path)
    contents[MANIFEST] = contents[MANIFEST].replace(b"secrets.jsonl.gz.age", b"secrets.jsonl.gz")
    with pytest.raises(ActionError, match="holds Secrets in clear"):
        verify(rebuilt(path, contents))


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b" + bytes(40), bytes(10240)])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    """Whatever they hold, with a sentence."""
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ActionError, match=r"it cannot be read as a snapshot|it is empty"):
        verify(str(tmp_path / "x"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(ActionError, match="missing does not exist"):
        verify(str(tmp_path / "missing"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[Any]]:
    """Give a snapshot, its digest and its objects."""
    path = taken(shop(), tmp_path_factory.mktemp("sample"))
    archive = verify(str(path), [IDENTITY])
    return path, archive.digest, list(archive.objects())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_goes_unseen(data: st.DataObject, sample: tuple[Path, str, list[Any]]) -> None:
    """Either it is refused, or it was in the padding and nothing of it is read."""
    path, digest, objects = sample
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    other = path.with_name("flipped.tar")
    other.write_bytes(content)
    try:
        archive = verify(str(other), [IDENTITY], digest=digest)
    except ActionError:
        return
    assert objects == list(archive.objects())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_truncation_goes_unseen(data: st.DataObject, sample: tuple[Path, str, list[Any]]) -> None:
    """Only the padding at the end may be missing."""
    path, digest, objects = sample
    content = path.read_bytes()
    other = path.with_name("short.tar")
    other.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    try:
        archive = verify(str(other), [IDENTITY], digest=digest)
    except ActionError:
        return
    assert len(content.rstrip(b"\0")) <= other.stat().st_size
    assert objects == list(archive.objects())


def test_a_file_that_changes_after_it_was_verified_is_refused(tmp_path: Path) -> None:
    """What is restored is what was verified."""
    path = taken(shop(), tmp_path)
    archive = verify(str(path), [IDENTITY])
    contents = members(path)
    (name,) = [each for each in contents if "configmaps" in each]
    contents[name] = gzip.compress(b'{"metadata": {}}\n')
    Path(rebuilt(path, contents)).rename(path)
    with pytest.raises(ActionError, match="has changed since it was verified"):
        list(archive.objects())


# Who can read it.


def test_each_recipient_can_read_it_and_nobody_else(tmp_path: Path) -> None:
    """Several people hold a key each; an SSH key serves, too."""
    second, stranger = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    path = taken(shop(), tmp_path, readers=Recipients([*READERS.texts, str(second.to_public())]))

    assert names(path, IDENTITY) == names(path, second)
    with pytest.raises(ActionError, match="none of the identities opens it"):
        verify(str(path), [stranger])
    with pytest.raises(ActionError, match="is encrypted: give --identity"):
        list(verify(str(path)).objects())
    assert verify(str(path)).needs_identity()


def test_rekeying_changes_who_can_read_it_and_nothing_else(tmp_path: Path) -> None:
    """Who left cannot read the new file."""
    path, new = taken(shop(), tmp_path / "old"), pyrage.x25519.Identity.generate()
    archive = rekey(verify(str(path)), str(tmp_path / "new"), Recipients([str(new.to_public())]), [IDENTITY])

    assert names(path, IDENTITY) == names(Path(archive.place), new)
    assert (path.name, (str(new.to_public()),)) == (Path(archive.place).name, archive.manifest.recipients)
    with pytest.raises(ActionError, match="none of the identities opens it"):
        verify(archive.place, [IDENTITY])


def test_files_of_keys(tmp_path: Path) -> None:
    """Recipients one a line with comments; identities as `age-keygen` and `ssh-keygen` write them."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    secret, recipient = new_identity()
    key = Ed25519PrivateKey.generate()
    openssh = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    (tmp_path / "r").write_text(f"# who\n{recipient}\n\n{key.public_key().public_bytes(*openssh).decode()}\n")
    (tmp_path / "i").write_text(f"# created\n{secret}\n")
    (tmp_path / "ssh").write_bytes(private)
    path = taken(shop(), tmp_path / "s", readers=Recipients(recipients_in(tmp_path / "r")))

    assert names(path, *identities_in(tmp_path / "i")) == names(path, *identities_in(tmp_path / "ssh"))
    (tmp_path / "no").write_text(secret[:30])
    with pytest.raises(ActionError, match="holds no identity") as caught:
        identities_in(tmp_path / "no")
    assert secret[:30] not in str(caught.value)


# Where it lies.


def test_only_whole_files_have_a_name(tmp_path: Path) -> None:
    """A run that fails in between leaves nothing, and says how much room there is."""

    def write(stream: IO[bytes]) -> None:
        stream.write(b"x")
        raise OSError(28, os.strerror(28))

    with pytest.raises(ActionError, match=r"No space left on device; \d+ MiB are free there"):
        put(str(tmp_path), "snapshot-x-20260101T000000.000Z.tar", write, lambda _path: None, None)

    assert [".snapshot.lock"] == [each.name for each in tmp_path.iterdir()]


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """It has no name of a snapshot meanwhile; the files are for their owner only."""
    (tmp_path / ".snapshot-x.tar.part").write_bytes(b"half")
    path = taken(shop(), tmp_path)

    assert {".snapshot.lock", path.name} == {each.name for each in tmp_path.iterdir()}
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_second_run_is_kept_out(tmp_path: Path) -> None:
    """By a lock that ends with its process."""
    with (
        locked(tmp_path / ".snapshot.lock", "x"),
        pytest.raises(ActionError, match=r"another snapshot is being written .*wait for its end"),
    ):
        taken(shop(), tmp_path)
    assert taken(shop(), tmp_path)


def test_retention_is_of_the_same_cluster_only(tmp_path: Path) -> None:
    """The oldest go; other clusters' and other files stay, and so does the new one."""
    mine = [f"snapshot-{KUBE_SYSTEM}-2026010{day}T000000.000Z.tar" for day in (1, 2, 3)]
    others = ["snapshot-22222222-x-20260101T000000.000Z.tar", f"snapshot-{KUBE_SYSTEM}-mine.tar", "notes.txt"]
    for name in (*mine, *others):
        (tmp_path / name).touch()
    path = taken(shop(), tmp_path, keep=2)

    assert {mine[2], path.name, *others, ".snapshot.lock"} == {each.name for each in tmp_path.iterdir()}


def test_an_object_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written, read back, verified, rekeyed and thinned out by URL (fsspec's store in memory plays one)."""
    import fsspec

    store = fsspec.filesystem("memory")
    monkeypatch.setattr(store, "store", {})
    monkeypatch.setattr(store, "pseudo_dirs", [""])
    old = f"/bucket/a/snapshot-{KUBE_SYSTEM}-20260101T000000.000Z.tar"
    store.pipe_file(old, b"")
    found = take(Client(shop()), "memory://bucket/a", READERS, keep=1)

    assert found.place.startswith(f"memory://bucket/a/snapshot-{KUBE_SYSTEM}-")
    assert 10 == verify(found.place, [IDENTITY], digest=found.archive.digest).manifest.count
    assert (Path(old).name,) == found.removed
    assert not store.exists(old)


def test_a_store_without_its_package_is_told() -> None:
    """The remedy is what fsspec itself says."""
    with pytest.raises(ActionError, match="nowhere"):
        take(Client(shop()), "nowhere://bucket", READERS)


def test_the_digest_covers_the_manifest(tmp_path: Path) -> None:
    """It can be computed with any tool: the sha256 of the last member."""
    path = taken(shop(), tmp_path)

    assert digest_of(members(path)[MANIFEST]) == verify(str(path)).digest
    assert json.loads(members(path)[MANIFEST])["format"] == "kubernetes-emerging/snapshot"
