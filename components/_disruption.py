"""The PodDisruptionBudget that a workload brings along."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.model import disruption


def budget(
    component: pulumi.Resource,
    name: str,
    fields: Mapping[str, Any],
    metadata: Any,
    selector: Any,
    opts: pulumi.ResourceOptions,
) -> None:
    """Register the budget of a workload with these arguments (camelCase), if it has one.

    One that never lets a pod go is what the API server takes, and what holds up every drain of a node: it is warned of.
    """
    given = fields.get("disruptionBudget")
    if given is None:
        return
    spec: Any = disruption.spec(given, selector)
    PodDisruptionBudget(
        name,
        metadata=metadata,
        spec=spec,
        opts=opts,
    )

    def warn(known: Mapping[str, Any]) -> None:
        why = disruption.blocks(known["budget"], known["replicas"])
        if why:
            pulumi.log.warn(f"disruption_budget never lets a pod be evicted: {why}; draining its node waits", component)

    pulumi.Output.from_input({"budget": given, "replicas": fields.get("replicas")}).apply(warn)
