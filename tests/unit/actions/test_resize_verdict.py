"""Verdicts of a resize from facts alone."""

from decimal import Decimal
from typing import Any

import pytest

from components.actions.client import Json
from components.actions.errors import ApiError
from components.actions.resize.planning import Plan, decide, judge_refusal
from components.actions.resize.verdict import Facts
from tests.unit.actions.doubles import container, deployment, pod, replica_set, template

SMALL = {"cpu": "100m", "memory": "128Mi"}
LARGE = {"cpu": "200m", "memory": "256Mi"}
RESTART_MEMORY = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]


def guaranteed(size: dict[str, str], **fields: Any) -> Json:
    """Return a container with requests = limits."""
    return container(requests=size, limits=size, **fields)


def facts(old: Json, new: Json, **changes: Any) -> Facts:
    """Return facts about a healthy two-replica Deployment."""
    defaults: Json = {
        "live": deployment(old),
        "wanted": new,
        "replica_sets": [replica_set("web-aaaa", old)],
        "pods": [pod("web-aaaa-1", old), pod("web-aaaa-2", old)],
        "version": (1, 33),
    }
    return Facts(**{**defaults, **changes})


def outcomes(plan: Plan) -> dict[str, str]:
    """Return outcome by resource."""
    return {verdict.resource: verdict.outcome for verdict in plan.verdicts}


def test_raising_cpu_and_memory_is_in_place() -> None:
    """A Guaranteed pod that grows in CPU and memory is resized in place, and each resource has its verdict."""
    plan = decide(facts(template(guaranteed(SMALL)), template(guaranteed(LARGE))))
    assert plan.outcome == "in-place", plan.reasons
    assert outcomes(plan) == dict.fromkeys(
        ["requests.cpu", "requests.memory", "limits.cpu", "limits.memory"], "in-place"
    )
    assert plan.replica_set == "web-aaaa"
    assert plan.old["app"]["limits"] == SMALL
    assert plan.new["app"]["limits"] == LARGE


def test_equal_quantities_are_no_change() -> None:
    """`1000m` and `1` are the same size, so nothing changes."""
    old = template(guaranteed({"cpu": "1", "memory": "1Gi"}))
    plan = decide(facts(old, template(guaranteed({"cpu": "1000m", "memory": "1024Mi"}))))
    assert plan.outcome == "unchanged"
    assert plan.verdicts == []


@pytest.mark.parametrize(
    ("version", "policy", "expected"),
    [
        ((1, 33), None, "rollout"),
        ((1, 34), None, "in-place"),
        ((1, 33), RESTART_MEMORY, "container-restart"),
    ],
)
def test_lower_memory_limit_by_version(version: tuple[int, int], policy: list[Json] | None, expected: str) -> None:
    """A lower memory limit needs 1.34, or a restart of the container."""
    fields = {"resizePolicy": policy} if policy else {}
    old, new = template(guaranteed(LARGE, **fields)), template(guaranteed(SMALL, **fields))
    plan = decide(facts(old, new, version=version))
    assert outcomes(plan)["limits.memory"] == expected
    assert plan.outcome == ("rollout" if expected == "rollout" else "in-place")


@pytest.mark.parametrize(("version", "expected"), [((1, 33), "rollout"), ((1, 34), "in-place")])
def test_added_memory_limit_by_version(version: tuple[int, int], expected: str) -> None:
    """A new memory limit on a Burstable pod needs 1.34; a new CPU limit does not."""
    old = template(container(requests=SMALL))
    new = template(container(requests=SMALL, limits={"cpu": "1", "memory": "1Gi"}))
    plan = decide(facts(old, new, version=version))
    assert outcomes(plan) == {"limits.cpu": "in-place", "limits.memory": expected}


def test_removed_limit_is_a_rollout() -> None:
    """A limit cannot be removed from a running pod."""
    old = template(container(requests=SMALL, limits={"cpu": "1", "memory": "1Gi"}))
    plan = decide(facts(old, template(container(requests=SMALL, limits={"memory": "1Gi"}))))
    assert outcomes(plan) == {"limits.cpu": "rollout"}
    assert "cannot remove" in plan.verdicts[0].reason


def test_qos_change_is_a_rollout() -> None:
    """Raising only the limits of a Guaranteed pod would make it Burstable, so new pods are needed."""
    plan = decide(facts(template(guaranteed(SMALL)), template(container(requests=SMALL, limits=LARGE))))
    assert plan.outcome == "rollout"
    assert "Guaranteed to Burstable" in plan.verdicts[0].reason


def test_best_effort_pods_cannot_be_resized() -> None:
    """Giving a BestEffort pod its first request changes its QoS class."""
    plan = decide(facts(template(container()), template(container(requests=SMALL))))
    assert plan.outcome == "rollout"
    assert "BestEffort to Burstable" in plan.verdicts[0].reason


def test_limits_only_template_counts_as_requests_too() -> None:
    """A template with limits only gives pods equal requests, so changing both together stays Guaranteed."""
    plan = decide(facts(template(container(limits=SMALL)), template(container(limits=LARGE))))
    assert plan.outcome == "in-place"
    assert len(plan.verdicts) == 4


def test_ephemeral_storage_is_a_rollout() -> None:
    """Only cpu and memory can change in place."""
    old = template(container(requests={**SMALL, "ephemeral-storage": "1Gi"}))
    new = template(container(requests={**SMALL, "ephemeral-storage": "2Gi"}))
    assert outcomes(decide(facts(old, new))) == {"requests.ephemeral-storage": "rollout"}


def test_sidecars_are_resizable() -> None:
    """An init container with restartPolicy Always is resized like a regular one."""
    old = template(container(requests=SMALL), init=[container("shipper", requests=SMALL, restartPolicy="Always")])
    new = template(container(requests=SMALL), init=[container("shipper", requests=LARGE, restartPolicy="Always")])
    plan = decide(facts(old, new))
    assert plan.outcome == "in-place"
    assert plan.verdicts[0].container == "shipper"


@pytest.mark.parametrize(("version", "expected"), [((1, 35), "rollout"), ((1, 36), "in-place")])
def test_plain_init_containers_by_version(version: tuple[int, int], expected: str) -> None:
    """Plain init containers are immutable before 1.36."""
    old = template(container(requests=SMALL), init=[container("setup", requests=SMALL)])
    new = template(container(requests=SMALL), init=[container("setup", requests=LARGE)])
    assert decide(facts(old, new, version=version)).outcome == expected


def test_an_image_change_rolls_and_names_the_field() -> None:
    """Anything besides sizes is a rollout, and the reason names the path."""
    plan = decide(facts(template(guaranteed(SMALL)), template(guaranteed(LARGE, image="localhost/nginx:1.22"))))
    assert plan.outcome == "rollout"
    assert "spec.template.spec.containers[app].image" in plan.reasons[0]
    assert "in-place" in outcomes(plan).values()


def test_a_new_resize_policy_rolls() -> None:
    """The resizePolicy of a running pod is immutable."""
    plan = decide(facts(template(guaranteed(SMALL)), template(guaranteed(LARGE, resizePolicy=RESTART_MEMORY))))
    assert "spec.template.spec.containers[app].resizePolicy" in plan.reasons[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": (1, 32)}, "needs 1.33"),
        ({"resize_served": False}, "does not serve pods/resize"),
        ({"denied": ["patch pods/resize"]}, "may not patch pods/resize"),
        ({"pods": []}, "0 of 2 pods"),
        ({"allocatable": {"node-1": {"cpu": "150m", "memory": "9Gi"}}}, "more cpu than node node-1"),
        (
            {
                "allocatable": {"node-1": {"cpu": "1", "memory": "9Gi"}},
                "reserved": {"node-1": {"cpu": Decimal("0.85"), "memory": Decimal(0)}},
            },
            "node node-1 has too little cpu left",
        ),
    ],
)
def test_cluster_obstacles(changes: Json, words: str) -> None:
    """What the cluster lacks is a rollout with the reason in words."""
    plan = decide(facts(template(guaranteed(SMALL)), template(guaranteed(LARGE)), **changes))
    assert plan.outcome == "rollout"
    assert words in " ".join(plan.reasons)


@pytest.mark.parametrize(
    ("spec", "status", "words"),
    [
        ({"paused": True}, {}, "paused by someone else"),
        ({}, {"updatedReplicas": 1}, "rollout is in progress"),
        ({}, {"observedGeneration": 2}, "rollout is in progress"),
        ({}, {"replicas": 3}, "rollout is in progress"),
        ({"replicas": 0}, {}, "no pods to resize"),
    ],
)
def test_state_obstacles(spec: Json, status: Json, words: str) -> None:
    """A Deployment that is paused, rolling or empty is not adopted."""
    old = template(guaranteed(SMALL))
    live = deployment(old)
    live["spec"] |= spec
    live["status"] |= status
    plan = decide(facts(old, template(guaranteed(LARGE)), live=live))
    assert plan.outcome == "rollout"
    assert words in " ".join(plan.reasons)


def test_two_active_replica_sets_are_a_rollout_in_progress() -> None:
    """With pods in two ReplicaSets there is no single one to adopt."""
    old = template(guaranteed(SMALL))
    sets = [replica_set("web-aaaa", old), replica_set("web-bbbb", old, replicas=1)]
    assert decide(facts(old, template(guaranteed(LARGE)), replica_sets=sets)).outcome == "rollout"


@pytest.mark.parametrize(
    "spec", [{"os": {"name": "windows"}}, {"nodeSelector": {"kubernetes.io/os": "windows"}}, {"resources": {}}]
)
def test_pods_of_kinds_that_cannot_be_resized(spec: Json) -> None:
    """Windows pods and pods with pod-level resources are rolled."""
    plan = decide(facts(template(guaranteed(SMALL), **spec), template(guaranteed(LARGE), **spec)))
    assert plan.outcome == "rollout"


def test_drift_of_a_pod_is_a_fact_even_when_nothing_changes() -> None:
    """A pod that was resized by hand is named although template and wish agree."""
    old = template(guaranteed(SMALL))
    drifted = pod("web-aaaa-2", template(guaranteed({"cpu": "300m", "memory": "128Mi"})))
    plan = decide(facts(old, old, pods=[pod("web-aaaa-1", old), drifted]))
    assert plan.outcome == "unchanged"
    assert plan.drift[0] == "pod web-aaaa-2, container app: requests.cpu is 300m, the template says 100m"


def test_what_a_limit_range_added_to_a_pod_is_no_drift() -> None:
    """Limits that only the pod has are not ours and are no drift."""
    old = template(container(requests=SMALL))
    injected = pod("web-aaaa-1", template(container(requests=SMALL, limits={"cpu": "1"})))
    assert decide(facts(old, old, pods=[injected])).drift == []


def test_lines_start_with_the_outcome_and_json_has_every_verdict() -> None:
    """People read the outcome first; programs get the same facts."""
    plan = decide(facts(template(guaranteed(SMALL)), template(guaranteed({"cpu": "200m", "memory": "128Mi"}))))
    assert plan.lines() == [
        "Deployment shop/web: running pods are resized in place",
        "app requests.cpu 100m -> 200m: in place",
        "app limits.cpu 100m -> 200m: in place",
    ]
    assert [v["resource"] for v in plan.to_json()["verdicts"]] == ["requests.cpu", "limits.cpu"]


def test_a_quota_refusal_is_refused_and_another_a_rollout() -> None:
    """New pods meet the same quota, so that is refused; what only a resize cannot do is rolled."""
    quota = ApiError(403, "Forbidden", 'pods "x" is forbidden: exceeded quota: q, requested: …')
    policy = ApiError(422, "Invalid", "Pod QOS Class may not change as a result of resizing")
    assert judge_refusal("x", quota)[0] == "refused"
    assert judge_refusal("x", policy)[0] == "rollout"
    with pytest.raises(ApiError):
        judge_refusal("x", ApiError(500, "InternalError", "no"))
