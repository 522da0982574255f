"""A cluster of Docker or Podman containers, made with kind: for machines where one of these works."""

from lab.kind.cluster import KindCluster
from lab.kind.tools import check_host

__all__ = ["KindCluster", "check_host"]
