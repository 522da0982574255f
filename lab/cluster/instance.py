"""The lasting facts of one instance: its folder, its addresses, and the names of what it has on the host."""

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from lab.cluster import network
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR
from lab.cluster.network import Ranges
from lab.files import locked, write_atomically
from lab.paths import cache_root

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True)
class Instance:
    """Where an instance keeps what it has. Constructing one has no side effect.

    Raises ValueError for a name that is no lower-case DNS label of at most 40 characters.
    """

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"cluster name {self.name!r}: write 1 to 40 lower-case letters, digits and dashes, no dash at an end"
            )

    @property
    def folder(self) -> Path:
        """Everything of the instance on disk."""
        return cache_root() / "clusters" / self.name

    @property
    def work_lock(self) -> Path:
        """Held while the instance is started, stopped or deleted; beside the folder, for delete removes that."""
        return cache_root() / "clusters" / f".{self.name}.lock"

    @property
    def life_lock(self) -> Path:
        """Held by the node's first process for as long as the node lives."""
        return self.folder / "run" / "alive.lock"

    @property
    def ready_mark(self) -> Path:
        """Exists once this life of the node has been seen to work; its next life begins without it."""
        return self.folder / "run" / "ready"

    @property
    def plan(self) -> Path:
        """The plan that the supervisor runs; its path on a command line also tells whose supervisor it is."""
        return self.folder / "plan.json"

    @property
    def registered_name(self) -> str:
        """Its name in the registry of the lab's clusters."""
        return self.name

    @property
    def interface(self) -> str:
        """The host's end of the link; the kernel takes 15 characters."""
        return f"ke{self._mark}"

    @property
    def cgroup(self) -> str:
        """The control group of the instance's pods."""
        return f"kubernetes-emerging-{self.name}-{self._mark}"

    @property
    def _mark(self) -> str:
        # Two users, or two caches of one, may use the same name on one machine.
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    def ranges(self) -> Ranges | None:
        """Return the instance's addresses, or None where it has never been started."""
        try:
            return Ranges(IPv4Network(json.loads(self._addresses.read_text())["block"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterError(
                f"cluster {self.name}: {self._addresses} cannot be read ({error}); "
                f"delete the instance (python -m lab.cluster down --name {self.name}) and start again"
            ) from error

    def minor(self) -> str | None:
        """Return the Kubernetes minor that the instance was made with, or None where it has never been started."""
        try:
            return self._minor.read_text().strip()
        except FileNotFoundError:
            # Instances of before there was a choice have addresses and no such file.
            return DEFAULT_MINOR if self._addresses.exists() else None

    def check_minor(self, wanted: str) -> None:
        """Raise ClusterError where the instance was made with another Kubernetes minor than `wanted`.

        Its data is not for another one: Kubernetes goes up by one minor at a time, and never down.
        """
        kept = self.minor()
        if kept not in {None, wanted}:
            raise ClusterError(
                f"cluster {self.name} was made with Kubernetes {kept}, and {wanted} is asked for: go on with {kept}, "
                f"or delete the cluster (python -m lab.cluster down --name {self.name}) and start it anew"
            )

    def claim_minor(self, wanted: str) -> None:
        """Keep `wanted` as the instance's Kubernetes minor at its first start; later as `check_minor`."""
        self.check_minor(wanted)
        if self.minor() is None:
            write_atomically(self._minor, wanted + "\n")

    def claim_ranges(self) -> Ranges:
        """Return the instance's addresses, choosing free ones at its first start.

        Raises ClusterError where none are free, or where a kept one has been taken by something else since.
        """
        with locked(cache_root() / "clusters" / ".ranges.lock", lambda: None):
            kept = self.ranges()
            on_host = network.host_networks()
            if kept is None:
                kept = network.choose([*on_host, *self._others()])
                write_atomically(self._addresses, json.dumps({"block": str(kept.block)}) + "\n")
            elif meets := [str(other) for other in on_host if other.overlaps(kept.block)]:
                raise ClusterError(
                    f"the addresses of cluster {self.name} ({kept.block}) are in use on this machine now "
                    f"({', '.join(sorted(set(meets)))}); free them, or delete the cluster and start it anew"
                )
            return kept

    def has_youki(self) -> bool:
        """Tell whether the node is to have the handler of youki."""
        return self._youki.exists()

    def give_youki(self) -> None:
        """Let the node have the handler of youki from its next start on."""
        write_atomically(self._youki, "")

    def lock(self, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Hold the instance against every other start, stop or delete."""
        return locked(self.work_lock, waiting)

    @property
    def _minor(self) -> Path:
        return self.folder / "kubernetes-minor"

    @property
    def _youki(self) -> Path:
        return self.folder / "with-youki"

    @property
    def _addresses(self) -> Path:
        return self.folder / "addresses.json"

    def _others(self) -> list[IPv4Network]:
        found = []
        for path in self.folder.parent.glob("*/addresses.json"):
            # A folder that is no instance's, or one whose damaged addresses keep it from ever starting.
            with suppress(ValueError, ClusterError):
                if ranges := Instance(path.parent.name).ranges():
                    found.append(ranges.block)
        return found
