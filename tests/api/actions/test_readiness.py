"""Waiting for real Deployments: well ones, and hopeless ones with their diagnosis."""

import time

import pytest

from components.actions.client import Client, Json, path_of
from components.actions.readiness import NotReady, wait_ready
from components.actions.resize.live import deployment_path
from tests.api.actions.live import LARGE, OTHER_IMAGE, PULUMI, SMALL, create, manifest

CRASH = {"command": ["sh", "-c", "echo no database >&2; exit 3"]}


def hopeless(client: Client, body: Json, *, patience: float = 120) -> str:
    """Create a Deployment that cannot come to be well; return the diagnosis."""
    namespace = body["metadata"]["namespace"]
    client.create(path_of("apps/v1", "deployments", namespace), body, field_manager=PULUMI)
    return diagnosis(client, namespace, patience)


def diagnosis(client: Client, namespace: str, patience: float = 120) -> str:
    """Return the diagnosis, which has to come within a minute, or soon after a shorter patience."""
    started = time.monotonic()
    with pytest.raises(NotReady) as caught:
        wait_ready(client, namespace, "web", patience=patience)
    assert time.monotonic() - started < min(60, patience + 10)
    assert "\n" not in caught.value.diagnosis
    return caught.value.diagnosis


def test_a_bad_image_is_hopeless_within_seconds(client: Client, namespace: str) -> None:
    """An update to an image that does not exist is told apart from the old pods that still run."""
    create(client, manifest(namespace, SMALL))
    template = manifest(namespace, SMALL, image="localhost/none:1")["spec"]["template"]
    client.patch(deployment_path(namespace, "web"), {"spec": {"template": template}}, kind="strategic")
    text = diagnosis(client, namespace)
    assert "container app: " in text
    assert "localhost/none:1" in text
    template = manifest(namespace, SMALL, image=OTHER_IMAGE)["spec"]["template"]
    client.patch(deployment_path(namespace, "web"), {"spec": {"template": template}}, kind="strategic")
    wait_ready(client, namespace, "web", patience=60)


def test_a_crash_loop_has_exit_code_and_last_log_line(client: Client, namespace: str) -> None:
    """The text holds what one would look up next."""
    text = hopeless(client, manifest(namespace, SMALL, container=CRASH, replicas=1), patience=20)
    assert "container app: CrashLoopBackOff; exit code 3" in text
    assert "last log: no database" in text


def test_a_failing_sidecar_is_named_as_one(client: Client, namespace: str) -> None:
    """The main container never starts; the sidecar before it is the cause."""
    body = manifest(namespace, SMALL, replicas=1)
    sidecar = {"name": "shipper", "image": OTHER_IMAGE, "restartPolicy": "Always", **CRASH}
    body["spec"]["template"]["spec"]["initContainers"] = [sidecar]
    assert "sidecar shipper: CrashLoopBackOff; exit code 3" in hopeless(client, body, patience=20)


def test_a_missing_config_map_is_told(client: Client, namespace: str) -> None:
    """An env reference to nothing is a container that cannot be created."""
    env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "absent", "key": "k"}}}]
    text = hopeless(client, manifest(namespace, SMALL, container={"env": env}, replicas=1))
    assert "CreateContainerConfigError" in text
    assert "absent" in text


def test_a_quota_keeps_pods_from_being_created(client: Client, namespace: str) -> None:
    """There is no pod to look at, so the ReplicaSet's own condition is the diagnosis."""
    body = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    client.create(path_of("v1", "resourcequotas", namespace), body)
    text = hopeless(client, manifest(namespace, LARGE))
    assert "FailedCreate" in text
    assert "exceeded quota: q" in text


def test_a_pod_that_fits_nowhere(client: Client, namespace: str) -> None:
    """The scheduler's own words are in the diagnosis."""
    body = manifest(namespace, SMALL, replicas=1)
    body["spec"]["template"]["spec"]["nodeSelector"] = {"no-such": "node"}
    text = hopeless(client, body)
    assert "Unschedulable" in text
    assert "nodes are available" in text
