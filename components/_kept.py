"""What can keep a workload's pods: the Pulumi resource of each kind, its spec, and how it is replaced."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pulumi_kubernetes.apps.v1 import DaemonSet, Deployment, StatefulSet
from pulumi_kubernetes.batch.v1 import CronJob, Job

from components.model import cron, daemon, job, kinds, stateful, workload

# Fields that are there at once, so that the provider's own wait is over: its wait for a Job is for the Job's end.
_OBSERVED = "jsonpath={.status.observedGeneration}"
_THERE = "jsonpath={.metadata.uid}"
_PATIENCE = 120
_PATIENCE_FOR_AN_END = 600


@dataclass(frozen=True)
class KeptBy:
    """What keeps a workload's pods: its kind, the Pulumi resource of it, its spec around selector and template.

    `replaced_for` are properties that the API server never changes and for which Pulumi's provider replaces nothing by
    itself.
    """

    kind: str
    resource: Callable[..., Any]
    spec: Callable[..., dict[str, Any]]
    template: Callable[..., dict[str, Any]] = workload.template
    replaced_for: tuple[str, ...] = ()

    @property
    def resized(self) -> bool:
        """Tell whether its running pods are resized in place."""
        return self.kind in kinds.RESIZED

    @property
    def wait_for(self) -> dict[str, str]:
        """Return the annotation by which the provider waits no longer than until the object is there."""
        # Jobs and CronJobs have no observedGeneration.
        return {"pulumi.com/waitFor": _THERE if self.kind in kinds.ENDING else _OBSERVED}

    @property
    def patience(self) -> int:
        """Return the seconds that its pods may take where nothing else is said: to be ready, or to be done."""
        return _PATIENCE_FOR_AN_END if self.kind == "Job" else _PATIENCE


DEPLOYMENT = KeptBy("Deployment", Deployment, workload.deployment_spec)
STATEFUL_SET = KeptBy("StatefulSet", StatefulSet, stateful.spec)
DAEMON_SET = KeptBy("DaemonSet", DaemonSet, daemon.spec, replaced_for=("spec.selector",))
JOB = KeptBy("Job", Job, job.spec, job.template, ("spec.completionMode",))
CRON_JOB = KeptBy("CronJob", CronJob, cron.spec, job.template)
_ALL = {kept.kind: kept for kept in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, JOB, CRON_JOB)}


def kept_by(kind: object) -> KeptBy:
    """Return what keeps the pods of a workload of this kind; a Deployment where it is not one of them."""
    return _ALL.get(kind, DEPLOYMENT) if isinstance(kind, str) else DEPLOYMENT
