"""Where a simulated cluster keeps what it has, and the ports that it takes."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from lab.cluster.errors import ClusterError
from lab.cluster.instance import Instance as NodeInstance
from lab.simulated import instance
from lab.simulated.instance import ADDRESS, Instance, Ports, choose


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the cache in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "kubernetes-emerging"


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """Listen on the first port that an instance would take."""
    first = choose(()).api
    with socket.create_server((ADDRESS, first)) as server:
        yield server


def test_a_node_of_the_same_name_shares_nothing(cache: Path) -> None:
    """Folders, locks and entries in the registry are apart, so that one cannot be deleted for the other."""
    simulated, real = Instance("dev"), NodeInstance("dev")
    assert cache / "simulated" / "dev" == simulated.folder
    assert simulated.folder != real.folder
    assert simulated.work_lock != real.work_lock
    with pytest.raises(ValueError, match="cluster name"):
        NodeInstance(simulated.registered_name)


def test_ports_are_kept(cache: Path) -> None:
    """An instance comes back where it was; before its first start it has none."""
    assert Instance("one").ports() is None
    claimed = Instance("one").claim_ports()
    assert claimed == Instance("one").ports() == Instance("one").claim_ports()
    assert (cache / "simulated" / "one" / "ports.json").is_file()


def test_instances_do_not_meet() -> None:
    """Ports of an instance that does not run are left to it."""
    taken = [port for name in ("one", "two", "three") for port in asdict(Instance(name).claim_ports()).values()]
    assert len(taken) == len(set(taken))


def test_a_port_that_is_taken_since_is_given_up(listening: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """What listens there was first; the instance moves, and stays at its new place."""
    monkeypatch.setattr(instance, "_SETTLES_WITHIN", 0.0)
    port = listening.getsockname()[1]
    folder = Instance("one").folder
    folder.mkdir(parents=True)
    (folder / "ports.json").write_text(json.dumps(asdict(Ports.beginning_at(port))))
    moved = Instance("one").claim_ports()
    assert port not in asdict(moved).values()
    assert moved == Instance("one").ports()


def test_a_port_that_is_let_go_in_a_moment_is_kept(listening: socket.socket) -> None:
    """What was killed just now is not taken for somebody else."""
    ports = Ports.beginning_at(listening.getsockname()[1])
    folder = Instance("one").folder
    folder.mkdir(parents=True)
    (folder / "ports.json").write_text(json.dumps(asdict(ports)))
    threading.Timer(0.1, listening.close).start()
    assert ports == Instance("one").claim_ports()


def test_an_instance_keeps_its_minor() -> None:
    """Data of one Kubernetes minor is not started with another; the message says which it is and what to do."""
    Instance("one").claim_minor("1.33")
    Instance("one").check_minor("1.33")
    with pytest.raises(ClusterError, match=r"made with Kubernetes 1\.33, and 1\.37 .*lab\.simulated down --name one"):
        Instance("one").claim_minor("1.37")
    Instance("other").claim_minor("1.37")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"api": 1}'])
def test_damaged_ports_are_chosen_anew(damage: str) -> None:
    """They can be had again, unlike what an instance holds."""
    folder = Instance("one").folder
    folder.mkdir(parents=True)
    (folder / "ports.json").write_text(damage)
    assert Instance("one").ports() is None
    assert Instance("one").claim_ports() == Instance("one").ports()


def test_no_free_port_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where was looked and how to see what is there."""
    monkeypatch.setattr(instance, "all_free", lambda _ports: False)
    with pytest.raises(ClusterError, match=r"no 4 free ports on 127\.0\.0\.1 .*ss -ltnp"):
        choose(())


def test_ports_of_one_instance_are_neighbours() -> None:
    """Four in a row, and none of those that Linux hands out by itself."""
    assert Ports(16440, 16441, 16442, 16443) == Ports.beginning_at(16440)
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert instance._LAST + instance._EACH < max(low, 32768)
