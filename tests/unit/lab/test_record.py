"""The record between the lab and the program."""

import json
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.record import Record, forget_record, read_record, record_file, write_record

RECORD = Record(
    name="abc123-dev", root="/home/one/project", kubeconfig="/cache/kubeconfig", context="lab", cluster_id="uid-1"
)


def test_record_has_the_agreed_form(tmp_path: Path) -> None:
    """These are the fields that components read; a change here is a change of contract."""
    write_record(tmp_path, RECORD)

    assert {
        "version": 1,
        "engine": "lab",
        "cluster": "node",
        "name": "abc123-dev",
        "root": "/home/one/project",
        "kubeconfig": "/cache/kubeconfig",
        "context": "lab",
        "cluster_id": "uid-1",
        "platform": "lab",
        "backend": "",
        "minor": "",
    } == json.loads(record_file(tmp_path).read_text())
    assert 0o600 == record_file(tmp_path).stat().st_mode & 0o777


def test_record_comes_back(tmp_path: Path) -> None:
    """What was written is read."""
    write_record(tmp_path / "new", RECORD)

    assert RECORD == read_record(tmp_path / "new")
    assert ["record.json"] == [file.name for file in (tmp_path / "new").iterdir()]


def test_unchanged_record_is_not_written_again(tmp_path: Path) -> None:
    """A second `up` with nothing changed leaves the file as it is."""
    write_record(tmp_path, RECORD)
    before = record_file(tmp_path).stat()

    write_record(tmp_path, RECORD)

    assert (before.st_ino, before.st_mtime_ns) == (
        record_file(tmp_path).stat().st_ino,
        record_file(tmp_path).stat().st_mtime_ns,
    )


def test_no_record_is_none_and_can_be_forgotten(tmp_path: Path) -> None:
    """Nothing there is no error."""
    forget_record(tmp_path)

    assert None is read_record(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": 1}', '"x"', "null"])
def test_damaged_record_is_named_with_the_remedy(tmp_path: Path, text: str) -> None:
    """A file that is no record is no traceback."""
    record_file(tmp_path).write_text(text)

    with pytest.raises(LabError, match=r"record\.json is damaged.*make up"):
        read_record(tmp_path)


def test_record_of_another_release_is_told(tmp_path: Path) -> None:
    """A version that this lab does not know is not guessed at."""
    write_record(tmp_path, RECORD)
    file = record_file(tmp_path)
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))

    with pytest.raises(LabError, match="version 2"):
        read_record(tmp_path)
