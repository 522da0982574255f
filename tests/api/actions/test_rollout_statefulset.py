"""Rollouts of StatefulSets that are proved or taken back: the pod that failed holds its controller up both ways."""

import threading
import time
from typing import Any

import pytest

from components.actions.client import Client, Json, Transport
from components.actions.resize import plan
from components.actions.rollout import MARK, RolledBack, abandoned, conclude, is_tried, prove, take_back
from tests.api.actions.live import OTHER_IMAGE, SLOW, SMALL, Killed, KillingTransport, eventually
from tests.api.actions.stateful import Snapshot, assert_whole, create, manifest, path, well

ORDERED = {"podManagementPolicy": "OrderedReady"}
BAD_IMAGE = "localhost/none:1"


def proved(client: Client, desired: Json, former: Json, *, patience: float = 60, **options: Any) -> None:
    """Roll out as the hook does."""
    uid = client.get(path(desired["metadata"]["namespace"]))["metadata"]["uid"]
    prove(client, desired, former, uid, patience=patience, **{"stop": threading.Event(), "progress": print, **options})


def unmarked(client: Client, namespace: str) -> bool:
    """Tell whether nothing is left on the StatefulSet of a rollout that was being tried."""
    return MARK not in client.get(path(namespace))["metadata"].get("annotations", {})


def test_a_good_rollout_is_proved(client: Client, namespace: str) -> None:
    """New pods of the new image are all there when it returns."""
    former, desired = manifest(namespace, SMALL), manifest(namespace, SMALL, image=OTHER_IMAGE, minReadySeconds=1)
    create(client, former)
    proved(client, desired, former)
    assert is_tried(client, desired)
    conclude(client, client.get(path(namespace)))
    after = assert_whole(client, namespace, SMALL)
    assert {OTHER_IMAGE} == {pod["spec"]["containers"][0]["image"] for pod in after.pods}
    assert 1 == after.live["spec"]["minReadySeconds"]
    assert unmarked(client, namespace)
    assert "unchanged" == plan(client, desired).outcome


@pytest.mark.parametrize("policy", [ORDERED, pytest.param({}, marks=SLOW)], ids=["ordered", "parallel"])
def test_a_bad_rollout_is_taken_back(client: Client, namespace: str, policy: Json) -> None:
    """Only the pod that failed is another one: the controller itself would have waited for it for good."""
    former = manifest(namespace, SMALL, **policy)
    create(client, former)
    before = Snapshot(client, namespace)
    bad = manifest(namespace, SMALL, image=BAD_IMAGE, minReadySeconds=2, **policy)
    started = time.monotonic()
    with pytest.raises(RolledBack, match=r"ErrImagePull|ImagePullBackOff|ErrImageNeverPull") as caught:
        proved(client, bad, former, patience=40)
    assert time.monotonic() - started < 60
    assert "The former revision is back, and its pods are ready" in str(caught.value)
    after = assert_whole(client, namespace, SMALL)
    assert before.identities[0] == after.identities[0]
    assert before.identities[1] != after.identities[1]
    assert "minReadySeconds" not in after.live["spec"]
    assert unmarked(client, namespace)


@pytest.mark.parametrize("image", [BAD_IMAGE, pytest.param(OTHER_IMAGE, marks=SLOW)], ids=["bad", "good"])
def test_a_killed_rollout_is_taken_back_by_a_reverted_program(
    kube: Transport, client: Client, namespace: str, image: str
) -> None:
    """After a kill at every change; one that asks for the new template still is told of nothing to take back."""
    former, desired = manifest(namespace, SMALL, **ORDERED), manifest(namespace, SMALL, image=image, **ORDERED)
    create(client, former)
    kills = 0
    for change in range(1, 12):
        try:
            proved(Client(KillingTransport(kube, change)), desired, former, patience=40)
        except Killed:
            kills += 1
        except RolledBack:
            break
        else:
            break
        tried = abandoned(client, former)
        # Also where the template is back already: the pod that failed would hold everything up.
        assert "never proved" in tried or plan(client, former).outcome == "unchanged", tried
        if tried:
            assert "" == abandoned(client, desired)
            assert "was taken back" in take_back(client, former, progress=print)
        well(client, namespace)
        conclude(client, client.get(path(namespace)))
        eventually(lambda: plan(client, former).outcome == "unchanged")
        assert "" == abandoned(client, former)
        assert unmarked(client, namespace)
    assert kills >= (2 if image == BAD_IMAGE else 1)  # a good one is one change, and needs no way back


def test_one_that_replaces_no_pods_is_left_alone(client: Client, namespace: str) -> None:
    """With updateStrategy OnDelete nothing rolls, so there is nothing to prove."""
    former, desired = manifest(namespace, SMALL), manifest(namespace, SMALL, image=OTHER_IMAGE)
    created = client.create(path(namespace).rpartition("/")[0], {**former, "spec": {**former["spec"], "replicas": 0}})
    client.patch(path(namespace), {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    prove(client, desired, former, created["metadata"]["uid"], patience=5, stop=threading.Event(), progress=print)
    assert not is_tried(client, desired)
    assert former["spec"]["template"]["spec"]["containers"][0]["image"] == image_of(client, namespace)


def image_of(client: Client, namespace: str) -> str:
    """Return the image of the StatefulSet's template."""
    return str(client.get(path(namespace))["spec"]["template"]["spec"]["containers"][0]["image"])
