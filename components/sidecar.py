"""SidecarWorkload: pods with native sidecars (KEP-753), kept by a Deployment or another kind."""

from collections.abc import Mapping, Sequence
from typing import Required

import pulumi
from pulumi import Input

from components._args import DeploymentWorkloadArgs, SidecarArgs
from components._kept import kept_by
from components._kind_args import CronJobArgs, DaemonSetArgs, JobArgs, StatefulSetArgs
from components._workload import Workload
from components.model import kinds


class SidecarWorkloadArgs(DeploymentWorkloadArgs, total=False):
    """Arguments of SidecarWorkload."""

    sidecars: Required[Input[Sequence[Input[SidecarArgs]]]]
    """The sidecars in the order in which they start; each needs a startup probe, or `gates_start` false."""
    kind: str
    """What keeps the pods: Deployment (the default), StatefulSet, DaemonSet, Job or CronJob. A field that means nothing
    for it is refused by its name."""
    stateful_set: Input[StatefulSetArgs]
    """For kind StatefulSet only: its Service and its claims."""
    daemon_set: Input[DaemonSetArgs]
    """For kind DaemonSet only: how its pods are replaced."""
    job: Input[JobArgs]
    """For kind Job, and the Jobs of kind CronJob: how the pods run to their end."""
    cron_job: Input[CronJobArgs]
    """For kind CronJob, which has to have it: when Jobs are made."""


class SidecarWorkload(Workload):
    """Pods that carry native sidecars, and what keeps them: by `kind` a Deployment or another one.

    1. Creates: one Deployment (StatefulSet, DaemonSet, Job, CronJob), whose sidecars are init containers with
       `restartPolicy: Always`, an immutable ConfigMap for each `config` volume, named after its content, and a
       PodDisruptionBudget if one is asked for.
    2. Starts in order: init containers, then the sidecars one after another, each once the one before it has passed
       its startup probe, then the main containers. A sidecar with `gates_start` false is not waited for.
       Init containers `after` a sidecar run between it and the next one.
    3. Ends in order: the main containers, each after its `pre_stop`, then the sidecars one after another, the last one
       first. The grace period is computed from `pre_stop` sleeps and `stop_seconds`, 30 seconds where nothing is said.
       A sidecar that ends itself by its `pre_stop`, before its main containers, is warned of.
    4. Tells `start_order`, `stop_order`, `effective_requests` and `qos_class` of its pods, in preview too, and warns of
       a sidecar for which otherwise Guaranteed pods are Burstable.
    5. Ready (output `ready`) when every pod of the current template is up to date and available; a Job when it is
       complete; a CronJob when it is there, with a warning where its last Job failed. docs/components.md has the whole.
    6. Refuses, before anything is registered and all at once: a sidecar with neither a startup probe nor `gates_start`
       false, or with both; a grace period shorter than its parts, with the arithmetic; unknown or missing fields, and
       those that mean nothing for the kind; quantities and schedules that mean nothing, ports, names and labels that
       the API server would refuse, what is below the `pod_security` level, `host_path` without `allow_host_path`.
       Values that come late are checked before their object is touched.
    7. On change: of a Deployment and a StatefulSet, CPU and memory of containers and sidecars are resized in place (see
       ResizableDeployment and ResizableStatefulSet); anything else in the pods rolls, and in those of a DaemonSet
       everything. What a Job runs never changes, so it is deleted and runs again as a new one, which preview says. Of a
       CronJob a change counts for the Jobs to come. Another `match_labels` or name replaces the object; of a
       StatefulSet that is refused.
    8. Secure by default: the `restricted` Pod Security level, a read-only root filesystem, no API token.
    9. Leaves behind on delete: nothing, once it has been ready, but a StatefulSet's claims. The kept generations of its
       configuration belong to the object that keeps the pods and go with it.
    """

    def __init__(self, name: str, args: SidecarWorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the children."""
        keeper = kept_by(args.get("kind") if isinstance(args, Mapping) else None)
        hint = SidecarWorkloadArgs
        super().__init__("SidecarWorkload", name, args, hint, opts, rules=kinds.problems, kept_by=keeper)
