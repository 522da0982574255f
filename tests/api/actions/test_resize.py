"""Template adoption against a real API server, controllers and kubelet (rows A01 to A07 of the scenario list)."""

import dataclasses
import os
import time
from typing import Any

import pytest
import yaml

from components.actions.client import Client, Json, Transport, path_of
from components.actions.connection import load_kubeconfig
from components.actions.errors import ApiError
from components.actions.readiness import NotReady, wait_ready
from components.actions.resize import FailurePolicy, ResizeFailed, adopt, finish, plan, unfinished
from components.actions.resize.deployment_window import SUPERSEDED
from components.actions.resize.journal import ANNOTATION, RECORD_ANNOTATION
from components.actions.resize.live import deployment_path, pods_of, replica_sets_of
from tests.api.actions.live import (
    CPU,
    LARGE,
    OTHER_IMAGE,
    SLOW,
    SMALL,
    Killed,
    KillingTransport,
    Snapshot,
    apply,
    assert_whole,
    create,
    eventually,
    forced,
    manifest,
    roll,
    take_over,
)


def resize(client: Client, body: Json, *, timeout: float = 60) -> None:
    """Plan and carry out, as the hook does."""
    planned = plan(client, body)
    assert planned.outcome == "in-place", planned.lines()
    adopt(client, planned, progress=lambda _line: None, timeout=timeout)


def test_pods_and_revision_stay(client: Client, namespace: str) -> None:
    """A01: after adoption there are the same pods in the same ReplicaSet with the same revision, all resized."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    resize(client, manifest(namespace, LARGE))
    after = assert_whole(client, namespace, LARGE)
    assert before.identities == after.identities
    assert [rs["metadata"]["name"] for rs in before.replica_sets] == [
        rs["metadata"]["name"] for rs in after.replica_sets
    ]
    revision = "deployment.kubernetes.io/revision"
    assert before.deployment["metadata"]["annotations"][revision] == "1"
    assert after.deployment["metadata"]["annotations"][revision] == "1"
    assert "collisionCount" not in after.deployment["status"]
    assert "40m" in after.deployment["metadata"]["annotations"][RECORD_ANNOTATION]
    events = client.list(path_of("v1", "events", namespace), field_selector="reason=ResizedInPlace")
    assert [event["involvedObject"]["name"] for event in events] == ["web"]
    for item in [after.deployment, *after.replica_sets]:
        assert ANNOTATION not in item["metadata"]["annotations"]


def test_pods_that_come_later_have_the_new_size(client: Client, namespace: str) -> None:
    """Scaling after adoption makes pods of the new size in the same ReplicaSet."""
    create(client, manifest(namespace, SMALL))
    resize(client, manifest(namespace, LARGE))
    client.patch(deployment_path(namespace, "web"), {"spec": {"replicas": 3}})
    wait_ready(client, namespace, "web", patience=60)
    assert len(assert_whole(client, namespace, LARGE).pods) == 3


def test_a_second_plan_says_unchanged(client: Client, namespace: str) -> None:
    """Once adopted, the same manifest is no change, however its quantities are written."""
    create(client, manifest(namespace, SMALL))
    resize(client, manifest(namespace, {"cpu": "0.1", "memory": "64Mi"}))
    assert plan(client, manifest(namespace, {"cpu": "100m", "memory": "65536Ki"})).outcome == "unchanged"


def test_the_old_replica_set_of_the_same_size_is_not_rolled_to(client: Client, namespace: str) -> None:
    """A02: a ReplicaSet in history that equals the new template would be the controller's first match."""
    create(client, manifest(namespace, LARGE))
    roll(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    assert len(before.replica_sets) == 2
    resize(client, manifest(namespace, LARGE))
    after = assert_whole(client, namespace, LARGE)
    assert before.identities == after.identities
    twins = [rs for rs in after.replica_sets if rs["metadata"]["uid"] != after.active[0]["metadata"]["uid"]]
    assert SUPERSEDED in twins[0]["spec"]["template"]["metadata"]["annotations"]


def test_the_only_rollback_target_survives(client: Client, namespace: str) -> None:
    """A03: with revisionHistoryLimit 1 the controller would delete the old ReplicaSet in the window."""
    create(client, manifest(namespace, SMALL, image=OTHER_IMAGE, revisionHistoryLimit=1))
    roll(client, manifest(namespace, SMALL))
    before = {rs["metadata"]["name"] for rs in Snapshot(client, namespace).replica_sets}
    assert len(before) == 2
    resize(client, manifest(namespace, LARGE))
    after = Snapshot(client, namespace)
    assert before == {rs["metadata"]["name"] for rs in after.replica_sets}
    assert after.deployment["spec"]["revisionHistoryLimit"] == 1


# A kill at every change takes minutes: a part of them by default, all with LAB_TEST_ALL=1.
EVERY = 1 if os.environ.get("LAB_TEST_ALL") else 5


@pytest.mark.parametrize("way", ["go on", "take back"])
def test_killed_after_every_change(kube: Transport, client: Client, namespace: str, way: str) -> None:
    """A04: after a kill at any change, finishing brings one whole state, and no pod is ever replaced."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    sizes, other = [SMALL, CPU], 1
    for change in range(1, 40, EVERY):
        old, new = sizes[1 - other], sizes[other]
        dying = KillingTransport(kube, change)
        planned = plan(client, manifest(namespace, new))
        try:
            adopt(Client(dying), planned, progress=lambda _line: None, timeout=60)
        except Killed:
            pass
        else:
            break
        left = unfinished(client, namespace, "web")
        if left is not None:
            assert plan(client, manifest(namespace, new)).outcome == "refused"
            desired = manifest(namespace, new if way == "go on" else old)
            finish(client, left, lambda _line: None, desired=desired)
        reached = new if left is None or way == "go on" else old
        after = assert_whole(client, namespace, reached)
        assert before.identities == after.identities
        other = sizes.index(CPU) if reached == SMALL else sizes.index(SMALL)
    assert change > 8, "the loop ended before it had tried the changes of a resize"


def test_killed_in_its_undoing(kube: Transport, client: Client, namespace: str) -> None:
    """A kill at every change of an undo, and another finish: the old state, the same pods."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    for change in range(1, 40, EVERY):
        with pytest.raises(Killed):
            # The fifth change is the last pod's: all templates and pods are new by then.
            adopt(
                Client(KillingTransport(kube, 5)),
                plan(client, manifest(namespace, CPU)),
                progress=lambda _line: None,
                timeout=60,
            )
        left = unfinished(client, namespace, "web")
        assert left is not None
        done = False
        try:
            dying = Client(KillingTransport(kube, change))
            finish(dying, left, lambda _line: None, desired=manifest(namespace, SMALL))
            done = True
        except Killed:
            again = unfinished(client, namespace, "web")
            if again is not None:
                # Even with the manifest of the new size: a run that was undoing is undone.
                finish(client, again, lambda _line: None, desired=manifest(namespace, CPU if change > 1 else SMALL))
        assert before.identities == assert_whole(client, namespace, SMALL).identities
        if done:
            break
    assert change > 5


@pytest.mark.parametrize("change", [1, 3, 5])
def test_an_outage_in_the_window_leaves_a_journal(kube: Transport, client: Client, namespace: str, change: int) -> None:
    """When the server is gone in the middle, the failure says what is left, and the next run ends it."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = plan(client, manifest(namespace, CPU))
    with pytest.raises(ResizeFailed, match="left paused with its journal") as caught:
        adopt(Client(KillingTransport(kube, change, outage=True)), planned, progress=lambda _line: None, timeout=60)
    assert not caught.value.undone
    left = unfinished(client, namespace, "web")
    assert left is not None
    finish(client, left, lambda _line: None, desired=manifest(namespace, CPU))
    assert before.identities == assert_whole(client, namespace, CPU).identities


def test_an_outage_after_the_end_is_no_failure(kube: Transport, client: Client, namespace: str) -> None:
    """Once the pause is lifted the resize has happened, whether or not its traces could be cleaned up."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = plan(client, manifest(namespace, CPU))
    # Pause, ReplicaSet, Deployment, two pods, end.
    adopt(Client(KillingTransport(kube, 6, outage=True)), planned, progress=lambda _line: None, timeout=60)
    assert before.identities == assert_whole(client, namespace, CPU).identities


def test_an_undo_restores_the_twin_too(kube: Transport, client: Client, namespace: str) -> None:
    """The mark on a ReplicaSet of history is taken back with everything else."""
    create(client, manifest(namespace, CPU))
    roll(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = plan(client, manifest(namespace, CPU))
    with pytest.raises(Killed):
        # Pause, ReplicaSet, twin, Deployment.
        adopt(Client(KillingTransport(kube, 4)), planned, progress=lambda _line: None, timeout=60)
    marked = [rs for rs in Snapshot(client, namespace).replica_sets if SUPERSEDED in str(rs["spec"]["template"])]
    assert len(marked) == 1
    left = unfinished(client, namespace, "web")
    assert left is not None
    finish(client, left, lambda _line: None, desired=manifest(namespace, SMALL))
    after = assert_whole(client, namespace, SMALL)
    assert before.identities == after.identities
    assert [rs["spec"]["template"] for rs in before.replica_sets] == [
        rs["spec"]["template"] for rs in after.replica_sets
    ]


@pytest.mark.parametrize(("manager", "outcome"), [("operator", "in-place"), ("kubectl-rollout", "rollout")])
def test_fields_of_others_in_the_template(client: Client, namespace: str, manager: str, outcome: str) -> None:
    """What another controller put into the template stays when Pulumi applies; what kubectl put there does not."""
    create(client, manifest(namespace, SMALL))
    take_over(client, deployment_path(namespace, "web"))
    apply(client, manifest(namespace, SMALL))
    template = {"metadata": {"annotations": {"example.com/restarted": "now"}}}
    client.patch(deployment_path(namespace, "web"), {"spec": {"template": template}}, field_manager=manager)
    wait_ready(client, namespace, "web", patience=60)
    planned = plan(client, manifest(namespace, CPU))
    assert planned.outcome == outcome, planned.lines()
    if outcome == "rollout":
        assert "annotations" in planned.reasons[0]


def test_the_edit_role_may_not_resize(client: Client, lab_cluster: Any, namespace: str) -> None:
    """R14: a missing right is found before anything is paused, and named; nodes that may not be read are unknown."""
    create(client, manifest(namespace, SMALL))
    accounts = path_of("v1", "serviceaccounts", namespace)
    client.create(accounts, {"metadata": {"name": "editor"}})
    binding = {
        "metadata": {"name": "editor"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"kind": "ServiceAccount", "name": "editor", "namespace": namespace}],
    }
    client.create(path_of("rbac.authorization.k8s.io/v1", "rolebindings", namespace), binding)
    token = client.create(f"{accounts}/editor/token", {"spec": {"expirationSeconds": 600}})["status"]["token"]
    config = yaml.safe_load(lab_cluster.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    with load_kubeconfig(yaml.safe_dump(config), lab_cluster.context).client() as editor:
        planned = plan(editor, manifest(namespace, LARGE))
    assert planned.outcome == "rollout"
    assert "this identity may not patch pods/resize in the namespace" in planned.reasons[0]


def test_refusals(client: Client, namespace: str) -> None:
    """A06: paused by someone, mid-rollout, and image with size are rollouts with their reason."""
    create(client, manifest(namespace, SMALL))
    path = deployment_path(namespace, "web")
    both = plan(client, manifest(namespace, LARGE, image=OTHER_IMAGE))
    assert (both.outcome, "containers[app].image" in both.reasons[0]) == ("rollout", True)
    client.patch(path, {"spec": {"paused": True}})
    paused = plan(client, manifest(namespace, LARGE))
    assert paused.outcome == "rollout"
    assert "paused by someone else" in " ".join(paused.reasons)
    client.patch(path, {"spec": {"paused": None}})
    client.patch(path, {"spec": {"template": manifest(namespace, SMALL, image="localhost/none:1")["spec"]["template"]}})
    eventually(lambda: len(replica_sets_of(client, client.get(path))) == 2)
    rolling = plan(client, manifest(namespace, LARGE, image="localhost/none:1"))
    assert "a rollout is in progress" in rolling.reasons


def test_lower_memory_is_a_rollout_on_this_server(client: Client, namespace: str) -> None:
    """On 1.33 a lower memory limit needs new pods; from 1.34 on it is in place."""
    create(client, manifest(namespace, LARGE))
    planned = plan(client, manifest(namespace, SMALL))
    assert planned.outcome == ("rollout" if client.version() < (1, 34) else "in-place")


def test_our_rules_agree_with_the_server(client: Client, namespace: str) -> None:
    """What the rules call a rollout the server's dry run of the resize refuses as well, and the other way round."""
    burstable = {"resources": {"requests": SMALL, "limits": {"memory": "64Mi"}}}
    create(client, manifest(namespace, SMALL, container=burstable))
    tries: list[Json] = [
        {"requests": LARGE, "limits": {"memory": "64Mi"}},
        {"requests": SMALL, "limits": {"memory": "128Mi"}},
        {"requests": SMALL, "limits": {"memory": "48Mi"}},
        {"requests": SMALL, "limits": {"memory": "64Mi", "cpu": "1"}},
        {"requests": {"memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        {"requests": SMALL},
        {"requests": LARGE, "limits": LARGE},
    ]
    pod = Snapshot(client, namespace).pods[0]
    for resources in tries:
        planned = plan(client, manifest(namespace, SMALL, container={"resources": resources}))
        # Update replaces the lists, so that removals are removals.
        body = [{"op": "replace", "path": "/spec/containers/0/resources", "value": resources}]
        try:
            path = path_of("v1", "pods", namespace, pod["metadata"]["name"], "resize")
            client.patch(path, body, kind="json", dry_run=True)
            refused = ""
        except ApiError as error:
            refused = error.message
        assert (planned.outcome == "rollout") == bool(refused), (resources, planned.lines(), refused)


def test_a_limit_range_that_came_later_is_a_rollout(client: Client, namespace: str) -> None:
    """A LimitRange that would add limits to a resize is found by the dry run, before anything is paused."""
    burstable = {"resources": {"requests": SMALL}}
    create(client, manifest(namespace, SMALL, container=burstable))
    limits = {"type": "Container", "default": {"cpu": "900m", "memory": "512Mi"}}
    body = {"metadata": {"name": "late"}, "spec": {"limits": [limits]}}
    client.create(path_of("v1", "limitranges", namespace), body)
    planned = plan(client, manifest(namespace, SMALL, container={"resources": {"requests": LARGE}}))
    assert planned.outcome == "rollout", planned.lines()
    assert "resize pod" in planned.reasons[-1] or "resize of pod" in planned.reasons[-1]


def test_a_quota_is_refused(client: Client, namespace: str) -> None:
    """A quota holds new pods as much as resized ones, so neither way is offered."""
    create(client, manifest(namespace, SMALL))
    body = {"metadata": {"name": "q"}, "spec": {"hard": {"requests.cpu": "45m"}}}
    client.create(path_of("v1", "resourcequotas", namespace), body)
    quota = path_of("v1", "resourcequotas", namespace, "q")
    eventually(lambda: "used" in client.get(quota).get("status", {}))
    planned = plan(client, manifest(namespace, LARGE))
    assert planned.outcome == "refused", planned.lines()
    assert "exceeded quota" in planned.reasons[-1]


def test_a_disruption_budget_holds_restarts_back(client: Client, namespace: str) -> None:
    """Where no pod may be away no container is restarted: the change is a rollout, which starts with a new pod."""
    restarts = {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}
    create(client, manifest(namespace, SMALL, container=restarts))
    size = {"resources": {"requests": CPU, "limits": CPU}}
    assert "in-place" == plan(client, manifest(namespace, CPU, container={**restarts, **size})).outcome
    spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    budgets = path_of("policy/v1", "poddisruptionbudgets", namespace)
    client.create(budgets, {"metadata": {"name": "all"}, "spec": spec})
    eventually(lambda: client.get(f"{budgets}/all").get("status", {}).get("currentHealthy") == 2)
    planned = plan(client, manifest(namespace, CPU, container={**restarts, **size}))
    assert "rollout" == planned.outcome
    assert "PodDisruptionBudget all allows no pod to be away" in planned.reasons[-1]


def test_another_object_of_the_name_is_not_touched(client: Client, namespace: str) -> None:
    """Only the object with the UID of the caller's record is resized."""
    created = create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, LARGE), created["metadata"]["uid"])
    other = plan(client, manifest(namespace, LARGE), "00000000-0000-0000-0000-000000000000")
    assert (planned.outcome, other.outcome) == ("in-place", "rollout")
    forged = dataclasses.replace(planned, uid="00000000-0000-0000-0000-000000000000")
    with pytest.raises(ResizeFailed, match="nothing was changed"):
        adopt(client, forged, progress=lambda _line: None, timeout=30)
    assert_whole(client, namespace, SMALL)


def test_a_plan_that_is_out_of_date_changes_nothing(client: Client, namespace: str) -> None:
    """When someone changed the sizes since the plan, adoption stops before its first write."""
    create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, LARGE))
    roll(client, manifest(namespace, CPU))
    with pytest.raises(ResizeFailed, match="changed since"):
        adopt(client, planned, progress=lambda _line: None, timeout=30)
    assert_whole(client, namespace, CPU)


def test_a_foreign_pause_is_never_lifted(client: Client, namespace: str) -> None:
    """A pause without a journal, or with a journal of another object, is somebody else's."""
    create(client, manifest(namespace, SMALL))
    path = deployment_path(namespace, "web")
    copied = '{"version": 1, "uid": "elsewhere", "replica_set": "x", "history": 10, "old": {}, "new": {}}'
    client.patch(path, {"metadata": {"annotations": {ANNOTATION: copied}}, "spec": {"paused": True}})
    assert unfinished(client, namespace, "web") is None
    assert plan(client, manifest(namespace, LARGE)).outcome == "rollout"
    assert client.get(path)["spec"]["paused"] is True


def test_someone_resumes_in_the_window(kube: Transport, client: Client, namespace: str) -> None:
    """When the pause was lifted by another, finishing only clears the journal."""
    create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, CPU))
    with pytest.raises(Killed):
        adopt(Client(KillingTransport(kube, 1)), planned, progress=lambda _line: None, timeout=60)
    client.patch(deployment_path(namespace, "web"), {"spec": {"paused": None}})
    left = unfinished(client, namespace, "web")
    assert left is not None
    assert "resumed by someone else" in finish(client, left, lambda _line: None)
    assert_whole(client, namespace, SMALL)


def test_pulumi_applies_the_same_values_without_a_rollout(client: Client, namespace: str) -> None:
    """A07: the update that follows an adoption is a no-op, and the one after it meets no conflict, in preview too."""
    create(client, manifest(namespace, SMALL))
    resize(client, manifest(namespace, LARGE))
    before = Snapshot(client, namespace)
    take_over(client, deployment_path(namespace, "web"))
    apply(client, manifest(namespace, LARGE))
    after = assert_whole(client, namespace, LARGE)
    assert before.deployment["metadata"]["generation"] == after.deployment["metadata"]["generation"]
    assert before.identities == after.identities
    apply(client, manifest(namespace, CPU), dry_run=True)
    # Resized again: now there is an Apply entry, and the preview needs no takeover.
    bigger = {"cpu": "50m", "memory": "80Mi"}
    resize(client, manifest(namespace, bigger))
    apply(client, manifest(namespace, CPU, image=OTHER_IMAGE), dry_run=True)
    apply(client, manifest(namespace, bigger))
    assert before.identities == assert_whole(client, namespace, bigger).identities


def test_another_manager_would_be_a_conflict(client: Client, namespace: str) -> None:
    """The control of the test above: a patch under a name of our own makes the next apply a conflict."""
    create(client, manifest(namespace, SMALL))
    take_over(client, deployment_path(namespace, "web"))
    apply(client, manifest(namespace, SMALL))
    change = manifest(namespace, CPU)["spec"]["template"]
    path = deployment_path(namespace, "web")
    client.patch(path, {"spec": {"template": change}}, kind="strategic", field_manager="somebody")
    with pytest.raises(ApiError, match="conflict") as caught:
        apply(client, manifest(namespace, LARGE), dry_run=True)
    assert caught.value.conflict


def test_an_undone_resize_leaves_no_conflict_either(kube: Transport, client: Client, namespace: str) -> None:
    """After a kill and an undo, Pulumi's next preview of another size is clean."""
    create(client, manifest(namespace, SMALL))
    take_over(client, deployment_path(namespace, "web"))
    apply(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, CPU))
    with pytest.raises(Killed):
        adopt(Client(KillingTransport(kube, 4)), planned, progress=lambda _line: None, timeout=60)
    left = unfinished(client, namespace, "web")
    assert left is not None
    finish(client, left, lambda _line: None, desired=manifest(namespace, SMALL))
    apply(client, manifest(namespace, LARGE), dry_run=True)
    assert_whole(client, namespace, SMALL)


@pytest.mark.parametrize("cpu", ["1200m", pytest.param("64", marks=SLOW)])
def test_policy_rollout_brings_new_pods(client: Client, namespace: str, cpu: str) -> None:
    """Where a kubelet cannot follow, new pods of the new size are rolled out; templates say the same, no pause is left.

    Where none of them fits on the node the old pods go on serving, and the wait says why.
    """
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    size = {"cpu": cpu, "memory": "32Mi"}
    adopted = adopt(client, forced(client, manifest(namespace, size)), progress=print, timeout=6, policy="rollout")
    assert not adopted.in_place
    assert "new pods are rolled out" in adopted.text
    with pytest.raises(NotReady, match="Unschedulable"):
        wait_ready(client, namespace, "web", patience=60)
    live = client.get(deployment_path(namespace, "web"))
    assert (None, size) == (
        live["spec"].get("paused"),
        live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"],
    )
    assert unfinished(client, namespace, "web") is None
    old = {pod for pod, *_ in before.identities}
    still = {pod["metadata"]["uid"] for rs in replica_sets_of(client, live) for pod in pods_of(client, rs)} & old
    assert (1 if cpu == "1200m" else 2) == len(still)
    roll(client, manifest(namespace, SMALL))
    assert_whole(client, namespace, SMALL)


def test_policy_wait_leaves_it_to_the_kubelet(client: Client, namespace: str) -> None:
    """A deferred resize stays asked for, in templates and pods, is not ready, and is done once there is room."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    size = {"cpu": "1200m", "memory": "32Mi"}
    planned = forced(client, manifest(namespace, size))
    adopted = adopt(client, planned, progress=print, timeout=6, policy="wait")
    assert adopted.waiting.partition(": ")[2].startswith("Deferred")
    after = Snapshot(client, namespace)
    assert before.identities == after.identities
    for item in [after.deployment["spec"]["template"], *(rs["spec"]["template"] for rs in after.active), *after.pods]:
        assert size == item["spec"]["containers"][0]["resources"]["limits"]
    with pytest.raises(NotReady, match=r"Deferred; .*Remedy: make room on the node"):
        wait_ready(client, namespace, "web", patience=4)
    client.patch(deployment_path(namespace, "web"), {"spec": {"replicas": 1}})
    # A 1.33 kubelet looks at deferred resizes when it syncs the pod, about once a minute.
    wait_ready(client, namespace, "web", patience=150)
    assert len(assert_whole(client, namespace, size).pods) == 1


def test_policy_wait_calls_infeasible_hopeless(client: Client, namespace: str) -> None:
    """What can never be carried out fails the wait within seconds; a server that refuses it at once is rolled back."""
    create(client, manifest(namespace, SMALL))
    size = {"cpu": "64", "memory": "32Mi"}
    planned = forced(client, manifest(namespace, size))
    if client.version() >= (1, 36):
        with pytest.raises(ResizeFailed, match="refuses"):
            adopt(client, planned, progress=print, timeout=6, policy="wait")
        assert_whole(client, namespace, SMALL)
        return
    assert "Infeasible" in adopt(client, planned, progress=print, timeout=6, policy="wait").waiting
    started = time.monotonic()
    with pytest.raises(NotReady, match="Infeasible"):
        wait_ready(client, namespace, "web", patience=60)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("policy", ["rollout", "wait"])
def test_a_policy_survives_a_kill(kube: Transport, client: Client, namespace: str, policy: FailurePolicy) -> None:
    """The journal knows what was to become of it: a later run goes on with that, after a kill at any of its changes."""
    create(client, manifest(namespace, SMALL))
    size = {"cpu": "1200m", "memory": "32Mi"}
    for change in range(1, 30, EVERY):
        planned = forced(client, manifest(namespace, size))
        try:
            adopt(Client(KillingTransport(kube, change)), planned, progress=print, timeout=3, policy=policy)
        except Killed:
            pass
        else:
            break
        left = unfinished(client, namespace, "web")
        if left is not None:
            text = finish(client, left, print, direction="forward", timeout=3)
            assert ("new pods are rolled out" if policy == "rollout" else "left to the kubelet") in text
        live = client.get(deployment_path(namespace, "web"))
        assert not live["spec"].get("paused")
        assert size == live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        if policy == "wait":
            eventually(lambda: plan(client, manifest(namespace, SMALL)).outcome == "in-place")
            resize(client, manifest(namespace, SMALL))
        else:
            roll(client, manifest(namespace, SMALL))
        assert_whole(client, namespace, SMALL)


@pytest.mark.parametrize(("cpu", "word"), [("1200m", "Deferred"), ("64", "Infeasible")])
def test_a_resize_that_does_not_fit_is_undone(client: Client, namespace: str, cpu: str, word: str) -> None:
    """A deferred or infeasible pod brings all back as it was, with its name and the kubelet's reason."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = forced(client, manifest(namespace, {"cpu": cpu, "memory": "32Mi"}))
    assert "cpu" in planned.reasons[0]
    with pytest.raises(ResizeFailed) as caught:
        adopt(client, planned, progress=lambda _line: None, timeout=6)
    assert caught.value.undone
    assert caught.value.pod in {pod["metadata"]["name"] for pod in before.pods}
    # From 1.36 on the server refuses at once what 1.33 leaves to the kubelet.
    assert word in caught.value.reason or "refuses" in caught.value.reason
    assert before.identities == assert_whole(client, namespace, SMALL).identities


def test_what_cannot_go_back_in_place_is_rolled_back(client: Client, namespace: str) -> None:
    """On 1.33 a raised memory limit cannot be lowered again, so a failed resize ends in a rollout of the old size."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = forced(client, manifest(namespace, {"cpu": "64", "memory": "64Mi"}))
    with pytest.raises(ResizeFailed) as caught:
        adopt(client, planned, progress=lambda _line: None, timeout=6)
    assert caught.value.undone
    wait_ready(client, namespace, "web", patience=60)
    after = assert_whole(client, namespace, SMALL)
    same_pods = before.identities == after.identities
    assert same_pods == (client.version() >= (1, 34))
    assert ("is rolled out" in str(caught.value)) == (not same_pods)
