"""ResizableDeployment and ResizableStatefulSet: new CPU and memory for pods that keep running (KEP-1287)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Input

from components._args import (
    ClaimRetentionPolicyArgs,
    DeploymentWorkloadArgs,
    SidecarArgs,
    VolumeClaimTemplateArgs,
    WorkloadArgs,
)
from components._kept import STATEFUL_SET
from components._workload import Workload, needs_of
from components.model import stateful, workload


class ResizableDeploymentArgs(DeploymentWorkloadArgs, total=False):
    """Arguments of ResizableDeployment."""

    sidecars: Input[Sequence[Input[SidecarArgs]]]
    """Native sidecars, resized like the main containers; none by default."""


class ResizableDeployment(Workload):
    """A Deployment whose CPU and memory change without a restart and without a rollout.

    1. Creates: one Deployment, an immutable ConfigMap for each `config` volume, named after its content, and a
       PodDisruptionBudget if one is asked for.
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


class ResizableStatefulSetArgs(WorkloadArgs, total=False):
    """Arguments of ResizableStatefulSet."""

    sidecars: Input[Sequence[Input[SidecarArgs]]]
    """Native sidecars, resized like the main containers; none by default."""
    service_name: Input[str]
    """The headless Service that gives the pods their DNS names; none by default. It cannot change later."""
    pod_management_policy: Input[str]
    """OrderedReady (the default): pods come and go one after another. Parallel: all at once. It cannot change later."""
    volume_claim_templates: Input[Sequence[Input[VolumeClaimTemplateArgs]]]
    """Claims that each pod gets for itself; none by default. They cannot change later."""
    persistent_volume_claim_retention_policy: Input[ClaimRetentionPolicyArgs]
    """What becomes of the claims when pods go; they stay by default."""


class ResizableStatefulSet(Workload):
    """A StatefulSet whose CPU and memory change without a restart and without a rollout.

    1. Creates: one StatefulSet, an immutable ConfigMap for each `config` volume, named after its content, and a
       PodDisruptionBudget if one is asked for.
    2. On a change of CPU or memory alone, the running pods are resized through `pods/resize` and told to be of the new
       revision, before Pulumi's own update, which then has nothing to roll: same pods, claims and containers, one new
       entry in the rollout history. docs/resize.md has the whole.
    3. Verdicts, `in_place`, `resize_failure_policy`, unfinished work and sizes that were changed by hand are as for a
       ResizableDeployment. While pods are resized the updateStrategy is OnDelete, by which nothing is replaced.
    4. Every other change of the pods rolls, the highest ordinal first.
    5. Refuses, in preview and before anything is replaced, what the API server cannot change in a StatefulSet:
       `volume_claim_templates`, `service_name`, `pod_management_policy`, `match_labels`; each with what to do instead.
    6. Ready when every pod is of the latest revision and available: output `ready`. A broken pod of an older revision,
       for which Kubernetes would wait for ever, is named with its remedy.
    7. Refuses bad arguments as a ResizableDeployment does, and claims that mean nothing.
    8. Leaves behind on delete: the claims, unless `persistent_volume_claim_retention_policy` says otherwise.
    """

    def __init__(self, name: str, args: ResizableStatefulSetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the children."""
        hint = ResizableStatefulSetArgs
        super().__init__("ResizableStatefulSet", name, args, hint, opts, rules=stateful.problems, kept_by=STATEFUL_SET)

    @staticmethod
    def needs(args: Mapping[str, Any]) -> list[str]:
        """Return the features that a component with these arguments needs, as a Preflight takes them."""
        return needs_of(args, "StatefulSet")
