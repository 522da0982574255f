"""Waiting for real StatefulSets: well ones, hopeless ones, and one that its own controller has given up."""

import time

import pytest

from components.actions.client import Client, Json, path_of
from components.actions.readiness import NotReady
from components.actions.resize.kinds import workload_path
from tests.api.actions.live import LARGE, PULUMI, SMALL
from tests.api.actions.stateful import ON_DELETE, create, manifest, path, well

ORDERED = {"podManagementPolicy": "OrderedReady"}


def update(client: Client, body: Json) -> None:
    """Change the template, and do not wait."""
    patch = {"spec": {"template": body["spec"]["template"]}}
    client.patch(path(body["metadata"]["namespace"]), patch, kind="strategic", field_manager=PULUMI)


def diagnosis(client: Client, namespace: str, patience: float = 120) -> str:
    """Return the diagnosis, which has to come long before patience is over."""
    started = time.monotonic()
    with pytest.raises(NotReady) as caught:
        well(client, namespace, patience=patience)
    assert time.monotonic() - started < patience / 2
    assert caught.value.diagnosis.startswith(f"StatefulSet {namespace}/web: ")
    return caught.value.diagnosis


def test_a_broken_pod_of_an_older_revision_is_told_with_the_command(client: Client, namespace: str) -> None:
    """The trap of kubernetes#67250: the mended template does not reach the broken pod until somebody deletes it."""
    create(client, manifest(namespace, SMALL, **ORDERED))
    update(client, manifest(namespace, SMALL, image="localhost/none:1", **ORDERED))
    first = diagnosis(client, namespace)
    assert "pod web-1, container app: " in first
    assert "localhost/none:1" in first
    assert "older revision" not in first

    update(client, manifest(namespace, SMALL, **ORDERED))
    second = diagnosis(client, namespace)
    assert "it is of an older revision, and a StatefulSet waits for it to be Ready before it replaces it" in second
    assert f"Remedy: kubectl delete pod -n {namespace} web-1" in second
    client.delete(path_of("v1", "pods", namespace, "web-1"))
    well(client, namespace)


def test_on_delete_waits_for_whoever_deletes(client: Client, namespace: str) -> None:
    """Old pods are well, and will never be of the new template by themselves."""
    create(client, manifest(namespace, SMALL, updateStrategy=ON_DELETE))
    update(client, manifest(namespace, LARGE, updateStrategy=ON_DELETE))
    assert "its updateStrategy is OnDelete, so 2 pods of an older revision stay" in diagnosis(client, namespace)
    for name in ("web-1", "web-0"):
        client.delete(path_of("v1", "pods", namespace, name))
    well(client, namespace)


def test_a_quota_keeps_pods_from_being_created(client: Client, namespace: str) -> None:
    """There is no pod to look at and no condition, so the controller's own event is the diagnosis."""
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    client.create(path_of("v1", "resourcequotas", namespace), quota)
    client.create(workload_path("StatefulSet", namespace), manifest(namespace, SMALL), field_manager=PULUMI)
    text = diagnosis(client, namespace)
    assert "FailedCreate" in text
    assert "exceeded quota: q" in text
