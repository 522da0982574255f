"""Canaries: small pods that prove, pool by pool, that a RuntimeClass runs what it promises.

1. A node may list a handler whose program is gone, or list nothing at all: only a pod tells. For each pool of nodes
   that pods of the class may go to one Job of one pod runs a given image there, at the same time in all pools. A pool
   is chosen by its label, so that one without a node makes its autoscaler bring one.
2. Proved means that the container ran to its end without an error, or has run for three seconds.
3. What keeps it from that is told in the words of `diagnosis`, within seconds where waiting cannot help.
4. Each Job is deleted at its end. After a kill it is ended and deleted by the cluster itself (`activeDeadlineSeconds`,
   `ttlSecondsAfterFinished`), also a pod that was never placed; and what an earlier run of the same owner has left is
   deleted before a new one.
"""

import contextlib
import hashlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from components.actions import jobs
from components.actions.client import Client, Items, Json, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.node_facts import facts_of
from components.actions.readiness import NotReady
from components.model import wasm_presets, wasm_workload
from components.model.pools import chosen, pools_of

LABEL = "kubernetes-emerging/canary"
"""On a canary's Job and pod: who made it."""
_ENOUGH = 3.0
_MARGIN = 30
_KEPT_SECONDS = 60
_AT_ONCE = 8
# What a module in Go takes under WasmEdge, the hungriest of the runtimes, with room to spare.
_REQUESTS = {"cpu": "10m", "memory": "128Mi"}
_LIMITS = {"cpu": "500m", "memory": "128Mi"}


@dataclass(frozen=True)
class Canary:
    """What is run, under which class, where, by whom, and for how many seconds at most.

    `pools` are node selectors of pools to prove beside those that have nodes now. `preset` is what its pods go by.
    """

    class_name: str
    image: str
    owner: str
    command: Sequence[str] = ()
    namespace: str = "default"
    patience: float = 120.0
    pools: Sequence[Mapping[str, str]] = ()
    pull_secrets: Sequence[str] = ()
    preset: str | None = None


@dataclass(frozen=True)
class Proof:
    """Whether the canary of a pool ran: `cause` is empty where it did."""

    pool: str
    cause: str = ""

    @property
    def ran(self) -> bool:
        """Tell whether it ran."""
        return not self.cause

    def __str__(self) -> str:
        return f"{self.pool}: {'proved' if self.ran else self.cause}"


@dataclass(frozen=True)
class _Target:
    """A pool in words, and the node selector by which a pod comes to run there."""

    name: str
    selector: Mapping[str, str]
    simulated: bool = False


def class_path(name: str) -> str:
    """Return the path of a RuntimeClass."""
    return path_of("node.k8s.io/v1", "runtimeclasses", name=name)


def prove(
    client: Client,
    canary: Canary,
    *,
    stop: threading.Event | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> list[Proof]:
    """Run a canary in every pool that the class chooses, and return how each went.

    Setting `stop` ends all of them early. Raises `ActionError` for a class that is not there, and `ApiError` and
    `ConnectionProblem` when the cluster does not answer; Jobs that were made are deleted then, too.
    """
    live = client.find(class_path(canary.class_name))
    if live is None:
        raise ActionError(f"RuntimeClass {canary.class_name!r} does not exist: create it, or name one that is there")
    targets = _targets(client, canary, live)
    remove_leftovers(client, canary)
    stop = stop or threading.Event()
    return _at_once(lambda target: _run(client, canary, target, stop, progress), targets)


def remove_leftovers(client: Client, canary: Canary) -> None:
    """Delete what an earlier run of this owner has left of its canaries."""
    selector = f"{LABEL}={owner_label(canary.owner)}"
    for left in client.list(path_of("batch/v1", "jobs", canary.namespace), label_selector=selector):
        _delete(client, left)


def owner_label(owner: str) -> str:
    """Return the owner as a label's value, which takes neither slashes nor more than 63 characters."""
    return hashlib.sha256(owner.encode()).hexdigest()[:32]


def job_of(canary: Canary, selector: Mapping[str, str]) -> Json:
    """Return the Job that runs a canary on the nodes with these labels. Pure."""
    labels = {LABEL: owner_label(canary.owner), "app.kubernetes.io/managed-by": "kubernetes-emerging"}
    preset = wasm_presets.preset_of(canary.preset) or wasm_presets.CUSTOM
    container: Json = {
        "name": "canary",
        "image": canary.image,
        "resources": {"requests": dict(_REQUESTS), "limits": dict(_LIMITS)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }
    if command := list(canary.command) or list(preset.command):
        container["command"] = command
    spec: Json = {
        "runtimeClassName": canary.class_name,
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": wasm_workload.USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }
    if selector:
        spec["nodeSelector"] = dict(selector)
    if canary.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in canary.pull_secrets]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": "wasm-canary-", "labels": labels},
        "spec": {
            "backoffLimit": 0,
            # Counted from the Job's own start, so that a pod that is never placed ends as well.
            "activeDeadlineSeconds": math.ceil(canary.patience) + _MARGIN,
            "ttlSecondsAfterFinished": _KEPT_SECONDS,
            "template": {"metadata": {"labels": labels, "annotations": dict(preset.annotations)}, "spec": spec},
        },
    }


def _targets(client: Client, canary: Canary, live: Json) -> list[_Target]:
    """Return the pools to prove: those whose nodes take pods of the class, and those that were named."""
    scheduling = live.get("scheduling") or {}
    selector, tolerations = scheduling.get("nodeSelector") or {}, scheduling.get("tolerations") or []
    nodes = [facts_of(node) for node in _nodes(client) if not _keeps_out(node, tolerations)]
    pools = pools_of(chosen(nodes, selector))
    found = [_Target(pool.name, pool.selector, all(node.simulated for node in pool.nodes)) for pool in pools]
    known = [dict(each.selector) for each in found]
    found += [_Target(f"pool {_words(each)}", each) for each in canary.pools if dict(each) not in known]
    # No node is there, or none may be seen: the class's own scheduling makes an autoscaler bring one.
    return found or [_Target(f"nodes with {_words(selector)}" if selector else "any node", {})]


def _nodes(client: Client) -> Items:
    """Return the nodes; none where they may not be listed."""
    try:
        return client.list(path_of("v1", "nodes"))
    except ApiError as error:
        if not error.forbidden:
            raise
        return []


def _keeps_out(node: Json, tolerations: Items) -> bool:
    """Tell whether a node takes no pods with these tolerations: it is cordoned, out of order, or another's."""
    taints = [taint for taint in node.get("spec", {}).get("taints") or [] if taint.get("effect") != "PreferNoSchedule"]
    return not all(any(_tolerates(each, taint) for each in tolerations) for taint in taints)


def _tolerates(toleration: Json, taint: Json) -> bool:
    """Tell whether a toleration fits a taint, as ToleratesTaint of k8s.io/api/core/v1 does."""
    effect, key = toleration.get("effect"), toleration.get("key")
    if (effect and effect != taint.get("effect")) or (key and key != taint.get("key")):
        return False
    return toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")


def _at_once(work: Callable[[_Target], Proof], targets: Sequence[_Target]) -> list[Proof]:
    """Return what the work makes of each target, in their order; where one fails the others are brought to their end.

    Threads and no pool of them: a program that ends waits for those of a pool before it can say that it ends.
    """
    outcomes: dict[int, Proof | Exception] = {}
    slots = threading.Semaphore(_AT_ONCE)

    def one(index: int) -> None:
        with slots:
            try:
                outcomes[index] = work(targets[index])
            except Exception as error:  # noqa: BLE001  # it is raised again below
                outcomes[index] = error

    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(targets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = []
    for index in range(len(targets)):
        outcome = outcomes[index]
        if isinstance(outcome, Exception):
            raise outcome
        found.append(outcome)
    return found


def _run(
    client: Client,
    canary: Canary,
    target: _Target,
    stop: threading.Event,
    progress: Callable[[str], None],
) -> Proof:
    """Run the canary of one pool to its end, and delete it whatever that is."""
    if target.simulated:
        return Proof(target.name, "its nodes are simulated, and pods there run nothing")
    try:
        made = client.create(path_of("batch/v1", "jobs", canary.namespace), job_of(canary, target.selector))
    except ApiError as error:
        return Proof(target.name, f"its canary could not be made: {error.message}")
    try:
        jobs.wait_complete(
            *(client, canary.namespace, made["metadata"]["name"]),
            patience=canary.patience,
            stop=stop,
            progress=lambda text: progress(f"canary in {target.name}: {text}"),
            enough=_ENOUGH,
        )
    except NotReady as problem:
        # What the Job has counted tells nothing of one pod.
        _, pod, said = problem.diagnosis.partition("; pod ")
        return Proof(target.name, f"pod {said}" if pod else problem.diagnosis)
    finally:
        # What cannot be deleted now goes by itself.
        with contextlib.suppress(ActionError):
            _delete(client, made)
    return Proof(target.name)


def _delete(client: Client, job: Json) -> None:
    metadata = job["metadata"]
    client.delete(
        path_of("batch/v1", "jobs", metadata["namespace"], metadata["name"]), uid=str(metadata.get("uid", ""))
    )


def _words(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
