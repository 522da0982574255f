"""What a stack's cluster says of itself: nodes, workloads and Services, read for tables and next steps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lab.errors import LabError


class Reader(Protocol):
    """The one thing that is needed of a cluster: the JSON object, or list, at an API path."""

    def get(self, path: str) -> dict[str, Any]:
        """Return the object; `LabError` where the cluster does not answer or refuses."""
        ...


@dataclass(frozen=True)
class Node:
    """A node as its status tells it."""

    name: str
    ready: bool
    kubelet: str
    runtime: str


@dataclass(frozen=True)
class Workload:
    """A Deployment, with how much of it is ready."""

    name: str
    ready: int
    wanted: int
    containers: tuple[str, ...]
    sidecars: tuple[str, ...]
    """Init containers with `restartPolicy: Always`: native sidecars."""
    cpu: str = ""
    """CPU request of the first container."""
    selector: str = ""
    """Its match labels, as a label selector."""

    @property
    def well(self) -> bool:
        """Tell whether every wanted replica is ready."""
        return self.ready >= self.wanted


@dataclass(frozen=True)
class Service:
    """A Service with its cluster IP and its ports as (name, number, protocol)."""

    name: str
    ip: str
    ports: tuple[tuple[str, int, str], ...]
    node_ports: bool = False
    """Whether the ports are open on every node too."""


class KubeReader:
    """Reads through a kubeconfig with the official client; short timeouts, no retries, no cache on disk."""

    def __init__(self, kubeconfig: Path, context: str | None, *, timeout: float = 5.0) -> None:
        import kubernetes  # noqa: PLC0415  (0.3 s; commands that ask nothing of a cluster do without)

        configuration = kubernetes.client.Configuration()
        configuration.retries = False
        try:
            self._api = kubernetes.config.new_client_from_config(  # type: ignore[no-untyped-call]
                str(kubeconfig), context, persist_config=False, client_configuration=configuration
            )
        except (kubernetes.config.ConfigException, OSError) as error:
            raise LabError(f"{kubeconfig} cannot be used: {error}") from error
        self._timeout = timeout

    def get(self, path: str) -> dict[str, Any]:
        """Return the JSON object at an API path."""
        import urllib3  # noqa: PLC0415  (the client brings it)

        request = self._api.param_serialize("GET", path, auth_settings=["BearerToken"])
        try:
            response = self._api.call_api(*request, _request_timeout=self._timeout)
            body = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise LabError(f"the cluster's API server does not answer: {error}") from error
        if response.status != 200:
            raise LabError(f"the cluster's API server answers {response.status} to {path}")
        found: dict[str, Any] = json.loads(body)
        return found


def nodes(reader: Reader) -> list[Node]:
    """Return the cluster's nodes."""
    found = []
    for item in reader.get("/api/v1/nodes")["items"]:
        status = item.get("status", {})
        info = status.get("nodeInfo", {})
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
        found.append(
            Node(
                name=item["metadata"]["name"],
                ready=ready,
                kubelet=info.get("kubeletVersion", "?"),
                runtime=info.get("containerRuntimeVersion", "?"),
            )
        )
    return found


def workloads(reader: Reader, namespace: str) -> list[Workload]:
    """Return the namespace's Deployments."""
    items = reader.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    return [_workload(item) for item in items]


def services(reader: Reader, namespace: str) -> list[Service]:
    """Return the namespace's Services that have a cluster IP."""
    found = []
    for item in reader.get(f"/api/v1/namespaces/{namespace}/services")["items"]:
        spec = item["spec"]
        if spec.get("clusterIP", "None") == "None":
            continue
        ports = tuple((p.get("name", ""), int(p["port"]), p.get("protocol", "TCP")) for p in spec.get("ports", []))
        node_ports = spec.get("type", "ClusterIP") != "ClusterIP"
        found.append(Service(item["metadata"]["name"], spec["clusterIP"], ports, node_ports))
    return found


def _workload(item: Mapping[str, Any]) -> Workload:
    pod = item["spec"]["template"]["spec"]
    first: Mapping[str, Any] = next(iter(pod.get("containers", [])), {})
    status = item.get("status", {})
    current = status.get("observedGeneration", 0) >= item["metadata"].get("generation", 0)
    return Workload(
        name=item["metadata"]["name"],
        ready=min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0)) if current else 0,
        wanted=item["spec"].get("replicas", 1),
        containers=tuple(c["name"] for c in pod.get("containers", [])),
        sidecars=tuple(c["name"] for c in pod.get("initContainers", []) if c.get("restartPolicy") == "Always"),
        cpu=first.get("resources", {}).get("requests", {}).get("cpu", ""),
        selector=",".join(f"{k}={v}" for k, v in item["spec"].get("selector", {}).get("matchLabels", {}).items()),
    )
