"""When a StatefulSet is well, and what its controller waits for for ever."""

import pytest

from components.actions.client import Json
from components.actions.stateful import blocking, creation_finding, is_well, lacks_pods, stuck
from tests.unit.actions.doubles import container, member, stateful_set, template

TEMPLATE = template(container())
PARTITION: Json = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}


@pytest.mark.parametrize(
    ("expected", "spec", "status"),
    [
        (True, {}, {}),
        (False, {}, {"observedGeneration": 2}),
        (False, {}, {"updatedReplicas": 1}),
        (False, {}, {"availableReplicas": 1}),
        (False, {}, {"replicas": 3}),
        (False, {}, {"updateRevision": "db-2"}),
        (True, {"updateStrategy": {"type": "OnDelete"}}, {"updateRevision": "db-2"}),
        (True, {"updateStrategy": PARTITION}, {"updateRevision": "db-2", "updatedReplicas": 1}),
        (False, {"updateStrategy": PARTITION}, {"updateRevision": "db-2", "updatedReplicas": 0}),
    ],
)
def test_is_well(expected: bool, spec: Json, status: Json) -> None:
    """All of: observed, updated, available, and the revision current where the strategy makes one so."""
    live = stateful_set(TEMPLATE)
    live["spec"] |= spec
    live["status"] |= status
    assert expected is is_well(live)


def test_on_delete_with_old_pods_is_stuck() -> None:
    """Nobody but whoever deletes them brings the update on."""
    live = stateful_set(TEMPLATE, updateStrategy={"type": "OnDelete"})
    assert "" == stuck(live)
    live["status"]["updatedReplicas"] = 1
    assert "OnDelete, so 1 pods of an older revision stay until they are deleted: `kubectl delete pod`" in stuck(live)
    assert "" == stuck({**live, "spec": {**live["spec"], "updateStrategy": PARTITION}})


def broken(revision: str) -> Json:
    """Return a pod whose image cannot be pulled."""
    pod = member("db-1", TEMPLATE, revision=revision, ready=False)
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    pod["status"]["containerStatuses"][0] |= {"state": waiting, "ready": False}
    return pod


def test_a_broken_pod_of_an_older_revision_blocks_the_update() -> None:
    """The mended template never reaches it, which is said with the command that helps."""
    live = stateful_set(TEMPLATE)
    live["status"] |= {"updateRevision": "db-2"}
    (found,) = blocking(live, [broken("db-1"), member("db-0", TEMPLATE)])
    assert "not found; it is of an older revision, and a StatefulSet waits for it to be Ready" in found.detail
    assert "kubectl delete pod -n shop db-1" == found.remedy
    assert found.grace is not None


@pytest.mark.parametrize(
    ("revision", "spec"),
    [
        ("db-2", {}),
        ("db-1", {"podManagementPolicy": "Parallel"}),
        ("db-1", {"updateStrategy": {"type": "OnDelete"}}),
    ],
)
def test_what_blocks_nothing(revision: str, spec: Json) -> None:
    """A pod of the latest revision is judged as any other; Parallel does not wait; OnDelete does not replace."""
    live = stateful_set(TEMPLATE, **spec)
    live["status"] |= {"updateRevision": "db-2"}
    assert [] == list(blocking(live, [broken(revision)]))


def test_why_a_pod_cannot_be_created() -> None:
    """The latest event of the object itself tells; one of another object of the name, or before a success, does not."""
    live = stateful_set(TEMPLATE)
    assert not lacks_pods(live)
    live["status"]["replicas"] = 1
    assert lacks_pods(live)

    def event(reason: str, second: int, uid: str = "uid-db") -> Json:
        time = f"2026-01-01T00:00:0{second}Z"
        return {"reason": reason, "lastTimestamp": time, "message": "exceeded quota", "involvedObject": {"uid": uid}}

    found = creation_finding(live, [event("SuccessfulCreate", 1), event("FailedCreate", 2)])
    assert found is not None
    assert "pod of StatefulSet db: FailedCreate; exceeded quota" in found.text()
    assert creation_finding(live, [event("FailedCreate", 1), event("SuccessfulCreate", 2)]) is None
    assert creation_finding(live, [event("FailedCreate", 1, "other")]) is None
