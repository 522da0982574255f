"""The first process of a node, as far as it can be tried without a node: needs, restarts, giving up."""

import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lab.cluster import network
from lab.cluster.errors import ClusterError
from lab.cluster.instance import Instance
from lab.cluster.supervisor import NodeError, Supervisor, is_met


def component(name: str, *, needs: tuple[str, ...] = (), once: bool = False, code: int = 0) -> dict[str, Any]:
    """Return a component that ends at once with `code`."""
    command = [sys.executable, "-I", "-S", "-c", f"print('last words'); raise SystemExit({code})"]
    return {"name": name, "command": command, "needs": list(needs), "once": once}


def supervisor(folder: Path, *components: dict[str, Any]) -> Supervisor:
    """Return a supervisor of `components` that logs into `folder`."""
    return Supervisor({"status": str(folder / "status.json"), "logs": str(folder), "components": list(components)})


def run_once(node: Supervisor) -> None:
    """Start what can start and wait until it is buried."""
    node.start_what_can()
    ends_at = time.monotonic() + 10
    while node.running and time.monotonic() < ends_at:
        node.reap()
        time.sleep(0.01)
    assert {} == node.running


def test_a_need_is_a_file_or_a_listening_port(tmp_path: Path) -> None:
    """Both are looked at anew each time."""
    assert not is_met(f"path:{tmp_path / 'there'}")
    (tmp_path / "there").touch()
    assert is_met(f"path:{tmp_path / 'there'}")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_met(f"tcp:{port}")
    assert not is_met(f"tcp:{port}")


def test_a_component_waits_for_its_needs(tmp_path: Path) -> None:
    """What it needs may come at any time; others do not wait for it."""
    node = supervisor(tmp_path, component("late", needs=(f"path:{tmp_path / 'there'}",), once=True))
    node.start_what_can()
    assert ["late"] == [each["name"] for each in node.waiting]
    (tmp_path / "there").touch()
    run_once(node)
    assert "last words\n" == (tmp_path / "late.log").read_text()


def test_work_that_is_done_once_is_not_done_again(tmp_path: Path) -> None:
    """It ended well, so nothing of it is left to start."""
    node = supervisor(tmp_path, component("images", once=True))
    run_once(node)
    assert [] == node.waiting


def test_a_component_that_ended_starts_again_after_a_moment(tmp_path: Path) -> None:
    """A component is there to stay: even a good ending is followed by a restart, though not at once."""
    node = supervisor(tmp_path, component("kubelet"))
    run_once(node)
    assert ["kubelet"] == [each["name"] for each in node.waiting]
    assert node.restart_at["kubelet"] > time.monotonic()


def test_a_component_that_never_runs_is_named(tmp_path: Path) -> None:
    """After the fourth quick death the node gives up, and says which component and exit code it was."""
    node = supervisor(tmp_path, component("etcd", code=3))
    for _ in range(3):
        run_once(node)
        node.restart_at.clear()
    with pytest.raises(NodeError, match=r"etcd ended 4 times within 60 s \(last exit code 3\)") as caught:
        run_once(node)
    assert "etcd" == caught.value.component


def test_ranges_are_chosen_once_and_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance keeps its addresses; another one, running or not, gets others."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(network, "host_networks", list)
    assert Instance("one").ranges() is None
    first = Instance("one").claim_ranges()
    assert first == Instance("one").claim_ranges() == Instance("one").ranges()
    assert first != Instance("two").claim_ranges()


def test_kept_addresses_that_something_else_took_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped cluster cannot change its addresses, so the message says what meets them and what to do."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(network, "host_networks", list)
    taken = Instance("one").claim_ranges().services
    monkeypatch.setattr(network, "host_networks", lambda: [taken])
    with pytest.raises(ClusterError, match=rf"in use on this machine now \({taken}\).*delete the cluster"):
        Instance("one").claim_ranges()


def test_unreadable_addresses_are_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not taken for none: that would give a kept cluster other addresses."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = Instance("one").folder
    folder.mkdir(parents=True)
    (folder / "addresses.json").write_text("{")
    with pytest.raises(ClusterError, match=r"cluster one: .*addresses.json cannot be read"):
        Instance("one").ranges()


def test_other_folders_do_not_keep_an_instance_from_its_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of no instance, and one whose damaged addresses keep it from starting, take no range."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(network, "host_networks", list)
    taken = Instance("two").claim_ranges()
    for name, content in {"No instance": '{"block": "10.239.0.0/16"}', "damaged": "{"}.items():
        (Instance("two").folder.parent / name).mkdir()
        (Instance("two").folder.parent / name / "addresses.json").write_text(content)
    assert taken != Instance("one").claim_ranges()
