"""In-memory doubles for the actions: a recorded transport, and builders of live objects as a server returns them."""

import json
import types
from collections.abc import Callable
from typing import Any

from components.actions.client import Client, Json

Handler = Callable[[str, str, Any], tuple[int, Any]]


class DoubleResponse:
    """What urllib3 would return."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = headers or {}


class DoubleTransport:
    """Stands in for `kubernetes.client.ApiClient`: answers by a function and records every request."""

    def __init__(self, handler: Handler) -> None:
        self.requests: list[tuple[str, str, Any, dict[str, str]]] = []
        self.configuration = types.SimpleNamespace(host="https://double.invalid", auth_settings=dict)
        self.rest_client = types.SimpleNamespace(pool_manager=self)
        self._handler = handler

    def request(
        self, method: str, url: str, *, body: bytes | None, headers: dict[str, str], **_: Any
    ) -> DoubleResponse:
        """Answer one request."""
        path = url.removeprefix("https://double.invalid")
        sent = json.loads(body) if body else None
        self.requests.append((method, path, sent, headers))
        answer = self._handler(method, path, sent)
        return DoubleResponse(*answer)

    def clear(self) -> None:
        """Nothing is open."""


def double_client(handler: Handler) -> tuple[Client, DoubleTransport]:
    """Return a client whose answers come from `handler(method, path, body) -> (status, body)`."""
    transport = DoubleTransport(handler)
    return Client(transport), transport


def container(name: str = "app", **resources: Any) -> Json:
    """Return a container with `requests=` and `limits=`; other keywords become its fields."""
    sizes = {key: resources.pop(key) for key in ("requests", "limits") if key in resources}
    return {"name": name, "image": "localhost/nginx:1.26", "resources": sizes, **resources}


def template(*containers: Json, init: list[Json] | None = None, **spec: Any) -> Json:
    """Return a pod template."""
    listed: Json = {"containers": list(containers), **spec}
    if init:
        listed["initContainers"] = init
    return {"metadata": {"creationTimestamp": None, "labels": {"app": "web"}}, "spec": listed}


def deployment(pod_template: Json, *, replicas: int = 2, **spec: Any) -> Json:
    """Return a live Deployment whose rollout is complete."""
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "uid-web", "generation": 3, "resourceVersion": "7"},
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"app": "web"}},
            "template": pod_template,
            **spec,
        },
        "status": {"observedGeneration": 3, "replicas": replicas, "updatedReplicas": replicas},
    }


def replica_set(name: str, pod_template: Json, *, replicas: int = 2) -> Json:
    """Return a ReplicaSet as the Deployment controller makes it."""
    labels = {**pod_template["metadata"]["labels"], "pod-template-hash": name[-4:]}
    stamped = {**pod_template, "metadata": {**pod_template["metadata"], "labels": labels}}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"replicas": replicas, "template": stamped},
        "status": {"replicas": replicas},
    }


def pod(name: str, pod_template: Json, *, node: str = "node-1", ready: bool = True, **status: Any) -> Json:
    """Return a running pod whose kubelet reports the resources of its spec."""

    def statuses(key: str) -> list[Json]:
        return [
            {
                "name": c["name"],
                "state": {"running": {}},
                "ready": ready,
                "restartCount": 0,
                "resources": c.get("resources", {}),
            }
            for c in pod_template["spec"].get(key, [])
        ]

    return {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "generation": 1},
        "spec": {**pod_template["spec"], "nodeName": node},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": statuses("containers"),
            "initContainerStatuses": statuses("initContainers"),
            **status,
        },
    }


def stateful_set(pod_template: Json, *, replicas: int = 2, **spec: Any) -> Json:
    """Return a live StatefulSet whose update is complete."""
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "shop", "uid": "uid-db", "generation": 3, "resourceVersion": "7"},
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 10,
            "podManagementPolicy": "OrderedReady",
            "selector": {"matchLabels": {"app": "web"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "template": pod_template,
            **spec,
        },
        "status": {
            "observedGeneration": 3,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": replicas,
            "currentRevision": "db-1",
            "updateRevision": "db-1",
        },
    }


def member(name: str, pod_template: Json, *, revision: str = "db-1", **options: Any) -> Json:
    """Return a running pod of a StatefulSet, of this revision."""
    found = pod(name, pod_template, **options)
    found["metadata"]["labels"] = {"app": "web", "controller-revision-hash": revision}
    return found
