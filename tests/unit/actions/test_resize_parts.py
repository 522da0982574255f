"""The pure parts of a resize: templates, patches, actuation, journal, ownership."""

import dataclasses
import json
from decimal import Decimal

import pytest

from components.actions.client import Json
from components.actions.resize.budget import max_unavailable
from components.actions.resize.journal import ANNOTATION, Journal, read_journal
from components.actions.resize.live import selector_text
from components.actions.resize.ownership import hand_back, merged_fields
from components.actions.resize.pods import mutations, needs_restart, pod_sizes, progress, resize_patch
from components.actions.resize.resources import effective, qos_class, total_requests
from components.actions.resize.templates import equal_ignoring_hash, resized, without_none
from tests.unit.actions.doubles import container, deployment, double_client, pod, replica_set, template

SMALL = {"cpu": "100m", "memory": "128Mi"}
LARGE = {"cpu": "200m", "memory": "256Mi"}


def test_a_replica_set_equals_its_deployment_but_for_the_hash() -> None:
    """The controller's label is no difference, another label or size is."""
    ours = template(container(requests={"cpu": "1"}))
    assert equal_ignoring_hash(ours, replica_set("web-aaaa", ours)["spec"]["template"])
    assert equal_ignoring_hash(ours, template(container(requests={"cpu": "1000m"})))
    assert not equal_ignoring_hash(ours, template(container(requests={"cpu": "2"})))
    assert not equal_ignoring_hash(ours, {**ours, "metadata": {"labels": {"app": "other"}}})


def test_a_changed_claim_is_a_difference() -> None:
    """Other members of `resources` than requests and limits count as template, not as size."""
    claimed = container(requests=SMALL)
    claimed["resources"]["claims"] = [{"name": "gpu"}]
    assert not equal_ignoring_hash(template(container(requests=SMALL)), template(claimed))


def test_resized_keeps_everything_else_of_the_list() -> None:
    """The merge patch has whole lists, because a merge patch replaces them."""
    before = template(container(requests=SMALL), container("other"), init=[container("setup")])
    patch = resized(before, {"app": {"requests": LARGE, "limits": {}}})
    assert list(patch["spec"]) == ["containers"]
    assert patch["spec"]["containers"][0]["resources"] == {"requests": LARGE}
    assert patch["spec"]["containers"][1] == before["spec"]["containers"][1]


def test_floats_from_pulumi_become_integers() -> None:
    """Whole floats and nulls would not pass the API server or would look like differences."""
    assert without_none({"a": 8080.0, "b": None, "c": [1.5, {"d": None}]}) == {"a": 8080, "c": [1.5, {}]}
    assert isinstance(without_none(2.0), int)


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([container()], "BestEffort"),
        ([container(requests=SMALL)], "Burstable"),
        ([container(requests=SMALL, limits=SMALL)], "Guaranteed"),
        ([container(limits=SMALL)], "Guaranteed"),
        ([container(limits=SMALL), container("b")], "Burstable"),
        ([container(limits={"cpu": "1"})], "Burstable"),
        ([container(requests={"ephemeral-storage": "1Gi"})], "BestEffort"),
    ],
)
def test_qos_class(containers: list[Json], expected: str) -> None:
    """The class follows Kubernetes' own rules, over every container."""
    assert expected == qos_class([effective(c) for c in containers])


def test_total_requests_leaves_plain_init_containers_out() -> None:
    """Sidecars and containers add up; init containers are over."""
    spec = template(
        container(requests={"cpu": "100m"}),
        init=[container("i", requests={"cpu": "5"}), container("s", requests={"cpu": "50m"}, restartPolicy="Always")],
    )["spec"]
    assert str(total_requests(spec)["cpu"].normalize()) == "0.15"


def test_total_requests_counts_the_overhead_of_a_runtime_class() -> None:
    """The scheduler reserves it with the containers."""
    spec = template(container(requests={"cpu": "100m"}), overhead={"cpu": "10m", "memory": "24Mi"})["spec"]
    assert {"cpu": Decimal("0.11"), "memory": Decimal(24 * 2**20)} == total_requests(spec)


def test_patch_has_full_requests_and_limits_of_changed_containers_only() -> None:
    """It is built from the live pod, leaves injected containers alone, and uses the right list for sidecars."""
    live = template(
        container(requests=SMALL, limits=SMALL),
        container("injected", requests=SMALL),
        init=[container("shipper", requests={"cpu": "50m"}, limits={"memory": "1Gi"}, restartPolicy="Always")],
    )
    wanted = {
        "app": {"requests": {"cpu": "200m"}, "limits": {"cpu": "200m"}},
        "shipper": {"requests": {"cpu": "60m"}, "limits": {}},
    }
    patch = resize_patch(pod("p", live), wanted)
    assert patch == {
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "resources": {
                        "requests": {"cpu": "200m", "memory": "128Mi"},
                        "limits": {"cpu": "200m", "memory": "128Mi"},
                    },
                }
            ],
            "initContainers": [
                {
                    "name": "shipper",
                    "resources": {"requests": {"cpu": "60m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
                }
            ],
        }
    }


def test_no_patch_for_a_pod_that_has_the_size() -> None:
    """Equal quantities need no patch."""
    live = pod("p", template(container(requests={"cpu": "1"})))
    assert resize_patch(live, {"app": {"requests": {"cpu": "1000m"}, "limits": {}}}) is None


def test_pod_sizes_takes_plain_init_containers_only_when_they_change() -> None:
    """Before 1.36 a patch that names a plain init container is refused."""
    found = template(container(limits=SMALL), init=[container("setup", requests=SMALL)])
    assert set(pod_sizes(found, set())) == {"app"}
    assert set(pod_sizes(found, {"setup"})) == {"app", "setup"}
    assert pod_sizes(found, set())["app"]["requests"] == SMALL


def test_a_limit_range_that_adds_limits_is_seen() -> None:
    """What the dry run returns beyond the intent is named."""
    live = pod("p", template(container(requests=SMALL)))
    patch = resize_patch(live, {"app": {"requests": LARGE, "limits": {}}})
    assert patch is not None
    answer = pod("p", template(container(requests=LARGE, limits={"cpu": "900m"})))
    assert mutations(live, patch, answer) == ["app limits.cpu unset -> 900m"]
    assert mutations(live, patch, pod("p", template(container(requests=LARGE)))) == []


def test_restart_is_needed_for_a_resource_that_changes_and_says_so() -> None:
    """A RestartContainer policy counts only for the resource it names."""
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    live = pod("p", template(container(requests=SMALL, resizePolicy=policy)))
    cpu = resize_patch(live, {"app": {"requests": {"cpu": "2"}, "limits": {}}})
    memory = resize_patch(live, {"app": {"requests": {"memory": "1Gi"}, "limits": {}}})
    assert cpu is not None
    assert memory is not None
    assert needs_restart(live, cpu) == []
    assert needs_restart(live, memory) == ["app"]


WANTED = {"app": {"requests": LARGE, "limits": {}}}


def test_progress_is_done_only_when_the_kubelet_reports_the_size() -> None:
    """A patched spec without conditions is not done while the status shows the old size."""
    patched = pod("p", template(container(requests=LARGE)))
    assert progress(patched, WANTED, ready_needed=True).state == "done"
    patched["status"]["containerStatuses"][0]["resources"] = {"requests": SMALL}
    assert progress(patched, WANTED, ready_needed=True).state == "waiting"


@pytest.mark.parametrize(
    ("wanted", "reported", "state"),
    [
        ("200m", "201m", "done"),
        ("200m", "210m", "waiting"),
        ("205m", "210m", "done"),
        ("5m", "10m", "done"),
        ("1m", "2m", "done"),
        ("20m", "30m", "waiting"),
        ("30m", "20m", "waiting"),
    ],
)
def test_progress_allows_the_rounding_of_the_kubelet_and_no_more(wanted: str, reported: str, state: str) -> None:
    """Shares come back a millicore off and quotas are rounded up to ten; the old size is not the new one."""
    size = {"cpu": wanted, "memory": "256Mi"}
    patched = pod("p", template(container(requests=size, limits=size)))
    told = {"cpu": reported, "memory": "256Mi"}
    patched["status"]["containerStatuses"][0]["resources"] = {"requests": size, "limits": told}
    assert progress(patched, {"app": {"requests": size, "limits": size}}, ready_needed=True).state == state


def test_progress_waits_for_the_kubelet_to_admit_the_size() -> None:
    """Allocated requests are exact, so they tell an old size that looks like rounding."""
    patched = pod("p", template(container(requests=LARGE)))
    patched["status"]["containerStatuses"][0]["allocatedResources"] = {"cpu": "201m", "memory": "256Mi"}
    assert progress(patched, WANTED, ready_needed=True).state == "waiting"


@pytest.mark.parametrize(
    ("condition", "state"),
    [
        ({"type": "PodResizePending", "reason": "Deferred"}, "waiting"),
        ({"type": "PodResizePending", "reason": "Infeasible", "message": "Node didn't have enough"}, "failed"),
        ({"type": "PodResizeInProgress", "reason": ""}, "waiting"),
        ({"type": "PodResizeInProgress", "reason": "Error", "message": "below current usage"}, "failed"),
    ],
)
def test_progress_by_condition(condition: dict[str, str], state: str) -> None:
    """Infeasible and Error end the wait, Deferred and InProgress do not."""
    patched = pod("p", template(container(requests=LARGE)))
    patched["status"]["conditions"].append({"status": "True", **condition})
    found = progress(patched, WANTED, ready_needed=True)
    assert found.state == state
    assert condition.get("message", "") in found.text


def test_progress_waits_for_the_observed_generation_where_there_is_one() -> None:
    """From 1.34 on the kubelet says which generation it has seen."""
    patched = pod("p", template(container(requests=LARGE)), observedGeneration=1)
    patched["metadata"]["generation"] = 2
    assert progress(patched, WANTED, ready_needed=True).state == "waiting"


def test_progress_asks_for_ready_only_where_the_pod_was() -> None:
    """A pod that was broken before its resize does not hold it up."""
    patched = pod("p", template(container(requests=LARGE)), ready=False)
    assert progress(patched, WANTED, ready_needed=True).state == "waiting"
    assert progress(patched, WANTED, ready_needed=False).state == "done"


@pytest.mark.parametrize(
    ("strategy", "replicas", "expected"),
    [
        ({}, 10, 2),
        ({}, 2, 1),
        ({"rollingUpdate": {"maxUnavailable": 3}}, 10, 3),
        ({"rollingUpdate": {"maxUnavailable": 0}}, 10, 1),
        ({"rollingUpdate": {"maxUnavailable": "50%"}}, 5, 2),
        ({"type": "Recreate"}, 5, 5),
    ],
)
def test_batches_follow_max_unavailable(strategy: Json, replicas: int, expected: int) -> None:
    """Percentages round down and at least one pod goes at a time."""
    live = deployment(template(container()), replicas=replicas, strategy=strategy)
    assert expected == max_unavailable(live)


def test_a_journal_that_has_ended_is_inert() -> None:
    """A copy that the controller left on a ReplicaSet may come back with `kubectl rollout undo`."""
    live = deployment(template(container()))
    live["metadata"]["annotations"] = {ANNOTATION: dataclasses.replace(_journal(), direction="done").text()}
    assert read_journal(live) is None


def _journal(uid: str = "uid-web") -> Journal:
    old, new = {"app": {"requests": SMALL, "limits": {}}}, {"app": {"requests": LARGE, "limits": {}}}
    return Journal(uid, "web-aaaa", 10, old, new)


def test_a_journal_comes_back_from_its_annotation() -> None:
    """Everything that a later run needs survives the round trip."""
    live, journal = deployment(template(container(requests=SMALL))), _journal()
    live["metadata"]["annotations"] = {ANNOTATION: journal.text()}
    assert journal == read_journal(live)
    assert "app requests.cpu 100m -> 200m" in journal.changes()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 2}', '{"version": 1}', json.dumps({"version": 1, "x": 1})]
)
def test_an_unreadable_journal_is_nobodys(text: str) -> None:
    """A journal of another version or shape is left alone rather than guessed at."""
    live = deployment(template(container()))
    live["metadata"]["annotations"] = {ANNOTATION: text}
    assert read_journal(live) is None


def test_a_journal_of_another_object_is_not_ours() -> None:
    """A manifest copied with its annotations does not make its pause ours."""
    live = deployment(template(container()))
    live["metadata"]["annotations"] = {ANNOTATION: _journal("uid-elsewhere").text()}
    assert read_journal(live) is None


def test_ownership_goes_back_to_the_one_apply_manager() -> None:
    """Our Update entry is merged into Pulumi's Apply entry; others stay."""
    ours = {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:spec": {"f:b": {}}}}
    theirs = {"manager": "pulumi-kubernetes-1a2b", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}}}
    status = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status"}
    assert merged_fields([ours, theirs, status]) == [
        {**theirs, "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {}}}},
        status,
    ]
    assert merged_fields([ours, status]) is None
    assert merged_fields([theirs, status]) is None


def test_ownership_goes_back_though_a_status_is_written_meanwhile() -> None:
    """A write in between starts the merge over from what is there then."""
    ours = {"manager": "pulumi-kubernetes", "operation": "Update", "fieldsV1": {"f:spec": {"f:b": {}}}}
    theirs = {"manager": "pulumi-kubernetes-1a2b", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}}}
    version = iter(range(1, 9))
    refusals = iter([(409, {"reason": "Conflict"}), (422, {"reason": "Invalid"}), (200, {})])

    def server(method: str, _path: str, _body: object) -> tuple[int, Json]:
        if method == "PATCH":
            return next(refusals)
        return 200, {"metadata": {"resourceVersion": str(next(version)), "managedFields": [ours, theirs]}}

    client, transport = double_client(server)
    hand_back(client, "/apis/apps/v1/namespaces/shop/deployments/web")
    assert ["1", "2", "3"] == [body[0]["value"] for method, _, body, _ in transport.requests if method == "PATCH"]


def test_selectors_become_queries() -> None:
    """All four operators of a label selector have their text form."""
    rules = [
        {"key": "a", "operator": "In", "values": ["x", "y"]},
        {"key": "b", "operator": "NotIn", "values": ["z"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    assert selector_text({"matchLabels": {"app": "web"}, "matchExpressions": rules}) == (
        "app=web,a in (x,y),b notin (z),c,!d"
    )
