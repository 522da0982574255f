"""Ends the pods of a cluster in peace before their nodes go: cordon, evict, wait, within a time that ends.

Evictions respect PodDisruptionBudgets. What a budget holds back until the time is over stops the reset, and the nodes
take pods again; it is the caller's word to go on regardless. Pods of DaemonSets and of nodes themselves stay until the
end.
"""

import time
from collections.abc import Callable

from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError

_PAUSE = 1.0


def drain(
    client: Client, *, timeout: float, ignore_budgets: bool, say: Callable[[str], None] = lambda _line: None
) -> None:
    """Cordon every node and evict every pod. Raises `ActionError`, after uncordoning, when some do not go in time."""
    cordoned = [node["metadata"]["name"] for node in client.list(path_of("v1", "nodes")) if _cordon(client, node)]
    try:
        _evict(client, timeout, ignore_budgets=ignore_budgets, say=say)
    except BaseException:
        for name in cordoned:
            client.patch(path_of("v1", "nodes", name=name), {"spec": {"unschedulable": None}})
        raise


def _cordon(client: Client, node: Json) -> bool:
    if node.get("spec", {}).get("unschedulable"):
        return False
    client.patch(path_of("v1", "nodes", name=node["metadata"]["name"]), {"spec": {"unschedulable": True}})
    return True


def _evict(client: Client, timeout: float, *, ignore_budgets: bool, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + timeout
    while True:
        left = [pod for pod in client.list(path_of("v1", "pods")) if _goes(pod)]
        if not left:
            return
        held = [f"{_name(pod)} ({why})" for pod in left if (why := _ask(client, pod))]
        if time.monotonic() >= deadline:
            if ignore_budgets:
                say(f"{len(left)} pods are ended by force: {', '.join(map(_name, left[:5]))}")
                return
            names = ", ".join(held or map(_name, left))
            raise ActionError(
                f"{len(left)} pods did not end in {timeout:.0f} s: {names}: "
                "repeat it with more --drain-timeout, or with --ignore-budgets"
            )
        time.sleep(_PAUSE)


def _ask(client: Client, pod: Json) -> str:
    """Evict a pod; return why it is held back."""
    if pod["metadata"].get("deletionTimestamp"):
        return ""
    metadata = pod["metadata"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "deleteOptions": {"preconditions": {"uid": metadata["uid"]}},
    }
    try:
        client.create(path_of("v1", "pods", metadata["namespace"], metadata["name"], "eviction"), body)
    except ApiError as error:
        if error.status == 429:
            return error.causes[0][2] if error.causes else error.message
        if not error.not_found and not error.conflict:
            raise
    return ""


def _goes(pod: Json) -> bool:
    """Tell whether a pod is to end: it runs on a node, and is no part of it."""
    metadata = pod["metadata"]
    owners = [owner.get("kind") for owner in metadata.get("ownerReferences") or () if owner.get("controller")]
    ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
    mirror = "kubernetes.io/config.mirror" in (metadata.get("annotations") or {})
    return bool(pod["spec"].get("nodeName")) and not ended and not mirror and "DaemonSet" not in owners


def _name(pod: Json) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
