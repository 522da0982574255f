"""Rollouts that are proved or taken back, on a real API server, controllers and kubelet (row A13)."""

import os
import threading
import time
from typing import Any

import pytest

from components.actions.client import Client, Json, Transport
from components.actions.readiness import wait_ready
from components.actions.resize import drifted, plan
from components.actions.resize.live import deployment_path
from components.actions.rollout import MARK, RolledBack, abandoned, conclude, prove, take_back
from tests.api.actions.live import (
    OTHER_IMAGE,
    SMALL,
    Killed,
    KillingTransport,
    Snapshot,
    assert_whole,
    create,
    eventually,
    manifest,
)

PROBE = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
BAD_IMAGE = "localhost/none:1"


def proved(client: Client, desired: Json, former: Json, *, patience: float = 60, **options: Any) -> None:
    """Roll out as the hook does."""
    uid = client.get(deployment_path(desired["metadata"]["namespace"], "web"))["metadata"]["uid"]
    options = {"stop": threading.Event(), "progress": print, **options}
    prove(client, desired, former, uid, patience=patience, **options)


def unmarked(client: Client, namespace: str) -> bool:
    """Tell whether nothing is left on the Deployment of a rollout that was being tried."""
    return MARK not in client.get(deployment_path(namespace, "web"))["metadata"].get("annotations", {})


def test_a_good_rollout_is_proved(client: Client, namespace: str) -> None:
    """New pods of the new image are all there when it returns; the next manifest changes anything."""
    former, desired = manifest(namespace, SMALL), manifest(namespace, SMALL, image=OTHER_IMAGE, minReadySeconds=1)
    create(client, former)
    proved(client, desired, former)
    conclude(client, client.get(deployment_path(namespace, "web")))
    after = assert_whole(client, namespace, SMALL)
    assert {OTHER_IMAGE} == {pod["spec"]["containers"][0]["image"] for pod in after.pods}
    assert 1 == after.deployment["spec"]["minReadySeconds"]
    assert unmarked(client, namespace)
    assert "unchanged" == plan(client, desired).outcome


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"image": BAD_IMAGE}, "ErrImagePull|ImagePullBackOff|ErrImageNeverPull"),
        (
            # Without a probe a container may be called ready between two crashes.
            {"container": {"command": ["sh", "-c", "echo no database; exit 3"], "readinessProbe": PROBE}},
            "exit code 3.*no database",
        ),
        (
            {"container": {"startupProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1}}},
            "not ready after|StartupProbe",
        ),
    ],
    ids=["image", "crash", "probe"],
)
def test_a_bad_rollout_is_taken_back(client: Client, namespace: str, change: Any, cause: str) -> None:
    """The cause is told, the old pods have served all the time, and the Deployment is as it was."""
    former = manifest(namespace, SMALL)
    create(client, former)
    before = Snapshot(client, namespace)
    started = time.monotonic()
    with pytest.raises(RolledBack, match=cause) as caught:
        proved(client, manifest(namespace, SMALL, minReadySeconds=2, **change), former, patience=25)
    assert time.monotonic() - started < 60
    assert "The former revision is back, and its pods are ready" in str(caught.value)
    after = assert_whole(client, namespace, SMALL)
    assert before.identities == after.identities
    assert "minReadySeconds" not in after.deployment["spec"]
    assert unmarked(client, namespace)
    assert [] == drifted(client, namespace, "web")


def test_an_interruption_takes_it_back_at_once(client: Client, namespace: str) -> None:
    """Ctrl-C does not wait for the patience, and leaves nothing half done."""
    former = manifest(namespace, SMALL)
    create(client, former)
    before = Snapshot(client, namespace)
    stop = threading.Event()
    threading.Timer(2, stop.set).start()
    started = time.monotonic()
    slow = {"readinessProbe": {"tcpSocket": {"port": 1}, "periodSeconds": 1}}
    with pytest.raises(RolledBack, match="it was interrupted"):
        proved(client, manifest(namespace, SMALL, container=slow), former, patience=300, stop=stop)
    assert time.monotonic() - started < 60
    assert before.identities == assert_whole(client, namespace, SMALL).identities


# One of the four by default: `tests/api/components/test_updates.py` has another, and all together take minutes.
WAYS = [("reverted program", OTHER_IMAGE)]
MORE_WAYS = [("same program", OTHER_IMAGE), ("same program", BAD_IMAGE), ("reverted program", BAD_IMAGE)]


@pytest.mark.parametrize(("way", "image"), WAYS + (MORE_WAYS if os.environ.get("LAB_TEST_ALL") else []))
def test_killed_after_every_change(kube: Transport, client: Client, namespace: str, way: str, image: str) -> None:
    """After a kill the same program goes on to proof or return, and one that was reverted is brought back."""
    former, desired = manifest(namespace, SMALL), manifest(namespace, SMALL, image=image)
    create(client, former)
    for change in range(1, 10):
        try:
            proved(Client(KillingTransport(kube, change)), desired, former, patience=40)
        except Killed:
            pass
        except RolledBack:
            break  # it needs no more changes than that
        else:
            break
        if way == "reverted program":
            tried = abandoned(client, former)
            assert ("never proved" in tried) == (plan(client, former).outcome != "unchanged"), tried
            if tried:
                assert abandoned(client, desired) == ""
                take_back(client, former, progress=print)
            reached = former
        else:
            assert abandoned(client, desired) == ""
            try:
                proved(client, desired, former, patience=40)
                reached = desired
            except RolledBack:
                reached = former
            assert (reached is desired) == (image == OTHER_IMAGE)
        wait_ready(client, namespace, "web", patience=60)
        conclude(client, client.get(deployment_path(namespace, "web")))
        eventually(lambda reached=reached: plan(client, reached).outcome == "unchanged")  # type: ignore[misc]
        assert_whole(client, namespace, SMALL)
        assert abandoned(client, former) == ""
        if reached is desired:
            proved(client, former, desired)
            conclude(client, client.get(deployment_path(namespace, "web")))
    assert change > 1


def test_another_object_or_a_paused_one_is_not_touched(client: Client, namespace: str) -> None:
    """What somebody paused, or made anew, is left as it is."""
    former, desired = manifest(namespace, SMALL), manifest(namespace, SMALL, image=OTHER_IMAGE)
    create(client, former)
    prove(client, desired, former, "another", patience=5, stop=threading.Event(), progress=print)
    client.patch(deployment_path(namespace, "web"), {"spec": {"paused": True}})
    proved(client, desired, former, patience=5)
    assert "unchanged" == plan(client, former).outcome
