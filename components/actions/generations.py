"""Generations of configuration: content-hashed ConfigMaps that stay while a rollback may need to mount them.

Pulumi keeps them when they leave the program (`retain_on_delete`); here they get their workload as owner, so that
they go with it, and the oldest that nothing refers to are removed. Two labels say what a generation is: of which base,
and for which workload, so that two workloads never touch each other's.
"""

import time
from collections.abc import Iterator
from typing import Any

from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.keepers import KEEPERS, api_version, is_owned, keeper_kind, keeper_path, pod_template
from components.actions.resize.journal import FIELD_MANAGER, OWN_MANAGER
from components.actions.resize.live import replica_sets_of

LABEL = "kubernetes-emerging/config-of"
WORKLOAD_LABEL = "kubernetes-emerging/config-for"
_PAUSE = 0.5


def own_and_prune(client: Client, manifest: Json, base: str, workload: str, keep: int = 3) -> list[str]:
    """Give every generation of a workload's `base` to what keeps its pods, and delete the old ones; return these.

    `manifest` is the workload's: its kind, namespace and name count. The newest `keep` stay, and so does every one that
    it, a ReplicaSet of a Deployment or a Job of a CronJob refers to; of a StatefulSet and a DaemonSet as many as it
    keeps revisions. A generation that belongs to another workload of the kind (it had another name) is taken over; one
    of another kind is left alone.
    """
    kind, namespace = keeper_kind(manifest), manifest["metadata"]["namespace"]
    live = client.find(keeper_path(kind, namespace, manifest["metadata"]["name"]))
    if live is None:
        return []
    live = {**live, "kind": kind}
    path = path_of("v1", "configmaps", namespace)
    selector = f"{LABEL}={base},{WORKLOAD_LABEL}={workload}"
    ours = [item for item in client.list(path, label_selector=selector) if _owned(client, item, live)]
    if kind in {"StatefulSet", "DaemonSet"}:
        keep = max(keep, live["spec"].get("revisionHistoryLimit", 10) + 1)
    templates = [live, *(replica_sets_of(client, live) if kind == "Deployment" else ())]
    if kind == "CronJob":
        jobs = [job for job in client.list(keeper_path("Job", namespace)) if is_owned(job, live)]
        templates += [{**job, "kind": "Job"} for job in jobs]
    referenced = {name for each in templates for name in referred(pod_template(each)["spec"])}
    ours.sort(key=lambda item: str(item["metadata"]["creationTimestamp"]), reverse=True)
    deleted = []
    for item in ours[keep:]:
        metadata = item["metadata"]
        if metadata["name"] in referenced:
            continue
        if client.delete(path_of("v1", "configmaps", namespace, metadata["name"]), uid=metadata["uid"]):
            deleted.append(metadata["name"])
    return deleted


def free_name(client: Client, namespace: str, name: str, workload: str) -> bool:
    """Delete the kept generation `name`, so that it can be created again; return whether there was one.

    Only a ConfigMap with the labels of this workload is deleted; anything else is left for the API server to refuse.
    Running pods keep what they have mounted. Not for previews.
    """
    path = path_of("v1", "configmaps", namespace, name)
    found = client.find(path)
    if found is None or not _is_of(found, workload):
        return False
    return client.delete(path, uid=found["metadata"]["uid"])


def hold(client: Client, manifest: Json, *, timeout: float = 30.0) -> None:
    """See to it that a workload's generation exists and that nobody's deletion takes it. Not for previews.

    A workload that is replaced takes what it owns with it, also what its successor mounts. So the ConfigMap lets go
    of every one (`own_and_prune` gives it to the new one), or is made again where it is gone already. Raises
    ActionError when it is still being deleted after `timeout` seconds.
    """
    metadata = manifest["metadata"]
    folder = path_of("v1", "configmaps", metadata["namespace"])
    path = path_of("v1", "configmaps", metadata["namespace"], metadata["name"])
    deadline = time.monotonic() + timeout
    while True:
        try:
            if _held(client, path, folder, manifest):
                return
        except ApiError as error:
            if not error.conflict and not error.not_found:
                raise
        if time.monotonic() > deadline:
            raise ActionError(
                f"ConfigMap {metadata['namespace']}/{metadata['name']} is still being deleted after {timeout:.0f} s: "
                "look at its finalizers"
            )
        time.sleep(_PAUSE)


def _held(client: Client, path: str, folder: str, manifest: Json) -> bool:
    """Do the next step of `hold`; return whether there is none left."""
    found = client.find(path)
    if found is None:
        client.create(folder, manifest, field_manager=FIELD_MANAGER)
        return True
    if "deletionTimestamp" in found["metadata"]:
        return False
    owners = found["metadata"].get("ownerReferences") or []
    others = [owner for owner in owners if owner["kind"] not in KEEPERS]
    workload = manifest["metadata"]["labels"][WORKLOAD_LABEL]
    if len(others) == len(owners) or not _is_of(found, workload):
        return True
    version = found["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": version, "ownerReferences": others}}
    client.patch(path, patch, field_manager=OWN_MANAGER)
    # The garbage collector of Kubernetes 1.33 deletes by UID what it judged a moment before, changed since or not.
    return False


def _is_of(found: Json, workload: str) -> bool:
    labels = found["metadata"].get("labels") or {}
    return LABEL in labels and labels.get(WORKLOAD_LABEL) == workload


def referred(value: Any) -> Iterator[str]:
    """Yield the names of all ConfigMaps that a pod spec refers to: volumes, projected sources, env and envFrom."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("configMap", "configMapRef", "configMapKeyRef") and isinstance(item, dict) and "name" in item:
                yield item["name"]
            else:
                yield from referred(item)
    elif isinstance(value, list):
        for item in value:
            yield from referred(item)


def _owned(client: Client, item: Json, keeper: Json) -> bool:
    """Make the workload's object the owner of the item; False when it belongs to something of another kind."""
    metadata = item["metadata"]
    owners = metadata.get("ownerReferences") or []
    uid = keeper["metadata"]["uid"]
    if [owner["uid"] for owner in owners] == [uid]:
        return True
    if any(owner["kind"] != keeper["kind"] for owner in owners):
        return False
    reference = {
        "apiVersion": api_version(keeper["kind"]),
        "kind": keeper["kind"],
        "name": keeper["metadata"]["name"],
        "uid": uid,
        "blockOwnerDeletion": False,
    }
    patch = {"metadata": {"resourceVersion": metadata["resourceVersion"], "ownerReferences": [reference]}}
    try:
        path = path_of("v1", "configmaps", metadata["namespace"], metadata["name"])
        client.patch(path, patch, field_manager=OWN_MANAGER)
    except ApiError as error:
        if error.not_found or error.conflict:
            return False
        raise
    return True
