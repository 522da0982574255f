"""Template adoption of StatefulSets against a real API server, controllers and kubelet."""

import dataclasses
import os
import subprocess
import sys
from typing import Any

import pytest

from components.actions.client import Client, Json, Transport, path_of
from components.actions.readiness import NotReady
from components.actions.resize import (
    FailurePolicy,
    ResizeFailed,
    adopt,
    all_drifted,
    all_unfinished,
    drifted,
    finish,
    heal,
    plan,
    unfinished,
)
from components.actions.resize.journal import ANNOTATION, RECORD_ANNOTATION
from components.actions.resize.verdict import revision_of
from tests.api.actions.live import (
    CPU,
    LARGE,
    OTHER_IMAGE,
    SLOW,
    SMALL,
    Killed,
    KillingTransport,
    apply,
    eventually,
    forced,
    take_over,
)
from tests.api.actions.stateful import (
    ON_DELETE,
    ROLLING,
    Snapshot,
    assert_whole,
    create,
    manifest,
    path,
    roll,
    strategy_of,
    well,
)

# A kill at every change takes minutes: a few of them by default, all with LAB_TEST_ALL=1.
EVERY = 1 if os.environ.get("LAB_TEST_ALL") else 6
RESTART_CPU = {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}


def quiet(_line: str) -> None:
    """Say nothing."""


def resize(client: Client, body: Json, *, timeout: float = 60) -> None:
    """Plan and carry out, as the hook does."""
    planned = plan(client, body)
    assert "in-place" == planned.outcome, planned.lines()
    adopt(client, planned, progress=quiet, timeout=timeout)


def killed(kube: Transport, client: Client, body: Json, after: int) -> None:
    """Begin a resize and die right after its nth change."""
    planned = plan(client, body)
    assert "in-place" == planned.outcome, planned.lines()
    with pytest.raises(Killed):
        adopt(Client(KillingTransport(kube, after)), planned, progress=quiet, timeout=60)


def test_pods_stay_and_the_revision_becomes_current(client: Client, namespace: str) -> None:
    """A15: the same pods and containers, of a new revision that is current, and the strategy is as it was."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    resize(client, manifest(namespace, LARGE))
    after = assert_whole(client, namespace, LARGE)
    assert before.identities == after.identities
    assert before.live["status"]["currentRevision"] != after.live["status"]["currentRevision"]
    assert "40m" in after.live["metadata"]["annotations"][RECORD_ANNOTATION]
    events = client.list(path_of("v1", "events", namespace), field_selector="reason=ResizedInPlace")
    assert ["StatefulSet"] == [event["involvedObject"]["kind"] for event in events]


def test_pods_that_come_later_have_the_new_size(client: Client, namespace: str) -> None:
    """Scaling after adoption, and deleting a pod, makes pods of the new size."""
    create(client, manifest(namespace, SMALL))
    resize(client, manifest(namespace, LARGE))
    client.patch(path(namespace), {"spec": {"replicas": 3}})
    client.delete(path_of("v1", "pods", namespace, "web-0"))
    eventually(lambda: client.get(path(namespace))["status"].get("availableReplicas") == 3)
    well(client, namespace)
    assert 3 == len(assert_whole(client, namespace, LARGE).pods)


def test_there_and_back_again_is_the_old_revision(client: Client, namespace: str) -> None:
    """The controller finds the revision of the old sizes in its history, so none is made for it."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    resize(client, manifest(namespace, CPU))
    resize(client, manifest(namespace, SMALL))
    after = assert_whole(client, namespace, SMALL)
    assert before.identities == after.identities
    assert before.live["status"]["currentRevision"] == after.live["status"]["currentRevision"]
    assert 2 == len(after.revisions)
    assert "unchanged" == plan(client, manifest(namespace, SMALL)).outcome


def test_another_spelling_of_a_size_is_adopted_too(client: Client, namespace: str) -> None:
    """The controller compares bytes: what means the same would still be a rolling update, and is none."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    spelled = {"cpu": "20m", "memory": str(32 * 2**20)}
    planned = plan(client, manifest(namespace, spelled))
    assert ("in-place", []) == (planned.outcome, planned.verdicts)
    assert "written in another way only" in planned.notes[0]
    adopt(client, planned, progress=quiet, timeout=60)
    assert before.identities == assert_whole(client, namespace, spelled).identities


def test_scaled_up_in_the_window(kube: Transport, client: Client, namespace: str) -> None:
    """What is created while it is held has the new size and revision, and is waited for like the others."""
    create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, CPU))

    def scale() -> None:
        client.patch(path(namespace), {"spec": {"replicas": 3}})
        eventually(lambda: len(Snapshot(client, namespace).pods) == 3)

    # Hold, template.
    adopt(Client(KillingTransport(kube, 2, act=scale)), planned, progress=quiet, timeout=60)
    well(client, namespace)
    assert 3 == len(assert_whole(client, namespace, CPU).pods)


def test_containers_restart_one_pod_at_a_time(client: Client, namespace: str) -> None:
    """Where the resizePolicy asks for a restart, the highest ordinal goes first and no two pods are away at once."""
    probe = {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}}
    create(client, manifest(namespace, SMALL, container={**RESTART_CPU, **probe}))
    before = Snapshot(client, namespace)
    body = manifest(namespace, CPU, container={**RESTART_CPU, **probe})
    planned = plan(client, body)
    assert "in-place" == planned.outcome, planned.lines()
    unready: list[int] = []

    def look(_line: str) -> None:
        unready.append(2 - client.get(path(namespace))["status"].get("readyReplicas", 0))

    adopt(client, planned, progress=look, timeout=90)
    after = assert_whole(client, namespace, CPU)
    assert max(unready) <= 1
    assert [1, 1] == [restarts for *_, restarts in after.identities]
    assert [uid for uid, *_ in before.identities] == [uid for uid, *_ in after.identities]
    started = [
        pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        for pod in after.pods  # web-0, web-1
    ]
    assert started[0] > started[1]


def test_one_that_is_on_delete_stays_so(client: Client, namespace: str) -> None:
    """Its strategy is its own: pods are of the new revision, and it is not called current, as always with OnDelete."""
    create(client, manifest(namespace, SMALL, updateStrategy=ON_DELETE))
    before = Snapshot(client, namespace)
    resize(client, manifest(namespace, CPU, updateStrategy=ON_DELETE))
    assert before.identities == assert_whole(client, namespace, CPU, ON_DELETE).identities
    resize(client, manifest(namespace, SMALL, updateStrategy=ON_DELETE))
    assert before.identities == assert_whole(client, namespace, SMALL, ON_DELETE).identities


@pytest.mark.parametrize("way", ["go on", "take back"])
def test_killed_after_every_change(kube: Transport, client: Client, namespace: str, way: str) -> None:
    """After a kill at any change, finishing brings one whole state, and no pod is ever replaced."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    sizes, other = [SMALL, CPU], 1
    for change in range(1, 40, EVERY):
        old, new = sizes[1 - other], sizes[other]
        planned = plan(client, manifest(namespace, new))
        try:
            adopt(Client(KillingTransport(kube, change)), planned, progress=quiet, timeout=60)
        except Killed:
            pass
        else:
            break
        left = unfinished(client, namespace, "web", "StatefulSet")
        if left is not None:
            assert [str(left)] == [str(each) for each in all_unfinished(client, namespace)]
            assert str(left).startswith(f"StatefulSet {namespace}/web is held (updateStrategy OnDelete) in a resize")
            assert "refused" == plan(client, manifest(namespace, new)).outcome
            finish(client, left, quiet, desired=manifest(namespace, new if way == "go on" else old))
        reached = new if left is None or way == "go on" else old
        assert before.identities == assert_whole(client, namespace, reached).identities
        other = sizes.index(CPU) if reached == SMALL else sizes.index(SMALL)
    assert change > 7, "the loop ended before it had tried the changes of a resize"


def test_killed_in_its_undoing(kube: Transport, client: Client, namespace: str) -> None:
    """A kill at every change of an undo, and another finish: the old state, the same pods."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    for change in range(1, 40, EVERY):
        # Hold, template, two pods, and the label of one.
        killed(kube, client, manifest(namespace, CPU), 5)
        left = unfinished(client, namespace, "web", "StatefulSet")
        assert left is not None
        done = False
        try:
            finish(Client(KillingTransport(kube, change)), left, quiet, desired=manifest(namespace, SMALL))
            done = True
        except Killed:
            again = unfinished(client, namespace, "web", "StatefulSet")
            if again is not None:
                # Even with the manifest of the new size: a run that was undoing is undone.
                finish(client, again, quiet, desired=manifest(namespace, CPU if change > 1 else SMALL))
        assert before.identities == assert_whole(client, namespace, SMALL).identities
        if done:
            break
    assert change > 5


@pytest.mark.parametrize("change", [1, 4, 7])
def test_an_outage_in_the_window_leaves_a_journal(kube: Transport, client: Client, namespace: str, change: int) -> None:
    """When the server is gone in the middle, the failure says what is left and the next run ends it."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = plan(client, manifest(namespace, CPU))
    gone = Client(KillingTransport(kube, change, outage=True))
    # Hold, template, two pods, their labels, end.
    if change == 7:
        adopt(gone, planned, progress=quiet, timeout=60)
    else:
        left_behind = r"left with updateStrategy OnDelete and its journal: .* statefulset/web`"
        with pytest.raises(ResizeFailed, match=left_behind):
            adopt(gone, planned, progress=quiet, timeout=60)
        left = unfinished(client, namespace, "web", "StatefulSet")
        assert left is not None
        finish(client, left, quiet, desired=manifest(namespace, CPU))
    assert before.identities == assert_whole(client, namespace, CPU).identities


def test_a_resize_that_does_not_fit_is_undone(client: Client, namespace: str) -> None:
    """A deferred pod brings all back as it was, with its name and the kubelet's reason."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = forced(client, manifest(namespace, {"cpu": "1200m", "memory": "32Mi"}))
    with pytest.raises(ResizeFailed) as caught:
        adopt(client, planned, progress=quiet, timeout=6)
    assert caught.value.undone
    assert caught.value.pod in {"web-0", "web-1"}
    assert "Deferred" in caught.value.reason
    after = assert_whole(client, namespace, SMALL)
    assert before.identities == after.identities
    assert before.live["status"]["currentRevision"] == after.live["status"]["currentRevision"]


def test_what_cannot_go_back_in_place_is_rolled_back(client: Client, namespace: str) -> None:
    """On 1.33 a raised memory limit cannot be lowered again, so a failed resize ends in a rollout of the old size."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = forced(client, manifest(namespace, {"cpu": "1200m", "memory": "64Mi"}))
    with pytest.raises(ResizeFailed) as caught:
        adopt(client, planned, progress=quiet, timeout=6)
    assert caught.value.undone
    well(client, namespace)
    after = assert_whole(client, namespace, SMALL)
    same_pods = before.identities == after.identities
    assert same_pods == (client.version() >= (1, 34))
    assert ("is rolled out" in str(caught.value)) == (not same_pods)


def test_a_strategy_that_another_sets_in_the_window_is_theirs(kube: Transport, client: Client, namespace: str) -> None:
    """The resize stops, says so, and leaves the strategy alone; a later run only removes the journal."""
    create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, CPU))
    theirs = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}

    def interfere() -> None:
        client.patch(path(namespace), {"spec": {"updateStrategy": theirs}}, field_manager="kubectl-edit")

    with pytest.raises(ResizeFailed, match="someone changed the updateStrategy"):
        adopt(Client(KillingTransport(kube, 1, act=interfere)), planned, progress=quiet, timeout=30)
    left = unfinished(client, namespace, "web", "StatefulSet")
    assert left is not None
    assert "is no longer held" in str(left)
    assert "has got another updateStrategy from someone else; only the journal was removed" in finish(
        client, left, quiet
    )
    assert theirs == strategy_of(Snapshot(client, namespace).live)


@pytest.mark.parametrize("change", [1, 3, 6])
def test_a_template_that_another_writes_in_the_window_is_rolled_out(
    kube: Transport, client: Client, namespace: str, change: int
) -> None:
    """No pod is called one of a template that it is not of: the strategy comes back, and pods are replaced."""
    create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, CPU))

    def interfere() -> None:
        container = {"name": "app", "image": OTHER_IMAGE}
        template = {"template": {"spec": {"containers": [container]}}}
        client.patch(path(namespace), {"spec": template}, kind="strategic", field_manager="kubectl-set")

    with pytest.raises(ResizeFailed, match="someone changed the template"):
        adopt(Client(KillingTransport(kube, change, act=interfere)), planned, progress=quiet, timeout=30)
    assert unfinished(client, namespace, "web", "StatefulSet") is None
    well(client, namespace)
    found = assert_whole(client, namespace, SMALL if change == 1 else CPU)
    assert [OTHER_IMAGE] * 2 == [pod["spec"]["containers"][0]["image"] for pod in found.pods]


@SLOW
def test_policy_rollout_replaces_pods(client: Client, namespace: str) -> None:
    """Where a kubelet cannot follow, the new template stays and the controller replaces pods by its own strategy."""
    create(client, manifest(namespace, SMALL))
    size = {"cpu": "1200m", "memory": "32Mi"}
    adopted = adopt(client, forced(client, manifest(namespace, size)), progress=print, timeout=6, policy="rollout")
    assert not adopted.in_place
    assert "new pods are rolled out" in adopted.text
    found = Snapshot(client, namespace)
    assert (None, ROLLING) == (
        unfinished(client, namespace, "web", "StatefulSet"),
        strategy_of(found.live),
    )
    # One of the two fits on the node, and a StatefulSet makes no room by itself.
    with pytest.raises(NotReady, match="Unschedulable"):
        well(client, namespace)
    client.patch(path(namespace), {"spec": {"replicas": 1}})
    well(client, namespace)
    assert 1 == len(assert_whole(client, namespace, size).pods)


@SLOW
def test_policy_wait_leaves_it_to_the_kubelet(client: Client, namespace: str) -> None:
    """A deferred resize stays asked for, in template and pods, is not ready, and is done once there is room."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    size = {"cpu": "1200m", "memory": "32Mi"}
    adopted = adopt(client, forced(client, manifest(namespace, size)), progress=print, timeout=6, policy="wait")
    assert adopted.waiting.partition(": ")[2].startswith("Deferred")
    after = Snapshot(client, namespace)
    assert before.identities == after.identities
    assert ROLLING == strategy_of(after.live)
    for item in [after.live["spec"]["template"], *after.pods]:
        assert size == item["spec"]["containers"][0]["resources"]["limits"]
    with pytest.raises(NotReady, match=r"Deferred; .*Remedy: make room on the node"):
        well(client, namespace, patience=4)
    client.patch(path(namespace), {"spec": {"replicas": 1}})
    # A kubelet of 1.33 tries again what it deferred when it next looks at the pod, after up to a minute and a half.
    well(client, namespace, patience=150)
    assert 1 == len(assert_whole(client, namespace, size).pods)


@SLOW
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
        left = unfinished(client, namespace, "web", "StatefulSet")
        if left is not None:
            text = finish(client, left, print, direction="forward", timeout=3)
            assert ("new pods are rolled out" if policy == "rollout" else "left to the kubelet") in text
        live = Snapshot(client, namespace).live
        assert ROLLING == strategy_of(live)
        assert size == live["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        if policy == "wait":
            eventually(lambda: plan(client, manifest(namespace, SMALL)).outcome == "in-place")
            resize(client, manifest(namespace, SMALL))
        else:
            roll(client, manifest(namespace, SMALL))
        assert_whole(client, namespace, SMALL)


def test_pulumi_applies_the_same_values_without_a_rollout(client: Client, namespace: str) -> None:
    """A07: the update that follows an adoption is a no-op, and the one after it meets no conflict, in preview too."""
    create(client, manifest(namespace, SMALL))
    resize(client, manifest(namespace, LARGE))
    before = Snapshot(client, namespace)
    take_over(client, path(namespace))
    apply(client, manifest(namespace, LARGE))
    after = assert_whole(client, namespace, LARGE)
    assert before.live["metadata"]["generation"] == after.live["metadata"]["generation"]
    assert before.identities == after.identities
    apply(client, manifest(namespace, CPU), dry_run=True)
    # Resized again: now there is an Apply entry, and the preview needs no takeover.
    bigger = {"cpu": "50m", "memory": "80Mi"}
    resize(client, manifest(namespace, bigger))
    apply(client, manifest(namespace, CPU, image=OTHER_IMAGE), dry_run=True)
    apply(client, manifest(namespace, bigger))
    assert before.identities == assert_whole(client, namespace, bigger).identities


def test_an_undone_resize_leaves_no_conflict_either(kube: Transport, client: Client, namespace: str) -> None:
    """After a kill and an undo, Pulumi's next preview of another size is clean."""
    create(client, manifest(namespace, SMALL))
    take_over(client, path(namespace))
    apply(client, manifest(namespace, SMALL))
    killed(kube, client, manifest(namespace, CPU), 4)
    left = unfinished(client, namespace, "web", "StatefulSet")
    assert left is not None
    finish(client, left, quiet, desired=manifest(namespace, SMALL))
    apply(client, manifest(namespace, LARGE), dry_run=True)
    assert_whole(client, namespace, SMALL)


def test_refusals(client: Client, namespace: str) -> None:
    """A partition, an image with the size, and an update in progress are rollouts with their reason."""
    create(client, manifest(namespace, SMALL))
    both = plan(client, manifest(namespace, LARGE, image=OTHER_IMAGE))
    assert ("rollout", True) == (both.outcome, "containers[app].image" in both.reasons[0])
    partition = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}
    client.patch(path(namespace), {"spec": partition})
    kept = plan(client, manifest(namespace, LARGE, **partition))
    assert "its updateStrategy has partition 1, so that some pods are to keep the old template" in kept.reasons
    client.patch(path(namespace), {"spec": {"updateStrategy": ROLLING}})
    broken = manifest(namespace, SMALL, image="localhost/none:1")
    client.patch(path(namespace), {"spec": {"template": broken["spec"]["template"]}})
    eventually(lambda: client.get(path(namespace))["status"].get("updatedReplicas", 0) == 1)
    rolling = plan(client, manifest(namespace, LARGE, image="localhost/none:1"))
    assert "an update of its pods is in progress" in rolling.reasons


def test_another_object_or_state_than_planned_is_not_touched(client: Client, namespace: str) -> None:
    """Only the object with the planned UID, in the state that was planned for, is resized."""
    created = create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, LARGE), created["metadata"]["uid"])
    assert "in-place" == planned.outcome
    forged = dataclasses.replace(planned, uid="00000000-0000-0000-0000-000000000000")
    with pytest.raises(ResizeFailed, match="nothing was changed"):
        adopt(client, forged, progress=quiet, timeout=30)
    roll(client, manifest(namespace, SMALL, image=OTHER_IMAGE))
    with pytest.raises(ResizeFailed, match="was changed since it was planned"):
        adopt(client, planned, progress=quiet, timeout=30)
    assert_whole(client, namespace, SMALL)


def test_drift_is_found_and_put_back(client: Client, namespace: str) -> None:
    """A pod and a template that were changed by hand have their sizes back in place, in the same containers."""
    created = create(client, manifest(namespace, SMALL))
    uid = created["metadata"]["uid"]
    before = Snapshot(client, namespace)
    size: Json = {"spec": {"containers": [{"name": "app", "resources": {"requests": CPU, "limits": CPU}}]}}
    pod = path_of("v1", "pods", namespace, "web-1", "resize")
    client.patch(pod, size, kind="strategic", field_manager="kubectl-patch")
    (found, _) = all_drifted(client, namespace)
    assert found == (
        f"StatefulSet {namespace}/web: pod web-1, container app: requests.cpu is 30m, the template says 20m "
        "(changed by kubectl-patch)"
    )
    (done,) = heal(client, manifest(namespace, SMALL), uid, progress=quiet, timeout=60)
    assert done.endswith("put back in place")
    assert before.identities == assert_whole(client, namespace, SMALL).identities
    roll(client, manifest(namespace, CPU), manager="kubectl-set")
    before = Snapshot(client, namespace)
    assert ["the template's sizes of container app were changed by kubectl-set"] == drifted(
        client, namespace, "web", "StatefulSet"
    )
    (done,) = heal(client, manifest(namespace, SMALL), uid, progress=quiet, timeout=60)
    assert done.endswith("changed by kubectl-set; put back in place")
    assert before.identities == assert_whole(client, namespace, SMALL).identities
    assert [] == all_drifted(client, namespace)


def test_the_command_line(lab_cluster: Any, kube: Transport, client: Client, namespace: str) -> None:
    """A killed resize shows in `status` of statefulset/web, is finished by that name, and planned for by it."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        options = ["--kubeconfig", str(lab_cluster.kubeconfig), "--context", lab_cluster.context, "-n", namespace]
        command = [sys.executable, "-m", "components.actions", "resize", *arguments, *options, "statefulset/web"]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    create(client, manifest(namespace, SMALL))
    planned = run("plan", "--set", "app.requests.cpu=30m", "--set", "app.limits.cpu=30m")
    assert (0, f"StatefulSet {namespace}/web: running pods are resized in place") == (
        planned.returncode,
        planned.stdout.splitlines()[0],
    )
    killed(kube, client, manifest(namespace, CPU), 3)
    left = run("status")
    assert (1, True) == (left.returncode, "is held (updateStrategy OnDelete) in a resize begun at" in left.stdout)
    ended = run("resume")
    assert (0, True) == (ended.returncode, "resized in place" in ended.stdout), ended.stderr
    assert_whole(client, namespace, CPU)
    assert 0 == run("status").returncode


def test_the_journal_is_gone_and_labels_are_those_of_the_revision(client: Client, namespace: str) -> None:
    """Nothing but the record is left on the object, and the revisions in history are two."""
    create(client, manifest(namespace, SMALL))
    resize(client, manifest(namespace, CPU))
    found = Snapshot(client, namespace)
    assert ANNOTATION not in found.live["metadata"]["annotations"]
    assert {found.live["status"]["updateRevision"]} == {revision_of(pod) for pod in found.pods}
    assert 2 == len(found.revisions)
