"""A plan for a reset in words."""

from collections.abc import Iterator

from components.actions.reset.planning import Plan


def lines(plan: Plan) -> Iterator[str]:
    """Yield what a plan says, line by line."""
    facts = plan.facts
    on = f" on {facts.platform}" if facts.platform else ""
    yield f"cluster {facts.cluster} ({facts.server}, Kubernetes {facts.kubernetes}{on}, {len(facts.nodes)} nodes)"
    yield f"a reset here: {plan.means.text}"
    for command in plan.means.commands:
        yield f"  {command}"
    for loss in facts.losses:
        yield f"lost: {loss}"
    if plan.comparison:
        for name in (*plan.comparison.missing, *plan.comparison.different, *plan.comparison.extra):
            yield f"not as in the snapshot: {name}"
    for refusal in plan.refusals:
        yield f"refused: {refusal}"
    if plan.token:
        yield f"token {plan.token} (until {plan.expires}, good once)"
