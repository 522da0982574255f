"""Reading the live objects around a workload: its ReplicaSets, their pods, and the facts for a verdict."""

from decimal import Decimal

from components.actions.client import Client, Json, path_of
from components.actions.errors import ApiError
from components.actions.resize.autoscalers import read_autoscalers
from components.actions.resize.budget import read_budgets
from components.actions.resize.journal import FIELD_MANAGER
from components.actions.resize.kinds import APPS, Kind, kind_of, workload_path
from components.actions.resize.pods import is_alive
from components.actions.resize.resources import RESIZABLE, total_requests
from components.actions.resize.templates import without_none
from components.actions.resize.verdict import Facts, active_replica_sets
from components.actions.simulated import is_simulated, nodes_of

# Managers whose fields Pulumi's provider makes its own before it applies.
_TAKEN_OVER = ("pulumi-kubernetes", "kubectl", "before-first-apply")
_RIGHTS: dict[Kind, tuple[tuple[str, str, str], ...]] = {
    "Deployment": (
        ("patch", "pods/resize", ""),
        ("list", "pods", ""),
        ("list", "replicasets", "apps"),
        ("patch", "replicasets", "apps"),
        ("patch", "deployments", "apps"),
    ),
    "StatefulSet": (
        ("patch", "pods/resize", ""),
        ("list", "pods", ""),
        ("patch", "pods", ""),
        ("patch", "statefulsets", "apps"),
    ),
}


def deployment_path(namespace: str, name: str) -> str:
    """Return the API path of a Deployment."""
    return workload_path("Deployment", namespace, name)


def replica_sets_of(client: Client, deployment: Json) -> list[Json]:
    """Return the ReplicaSets that this Deployment controls."""
    return _controlled(client, APPS, "replicasets", deployment)


def pods_of(client: Client, owner: Json) -> list[Json]:
    """Return the living pods that this ReplicaSet or StatefulSet controls."""
    return [p for p in _controlled(client, "v1", "pods", owner) if is_alive(p)]


def active_pods(client: Client, replica_sets: list[Json]) -> list[Json]:
    """Return the living pods of the one active ReplicaSet; none of a Deployment in a rollout, which has several."""
    active = active_replica_sets(replica_sets)
    return pods_of(client, active[0]) if len(active) == 1 else []


def by_ordinal(pods: list[Json]) -> list[Json]:
    """Return the pods of a StatefulSet, the highest ordinal first, as its controller updates them. Pure."""
    return sorted(pods, key=lambda pod: int(pod["metadata"]["name"].rpartition("-")[2]), reverse=True)


def gather(client: Client, live: Json, desired: Json) -> Facts:
    """Collect the facts for a verdict; raises `ApiError` (422) when the server refuses the desired template."""
    namespace, kind = live["metadata"]["namespace"], kind_of(live)
    replica_sets: list[Json] = []
    if kind == "Deployment":
        replica_sets = replica_sets_of(client, live)
        pods = active_pods(client, replica_sets)
    else:
        pods = by_ordinal(pods_of(client, live))
    nodes = nodes_of(client, pods)
    return Facts(
        kind=kind,
        live=live,
        wanted=wanted_template(client, live, desired),
        replica_sets=replica_sets,
        pods=pods,
        version=client.version(),
        resize_served=client.serves("/api/v1", "pods/resize"),
        denied=[
            f"{verb} {resource}"
            for verb, resource, group in _RIGHTS[kind]
            if not client.may(verb, resource, namespace=namespace, group=group)
        ],
        allocatable={name: node.get("status", {}).get("allocatable") or {} for name, node in nodes.items()},
        reserved=_reserved(client, list(nodes)),
        simulated=any(is_simulated(node) for node in nodes.values()),
        autoscalers=read_autoscalers(client, namespace, live["metadata"]["name"], kind),
        budgets=read_budgets(client, namespace, live["spec"]["template"]["metadata"].get("labels") or {}),
    )


def wanted_template(client: Client, live: Json, desired: Json) -> Json:
    """Return the pod template that the server would store after Pulumi's own update, by a dry run.

    Replacing the template shows what Pulumi removes as well, which a dry-run apply under another manager name
    would keep. Where a manager that Pulumi does not take over owns part of the template, an apply would keep
    that part, so there the answer comes from a dry-run apply.
    """
    metadata, kind = live["metadata"], kind_of(live)
    path = workload_path(kind, metadata["namespace"], metadata["name"])
    body = without_none(desired)
    if _has_foreign_fields(live):
        applied = {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "spec": body["spec"],
        }
        manager = _apply_manager(live)
        answer = client.patch(path, applied, kind="apply", field_manager=manager, force=True, dry_run=True)
    else:
        replace: Json = {"op": "replace", "path": "/spec/template", "value": body["spec"]["template"]}
        answer = client.patch(path, [replace], kind="json", field_manager=FIELD_MANAGER, dry_run=True)
    template: Json = answer["spec"]["template"]
    return template


def _controlled(client: Client, group_version: str, resource: str, owner: Json) -> list[Json]:
    """List by the workload's selector, then keep what it controls: labels alone prove nothing."""
    found = client.list(
        path_of(group_version, resource, owner["metadata"]["namespace"]),
        label_selector=selector_text(owner["spec"]["selector"]),
    )
    return [item for item in found if _is_controlled_by(item, owner)]


def _is_controlled_by(item: Json, owner: Json) -> bool:
    references = item["metadata"].get("ownerReferences") or []
    return any(ref.get("controller") and ref["uid"] == owner["metadata"]["uid"] for ref in references)


def selector_text(selector: Json) -> str:
    """Return a label selector object in the form of a query."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or []:
        key, values = rule["key"], ",".join(rule.get("values") or [])
        parts.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[rule["operator"]]
        )
    return ",".join(parts)


def _reserved(client: Client, nodes: list[str]) -> dict[str, dict[str, Decimal]]:
    """Return the requests of all living pods per node; nothing where pods of other namespaces may not be read."""
    found: dict[str, dict[str, Decimal]] = {}
    for node in nodes:
        try:
            pods = client.list(path_of("v1", "pods"), field_selector=f"spec.nodeName={node}")
        except ApiError as error:
            if error.forbidden:
                return found
            raise
        totals = [total_requests(pod["spec"]) for pod in pods if is_alive(pod)]
        found[node] = {resource: sum((t[resource] for t in totals), Decimal(0)) for resource in RESIZABLE}
    return found


def _has_foreign_fields(live: Json) -> bool:
    return any(
        "f:template" in (entry.get("fieldsV1", {}).get("f:spec") or {})
        and not entry.get("manager", "").startswith(_TAKEN_OVER)
        for entry in live["metadata"].get("managedFields") or []
    )


def _apply_manager(live: Json) -> str:
    for entry in live["metadata"].get("managedFields") or []:
        if entry.get("operation") == "Apply" and entry.get("manager", "").startswith(FIELD_MANAGER):
            return str(entry["manager"])
    return FIELD_MANAGER
