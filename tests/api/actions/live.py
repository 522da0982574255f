"""Deployments on a real cluster for the tests of the actions: manifests, rollouts, and what must hold afterwards."""

import dataclasses
import json
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from urllib3.exceptions import ProtocolError

from components.actions.client import Client, Json, Transport, path_of
from components.actions.readiness import wait_ready
from components.actions.resize import Plan, plan, unfinished
from components.actions.resize.journal import ANNOTATION
from components.actions.resize.kinds import kind_of, workload_path
from components.actions.resize.live import deployment_path, pods_of, replica_sets_of
from components.actions.resize.ownership import merged_fields
from components.actions.resize.pods import Progress, is_ready, progress
from components.actions.resize.templates import equal_ignoring_hash
from components.actions.resize.verdict import active_replica_sets

IMAGE, OTHER_IMAGE = "localhost/nginx:1.26", "localhost/nginx:1.22"
SMALL = {"cpu": "20m", "memory": "32Mi"}
LARGE = {"cpu": "40m", "memory": "64Mi"}
CPU = {"cpu": "30m", "memory": "32Mi"}
PULUMI = "pulumi-kubernetes"
APPLIER = f"{PULUMI}-1a2b3c4d"
# What another test shows as well in less time, on another kind of workload.
SLOW = pytest.mark.skipif(not os.environ.get("LAB_TEST_ALL"), reason="slow: with LAB_TEST_ALL=1 only")


def manifest(namespace: str, size: dict[str, str], *, image: str = IMAGE, **spec: Any) -> Json:
    """Return a Deployment of two Guaranteed pods; `container=` adds fields to its container."""
    container = {
        "name": "app",
        "image": image,
        "resources": {"requests": size, "limits": size},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a path in the container
        **spec.pop("container", {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            **spec,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [container],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    }


def create(client: Client, body: Json) -> Json:
    """Create a Deployment as the provider does, and wait until it is well."""
    namespace = body["metadata"]["namespace"]
    created = client.create(path_of("apps/v1", "deployments", namespace), body, field_manager=PULUMI)
    wait_ready(client, namespace, "web", patience=90)
    return created


def roll(client: Client, body: Json) -> None:
    """Change the template by an ordinary update, and wait until it is rolled out."""
    namespace = body["metadata"]["namespace"]
    patch = {"spec": {"template": body["spec"]["template"]}}
    client.patch(deployment_path(namespace, "web"), patch, kind="strategic", field_manager=PULUMI)
    wait_ready(client, namespace, "web", patience=90)


def take_over(client: Client, path: str) -> None:
    """Do to a workload's managedFields what the provider does before it applies."""
    entries = client.get(path)["metadata"]["managedFields"]
    merged = merged_fields(entries) or [
        entry | {"manager": APPLIER, "operation": "Apply"} if entry["manager"] == PULUMI else entry for entry in entries
    ]
    client.patch(path, [{"op": "replace", "path": "/metadata/managedFields", "value": merged}], kind="json")


def apply(client: Client, body: Json, **options: Any) -> Json:
    """Apply a workload as Pulumi's provider does: own manager, no force."""
    path = workload_path(kind_of(body), body["metadata"]["namespace"], body["metadata"]["name"])
    return client.patch(path, body, kind="apply", field_manager=APPLIER, **options)


def forced(client: Client, body: Json) -> Plan:
    """Return the plan for a change that the plan itself foresees to fail, marked as if it had not."""
    planned = plan(client, body)
    assert planned.outcome == "rollout", planned.lines()
    return dataclasses.replace(planned, outcome="in-place")


def identities_of(pods: list[Json]) -> list[tuple[str, str, int]]:
    """Return UID, container id and restarts of every main container."""
    return [
        (pod["metadata"]["uid"], status["containerID"], status["restartCount"])
        for pod in pods
        for status in pod["status"]["containerStatuses"]
    ]


class Snapshot:
    """What the cluster says about one Deployment at one moment."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.deployment = client.get(deployment_path(namespace, "web"))
        self.replica_sets = replica_sets_of(client, self.deployment)
        self.active = active_replica_sets(self.replica_sets)
        self.pods = sorted(pods_of(client, self.active[0]), key=lambda p: str(p["metadata"]["name"]))

    @property
    def identities(self) -> list[tuple[str, str, int]]:
        """UID, container id and restarts of every container."""
        return identities_of(self.pods)


def no_live_copy(client: Client, namespace: str) -> bool:
    """Tell whether no journal is left that `kubectl rollout undo` could bring back to life.

    A kill right after the end of a resize leaves a copy on the ReplicaSet, which the controller updates in a moment.
    """
    found = Snapshot(client, namespace)
    copies = [i["metadata"].get("annotations", {}).get(ANNOTATION) for i in [found.deployment, *found.replica_sets]]
    return all(copy is None or json.loads(copy)["direction"] == "done" for copy in copies)


def assert_whole(client: Client, namespace: str, size: dict[str, str]) -> Snapshot:
    """Assert that Deployment, its one active ReplicaSet and every pod say `size`, and nothing is left paused."""
    found = Snapshot(client, namespace)
    live = found.deployment
    assert unfinished(client, namespace, "web") is None
    assert not live["spec"].get("paused")
    assert live["spec"]["revisionHistoryLimit"] == 10
    eventually(lambda: no_live_copy(client, namespace), 5)
    assert len(found.active) == 1
    assert equal_ignoring_hash(live["spec"]["template"], found.active[0]["spec"]["template"])
    wanted = {"app": {"requests": size, "limits": size}}
    assert live["spec"]["template"]["spec"]["containers"][0]["resources"] == wanted["app"]
    assert len(found.pods) == live["spec"]["replicas"]
    for pod in found.pods:
        assert progress(pod, wanted, ready_needed=True) == Progress("done"), pod["status"]
        assert is_ready(pod)
    again = plan(client, manifest(namespace, size, image=live["spec"]["template"]["spec"]["containers"][0]["image"]))
    assert again.drift == []
    return found


def eventually(check: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until `check` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.2)


class Killed(BaseException):
    """Stands for a kill: no handler of the code under test catches it."""


class KillingTransport:
    """The transport of a real client that dies right after its nth change (dry runs and reviews do not count).

    Neither does what the server refuses: a status that is written in between makes a conflict, which is tried again.
    With `outage` it is the API server that is gone from then on; with `act` that is done in place of dying.
    """

    def __init__(
        self, real: Transport, after: int, *, outage: bool = False, act: Callable[[], None] | None = None
    ) -> None:
        self.configuration = real.configuration
        self.rest_client = self
        self.pool_manager = self
        self.changes = 0
        self._counting = threading.Lock()
        self._pool = real.rest_client.pool_manager
        self._after = after
        self._outage = outage
        self._act = act or self._die

    def request(self, method: str, url: str, **options: Any) -> Any:
        """Send the request, and die after it when its number has come."""
        if self._outage and self.changes >= self._after:
            raise ProtocolError("made-up outage")
        answer = self._pool.request(method, url, **options)
        if method != "GET" and answer.status < 400 and "dryRun" not in url and "accessreviews" not in url:
            with self._counting:  # pods are changed several at a time
                self.changes += 1
                last = self.changes == self._after
            if last and not self._outage:
                self._act()
        return answer

    def _die(self) -> None:
        raise Killed
