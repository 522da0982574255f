"""An API server in memory, as far as snapshots and restores need one: discovery, lists at a moment, and writes."""

import copy
import itertools
from typing import Any
from urllib.parse import parse_qs, unquote

from components.actions.client import Json
from tests.unit.actions.doubles import DoubleTransport

KUBE_SYSTEM = "11111111-2222-3333-4444-555555555555"
EVERY = ["create", "delete", "get", "list", "patch", "update"]
# group/version, resource, kind, namespaced, verbs
TYPES: list[tuple[str, str, str, bool, list[str]]] = [
    ("v1", "namespaces", "Namespace", False, EVERY),
    ("v1", "configmaps", "ConfigMap", True, EVERY),
    ("v1", "secrets", "Secret", True, EVERY),
    ("v1", "componentstatuses", "ComponentStatus", False, ["get", "list"]),
    ("v1", "events", "Event", True, EVERY),
    ("events.k8s.io/v1", "events", "Event", True, EVERY),
    ("apps/v1", "deployments", "Deployment", True, EVERY),
    ("apps/v1", "deployments/scale", "Scale", True, ["get", "patch"]),
    ("apiregistration.k8s.io/v1", "apiservices", "APIService", False, EVERY),
]


class ApiDouble(DoubleTransport):
    """Keeps objects by type; lists come in pages of two, and `broken` maps paths to the answers they get instead."""

    def __init__(self, *objects: Json, types: list[tuple[str, str, str, bool, list[str]]] | None = None) -> None:
        super().__init__(self._answer)
        self.types = types or TYPES
        self.broken: dict[str, tuple[int, Any]] = {}
        self.stores: dict[str, list[Json]] = {}
        self.revision = 100
        self._uids = itertools.count(1)
        for each in (namespace("kube-system"), *objects):
            self.put(each)
        self.stores["v1/namespaces"][0]["metadata"]["uid"] = KUBE_SYSTEM

    def put(self, item: Json) -> Json:
        """Store an object as the server would."""
        self.revision += 1
        kept = copy.deepcopy(item)
        kept["metadata"] |= {"uid": f"uid-{next(self._uids)}", "resourceVersion": str(self.revision)}
        found = next(t for t in self.types if (t[0], t[2]) == (item["apiVersion"], item["kind"]))
        self.stores.setdefault(f"{found[0]}/{found[1]}", []).append(kept)
        return kept

    def _answer(self, method: str, path: str, _body: Any) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        if path in self.broken:
            return self.broken[path]
        if path == "/metrics":
            return 200, b""
        if path == "/version":
            return 200, {"gitVersion": "v1.33.13", "major": "1", "minor": "33"}
        if path == "/api":
            return 200, {"versions": ["v1"]}
        if path == "/apis":
            return 200, {"groups": self._groups()}
        version, rest = _split(path)
        if not rest:
            return 200, {"resources": self._resources(version)}
        return self._objects(method, version, rest, asked)

    def _groups(self) -> list[Json]:
        names = dict.fromkeys(version for version, *_ in self.types if "/" in version)
        return [
            {"name": n.split("/")[0], "versions": [{"groupVersion": n}], "preferredVersion": {"groupVersion": n}}
            for n in names
        ]

    def _resources(self, version: str) -> list[Json]:
        return [
            {"name": name, "kind": kind, "namespaced": namespaced, "verbs": verbs}
            for each, name, kind, namespaced, verbs in self.types
            if each == version
        ]

    def _objects(self, method: str, version: str, rest: list[str], asked: dict[str, str]) -> tuple[int, Any]:
        space = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            space, rest = rest[1], rest[2:]
        assert method == "GET"
        stored = self.stores.get(f"{version}/{rest[0]}", [])
        stored = [each for each in stored if not space or each["metadata"].get("namespace") == space]
        if len(rest) > 1:
            found = [each for each in stored if each["metadata"]["name"] == unquote(rest[1])]
            return (200, found[0]) if found else (404, {"reason": "NotFound", "message": "not found"})
        if name := asked.get("fieldSelector", "").removeprefix("metadata.name="):
            stored = [each for each in stored if each["metadata"]["name"] == name]
        begin = int(asked.get("continue", "0"))
        page = [
            {k: v for k, v in each.items() if k not in ("apiVersion", "kind")} for each in stored[begin : begin + 2]
        ]
        following = {"continue": str(begin + 2)} if begin + 2 < len(stored) else {}
        revision = asked.get("resourceVersion") or str(self.revision)
        return 200, {"metadata": {"resourceVersion": revision} | following, "items": page}


def _split(path: str) -> tuple[str, list[str]]:
    parts = path.strip("/").split("/")
    return ("/".join(parts[1:3]), parts[3:]) if parts[0] == "apis" else (parts[1], parts[2:])


def namespace(name: str) -> Json:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def thing(kind: str, name: str, *, space: str = "shop", version: str = "v1", **fields: Any) -> Json:
    """Return an object."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": space}, **fields}
