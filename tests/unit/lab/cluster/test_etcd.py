"""A store made of a snapshot: what etcd's tool is asked for, and that no kill leaves a mixture or an empty store."""

import sys
from pathlib import Path

import pytest

from lab.cluster import etcd
from lab.cluster.errors import ClusterError

# Plays etcdutl: it makes a store, or half of one, and refuses every other command.
DOUBLE = """#!{python}
import sys
from pathlib import Path
words = sys.argv[1:]
snapshot, folder = Path(words[2]), Path(words[4])
assert not folder.exists()
(folder / "member").mkdir(parents=True)
if snapshot.read_text() != "whole":
    sys.exit("expected sha256 [..], got [..]")
(folder / "member/db").write_text("restored")
expected = ["snapshot", "restore", str(snapshot), "--data-dir", str(folder), "--name", "lab"]
expected += ["--initial-cluster", "lab=http://127.0.0.1:2380"]
expected += ["--initial-advertise-peer-urls", "http://127.0.0.1:2380"]
expected += ["--bump-revision", "1000000000", "--mark-compacted"]
assert words == expected, words
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give the data of a node, with a store."""
    tool = tmp_path / "etcdutl"
    tool.write_text(DOUBLE.format(python=sys.executable))
    tool.chmod(0o755)
    (tmp_path / "whole").write_text("whole")
    (tmp_path / "cut").write_text("cut")
    folder = tmp_path / "data"
    (folder / "etcd/member").mkdir(parents=True)
    (folder / "etcd/member/db").write_text("live")
    return folder


def store(data: Path, name: str = "etcd") -> str:
    """Return what is in a store."""
    return (data / name / "member/db").read_text()


def prepared(data: Path, snapshot: str = "whole") -> None:
    """Make a store of a snapshot."""
    etcd.prepare(data, data.parent / snapshot, data.parent / "etcdutl")


def test_a_store_is_put_in_place_at_a_start(data: Path) -> None:
    """Once it was chosen; the one of before stays, until the next restore."""
    prepared(data)
    etcd.put_in_place(data)
    assert "live" == store(data)
    etcd.choose(data)
    assert "live" == store(data)
    etcd.put_in_place(data)
    assert ("restored", "live") == (store(data), store(data, "etcd.before"))
    etcd.put_in_place(data)
    assert "restored" == store(data)
    prepared(data)
    etcd.choose(data)
    etcd.put_in_place(data)
    assert ("restored", "restored") == (store(data), store(data, "etcd.before"))


def test_a_kill_between_two_renames_is_gone_on_with(data: Path) -> None:
    """The old store has gone aside, and nothing is in its place: the start does not begin with an empty one."""
    prepared(data)
    etcd.choose(data)
    (data / "etcd").rename(data / "etcd.before")
    etcd.put_in_place(data)

    assert ("restored", "live") == (store(data), store(data, "etcd.before"))


def test_what_is_not_whole_changes_nothing(data: Path) -> None:
    """Nor does the part of a store that the tool leaves stand in the way of the next attempt."""
    with pytest.raises(ClusterError, match="expected sha256"):
        prepared(data, "cut")
    with pytest.raises(ClusterError, match="missing is no file: give the snapshot in clear"):
        prepared(data, "missing")
    etcd.put_in_place(data)
    assert "live" == store(data)
    prepared(data)
    etcd.choose(data)
    etcd.put_in_place(data)
    assert "restored" == store(data)
