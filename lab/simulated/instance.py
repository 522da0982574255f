"""The lasting facts of one simulated cluster: its folder and the ports that it takes on the loopback address."""

import json
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.cluster import instance
from lab.cluster.errors import ClusterError
from lab.files import locked, write_atomically
from lab.paths import cache_root

ADDRESS = "127.0.0.1"
_FIRST, _LAST = 16440, 19440  # below the range from which Linux hands out ports by itself
_EACH = 4
_SETTLES_WITHIN = 1.0  # seconds


@dataclass(frozen=True)
class Ports:
    """Where the components of one instance listen, all on the loopback address."""

    api: int
    etcd: int
    peer: int
    kubelet: int

    @classmethod
    def beginning_at(cls, first: int) -> "Ports":
        """Return the ports from `first` on."""
        return cls(*range(first, first + _EACH))


@dataclass(frozen=True)
class Instance(instance.Instance):
    """Where a simulated cluster keeps what it has: apart from the nodes, which may have the same names.

    Raises ValueError for a name that is no lower-case DNS label of at most 40 characters.
    """

    @property
    def folder(self) -> Path:
        """Everything of the instance on disk."""
        return _all() / self.name

    @property
    def work_lock(self) -> Path:
        """Held while the instance is started, stopped or deleted; beside the folder, for delete removes that."""
        return _all() / f".{self.name}.lock"

    @property
    def registered_name(self) -> str:
        """Its name in the registry of the lab's clusters, which no node's name can be."""
        return f"{self.name}.simulated"

    def check_minor(self, wanted: str) -> None:
        """Raise ClusterError where the instance was made with another Kubernetes minor than `wanted`."""
        kept = self.minor()
        if kept not in {None, wanted}:
            raise ClusterError(
                f"simulated cluster {self.name} was made with Kubernetes {kept}, and {wanted} is asked for: go on with "
                f"{kept}, or delete it (python -m lab.simulated down --name {self.name}) and start it anew"
            )

    def ports(self) -> Ports | None:
        """Return the instance's ports, or None where it has never been started or they cannot be read."""
        try:
            return Ports(**json.loads(self._ports.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def claim_ports(self) -> Ports:
        """Return the instance's ports, its own of before where they are free, else others.

        None of its processes may run. Raises ClusterError where no ports are free.
        """
        with locked(_all() / ".ports.lock", lambda: None):
            kept = self.ports()
            if kept and _become_free(kept):
                return kept
            found = choose({port for other in self._neighbours() for port in asdict(other).values()})
            write_atomically(self._ports, json.dumps(asdict(found)) + "\n")
            return found

    @property
    def _ports(self) -> Path:
        return self.folder / "ports.json"

    def _neighbours(self) -> Iterator[Ports]:
        for path in self.folder.parent.glob("*/ports.json"):
            with suppress(ValueError):
                if path.parent != self.folder and (ports := Instance(path.parent.name).ports()):
                    yield ports


def choose(taken: Iterable[int]) -> Ports:
    """Return ports that no other instance has and nothing listens on.

    Raises ClusterError where there are none.
    """
    taken = set(taken)
    for first in range(_FIRST, _LAST, _EACH):
        ports = Ports.beginning_at(first)
        if taken.isdisjoint(asdict(ports).values()) and all_free(ports):
            return ports
    raise ClusterError(
        f"no {_EACH} free ports on {ADDRESS} between {_FIRST} and {_LAST}; end what listens there (`ss -ltnp`)"
    )


def all_free(ports: Ports) -> bool:
    """Tell whether this user can listen on all of them now."""
    return all(_is_free(port) for port in asdict(ports).values())


def _become_free(ports: Ports) -> bool:
    # A process that was killed is out of sight a moment before the kernel closes what it had.
    ends_at = time.monotonic() + _SETTLES_WITHIN
    while not (free := all_free(ports)) and time.monotonic() < ends_at:
        time.sleep(0.02)
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        # As the components do it: a port whose last connections are fading is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _all() -> Path:
    return cache_root() / "simulated"
