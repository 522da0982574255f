"""The decision: what a new size means for each container, from gathered facts. Pure, so that tables test it.

Rules and their sources: ValidatePodResize and podResizeStrategy of k8s.io/kubernetes 1.33 to 1.37, the
Deployment controller's FindNewReplicaSet, the StatefulSet controller's updateStatefulSet and completeRollingUpdate,
and the API reference of `resizePolicy`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from components.actions.client import Json
from components.actions.resize.autoscalers import Autoscalers
from components.actions.resize.budget import Budgets
from components.actions.resize.kinds import Kind, is_observed
from components.actions.resize.resources import (
    RESIZABLE,
    Resources,
    containers,
    differences,
    effective,
    overlaid,
    qos_class,
    restarts_for,
    total_requests,
)
from components.actions.resize.templates import template_differences
from components.actions.simulated import NOTE
from components.model.quantity import parse

Outcome = Literal["in-place", "container-restart", "rollout", "refused"]

IN_PLACE_SINCE = (1, 33)
MEMORY_LIMIT_SINCE = (1, 34)
PLAIN_INIT_SINCE = (1, 36)
POD_LEVEL_SINCE = (1, 36)

REVISION_LABEL = "controller-revision-hash"


@dataclass(frozen=True)
class Verdict:
    """What happens to one resource of one container.

    `resource` is `requests.cpu`, `limits.memory`, …; `old` and `new` are quantities, None where absent;
    `reason` is empty for a plain in-place change of pods that are not simulated.
    """

    container: str
    resource: str
    old: str | None
    new: str | None
    outcome: Outcome
    reason: str = ""

    def text(self, *, rolls: bool = False) -> str:
        """Describe the change in one line; where the whole rolls, what could be in place comes with the new pods."""
        change = f"{self.container} {self.resource} {self.old or 'unset'} -> {self.new or 'unset'}"
        words = {
            "in-place": "in place",
            "container-restart": "in place, with a restart of the container",
            "rollout": "rollout",
            "refused": "refused",
        }
        if rolls and self.outcome in ("in-place", "container-restart"):
            return f"{change}: with the new pods"
        return f"{change}: {words[self.outcome]}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True)
class Facts:
    """Everything that the decision rests on.

    `live` is the workload; `wanted` the pod template that the server would store; `replica_sets` all that a Deployment
    controls; `pods` the living ones of its active ReplicaSet, or all of a StatefulSet; `version` the API server's;
    `resize_served` whether `pods/resize` is in discovery; `denied` the missing rights as `verb resource`; `allocatable`
    and `reserved` (the requests of all its pods) per name of a node that holds one of the pods, as far as they could be
    read; `simulated` whether such a node only simulates its pods; `autoscalers` those that aim at the workload;
    `budgets` the PodDisruptionBudgets over its pods.
    """

    live: Json
    wanted: Json
    replica_sets: list[Json]
    pods: list[Json]
    version: tuple[int, int]
    kind: Kind = "Deployment"
    resize_served: bool = True
    denied: list[str] = field(default_factory=list)
    allocatable: dict[str, dict[str, str]] = field(default_factory=dict)
    reserved: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    simulated: bool = False
    autoscalers: Autoscalers = field(default_factory=Autoscalers)
    budgets: Budgets = field(default_factory=Budgets)


def verdicts(facts: Facts) -> list[Verdict]:
    """Judge every changed resource of every container on its own."""
    old_spec, new_spec = facts.live["spec"]["template"]["spec"], facts.wanted["spec"]
    old = {c["name"]: effective(c) for _kind, c in containers(old_spec)}
    qos = _qos_change(old_spec, new_spec)
    found = []
    for kind, container in containers(new_spec):
        name = container["name"]
        for section, resource, before, after in differences(old.get(name, effective({})), effective(container)):
            outcome, reason = _judge(kind, section, resource, before, after, restarts_for(container), facts.version)
            if qos and outcome != "rollout":
                outcome, reason = "rollout", qos
            if facts.simulated:
                reason = f"{reason}; {NOTE}" if reason else NOTE
            found.append(Verdict(name, f"{section}.{resource}", before, after, outcome, reason))
    return found


def obstacles(facts: Facts) -> Iterator[str]:
    """Yield every reason why this workload, as it is now, cannot be resized in place at all."""
    yield from _cluster_obstacles(facts)
    yield from _template_obstacles(facts)
    yield from _stateful_obstacles(facts) if facts.kind == "StatefulSet" else _state_obstacles(facts)
    yield from _capacity_obstacles(facts)


def drift(template: Json, pods: list[Json]) -> list[str]:
    """Name every pod whose resources differ from its template's (what only the pod has is not drift)."""
    wanted = {c["name"]: effective(c) for kind, c in containers(template["spec"]) if kind != "init"}
    found = []
    for pod in pods:
        for _kind, container in containers(pod["spec"]):
            name = container["name"]
            if name not in wanted:
                continue
            live = effective(container)
            for section, resource, before, after in differences(live, overlaid(live, wanted[name])):
                found.append(
                    f"pod {pod['metadata']['name']}, container {name}: {section}.{resource} is "
                    f"{before or 'unset'}, the template says {after}"
                )
    return found


def active_replica_sets(replica_sets: list[Json]) -> list[Json]:
    """Return the ReplicaSets that are meant to have pods or still have some."""
    return [rs for rs in replica_sets if rs["spec"].get("replicas") or rs.get("status", {}).get("replicas")]


def current_pods(facts: Facts) -> list[Json]:
    """Return the pods that are meant to be of the live template."""
    return facts.pods if facts.kind == "Deployment" else of_update(facts.live, facts.pods)


def of_update(stateful_set: Json, pods: list[Json]) -> list[Json]:
    """Return the pods of a StatefulSet's latest revision; none before the controller has one for the latest spec."""
    update = stateful_set.get("status", {}).get("updateRevision")
    return [pod for pod in pods if revision_of(pod) == update] if is_observed(stateful_set) else []


def revision_of(pod: Json) -> str:
    """Return the name of the ControllerRevision that a StatefulSet's controller takes a pod to be of."""
    return str((pod["metadata"].get("labels") or {}).get(REVISION_LABEL, ""))


def is_updated(stateful_set: Json) -> bool:
    """Tell whether the controller is through with the latest template of a StatefulSet.

    With updateStrategy OnDelete it never calls a revision current, so there its count of pods has to do.
    """
    spec, status = stateful_set["spec"], stateful_set.get("status", {})
    replicas = spec.get("replicas", 1)
    return bool(
        is_observed(stateful_set)
        and status.get("updatedReplicas", 0) == replicas == status.get("replicas", 0)
        and (
            (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
            or status.get("currentRevision") == status.get("updateRevision")
        )
    )


def _judge(
    kind: str,
    section: str,
    resource: str,
    old: str | None,
    new: str | None,
    restarts: set[str],
    version: tuple[int, int],
) -> tuple[Outcome, str]:
    restart = resource in restarts
    obstacle = _obstacle(kind, section, resource, old, new, restart=restart, version=version)
    if obstacle:
        return "rollout", obstacle
    if restart:
        return "container-restart", f"its resizePolicy for {resource} is RestartContainer"
    return "in-place", ""


def _obstacle(
    kind: str,
    section: str,
    resource: str,
    old: str | None,
    new: str | None,
    *,
    restart: bool,
    version: tuple[int, int],
) -> str:
    server = f"Kubernetes {version[0]}.{version[1]}"
    if resource not in RESIZABLE:
        return f"only cpu and memory can change in place, not {resource}"
    if kind == "init" and version < PLAIN_INIT_SINCE:
        return f"{server} cannot change init containers that are no sidecars"
    if new is None:
        return f"a resize cannot remove {section}"
    if section == "limits" and resource == "memory" and version < MEMORY_LIMIT_SINCE and not restart:
        if old is None:
            return f"{server} cannot add a memory limit without restarting the container"
        if parse(new) < parse(old):
            return f"{server} cannot lower a memory limit without restarting the container"
    return ""


def _qos_change(old_spec: Json, new_spec: Json) -> str:
    old = qos_class([effective(c) for _kind, c in containers(old_spec)])
    new = qos_class([effective(c) for _kind, c in containers(new_spec)])
    if old == new:
        return ""
    return f"the QoS class would change from {old} to {new}, which a running pod cannot"


def _cluster_obstacles(facts: Facts) -> Iterator[str]:
    number = f"{facts.version[0]}.{facts.version[1]}"
    if facts.version < IN_PLACE_SINCE:
        yield f"the API server is {number}; resizing running pods needs 1.33"
    elif not facts.resize_served:
        yield f"the {number} API server does not serve pods/resize (InPlacePodVerticalScaling is off)"
    if facts.denied:
        yield (
            f"this identity may not {', '.join(facts.denied)} in the namespace: grant it with a Role "
            "(the built-in edit and admin do not include pods/resize)"
        )


def _template_obstacles(facts: Facts) -> Iterator[str]:
    live = facts.live["spec"]["template"]
    paths = list(template_differences(live, facts.wanted))
    if paths:
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        yield f"more than sizes changes: {', '.join(paths[:3])}{more}"
    spec = live["spec"]
    if (spec.get("os") or {}).get("name") == "windows" or (spec.get("nodeSelector") or {}).get(
        "kubernetes.io/os"
    ) == "windows":
        yield "Windows pods cannot be resized in place"
    if "resources" in spec and facts.version < POD_LEVEL_SINCE:
        yield "pods with pod-level resources cannot be resized in place by this server"
    if any((c.get("resources") or {}).get("claims") for _kind, c in containers(spec)):
        yield "pods with resource claims cannot be resized in place"


def _state_obstacles(facts: Facts) -> Iterator[str]:
    spec, status = facts.live["spec"], facts.live.get("status", {})
    replicas = spec.get("replicas", 1)
    if spec.get("paused"):
        yield "the Deployment was paused by someone else: `kubectl rollout resume` it first"
    if replicas == 0:
        yield "there are no pods to resize"
        return
    active = active_replica_sets(facts.replica_sets)
    complete = (
        is_observed(facts.live)
        and status.get("updatedReplicas", 0) == replicas == status.get("replicas", 0)
        and len(active) == 1
    )
    if not complete:
        yield "a rollout is in progress"
    elif len(facts.pods) != replicas:
        yield f"{len(facts.pods)} of {replicas} pods are there"


def _stateful_obstacles(facts: Facts) -> Iterator[str]:
    spec = facts.live["spec"]
    strategy, replicas = spec.get("updateStrategy") or {}, spec.get("replicas", 1)
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    if replicas == 0:
        yield "there are no pods to resize"
        return
    if strategy.get("type", "RollingUpdate") not in ("RollingUpdate", "OnDelete"):
        yield f"its updateStrategy is {strategy['type']}: only RollingUpdate and OnDelete are known"
    if partition:
        yield f"its updateStrategy has partition {partition}, so that some pods are to keep the old template"
    if not is_updated(facts.live):
        on_delete = strategy.get("type") == "OnDelete"
        more = ": pods of an older revision have to be deleted first (updateStrategy OnDelete)" if on_delete else ""
        yield f"an update of its pods is in progress{more}"
    elif len(facts.pods) != replicas:
        yield f"{len(facts.pods)} of {replicas} pods are there"


def _capacity_obstacles(facts: Facts) -> Iterator[str]:
    """Foresee what a kubelet would call Infeasible or Deferred: before 1.36 the API server accepts it."""
    wanted = {c["name"]: effective(c) for kind, c in containers(facts.wanted["spec"]) if kind != "init"}
    for node, allocatable in sorted(facts.allocatable.items()):
        growth = dict.fromkeys(RESIZABLE, Decimal(0))
        for pod in (p for p in facts.pods if p["spec"].get("nodeName") == node):
            now, after = total_requests(pod["spec"]), _requests_after(pod, wanted)
            for resource in RESIZABLE:
                growth[resource] += after[resource] - now[resource]
                if growth[resource] > 0 and after[resource] > parse(allocatable.get(resource, "0")):
                    name, most = pod["metadata"]["name"], allocatable.get(resource, "0")
                    yield f"pod {name} would need more {resource} than node {node} can ever give ({most})"
        for resource, reserved in facts.reserved.get(node, {}).items():
            free = parse(allocatable.get(resource, "0")) - reserved
            if growth[resource] > max(free, Decimal(0)):
                yield f"node {node} has too little {resource} left for the pods to grow there"


def _requests_after(pod: Json, wanted: dict[str, Resources]) -> dict[str, Decimal]:
    listed = [
        {"resources": overlaid(effective(c), wanted.get(c["name"], {"requests": {}, "limits": {}}))}
        for kind, c in containers(pod["spec"])
        if kind != "init"
    ]
    return total_requests({"containers": listed, "overhead": pod["spec"].get("overhead")})
