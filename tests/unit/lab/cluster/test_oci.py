"""Image archives: an OCI layout that is complete, correct and the same every time."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lab.cluster.oci import Content, Entry, File, Folder, Link, write_archive

CONFIG = {"User": "101", "Entrypoint": ["/bin/program"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a small root: a program, a link to it, a manual, an empty folder."""
    root = tmp_path / "root"
    for folder in ("usr/bin", "usr/share/man", "var/empty"):
        (root / folder).mkdir(parents=True)
    (root / "usr/bin/program").write_bytes(b"#!")
    (root / "usr/bin/program").chmod(0o755)
    (root / "bin").symlink_to("usr/bin")
    (root / "usr/share/man/program.1").write_text("how to")
    return root


def read(archive: Path) -> tuple[dict[str, Any], dict[str, Any], tarfile.TarFile]:
    """Return the manifest's index entry, the configuration and the layer, checking every digest on the way."""
    with tarfile.open(archive) as tar:
        blobs = {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar.getmembers()}
    assert {"imageLayoutVersion": "1.0.0"} == json.loads(blobs["oci-layout"])

    def blob(descriptor: dict[str, Any]) -> bytes:
        content = blobs["blobs/sha256/" + descriptor["digest"].removeprefix("sha256:")]
        assert descriptor["digest"] == "sha256:" + hashlib.sha256(content).hexdigest()
        assert descriptor["size"] == len(content)
        return content

    (entry,) = json.loads(blobs["index.json"])["manifests"]
    manifest = json.loads(blob(entry))
    configuration = json.loads(blob(manifest["config"]))
    (layer,) = manifest["layers"]
    assert [layer["digest"]] == configuration["rootfs"]["diff_ids"]  # the layer is not compressed
    return entry, configuration, tarfile.open(fileobj=io.BytesIO(blob(layer)))


def test_an_archive_carries_its_name_its_configuration_and_its_files(tree: Path, tmp_path: Path) -> None:
    """Digests and sizes fit; the full name is where containerd looks for it; files keep mode and kind."""
    extra: dict[str, Entry] = {"etc/passwd": File(b"root"), "sbin": Link("usr/sbin"), "tmp": Folder(0o1777)}
    target = tmp_path / "image.tar"
    write_archive(target, "localhost/some:1.2", Content(CONFIG, extra, tree))
    entry, configuration, layer = read(target)
    assert "localhost/some:1.2" == entry["annotations"]["io.containerd.image.name"]
    assert "1.2" == entry["annotations"]["org.opencontainers.image.ref.name"]
    assert CONFIG == configuration["config"]
    program = layer.getmember("usr/bin/program")
    assert (0o755, 0, 0, 0) == (program.mode, program.uid, program.gid, program.mtime)
    assert ("usr/bin", "usr/sbin") == (layer.getmember("bin").linkname, layer.getmember("sbin").linkname)
    assert 0o1777 == layer.getmember("tmp").mode
    assert layer.getmember("var/empty").isdir()


def test_folders_come_before_what_they_hold(tree: Path, tmp_path: Path) -> None:
    """A reader that takes entries in order never meets a file whose folder is not there."""
    target = tmp_path / "image.tar"
    write_archive(target, "localhost/some:1", Content(CONFIG, {"deep/in/there": File(b"")}, tree))
    seen: set[str] = set()
    for name in read(target)[2].getnames():
        assert name.rpartition("/")[0] in {"", *seen}
        seen.add(name)
    assert "deep/in/there" in seen


def test_what_is_made_here_wins_and_what_is_not_kept_stays_out(tree: Path, tmp_path: Path) -> None:
    """An extra file replaces the tree's; the filter drops files by path."""
    target = tmp_path / "image.tar"
    content = Content(CONFIG, {"usr/bin/program": File(b"ours")}, tree, lambda path: not path.startswith("usr/share/"))
    write_archive(target, "localhost/some:1", content)
    layer = read(target)[2]
    assert b"ours" == (layer.extractfile("usr/bin/program") or io.BytesIO()).read()
    assert "usr/share/man/program.1" not in layer.getnames()


def test_the_same_content_gives_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    """Times and the order of folders on this machine leave no mark."""
    archives = [tmp_path / "one.tar", tmp_path / "two.tar"]
    for archive in archives:
        write_archive(archive, "localhost/some:1", Content(CONFIG, {}, tree))
        (tree / "usr/bin/program").touch()
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_a_failed_writing_leaves_nothing(tmp_path: Path) -> None:
    """Where it cannot be completed, neither the archive nor a part of it stays."""
    with pytest.raises(TypeError):
        write_archive(tmp_path / "image.tar", "localhost/some:1", Content({"Cmd": object()}))
    assert [] == list(tmp_path.iterdir())
