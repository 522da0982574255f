"""Every kind of what keeps a workload's pods: where it is found, and where its pod template stands. Pure."""

from components.actions.client import Json, path_of

_RESOURCES = {
    "Deployment": ("apps/v1", "deployments"),
    "StatefulSet": ("apps/v1", "statefulsets"),
    "DaemonSet": ("apps/v1", "daemonsets"),
    "Job": ("batch/v1", "jobs"),
    "CronJob": ("batch/v1", "cronjobs"),
}
KEEPERS = tuple(_RESOURCES)


def keeper_kind(manifest: Json) -> str:
    """Return the kind of a manifest, which is a Deployment where it does not say."""
    return str(manifest.get("kind", "Deployment"))


def keeper_path(kind: str, namespace: str, name: str = "") -> str:
    """Return the API path of an object of this kind, or of all in the namespace."""
    group_version, resource = _RESOURCES[kind]
    return path_of(group_version, resource, namespace, name)


def api_version(kind: str) -> str:
    """Return the API version of a kind."""
    return _RESOURCES[kind][0]


def pod_template(keeper: Json) -> Json:
    """Return the pod template of a live object or a manifest."""
    spec = keeper["spec"]
    found: Json = spec["jobTemplate"]["spec"]["template"] if keeper_kind(keeper) == "CronJob" else spec["template"]
    return found


def is_owned(item: Json, keeper: Json) -> bool:
    """Tell whether an object belongs to the keeper."""
    owners = item["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == keeper["metadata"]["uid"] for owner in owners)
