"""A cluster for machines without root: a real control plane on the loopback address, and nodes simulated by kwok."""

from lab.simulated.artifacts import build, is_built
from lab.simulated.cluster import SimulatedCluster
from lab.simulated.host import check_host

__all__ = ["SimulatedCluster", "build", "check_host", "is_built"]
