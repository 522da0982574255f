"""SidecarWorkload: a Deployment with native sidecars (KEP-753)."""

from collections.abc import Sequence
from typing import Required

import pulumi
from pulumi import Input

from components._args import DeploymentWorkloadArgs, SidecarArgs
from components._workload import Workload


class SidecarWorkloadArgs(DeploymentWorkloadArgs, total=False):
    """Arguments of SidecarWorkload."""

    sidecars: Required[Input[Sequence[Input[SidecarArgs]]]]
    """The sidecars in the order in which they start; each needs a startup probe, or `gates_start` false."""


class SidecarWorkload(Workload):
    """A Deployment whose pods carry native sidecars.

    1. Creates: one Deployment, whose sidecars are init containers with `restartPolicy: Always`, an immutable
       ConfigMap for each `config` volume, named after its content, and a PodDisruptionBudget if one is asked for.
    2. Starts in order: init containers, then the sidecars one after another, each once the one before it has passed
       its startup probe, then the main containers. A sidecar with `gates_start` false is not waited for.
       Init containers `after` a sidecar run between it and the next one.
    3. Ends in order: the main containers, each after its `pre_stop`, then the sidecars one after another, the last one
       first. The grace period is computed from `pre_stop` sleeps and `stop_seconds`, 30 seconds where nothing is said.
       A sidecar that ends itself by its `pre_stop`, before its main containers, is warned of.
    4. Tells `start_order`, `stop_order`, `effective_requests` and `qos_class` of its pods, in preview too, and warns of
       a sidecar for which otherwise Guaranteed pods are Burstable.
    5. Ready when every pod of the current template is up to date and available: output `ready`.
    6. Refuses, before anything is registered and all at once: a sidecar with neither a startup probe nor `gates_start`
       false, or with both; a grace period shorter than its parts, with the arithmetic; unknown or missing fields,
       quantities that mean nothing, ports, names and labels that the API server would refuse, what is below the
       `pod_security` level, `host_path` without `allow_host_path`. Values that come late are checked before their
       object is touched.
    7. On change: CPU and memory of containers and sidecars are resized in place (see ResizableDeployment); anything
       else in the pods rolls; another `match_labels` or name replaces the Deployment.
    8. Secure by default: the `restricted` Pod Security level, a read-only root filesystem, no API token.
    9. Leaves behind on delete: nothing, once it has been ready. The kept generations of its configuration belong to
       the Deployment and go with it.
    """

    def __init__(self, name: str, args: SidecarWorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the children."""
        super().__init__("SidecarWorkload", name, args, SidecarWorkloadArgs, opts)
