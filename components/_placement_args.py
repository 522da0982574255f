"""The arguments that say on which nodes pods run and which of them may be taken away at once: see `_args`."""

from collections.abc import Mapping, Sequence
from typing import Required, TypedDict

from pulumi import Input


class LabelRequirementArgs(TypedDict, total=False):
    """One condition on the labels of pods or namespaces (meta/v1 LabelSelectorRequirement)."""

    key: Required[Input[str]]
    """Key of the label."""
    operator: Required[Input[str]]
    """In, NotIn, Exists or DoesNotExist."""
    values: Input[Sequence[Input[str]]]
    """For In and NotIn, at least one."""


class LabelSelectorArgs(TypedDict, total=False):
    """Pods or namespaces that meet every condition; `{}` takes all (meta/v1 LabelSelector)."""

    match_labels: Input[Mapping[str, Input[str]]]
    """Labels with their values."""
    match_expressions: Input[Sequence[Input[LabelRequirementArgs]]]
    """Other conditions."""


class NodeRequirementArgs(TypedDict, total=False):
    """One condition on a node (core/v1 NodeSelectorRequirement)."""

    key: Required[Input[str]]
    """Key of the label; in `match_fields` metadata.name."""
    operator: Required[Input[str]]
    """In, NotIn, Exists, DoesNotExist, Gt or Lt; in `match_fields` In or NotIn."""
    values: Input[Sequence[Input[str]]]
    """For In and NotIn at least one, for Gt and Lt one whole number, in `match_fields` one name."""


class NodeSelectorTermArgs(TypedDict, total=False):
    """Nodes that meet every condition (core/v1 NodeSelectorTerm)."""

    match_expressions: Input[Sequence[Input[NodeRequirementArgs]]]
    """Conditions on labels."""
    match_fields: Input[Sequence[Input[NodeRequirementArgs]]]
    """Conditions on the node's name."""


class NodeSelectorArgs(TypedDict, total=False):
    """Nodes that meet one of the terms (core/v1 NodeSelector)."""

    node_selector_terms: Required[Input[Sequence[Input[NodeSelectorTermArgs]]]]
    """At least one."""


class PreferredNodesArgs(TypedDict, total=False):
    """Nodes that are better than others (core/v1 PreferredSchedulingTerm)."""

    weight: Required[Input[int]]
    """How much better, 1 to 100."""
    preference: Required[Input[NodeSelectorTermArgs]]
    """The nodes."""


class NodeAffinityArgs(TypedDict, total=False):
    """On which nodes (core/v1 NodeAffinity)."""

    required_during_scheduling_ignored_during_execution: Input[NodeSelectorArgs]
    """The pods run on no other."""
    preferred_during_scheduling_ignored_during_execution: Input[Sequence[Input[PreferredNodesArgs]]]
    """The pods run there if they can."""


class PodAffinityTermArgs(TypedDict, total=False):
    """The places where certain pods run (core/v1 PodAffinityTerm)."""

    topology_key: Required[Input[str]]
    """Label of nodes whose value tells one place from another, such as kubernetes.io/hostname."""
    label_selector: Required[Input[LabelSelectorArgs]]
    """Those pods. Kubernetes does without it and then means no pod at all."""
    namespaces: Input[Sequence[Input[str]]]
    """Where they are; the workload's own namespace by default."""
    namespace_selector: Input[LabelSelectorArgs]
    """Where they are, by the namespaces' labels; `{}` is everywhere."""
    match_label_keys: Input[Sequence[Input[str]]]
    """Labels in which they agree with the new pod, such as pod-template-hash."""
    mismatch_label_keys: Input[Sequence[Input[str]]]
    """Labels in which they differ from the new pod."""


class PreferredPodsArgs(TypedDict, total=False):
    """Places that are better than others (core/v1 WeightedPodAffinityTerm)."""

    weight: Required[Input[int]]
    """How much better, 1 to 100."""
    pod_affinity_term: Required[Input[PodAffinityTermArgs]]
    """The places."""


class PodAffinityArgs(TypedDict, total=False):
    """Near to, or away from, certain pods (core/v1 PodAffinity and PodAntiAffinity)."""

    required_during_scheduling_ignored_during_execution: Input[Sequence[Input[PodAffinityTermArgs]]]
    """It has to be so."""
    preferred_during_scheduling_ignored_during_execution: Input[Sequence[Input[PreferredPodsArgs]]]
    """It is so if it can."""


class AffinityArgs(TypedDict, total=False):
    """Where pods run (core/v1 Affinity)."""

    node_affinity: Input[NodeAffinityArgs]
    """On which nodes."""
    pod_affinity: Input[PodAffinityArgs]
    """Near to which pods."""
    pod_anti_affinity: Input[PodAffinityArgs]
    """Away from which pods."""


class TopologySpreadArgs(TypedDict, total=False):
    """How evenly pods are spread over places (core/v1 TopologySpreadConstraint)."""

    max_skew: Required[Input[int]]
    """How many pods one place may have more than another."""
    topology_key: Required[Input[str]]
    """Label of nodes whose value tells one place from another, such as topology.kubernetes.io/zone."""
    when_unsatisfiable: Required[Input[str]]
    """DoNotSchedule: a pod waits. ScheduleAnyway: it runs where it disturbs least."""
    label_selector: Input[LabelSelectorArgs]
    """The pods that are counted; by default the workload's own, where Kubernetes counts none."""
    min_domains: Input[int]
    """For DoNotSchedule: as long as there are fewer places, the least of them counts as empty; 1 by default."""
    match_label_keys: Input[Sequence[Input[str]]]
    """Labels in which the counted pods agree with the new one, such as pod-template-hash."""
    node_affinity_policy: Input[str]
    """Honor (the default): nodes that `node_selector` and `affinity` rule out are left out. Ignore: they count."""
    node_taints_policy: Input[str]
    """Honor: nodes with a taint that is not tolerated are left out. Ignore (the default): they count."""


class DisruptionBudgetArgs(TypedDict, total=False):
    """How many pods an eviction, such as by a drained node, has to leave: exactly one of the first two.

    It is a PodDisruptionBudget (policy/v1). Rollouts and deletions do not ask it.
    """

    min_available: Input[str]
    """Number or percentage of pods that stay healthy."""
    max_unavailable: Input[str]
    """Number or percentage of pods that may be missing."""
    unhealthy_pod_eviction_policy: Input[str]
    """IfHealthyBudget (the default): pods that are not ready are kept, too, while too few are. AlwaysAllow: they may
    go, so that an application that never comes to be well does not hold up a drain."""
