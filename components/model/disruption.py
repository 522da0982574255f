"""A PodDisruptionBudget of a workload: what is wrong with one, what it becomes, and whether it ever lets a pod go.

Source: k8s.io/kubernetes/pkg/apis/policy/validation, and pkg/controller/disruption for what the numbers mean.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.model.problem import UNKNOWN, Problem, exactly_one, one_of, whole_number

KINDS = ("Deployment", "StatefulSet")
_AMOUNTS = ("min_available", "max_unavailable")
_INT32 = 2**31 - 1
_DEFAULT = "IfHealthyBudget"
_AMOUNT = re.compile("([0-9]+)(%?)")


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a workload's budget (snake_case); only pods that are kept in a number have one."""
    budget, kind = args.get("disruption_budget"), args.get("kind")
    if budget is None:
        return
    if budget is UNKNOWN:
        remedy = "write it out; the values inside may come later"
        yield Problem("disruption_budget", "it is not known before the deployment, and is an object", remedy)
    if kind not in (None, UNKNOWN, *KINDS):
        message = f"a {kind} has no number of pods that an eviction could be measured against"
        yield Problem("disruption_budget", message, "leave it out", "own")
    if not isinstance(budget, dict):
        return
    yield from exactly_one("disruption_budget", budget, _AMOUNTS, "disruption-budget")
    for field in _AMOUNTS:
        value, place = budget.get(field), f"disruption_budget.{field}"
        if not isinstance(value, str):
            continue
        number = whole_number(value.removesuffix("%"))
        if number is None:
            yield Problem(place, f"{value!r} is no number", "write '1' or '50%', for example")
        elif value.endswith("%") and number > 100:
            yield Problem(place, f"{value!r} is more than all pods", "write at most 100%")
        elif number > _INT32:
            yield Problem(place, f"{value!r} is out of range", f"write at most {_INT32}")
    policy = budget.get("unhealthy_pod_eviction_policy")
    yield from one_of("disruption_budget.unhealthy_pod_eviction_policy", policy, (_DEFAULT, "AlwaysAllow"), _DEFAULT)


def spec(budget: Mapping[str, Any], selector: Any) -> dict[str, Any]:
    """Return the spec of the budget (camelCase) for the pods with these labels."""
    return {"selector": {"matchLabels": selector}, **budget}


def blocks(budget: Mapping[str, Any], replicas: Any) -> str | None:
    """Return why a budget (camelCase, all known) never lets a pod be evicted, None if it does or none is known.

    Percentages are rounded up, of what stays as of what may be missing.
    """
    least, most = _amount(budget.get("minAvailable")), _amount(budget.get("maxUnavailable"))
    if most is not None and most[0] == 0:
        return "max_unavailable is 0"
    if least == (100, True):
        return "min_available is 100%"
    if least is None or not isinstance(replicas, int | float) or replicas < 1:
        return None
    number, share = least
    kept = -(-replicas * number // 100) if share else number
    return f"min_available keeps {kept:g} of {replicas:g} pods" if kept >= replicas else None


def _amount(value: Any) -> tuple[int, bool] | None:
    found = _AMOUNT.fullmatch(str(value))
    return (int(found[1]), bool(found[2])) if found else None
