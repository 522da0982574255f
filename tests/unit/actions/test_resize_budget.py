"""How many pods may be away at a time, by strategy and PodDisruptionBudgets."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.actions.client import Json
from components.actions.resize.budget import Budgets, allowed, is_available, matches, no_restart


def deployment(replicas: int = 4, **rolling: Any) -> Json:
    """Return a Deployment with these bounds of its rolling updates."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling} if rolling else {}
    return {"spec": {"replicas": replicas, "strategy": strategy}}


def budget(expected: int, desired: int, healthy: int | None = None) -> Json:
    """Return a PodDisruptionBudget over so many pods, of which so many are to be healthy."""
    status = {"expectedPods": expected, "desiredHealthy": desired, "currentHealthy": expected}
    return {"metadata": {"name": "pdb"}, "status": status | ({} if healthy is None else {"currentHealthy": healthy})}


@pytest.mark.parametrize(
    ("expected", "away", "rolling", "budgets"),
    [
        (1, 0, {}, []),  # 25 % of 4
        (2, 0, {"maxUnavailable": "50%"}, []),
        (2, 0, {"maxUnavailable": "50%"}, [budget(4, 2)]),
        (1, 0, {"maxUnavailable": "50%"}, [budget(4, 3)]),
        (0, 0, {"maxUnavailable": "50%"}, [budget(4, 4)]),
        (1, 0, {"maxUnavailable": 3}, [budget(4, 1), budget(4, 3)]),
        (1, 1, {"maxUnavailable": 3}, [budget(4, 3, healthy=3)]),  # the one that is away is ours
        (0, 0, {"maxUnavailable": 3}, [budget(6, 5, healthy=5)]),  # the one that is away is another workload's
        (1, 1, {"maxUnavailable": 3}, [budget(4, 3, healthy=4)]),  # the budget has not seen ours yet
    ],
)
def test_as_many_as_all_of_them_allow(expected: int, away: int, rolling: Any, budgets: list[Json]) -> None:
    """The least of the strategy and of every budget, which also counts what is unhealthy elsewhere."""
    assert expected == allowed(deployment(4, **rolling), Budgets(tuple(budgets)), away)


def test_no_restart_where_none_can_ever_be() -> None:
    """A budget that wants all pods healthy, or a strategy that spares none, rules restarts out; else nothing does."""
    assert [] == list(no_restart(deployment(), Budgets((budget(4, 3),))))
    (by_budget,) = no_restart(deployment(), Budgets((budget(4, 4),)))
    assert "PodDisruptionBudget pdb allows no pod to be away" in by_budget
    (by_strategy,) = no_restart(deployment(4, maxUnavailable=0, maxSurge=1), Budgets())
    assert "the strategy's maxUnavailable is 0" in by_strategy


@pytest.mark.parametrize(
    ("expected", "selector"),
    [
        (False, None),
        (True, {}),
        (True, {"matchLabels": {"app": "web"}}),
        (False, {"matchLabels": {"app": "web", "tier": "b"}}),
        (True, {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}),
        (False, {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
        (True, {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
        (False, {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
    ],
)
def test_selectors(expected: bool, selector: Json | None) -> None:
    """A label selector takes what Kubernetes says that it takes."""
    assert expected is matches(selector, {"app": "web"})


@pytest.mark.parametrize(("expected", "seconds"), [(True, 0), (True, 5), (False, 60)])
def test_available_is_ready_for_long_enough(expected: bool, seconds: int) -> None:
    """A pod counts as available once it has been Ready for minReadySeconds."""
    since = (datetime.now(UTC) - timedelta(seconds=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    assert expected is is_available({"status": {"conditions": [condition]}}, seconds)
    assert not is_available({"status": {"conditions": [{**condition, "status": "False"}]}}, seconds)
