"""Generations of configuration on a real cluster, against its garbage collector."""

import time
from collections.abc import Callable

import pytest

from components.actions.client import Client, Json, path_of
from components.actions.generations import LABEL, WORKLOAD_LABEL, free_name, hold, own_and_prune
from components.actions.readiness import wait_ready
from components.actions.resize.live import deployment_path
from tests.api.actions.live import PULUMI, SMALL, eventually, manifest

# The collector has long acted by then.
COLLECTED = 10.0


def config_map(namespace: str, workload: str = "aaaa") -> Json:
    """Return the manifest of a workload's generation of the base `site`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"site-{workload}",
            "namespace": namespace,
            "labels": {LABEL: "site", WORKLOAD_LABEL: workload},
        },
        "immutable": True,
        "data": {"greeting": workload},
    }


def mounting(namespace: str, name: str = "web", label: str = "web", workload: str = "aaaa") -> Json:
    """Return a Deployment of one pod that mounts the generation."""
    body = manifest(
        namespace,
        SMALL,
        replicas=1,
        container={"volumeMounts": [{"name": n, "mountPath": f"/{n}"} for n in ("tmp", "site")]},
    )
    body["metadata"]["name"] = name
    body["spec"]["selector"] = {"matchLabels": {"app": label}}
    template = body["spec"]["template"]
    template["metadata"]["labels"] = {"app": label}
    template["spec"]["volumes"].append({"name": "site", "configMap": {"name": f"site-{workload}"}})
    return body


def deploy(client: Client, body: Json, workload: str = "aaaa") -> None:
    """Do what a deployment of the component does: hold, create, wait, own."""
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    hold(client, config_map(namespace, workload))
    client.create(path_of("apps/v1", "deployments", namespace), body, field_manager=PULUMI)
    wait_ready(client, namespace, name, patience=60)
    own_and_prune(client, {"metadata": {"namespace": namespace, "name": name}}, "site", workload)


def owners(client: Client, namespace: str, workload: str = "aaaa") -> list[str] | None:
    """Return the names of the generation's owners, None when it is not there."""
    found = client.find(path_of("v1", "configmaps", namespace, f"site-{workload}"))
    return None if found is None else [o["name"] for o in found["metadata"].get("ownerReferences") or []]


def gone(client: Client, path: str) -> Callable[[], bool]:
    """Return a check that nothing is at the path."""
    return lambda: client.find(path) is None


@pytest.mark.parametrize("collected", [False, True], ids=["at once", "after the collector"])
def test_delete_first_keeps_the_mounted_generation(client: Client, namespace: str, collected: bool) -> None:
    """Whether the collector was there before or comes after: the new pods have their files, and keep them."""
    deploy(client, mounting(namespace))
    assert ["web"] == owners(client, namespace)
    path = deployment_path(namespace, "web")
    client.delete(path, propagation="Foreground")
    eventually(gone(client, path))
    if collected:
        eventually(lambda: owners(client, namespace) is None)

    deploy(client, mounting(namespace, label="other"))
    time.sleep(COLLECTED)
    assert ["web"] == owners(client, namespace)
    wait_ready(client, namespace, "web", patience=10)


def test_create_first_keeps_the_mounted_generation(client: Client, namespace: str) -> None:
    """Under another name the new Deployment takes the generation over before the old one goes."""
    deploy(client, mounting(namespace))
    deploy(client, mounting(namespace, "renamed", "renamed"))
    assert ["renamed"] == owners(client, namespace)
    client.delete(deployment_path(namespace, "web"), propagation="Foreground")
    time.sleep(COLLECTED)
    assert ["renamed"] == owners(client, namespace)


def test_a_failed_successor_leaves_the_generation(client: Client, namespace: str) -> None:
    """Between letting go and being owned anew it belongs to nobody, and the old Deployment's end leaves it."""
    deploy(client, mounting(namespace))
    hold(client, config_map(namespace))
    client.delete(deployment_path(namespace, "web"), propagation="Foreground")
    time.sleep(COLLECTED)
    assert [] == owners(client, namespace)


def test_two_workloads_with_one_base_leave_each_other_alone(client: Client, namespace: str) -> None:
    """Neither prunes, frees, or takes what is the other's; each generation ends with its own Deployment."""
    deploy(client, mounting(namespace))
    deploy(client, mounting(namespace, "second", "second", "bbbb"), "bbbb")
    assert [] == own_and_prune(client, {"metadata": {"namespace": namespace, "name": "second"}}, "site", "bbbb", keep=0)
    assert (["web"], ["second"]) == (owners(client, namespace), owners(client, namespace, "bbbb"))
    assert not free_name(client, namespace, "site-aaaa", "bbbb")

    client.delete(deployment_path(namespace, "second"), propagation="Foreground")
    eventually(lambda: owners(client, namespace, "bbbb") is None)
    assert ["web"] == owners(client, namespace)
    assert free_name(client, namespace, "site-aaaa", "aaaa")
