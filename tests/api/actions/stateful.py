"""StatefulSets on a real cluster for the tests of the actions: manifests, and what must hold afterwards."""

from typing import Any

from components.actions.client import Client, Json, path_of
from components.actions.readiness import wait_ready
from components.actions.resize import plan, unfinished
from components.actions.resize.journal import ANNOTATION
from components.actions.resize.kinds import workload_path
from components.actions.resize.live import pods_of
from components.actions.resize.pods import Progress, is_ready, progress
from components.actions.resize.verdict import revision_of
from tests.api.actions import live

ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
ON_DELETE = {"type": "OnDelete"}
# Created together, which saves time and is no part of what is tested.
PARALLEL = {"podManagementPolicy": "Parallel"}


def manifest(namespace: str, size: dict[str, str], **changes: Any) -> Json:
    """Return a StatefulSet of two Guaranteed pods; keywords are those of `live.manifest`."""
    body = live.manifest(namespace, size, **{**PARALLEL, **changes})
    body["kind"] = "StatefulSet"
    body["spec"]["serviceName"] = "web"
    return body


def path(namespace: str) -> str:
    """Return the API path of the StatefulSet."""
    return workload_path("StatefulSet", namespace, "web")


def create(client: Client, body: Json) -> Json:
    """Create a StatefulSet as the provider does, and wait until it is well."""
    namespace = body["metadata"]["namespace"]
    created = client.create(workload_path("StatefulSet", namespace), body, field_manager=live.PULUMI)
    well(client, namespace)
    return created


def well(client: Client, namespace: str, patience: float = 90) -> None:
    """Wait until it is well."""
    wait_ready(client, namespace, "web", "StatefulSet", patience=patience)


def roll(client: Client, body: Json, manager: str = live.PULUMI) -> None:
    """Change the template by an ordinary update, and wait until it is rolled out."""
    namespace = body["metadata"]["namespace"]
    patch = {"spec": {"template": body["spec"]["template"]}}
    client.patch(path(namespace), patch, kind="strategic", field_manager=manager)
    well(client, namespace)


def strategy_of(live_one: Json) -> Json:
    """Return its updateStrategy without the maxUnavailable that newer servers fill in."""
    strategy: Json = live_one["spec"]["updateStrategy"]
    if "rollingUpdate" not in strategy:
        return strategy
    rolling = {key: value for key, value in strategy["rollingUpdate"].items() if (key, value) != ("maxUnavailable", 1)}
    return {**strategy, "rollingUpdate": rolling}


class Snapshot:
    """What the cluster says about one StatefulSet at one moment."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.live = client.get(path(namespace))
        self.pods = sorted(pods_of(client, self.live), key=lambda p: str(p["metadata"]["name"]))
        revisions = client.list(path_of("apps/v1", "controllerrevisions", namespace))
        self.revisions = {item["metadata"]["name"] for item in revisions}

    @property
    def identities(self) -> list[tuple[str, str, int]]:
        """UID, container id and restarts of every container."""
        return live.identities_of(self.pods)


def assert_whole(client: Client, namespace: str, size: dict[str, str], strategy: Json = ROLLING) -> Snapshot:
    """Assert that StatefulSet, its revision and every pod say `size`, and nothing is left of a window."""
    assert unfinished(client, namespace, "web", "StatefulSet") is None
    if strategy == ROLLING:
        live.eventually(lambda: _is_current(client, namespace), 10)
    found = Snapshot(client, namespace)
    spec, status = found.live["spec"], found.live["status"]
    assert strategy == strategy_of(found.live)
    assert ANNOTATION not in found.live["metadata"].get("annotations", {})
    wanted = {"app": {"requests": size, "limits": size}}
    assert wanted["app"] == spec["template"]["spec"]["containers"][0]["resources"]
    assert spec["replicas"] == len(found.pods)
    for pod in found.pods:
        assert status["updateRevision"] == revision_of(pod)
        assert Progress("done") == progress(pod, wanted, ready_needed=True), pod["status"]
        assert is_ready(pod)
    image = spec["template"]["spec"]["containers"][0]["image"]
    assert [] == plan(client, manifest(namespace, size, image=image)).drift
    return found


def _is_current(client: Client, namespace: str) -> bool:
    status = client.get(path(namespace))["status"]
    return bool(status["currentRevision"] == status["updateRevision"])
