"""A real Kubernetes cluster on this machine: built from pinned modules and Debian packages, run in namespaces."""

from lab.cluster.artifacts import build, is_built
from lab.cluster.cluster import Cluster
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR, MINORS
from lab.cluster.host import HostProblem, check_host

__all__ = ["DEFAULT_MINOR", "MINORS", "Cluster", "ClusterError", "HostProblem", "build", "check_host", "is_built"]
