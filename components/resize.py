"""ResizableDeployment: new CPU and memory for pods that keep running (KEP-1287)."""

from collections.abc import Sequence

import pulumi
from pulumi import Input

from components._args import ContainerArgs, WorkloadArgs
from components._workload import Workload
from components.model import workload


class ResizableDeploymentArgs(WorkloadArgs, total=False):
    """Arguments of ResizableDeployment."""

    sidecars: Input[Sequence[Input[ContainerArgs]]]
    """Native sidecars, resized like the main containers; none by default."""


class ResizableDeployment(Workload):
    """A Deployment whose CPU and memory change without a restart and without a rollout.

    1. Creates: one Deployment, and an immutable ConfigMap for each `config` volume, named after its content.
    2. On a change of CPU or memory alone, the running pods are resized through `pods/resize` and the ReplicaSet and
       the Deployment adopt the new template, before Pulumi's own update, which then has nothing to roll. Deployment,
       ReplicaSet and pods say the same afterwards; pods keep their UID, containers their id and restart count, unless
       a container's `resize_policy` asks for its restart. docs/resize.md has the whole.
    3. In preview, and again in the update, it says for each container and resource what will happen and why: in
       place, container restart, rollout, or refused. What cannot be done in place rolls as Kubernetes always does:
       for example a lower memory limit on 1.33, another image or other files. `in_place: required` refuses that for a
       change of size. A VerticalPodAutoscaler that updates pods refuses it, too; a HorizontalPodAutoscaler is told of.
    4. A resize that a kubelet cannot carry out (no room on the node, an error) is, by `resize_failure_policy`, undone
       in pods and templates, which fails the update and keeps Pulumi's state; rolled out; or left to the kubelet. One
       that was killed is found by the next run, even without a change, and brought to its end; so are sizes that were
       changed by hand.
    5. Every other change of the pods rolls; with `rollback_on_failure` it is proved before Pulumi records it, and taken
       back with its cause when it fails. Another `restart` text replaces all pods.
    6. A plain Deployment moves in as the same object with `moved_from`.
    7. Ready when every pod of the current template is up to date and available: output `ready`.
    8. Refuses, before anything is registered and all at once: unknown or missing fields, quantities that mean nothing
       (memory `128m` or `128`, cpu `100M`), requests above limits, pods that could never be resized (BestEffort), and
       whatever the API server would refuse. docs/validation.md lists what is refused here alone, and why.
    9. Leaves behind on delete: nothing, once it has been ready.
    """

    def __init__(self, name: str, args: ResizableDeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the children."""
        hint = ResizableDeploymentArgs
        super().__init__("ResizableDeployment", name, args, hint, opts, rules=workload.resizable_problems)
