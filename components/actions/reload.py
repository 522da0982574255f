"""Telling running pods that their configuration has changed under them.

1. A ConfigMap that is changed in place reaches the pods that mount it when their kubelet next looks at them, which it
   does at once for a pod whose annotations change. So each pod gets one.
2. Nothing in a pod's status tells which content it sees: the container itself is asked, with `cat`.
3. Once it sees the new content the command is run in it, and an annotation keeps that in mind. A run that was killed
   goes on where it was, and one that failed is repeated by the next.
4. A pod that was created after the content has had nothing else, and is told nothing.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from components.actions import daemons
from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.keepers import keeper_kind
from components.actions.pod_exec import run_in
from components.actions.pod_parts import spec_of
from components.actions.resize.journal import OWN_MANAGER
from components.actions.resize.kinds import kind_of
from components.actions.resize.live import active_pods, pods_of, replica_sets_of
from components.actions.resize.verdict import of_update
from components.actions.simulated import any_simulated

ANNOTATION = "kubernetes-emerging/reloaded"
_ASKED = "kubernetes-emerging/reloading"
_POLL = 0.5
# The times in metadata are whole seconds, and a kubelet's own copy of a ConfigMap may be a moment old.
_LAG = timedelta(seconds=3)
_OUTPUT_CHARACTERS = 300


@dataclass(frozen=True)
class Reload:
    """What is run in which container once it sees the content of the volume's ConfigMap."""

    volume: str
    config_map: str
    container: str
    command: Sequence[str]


def reload_pods(
    client: Client,
    live: Json,
    reload: Reload,
    *,
    patience: float,
    stop: threading.Event,
    progress: Callable[[str], None],
) -> int:
    """Run the command in every pod of a workload that is well and has not seen the content; return in how many.

    `patience` is the seconds that all of them may take. Raises `ActionError` that names each pod where it failed,
    after it was tried in the others; `ApiError` and `ConnectionProblem` when the cluster does not answer.
    """
    namespace = live["metadata"]["namespace"]
    config_map = client.get(path_of("v1", "configmaps", namespace, reload.config_map))
    digest = _digest(config_map["data"])
    pods = [pod for pod in _pods(client, live) if _has_older(pod, config_map, reload.volume, digest)]
    if not pods or any_simulated(client, pods):
        return 0
    deadline = time.monotonic() + patience
    for pod in pods:
        _annotate(client, pod, _ASKED, digest)
    failures = []
    for done, pod in enumerate(pods):
        progress(f"{done} of {len(pods)} pods have reloaded {reload.volume}")
        name = pod["metadata"]["name"]
        try:
            _await_content(client, pod, reload, config_map["data"], deadline, stop)
            _tell(client, pod, reload)
        except ApiError as error:
            if not error.not_found:  # the pod is gone, and the next one has the new content
                failures.append(f"pod {name}: {error.message}{_hint(error)}")
        except _Failed as failure:
            failures.append(f"pod {name}: {failure}")
        else:
            told = {**_told(pod), reload.volume: digest}
            _annotate(client, pod, ANNOTATION, json.dumps(told, sort_keys=True))
    if failures:
        count = f"{len(pods) - len(failures)} of {len(pods)} pods"
        raise ActionError(f"{count} have reloaded {reload.volume}; the next `up` tries again: {'; '.join(failures)}")
    return len(pods)


class _Failed(Exception):  # noqa: N818 - it never leaves this module
    """It did not work in this pod; the text says why."""


def _pods(client: Client, live: Json) -> list[Json]:
    if keeper_kind(live) == "DaemonSet":
        return daemons.current_pods(client, live)
    if kind_of(live) == "StatefulSet":
        return of_update(live, pods_of(client, live))
    return active_pods(client, replica_sets_of(client, live))


def _has_older(pod: Json, config_map: Json, volume: str, digest: str) -> bool:
    created, changed = (datetime.fromisoformat(text) for text in (_created(pod), _changed(config_map)))
    # Before its first content a ConfigMap had none that a pod could have seen.
    lag = _LAG if _changed(config_map) != _created(config_map) else timedelta(0)
    return _told(pod).get(volume) != digest and created < changed + lag


def _created(item: Json) -> str:
    return str(item["metadata"]["creationTimestamp"])


def _changed(config_map: Json) -> str:
    """Return when the content of a ConfigMap was last written, by the API server's clock."""
    times = [
        str(entry["time"])
        for entry in config_map["metadata"].get("managedFields") or []
        if "f:data" in (entry.get("fieldsV1") or {}) and entry.get("time")
    ]
    return max([*times, _created(config_map)])


def _await_content(
    client: Client, pod: Json, reload: Reload, data: dict[str, str], deadline: float, stop: threading.Event
) -> None:
    wanted = "".join(data[key] for key in sorted(data)).encode()
    folder = _folder(pod, reload)
    files = [f"{folder.rstrip('/')}/{key}" for key in sorted(data)]
    metadata = pod["metadata"]
    while True:
        # A file that is not there yet is as good as an old one.
        seen = run_in(client, metadata["namespace"], metadata["name"], reload.container, ["cat", *files])
        if seen.out == wanted:
            return
        if time.monotonic() >= deadline:
            raise _Failed(f"container {reload.container} has not seen the new content in time")
        if stop.wait(_POLL):
            raise _Failed("it was interrupted")


def _folder(pod: Json, reload: Reload) -> str:
    for mount in spec_of(pod, reload.container).get("volumeMounts") or []:
        if mount["name"] == reload.volume:
            return str(mount["mountPath"])
    raise _Failed(f"container {reload.container} does not mount the volume {reload.volume}")


def _tell(client: Client, pod: Json, reload: Reload) -> None:
    metadata = pod["metadata"]
    ran = run_in(client, metadata["namespace"], metadata["name"], reload.container, list(reload.command))
    if ran.code:
        said = (ran.err or ran.out).decode("utf-8", "replace").strip()[-_OUTPUT_CHARACTERS:]
        where = f"container {reload.container}, {reload.command[0]!r} ended with {ran.code}"
        raise _Failed(f"{where}: {said}" if said else where)


def _hint(error: ApiError) -> str:
    if "executable file not found" in error.message or "no such file or directory" in error.message:
        return "; the container needs `cat` and the reload command's program"
    return "; allow `create` and `get` on pods/exec" if error.forbidden else ""


def _told(pod: Json) -> dict[str, str]:
    try:
        told = json.loads((pod["metadata"].get("annotations") or {}).get(ANNOTATION, "{}"))
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _annotate(client: Client, pod: Json, annotation: str, value: str) -> None:
    metadata = pod["metadata"]
    path = path_of("v1", "pods", metadata["namespace"], metadata["name"])
    patch: Json = {"metadata": {"uid": metadata["uid"], "annotations": {annotation: value}}}
    try:
        client.patch(path, patch, field_manager=OWN_MANAGER)
    except ApiError as error:
        # Gone, or another pod of the name: that one has the new content anyway.
        if not error.not_found and not error.conflict:
            raise


def _digest(data: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:10]
