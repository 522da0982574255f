"""Pods with sidecars on a real node: made from a workload's own arguments, watched to their end by their timestamps."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from components._shape import camel
from components._workload import _problems
from components.actions.client import Client, Json, path_of
from components.model import workload
from components.sidecar import SidecarWorkloadArgs
from components.testing import CONNECTION
from lab.cluster import images

FINALIZER = "tests.example.com/kept"
TMP = {"name": "tmp", "mount_path": "/tmp"}  # noqa: S108  # in the container
SIZE: Any = {"requests": {"cpu": "5m", "memory": "32Mi"}}


def container(name: str, script: str = "trap exit TERM; while :; do sleep 0.1; done", **more: Any) -> Json:
    """Return a container that runs a script; by default one that ends at SIGTERM. It can write to /tmp."""
    # Not an image of nginx: what those are sent is SIGQUIT.
    base: Json = {"name": name, "image": images.RSYSLOG, "command": ["sh", "-c", script], "resources": SIZE}
    mounts = [TMP, *more.pop("volume_mounts", [])]
    return {**base, **more, "volume_mounts": mounts}


def started_by(script: str) -> Json:
    """Return a startup probe that runs a script every second."""
    return {"exec": {"command": ["sh", "-c", script]}, "period_seconds": 1, "failure_threshold": 60}


def stops_after(seconds: float, *, code: int = 0) -> str:
    """Return a script that goes on for so long after its SIGTERM."""
    return f"trap 'sleep {seconds}; exit {code}' TERM; while :; do sleep 0.1; done"


class Pod:
    """One pod of a workload's arguments, which stays readable when it has been deleted and has ended."""

    def __init__(self, client: Client, namespace: str, name: str, policy: str = "Never", **args: Any) -> None:
        volumes = [{"name": "tmp", "empty_dir": {}}, *args.pop("volumes", [])]
        given = {"connection": CONNECTION, "namespace": namespace, "volumes": volumes, **args}
        assert [] == _problems("app", given, SidecarWorkloadArgs, workload.problems)
        spec = workload.pod_spec(camel({k: v for k, v in given.items() if k != "connection"}, SidecarWorkloadArgs), {})
        self.spec = {**spec, "restartPolicy": policy}
        self.client, self.path = client, path_of("v1", "pods", namespace, name)
        metadata = {"name": name, "finalizers": [FINALIZER]}
        client.create(path_of("v1", "pods", namespace), {"metadata": metadata, "spec": self.spec})

    def wait(self, until: Callable[[Json], bool], seconds: float = 30) -> Json:
        """Return the pod's status once it is so; fail with it when it is not in time."""
        end = time.monotonic() + seconds
        while True:
            status: Json = self.client.get(self.path)["status"]
            if until(status):
                return status
            assert time.monotonic() < end, status
            time.sleep(0.1)

    def wait_running(self) -> Json:
        """Return the status once every container runs."""
        return self.wait(
            lambda status: bool(of(status)) and all("running" in each["state"] for each in of(status).values())
        )

    def end(self) -> Json:
        """Delete the pod and return the status in which everything has ended."""
        self.client.delete(self.path)
        return self.wait(lambda status: all("terminated" in each["state"] for each in of(status).values()), 40)

    def release(self) -> None:
        """Let the pod go."""
        self.client.delete(self.path)
        self.client.patch(self.path, {"metadata": {"finalizers": None}})


def of(status: Json) -> dict[str, Json]:
    """Return the status of each container, sidecars too."""
    listed = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return {each["name"]: each for each in listed}


def ended(status: Json, name: str) -> tuple[datetime, int]:
    """Return when a container has ended, and its exit code."""
    state = of(status)[name]["state"]["terminated"]
    return datetime.fromisoformat(state["finishedAt"]), state["exitCode"]


def started(status: Json, name: str) -> datetime:
    """Return when a container has started."""
    return datetime.fromisoformat(of(status)[name]["state"]["running"]["startedAt"])
