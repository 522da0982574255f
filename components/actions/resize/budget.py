"""How many pods may be without a container at a time: what the strategy and PodDisruptionBudgets leave.

A resize that restarts a container takes its pod out of service for a moment, which is a disruption like any other, so
the sources are those of one: apps/v1 RollingUpdateDeployment and RollingUpdateStatefulSetStrategy, and policy/v1
PodDisruptionBudget.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor

from components.actions.client import Client, Json, path_of
from components.actions.errors import ApiError


@dataclass(frozen=True)
class Budgets:
    """The PodDisruptionBudgets over some pods; `unknown` says why they could not be read, and is empty otherwise."""

    found: tuple[Json, ...] = ()
    unknown: str = ""


def read_budgets(client: Client, namespace: str, labels: Mapping[str, str]) -> Budgets:
    """Return the budgets that pods with these labels count towards."""
    try:
        listed = client.list(path_of("policy/v1", "poddisruptionbudgets", namespace))
    except ApiError as error:
        return Budgets(unknown=f"whether a PodDisruptionBudget holds restarts back is unknown: {error.message}")
    return Budgets(tuple(each for each in listed if matches(each["spec"].get("selector"), labels)))


def matches(selector: Json | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a label selector takes these labels: none takes nothing, an empty one everything. Pure."""
    if selector is None:
        return False
    exact = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return exact and all(_fits(rule, labels) for rule in selector.get("matchExpressions") or [])


def max_unavailable(workload: Json) -> int:
    """Return how many pods the strategy allows to be without a container, at least one (percentages round down).

    Without a number it is a quarter of a Deployment's pods, and one of a StatefulSet's.
    """
    spec = workload["spec"]
    replicas: int = spec.get("replicas", 1)
    if (spec.get("strategy") or {}).get("type") == "Recreate":
        return max(1, replicas)
    value = _rolling(workload).get("maxUnavailable", 1 if "updateStrategy" in spec else "25%")
    if isinstance(value, str) and value.endswith("%"):
        return max(1, floor(replicas * int(value[:-1]) / 100))
    return max(1, int(value))


def allowed(workload: Json, budgets: Budgets, away: int) -> int:
    """Return how many pods may be away now, of which `away` are.

    A budget's own count of disruptions lags behind by a moment, so it is made from what does not: the pods that it
    expects, those that it wants healthy, and those of others that are not. Pure.
    """
    most = max_unavailable(workload)
    for budget in budgets.found:
        status = budget.get("status") or {}
        expected = status.get("expectedPods", 0)
        elsewhere = max(0, expected - status.get("currentHealthy", 0) - away)
        most = min(most, expected - status.get("desiredHealthy", 0) - elsewhere)
    return max(0, most)


def no_restart(workload: Json, budgets: Budgets) -> Iterator[str]:
    """Yield why no container of a running pod may be restarted, now or later. Pure."""
    if str(_rolling(workload).get("maxUnavailable")) in {"0", "0%"}:
        yield "a container would have to restart, and the strategy's maxUnavailable is 0"
    for budget in budgets.found:
        status = budget.get("status") or {}
        if status.get("expectedPods", 0) <= status.get("desiredHealthy", 0):
            name = budget["metadata"]["name"]
            yield f"a container would have to restart, and PodDisruptionBudget {name} allows no pod to be away"


def is_available(pod: Json, min_ready_seconds: int) -> bool:
    """Tell whether a pod has been Ready for as long as its workload's minReadySeconds. Pure."""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "Ready" and condition["status"] == "True":
            since = condition.get("lastTransitionTime")
            if not min_ready_seconds or not since:
                return not min_ready_seconds
            return (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds() >= min_ready_seconds
    return False


def _rolling(workload: Json) -> Json:
    spec = workload["spec"]
    found: Json = (spec.get("updateStrategy") or spec.get("strategy") or {}).get("rollingUpdate") or {}
    return found


def _fits(rule: Json, labels: Mapping[str, str]) -> bool:
    present, values = rule["key"] in labels, rule.get("values") or []
    return {
        "In": present and labels.get(rule["key"]) in values,
        "NotIn": labels.get(rule["key"]) not in values,
        "Exists": present,
        "DoesNotExist": not present,
    }[rule["operator"]]
