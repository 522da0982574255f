"""Restores without a cluster: what is refused before anything is written, and a journal that survives everything."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.actions.client import Client
from components.actions.errors import ActionError
from components.actions.restore import Choice, compare, restore
from components.actions.restore.journal import Journal
from components.actions.snapshot import Archive, take, verify
from components.model.mapping import Names
from tests.unit.actions.api import KUBE_SYSTEM, ApiDouble, namespace, thing
from tests.unit.actions.test_snapshot import IDENTITY, READERS, shop

HEADER = {"snapshot": "digest", "cluster": "c"}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Give a snapshot of the shop."""
    return verify(take(Client(shop()), str(tmp_path / "s"), READERS).place, [IDENTITY])


def changes(api: ApiDouble) -> list[Any]:
    """Return the requests that would have changed something."""
    return [each[:2] for each in api.requests if each[0] != "GET"]


# What is refused before anything is written.


def test_a_snapshot_of_another_cluster_has_to_be_named(archive: Archive, tmp_path: Path) -> None:
    """By the UID of the cluster that it is of, and by no other."""
    api = shop()
    api.stores["v1/namespaces"][0]["metadata"]["uid"] = "another"
    with pytest.raises(ActionError, match=f"is another: if it is .*, say --from-cluster {KUBE_SYSTEM}"):
        restore(Client(api), archive, tmp_path / "j")
    with pytest.raises(ActionError, match=f"of the cluster {KUBE_SYSTEM}, not of wrong"):
        restore(Client(api), archive, tmp_path / "j", source="wrong")

    assert restore(Client(api), archive, tmp_path / "j", source=KUBE_SYSTEM).whole
    assert [] == changes(api)


def test_types_that_are_not_served_are_refused(archive: Archive, tmp_path: Path) -> None:
    """They would be lost; leaving them out is said by name."""
    api = shop()
    api.types = [each for each in api.types if each[1] != "configmaps"]
    with pytest.raises(ActionError, match=r"does not serve configmaps \(v1\): install what brings them"):
        restore(Client(api), archive, tmp_path / "j")

    assert restore(Client(api), archive, tmp_path / "j", choice=Choice(without=("configmaps",))).whole


def test_conflicts_are_all_told(archive: Archive, tmp_path: Path) -> None:
    """By the paths of fields; values may be secrets, and nothing is written."""
    api = shop()
    api.stores["v1/secrets"][0]["data"]["password"] = "another"
    api.stores["v1/configmaps"][0]["data"] = None
    with pytest.raises(
        ActionError, match=r"(?s)configmaps shop/map-0: data\n.*secrets shop/login: data\.password\n"
    ) as e:
        restore(Client(api), archive, tmp_path / "j")

    assert "another" not in str(e.value)
    assert [] == changes(api)
    # The remedy that is told works: no journal of the refused attempt stands in its way.
    assert restore(Client(api), archive, tmp_path / "j", policy="skip", patience=0).kept


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice(("shpo",)), "these namespaces are not in it: shpo: check --namespace"),
        (Choice(), "secrets are encrypted: give --identity, or leave them out: --without secrets"),
    ],
)
def test_what_cannot_be_read_or_found(archive: Archive, choice: Choice, words: str, tmp_path: Path) -> None:
    """A mistyped namespace, and a snapshot without its identity."""
    closed = verify(archive.place) if choice == Choice() else archive
    with pytest.raises(ActionError, match=words):
        restore(Client(shop()), closed, tmp_path / "j", choice=choice)
    assert compare(Client(shop()), verify(archive.place), Choice(without=("secrets",))).whole


def test_a_comparison_finds_everything(archive: Archive) -> None:
    """What is missing, what differs and where, what is there besides; what no restore brings back does not count."""
    api = shop()
    maps = api.stores["v1/configmaps"]
    del maps[0]
    maps[0]["data"]["number"] = "x"
    maps[1]["metadata"]["labels"] = {"new": "1"}
    maps[2]["metadata"]["resourceVersion"] = "9999"
    maps[3]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for each in (thing("ConfigMap", "extra"), thing("ConfigMap", "kube-root-ca.crt"), thing("Event", "e")):
        api.put(each)
    found = compare(Client(api), archive)

    assert ("configmaps shop/map-0", "configmaps shop/map-4") == found.missing
    assert {
        "configmaps shop/map-1": ("data.number",),
        "configmaps shop/map-2": ("metadata.labels",),
    } == found.different
    assert (("configmaps shop/extra",), 6, False) == (found.extra, found.equal, found.whole)


def test_a_comparison_of_a_part(archive: Archive) -> None:
    """Only the chosen namespace counts, under its new name, too."""
    renamed = ApiDouble(namespace("new"), thing("ConfigMap", "far", space="new"), thing("ConfigMap", "x", space="shop"))

    assert compare(Client(renamed), archive, Choice(("other",), (), Names({"other": "new"}))).to_json() == {
        "equal": 2,
        "missing": [],
        "different": {},
        "extra": [],
        "left": {},
    }


# The journal.


def filled(path: Path) -> None:
    """Write a journal of two objects, of which one is done."""
    with Journal(path, HEADER) as journal:
        journal.start({"existed": ["e"]})
        journal.begin(["a", "b"])
        journal.end({"a": ("created", "uid-a")})


def test_a_journal_is_gone_on_with(tmp_path: Path) -> None:
    """Everything that it was told is there again; put aside, it is a new one."""
    filled(tmp_path / "j")
    with Journal(tmp_path / "j", HEADER) as journal:
        assert ({"existed": ["e"]}, {"a", "b"}) == (journal.first, journal.begun)
        assert {"a": ("created", "uid-a")} == journal.done
        journal.close_for_good()
    with Journal(tmp_path / "j", HEADER) as journal:
        assert not journal.resumed


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 200))
def test_a_journal_that_was_cut_off_knows_less_and_nothing_wrong(cut: int, tmp_path_factory: Any) -> None:
    """After a power cut in the middle of a line that line was not written, and what follows is written behind it."""
    path = tmp_path_factory.mktemp("j") / "j"
    filled(path)
    content = path.read_bytes()
    path.write_bytes(content[: min(cut, len(content))])
    with Journal(path, HEADER) as journal:
        assert journal.done in ({}, {"a": ("created", "uid-a")})
        assert journal.begun in (set(), {"a", "b"})
        journal.end({"z": ("same", "uid-z")})
    with Journal(path, HEADER) as journal:
        assert "z" in journal.done
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_a_journal_of_something_else_is_refused(tmp_path: Path) -> None:
    """Another snapshot, cluster or policy; or another file altogether."""
    filled(tmp_path / "j")
    with pytest.raises(ActionError, match="is the journal of another restore"):
        Journal(tmp_path / "j", {**HEADER, "cluster": "d"})
    for content in ("text\n", "[1]\n", '{"a": 1}\n'):
        (tmp_path / "x").write_text(content)
        with pytest.raises(ActionError, match="is no journal of a restore: name another file"):
            Journal(tmp_path / "x", HEADER)


def test_a_second_restore_is_kept_out(tmp_path: Path) -> None:
    """One process at a time holds the journal; what holds it ends with its process."""
    with Journal(tmp_path / "j", HEADER), pytest.raises(ActionError, match="another restore holds"):
        Journal(tmp_path / "j", HEADER)
    with Journal(tmp_path / "j", HEADER):
        pass


@pytest.mark.parametrize("written", [None, 5])
def test_a_full_disk_stops_before_the_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int | None
) -> None:
    """It fails, or takes only a part of the line; either way nothing is begun that is not noted."""
    with Journal(tmp_path / "j", HEADER) as journal:
        real = os.write

        def write(descriptor: int, text: bytes) -> int:
            if written is None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(descriptor, text[:written])

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", write)
            with pytest.raises(ActionError, match=r"No space left on device.*make room, and repeat the command"):
                journal.begin(["a"])
    with Journal(tmp_path / "j", HEADER) as journal:
        assert set() == journal.begun
