"""What users meet around a resize, on a real node: several containers, memory in use, crashes for want of it, undoing.

R and A name the rows of the scenario list, as in `tests/api/actions/test_resize.py`.
"""

from typing import Any

import pytest

from components.actions.client import Client, Json
from components.actions.readiness import wait_ready
from components.actions.resize import ResizeFailed, adopt, plan
from components.actions.resize.live import deployment_path, pods_of, replica_sets_of
from tests.api.actions.live import (
    CPU,
    LARGE,
    OTHER_IMAGE,
    SMALL,
    Snapshot,
    assert_whole,
    create,
    eventually,
    forced,
    manifest,
)
from tests.api.actions.live import roll as rolled

HOLD_40M = "x=$(head -c 40000000 /dev/zero | tr '\\0' a); echo holding; while :; do sleep 1; done"


def three(namespace: str, *cpus: str) -> Json:
    """Return a Deployment of one pod with three containers of so much CPU."""
    body = manifest(namespace, SMALL, replicas=1)
    sleeping = {"image": OTHER_IMAGE, "command": ["sh", "-c", "trap exit TERM; while :; do sleep 1; done"]}
    listed = body["spec"]["template"]["spec"]["containers"]
    listed[:] = [{**listed[0], "name": "a"}, {"name": "b", **sleeping}, {"name": "c", **sleeping}]
    for container, cpu in zip(listed, cpus, strict=True):
        size = {"cpu": cpu, "memory": "48Mi"}
        container["resources"] = {"requests": size, "limits": size}
    return body


def cpus(snapshot: Snapshot) -> dict[str, str]:
    """Return the CPU limits that the kubelet reports, by container."""
    statuses = snapshot.pods[0]["status"]["containerStatuses"]
    return {each["name"]: each["resources"]["limits"]["cpu"] for each in statuses}


@pytest.mark.parametrize(
    "to",
    [("40m", "50m", "60m"), ("10m", "20m", "10m"), ("50m", "10m", "30m")],
    ids=["all grow", "all shrink", "to and fro"],
)
def test_several_containers_at_once(client: Client, namespace: str, to: tuple[str, str, str]) -> None:
    """R02: what the pod needs in all may grow, shrink or stay; each container has its own size afterwards."""
    create(client, three(namespace, "20m", "30m", "20m"))
    before = Snapshot(client, namespace)
    planned = plan(client, three(namespace, *to))
    assert "in-place" == planned.outcome, planned.lines()
    adopt(client, planned, progress=print, timeout=60)
    after = Snapshot(client, namespace)
    assert before.identities == after.identities
    assert dict(zip("abc", to, strict=True)) == cpus(after)


def using(namespace: str, memory: str) -> Json:
    """Return a Deployment of one pod that holds 40 MB."""
    size = {"cpu": "50m", "memory": memory}
    fields: dict[str, Any] = {"command": ["sh", "-c", HOLD_40M], "resources": {"requests": size, "limits": size}}
    return manifest(namespace, size, replicas=1, container=fields)


def test_memory_in_use_is_not_taken_away(client: Client, namespace: str) -> None:
    """R08: a kubelet refuses a limit below what is used, and all is taken back; 1.33 lowers none, and would roll."""
    create(client, using(namespace, "160Mi"))
    eventually(lambda: "holding" in _log(client, namespace))
    before = Snapshot(client, namespace)
    planned = plan(client, using(namespace, "24Mi"))
    if client.version() < (1, 34):
        assert "rollout" == planned.outcome
        return
    with pytest.raises(ResizeFailed) as caught:
        adopt(client, planned, progress=print, timeout=20)
    assert caught.value.undone
    assert before.identities == Snapshot(client, namespace).identities
    limits = client.get(deployment_path(namespace, "web"))["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert "160Mi" == limits["limits"]["memory"]


def test_a_pod_that_crashes_for_want_of_memory_recovers(client: Client, namespace: str) -> None:
    """R16: more memory is all that it needs; where its kubelet would keep the pod's old limit it is another pod."""
    body = using(namespace, "32Mi")
    client.create(f"/apis/apps/v1/namespaces/{namespace}/deployments", body, field_manager="pulumi-kubernetes")
    eventually(lambda: _waits_for_its_next_run(client, namespace), 60)
    before = Snapshot(client, namespace).pods[0]["metadata"]["uid"]
    planned = plan(client, using(namespace, "160Mi"))
    assert "in-place" == planned.outcome, planned.lines()
    done = adopt(client, planned, progress=print, timeout=60)
    wait_ready(client, namespace, "web", patience=120)
    after = [pod["metadata"]["uid"] for pod in Snapshot(client, namespace).pods]
    kept = client.version() >= (1, 37)
    assert kept == ([before] == after)
    assert kept == ("its container app did not run" not in done.text)
    assert kept == (not any("it is replaced" in line for line in planned.lines()))


def test_the_last_of_two_sizes_wins(client: Client, namespace: str) -> None:
    """R18: while one is deferred for want of room another is asked for, and done; nothing pending is left."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    large = {"cpu": "1200m", "memory": "32Mi"}
    assert (
        "Deferred"
        in adopt(client, forced(client, manifest(namespace, large)), progress=print, timeout=3, policy="wait").waiting
    )
    eventually(lambda: plan(client, manifest(namespace, CPU)).outcome == "in-place")
    adopt(client, plan(client, manifest(namespace, CPU)), progress=print, timeout=60)
    assert before.identities == assert_whole(client, namespace, CPU).identities


def test_an_undo_goes_to_the_revision_before_with_its_size(client: Client, namespace: str) -> None:
    """A09: rollout history has no entry for a resize, so an undo brings the old image and its size, by a rollout."""
    create(client, manifest(namespace, SMALL, image=OTHER_IMAGE))
    rolled(client, manifest(namespace, SMALL))
    adopt(client, plan(client, manifest(namespace, LARGE)), progress=print, timeout=60)
    before = Snapshot(client, namespace)
    # What `kubectl rollout undo` does: the template of the revision before, without the controller's label.
    (former,) = [rs for rs in replica_sets_of(client, before.deployment) if not rs["spec"]["replicas"]]
    template = former["spec"]["template"]
    del template["metadata"]["labels"]["pod-template-hash"]
    client.patch(
        deployment_path(namespace, "web"), [{"op": "replace", "path": "/spec/template", "value": template}], kind="json"
    )
    wait_ready(client, namespace, "web", patience=60)
    after = assert_whole(client, namespace, SMALL)
    assert {OTHER_IMAGE} == {pod["spec"]["containers"][0]["image"] for pod in after.pods}
    assert not {uid for uid, *_ in before.identities} & {uid for uid, *_ in after.identities}


def test_a_rollout_back_to_the_original_template_converges(client: Client, namespace: str) -> None:
    """A08 and A10: without adoption the same change replaces the pods, under another ReplicaSet's name."""
    create(client, manifest(namespace, SMALL))
    adopt(client, plan(client, manifest(namespace, CPU)), progress=print, timeout=60)
    before = assert_whole(client, namespace, CPU)
    rolled(client, manifest(namespace, SMALL))
    after = assert_whole(client, namespace, SMALL)
    assert not {uid for uid, *_ in before.identities} & {uid for uid, *_ in after.identities}
    assert 1 == after.deployment["status"]["collisionCount"]
    assert 1 == sum(len(pods_of(client, rs)) > 0 for rs in after.replica_sets)


def _log(client: Client, namespace: str) -> str:
    pod = Snapshot(client, namespace).pods[0]["metadata"]["name"]
    return client.text(f"/api/v1/namespaces/{namespace}/pods/{pod}/log")


def _waits_for_its_next_run(client: Client, namespace: str) -> bool:
    live = client.get(deployment_path(namespace, "web"))
    pods = [pod for rs in replica_sets_of(client, live) for pod in pods_of(client, rs)]
    states = [each["state"] for pod in pods for each in pod["status"].get("containerStatuses") or []]
    # A newer kubelet leaves the state at how the container ended while it backs off.
    return any(
        "CrashLoopBackOff" == state.get("waiting", {}).get("reason") or "terminated" in state for state in states
    )
