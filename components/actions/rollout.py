"""Rollouts that are proved before anybody records them, and taken back when they fail.

1. The Deployment gets its new template (and what steers a rollout), with a mark that names the ReplicaSet it had.
2. Its pods are waited for as `readiness` does. When they are well the change is good; the mark goes with `conclude`,
   once the change is on record.
3. When they cannot be, or are not in time, the former template comes back, its pods are waited for, and the failure is
   raised: whoever records the change has not yet, so its record and the cluster agree.
4. Killed before that, the template is the new one and the mark is there. The same program again finds its template in
   place and goes on at 2. A program that asks for the former template again is brought back by `take_back`.

A mark does nothing by itself: it only tells a template that was being tried from one that was changed by hand, so a
copy that `kubectl rollout undo` brings back is harmless.
"""

import json
import threading
import time
from collections.abc import Callable

from components.actions.client import Client, Items, Json
from components.actions.errors import ActionError
from components.actions.readiness import NotReady, wait_ready
from components.actions.resize.journal import FIELD_MANAGER
from components.actions.resize.live import deployment_path, replica_sets_of, wanted_template
from components.actions.resize.ownership import hand_back
from components.actions.resize.templates import equal_ignoring_hash, without_none
from components.actions.resize.verdict import active_replica_sets
from components.actions.resize.window import until_no_conflict

MARK = "kubernetes-emerging/rollout"
_STEERING = ("strategy", "minReadySeconds", "progressDeadlineSeconds")
Say = Callable[[str], None]


class RolledBack(ActionError):  # noqa: N818 - a past participle like its siblings
    """A rollout failed and its Deployment is back at the template that it had; the text has the diagnosis."""


def prove(
    client: Client,
    desired: Json,
    former: Json,
    uid: str,
    *,
    patience: float,
    stop: threading.Event,
    progress: Say,
) -> None:
    """Roll the desired Deployment manifest's template out and prove its pods, or bring the former manifest's back.

    Of `former` only the spec counts. Only the object with this UID is touched, and none that is paused. `patience` is
    the seconds that the pods may take, each way; setting `stop` takes the rollout back at once. Raises `RolledBack`;
    `ApiError` and `ConnectionProblem` leave the mark, from which another run goes on.
    """
    metadata = desired["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    live = client.find(deployment_path(namespace, name))
    if live is None or live["metadata"]["uid"] != uid or live["spec"].get("paused"):
        return
    progress("rolling out, to be taken back if it fails")
    _write(client, desired, uid, mark=True)
    try:
        wait_ready(client, namespace, name, patience=patience, stop=stop, progress=progress)
    except NotReady as failure:
        why = "it was interrupted" if stop.is_set() else str(failure)
        former = {**former, "metadata": metadata}
        raise RolledBack(_taken_back(client, former, uid, why, patience=patience, progress=progress)) from failure
    hand_back(client, deployment_path(namespace, name))


def is_tried(client: Client, namespace: str, name: str) -> bool:
    """Tell whether a Deployment has a template that is being tried, or was when a run was killed."""
    live = client.find(deployment_path(namespace, name))
    return live is not None and _mark_of(live) is not None


def conclude(client: Client, live: Json) -> None:
    """Take the mark off a Deployment whose template is on record and whose pods are well."""
    if _mark_of(live) is not None:
        _unmark(client, live["metadata"]["namespace"], live["metadata"]["name"])


def abandoned(client: Client, desired: Json) -> str:
    """Say which rollout a killed run left that this manifest no longer asks for; "" for none.

    That is one whose mark names a ReplicaSet of the manifest's template, while the Deployment has another.
    """
    live = client.find(deployment_path(desired["metadata"]["namespace"], desired["metadata"]["name"]))
    mark = _mark_of(live) if live else None
    if live is None or mark is None:
        return ""
    former = [rs for rs in replica_sets_of(client, live) if rs["metadata"]["name"] == mark["replica_set"]]
    wanted = wanted_template(client, live, desired)
    if not former or equal_ignoring_hash(live["spec"]["template"], wanted):
        return ""
    if not equal_ignoring_hash(former[0]["spec"]["template"], wanted):
        return ""
    where = f"{live['metadata']['namespace']}/{live['metadata']['name']}"
    return f"Deployment {where} has a template that was being tried since {mark['started']}, and never proved"


def take_back(client: Client, desired: Json, *, progress: Say) -> str:
    """Bring a Deployment with an abandoned rollout back to this manifest's template; return what was done."""
    metadata = desired["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    live = client.get(deployment_path(namespace, name))
    progress("taking an unproved rollout back")
    _write(client, desired, live["metadata"]["uid"], mark=False)
    hand_back(client, deployment_path(namespace, name))
    return f"the rollout that an earlier run left in Deployment {namespace}/{name} was taken back"


def _taken_back(client: Client, former: Json, uid: str, why: str, *, patience: float, progress: Say) -> str:
    namespace, name = former["metadata"]["namespace"], former["metadata"]["name"]
    progress("the rollout failed: bringing the former revision back")
    if not _write(client, former, uid, mark=True):
        return f"the rollout failed, and was not taken back, because the Deployment is gone: {why}"
    try:
        wait_ready(client, namespace, name, patience=patience, progress=progress)
        state = "and its pods are ready"
    except NotReady as failure:
        state = f"but it is not well either: {failure}"
    _unmark(client, namespace, name)
    return f"the rollout failed and was taken back: {why}\nThe former revision is back, {state}"


def _write(client: Client, manifest: Json, uid: str, *, mark: bool) -> bool:
    """Give the Deployment the manifest's template and steering; with `mark`, note what it had, unless that is noted.

    Return whether the Deployment of this UID is still there.
    """
    path = deployment_path(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    spec = without_none(manifest["spec"])

    def attempt() -> bool:
        live = client.find(path)
        if live is None or live["metadata"]["uid"] != uid:
            return False
        template = wanted_template(client, live, manifest)
        # Another version than this one makes it a conflict.
        version = {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
        changes: Items = [version]
        if not equal_ignoring_hash(live["spec"]["template"], template):
            changes.append({"op": "replace", "path": "/spec/template", "value": template})
        for field in _STEERING:
            if field in spec:
                changes.append({"op": "add", "path": f"/spec/{field}", "value": spec[field]})
            elif field in live["spec"]:
                changes.append({"op": "remove", "path": f"/spec/{field}"})
        changes += _marking(client, live, mark=mark)
        client.patch(path, changes, kind="json", field_manager=FIELD_MANAGER)
        return True

    return until_no_conflict(attempt)


def _marking(client: Client, live: Json, *, mark: bool) -> Items:
    annotations = dict(live["metadata"].get("annotations") or {})
    if not mark:
        annotations.pop(MARK, None)
    elif _mark_of(live) is None:
        active = active_replica_sets(replica_sets_of(client, live))
        template = live["spec"]["template"]
        former = [rs for rs in active if equal_ignoring_hash(rs["spec"]["template"], template)]
        annotations[MARK] = json.dumps(
            {
                "version": 1,
                "uid": live["metadata"]["uid"],
                "replica_set": former[0]["metadata"]["name"] if former else "",
                "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }
        )
    return [{"op": "add", "path": "/metadata/annotations", "value": annotations}]


def _mark_of(live: Json) -> dict[str, str] | None:
    """Return the Deployment's own mark; None where there is none, or one that was copied here with a manifest."""
    text = (live["metadata"].get("annotations") or {}).get(MARK)
    try:
        mark = json.loads(text) if text else None
    except ValueError:
        return None
    ours = isinstance(mark, dict) and mark.get("version") == 1 and mark.get("uid") == live["metadata"]["uid"]
    return mark if ours else None


def _unmark(client: Client, namespace: str, name: str) -> None:
    path = deployment_path(namespace, name)
    client.patch(path, {"metadata": {"annotations": {MARK: None}}}, field_manager=FIELD_MANAGER)
    hand_back(client, path)
