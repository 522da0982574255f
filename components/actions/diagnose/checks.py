"""The checks, in the order in which they are told. A failure mode more is a function more here."""

from collections.abc import Callable, Iterator, Mapping

from components.actions.diagnose import of_cluster, of_pods, of_resizes, of_runtimes, of_services, of_workloads
from components.actions.diagnose.report import Trouble
from components.actions.diagnose.snapshot import Snapshot
from components.model.facts import Unseen

Check = Callable[[Snapshot], Iterator[Trouble | Unseen]]
"""Looks at a picture of a namespace, and yields what is wrong, and what it could not find out."""

CHECKS: Mapping[str, Check] = {
    "pods": of_pods.check,
    "workloads": of_workloads.check,
    "runtimes": of_runtimes.check,
    "services": of_services.check,
    "resizes": of_resizes.check,
    "cluster": of_cluster.check,
}
