"""A fake API server inside the test's own process: it stores objects, and knows nothing of Kubernetes beyond that."""

import copy
import threading
import uuid
from typing import Any

from lab.engine.cluster import ApiError

KINDS = {"ConfigMap": ("configmaps", True), "Secret": ("secrets", True), "Namespace": ("namespaces", False)}


class FakeCluster:
    """Stands for lab.engine.cluster.Cluster. `objects` by path; `log` has (method, path, query) of every request."""

    objects: dict[str, dict[str, Any]]
    log: list[tuple[str, str, dict[str, str]]]
    servers: list[str]
    _lock: threading.Lock

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        self.server, self.ca_sha256 = kubeconfig, context or ""
        self.servers.append(kubeconfig)

    @classmethod
    def reset(cls) -> None:
        """Forget everything."""
        cls.objects, cls.log, cls.servers, cls._lock = {}, [], [], threading.Lock()

    def require_lab(self) -> None:
        """Pass for a cluster of the lab."""

    def resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Return the plural and whether the kind is namespaced."""
        if kind not in KINDS:
            raise ApiError(404, "NoMatch", f"no matches for {api_version}/{kind}")
        return KINDS[kind]

    def request(
        self, method: str, path: str, query: dict[str, str] | None = None, body: Any = None, kind: str = "json"
    ) -> dict[str, Any]:
        """Do what the API server would do with one object."""
        query = query or {}
        with self._lock:
            self.log.append((method, path, query))
            if method == "POST":
                path = f"{path}/{body['metadata']['name']}"
                if path in self.objects:
                    raise ApiError(409, "AlreadyExists", f"{path} already exists")
            elif path not in self.objects:
                raise ApiError(404, "NotFound", f"{path} not found")
            if method == "GET":
                return copy.deepcopy(self.objects[path])
            if method == "DELETE":
                if body["preconditions"]["uid"] != self.objects[path]["metadata"]["uid"]:
                    raise ApiError(409, "Conflict", "the UID in the precondition is another one")
                return self.objects.pop(path)
            live = self._stored(path, query, body, kind)
            if not query.get("dryRun"):
                self.objects[path] = live
            return copy.deepcopy(live)

    def _stored(self, path: str, query: dict[str, str], body: Any, kind: str) -> dict[str, Any]:
        if kind == "json-patch+json":
            return self.objects[path]
        old = self.objects.get(
            path, {"metadata": {"uid": str(uuid.uuid4()), "creationTimestamp": "2099-01-01T00:00:00Z"}}
        )
        manager = {
            "manager": query["fieldManager"],
            "operation": "Update" if kind == "json" else "Apply",
            "apiVersion": "v1",
        }
        metadata = {
            **old["metadata"],
            **body["metadata"],
            "resourceVersion": str(len(self.log)),
            "managedFields": [manager],
        }
        if "/namespaces/" in path:
            metadata.setdefault("namespace", "default")
        return {**copy.deepcopy(body), "metadata": metadata}
