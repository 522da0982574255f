"""Rollouts that are proved before anybody records them, and taken back when they fail.

1. The Deployment or StatefulSet gets its new template (and what steers a rollout), with a mark that tells the template
   it had.
2. Its pods are waited for as `readiness` does. When they are well the change is good; the mark goes with `conclude`,
   once the change is on record.
3. When they cannot be, or are not in time, the former template comes back, its pods are waited for, and the failure is
   raised: whoever records the change has not yet, so its record and the cluster agree.
4. Killed before that, the template is the new one and the mark is there. The same program again finds its template in
   place and goes on at 2. A program that asks for the former template again is brought back by `take_back`.

A StatefulSet waits for each pod to be Ready before it goes on to the next, also on its way back. So it never replaces
the pod that failed (kubernetes/kubernetes#67250): that one is deleted here, and those of its revision that are not
Ready with it; pods that are Ready are left to the controller.

A mark does nothing by itself: it only tells a template that was being tried from one that was changed by hand, so a
copy that `kubectl rollout undo` brings back is harmless.
"""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from components.actions.client import Client, Items, Json, path_of
from components.actions.errors import ActionError
from components.actions.readiness import NotReady, wait_ready
from components.actions.resize.journal import FIELD_MANAGER
from components.actions.resize.kinds import Kind, is_observed, kind_of, workload_path
from components.actions.resize.live import by_ordinal, pods_of, wanted_template
from components.actions.resize.ownership import hand_back
from components.actions.resize.pods import is_ready
from components.actions.resize.templates import digest, equal_ignoring_hash, has_sizes, sizes, without_none
from components.actions.resize.verdict import revision_of
from components.actions.resize.window import until_no_conflict, until_observed

MARK = "kubernetes-emerging/rollout"
_STEERING: dict[Kind, tuple[str, ...]] = {
    "Deployment": ("strategy", "minReadySeconds", "progressDeadlineSeconds"),
    "StatefulSet": ("minReadySeconds",),
}
_OBSERVED_SECONDS = 15.0
Say = Callable[[str], None]


class RolledBack(ActionError):  # noqa: N818 - a past participle like its siblings
    """A rollout failed and its workload is back at the template that it had; the text has the diagnosis."""


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
    """Roll the desired manifest's template out and prove its pods, or bring the former manifest's back.

    Of `former` only the spec counts. Only the object with this UID is touched, and none that is paused or whose
    updateStrategy is OnDelete, for there nothing rolls. `patience` is the seconds that the pods may take, each way;
    setting `stop` takes the rollout back at once. Raises `RolledBack`; `ApiError` and `ConnectionProblem` leave the
    mark, from which another run goes on.
    """
    metadata, kind, path = desired["metadata"], kind_of(desired), _path(desired)
    live = client.find(path)
    if live is None or live["metadata"]["uid"] != uid or _rolls_nothing(live):
        return
    progress("rolling out, to be taken back if it fails")
    _write(client, desired, uid)
    try:
        _wait(client, desired, patience=patience, stop=stop, progress=progress)
    except NotReady as failure:
        why = "it was interrupted" if stop.is_set() else str(failure)
        former = {**former, "kind": kind, "metadata": metadata}
        raise RolledBack(_taken_back(client, former, uid, why, patience=patience, progress=progress)) from failure
    hand_back(client, path)


def is_tried(client: Client, desired: Json) -> bool:
    """Tell whether this manifest's workload has a template that is being tried, or was when a run was killed."""
    live = client.find(_path(desired))
    return live is not None and _mark_of(live) is not None


def conclude(client: Client, live: Json) -> None:
    """Take the mark off a workload whose template is on record and whose pods are well."""
    if _mark_of(live) is not None:
        _unmark(client, live)


def abandoned(client: Client, desired: Json) -> str:
    """Say which rollout a killed run left that this manifest no longer asks for; "" for none.

    That is one whose mark tells of the manifest's template, while the workload has another, or has it again and is
    held up by a pod that failed.
    """
    live = client.find(_path(desired))
    mark = _mark_of(live) if live else None
    if live is None or mark is None:
        return ""
    wanted = wanted_template(client, live, desired)
    if digest(wanted) != mark["template"] or not has_sizes(wanted, mark["sizes"]):
        return ""
    if equal_ignoring_hash(live["spec"]["template"], wanted) and not _failed(client, live, mark["uid"]):
        return ""
    return f"{_what(live)} has a template that was being tried since {mark['started']}, and never proved"


def take_back(client: Client, desired: Json, *, progress: Say) -> str:
    """Bring a workload with an abandoned rollout back to this manifest's template; return what was done."""
    uid = client.get(_path(desired))["metadata"]["uid"]
    progress("taking an unproved rollout back")
    _write(client, desired, uid)
    _delete_failed(client, desired, uid)
    _unmark(client, desired)
    return f"the rollout that an earlier run left in {_what(desired)} was taken back"


def _taken_back(client: Client, former: Json, uid: str, why: str, *, patience: float, progress: Say) -> str:
    progress("the rollout failed: bringing the former revision back")
    if not _write(client, former, uid):
        return f"the rollout failed, and was not taken back, because the {former['kind']} is gone: {why}"
    while True:
        deleted = _delete_failed(client, former, uid)
        try:
            _wait(client, former, patience=patience, progress=progress)
            state = "and its pods are ready"
            break
        except NotReady as failure:
            state = f"but it is not well either: {failure}"
            # A pod of the failed revision that was Ready when the others were deleted may have failed since.
            if not deleted:
                break
    _unmark(client, former)
    return f"the rollout failed and was taken back: {why}\nThe former revision is back, {state}"


def _wait(client: Client, manifest: Json, **options: Any) -> None:
    metadata = manifest["metadata"]
    wait_ready(client, metadata["namespace"], metadata["name"], kind_of(manifest), asked=manifest, **options)


def _delete_failed(client: Client, manifest: Json, uid: str) -> list[str]:
    """Delete the pods of other revisions that are not Ready, which a StatefulSet would wait for; return their names."""
    failed = _failed(client, manifest, uid)
    for pod in failed:
        metadata = pod["metadata"]
        client.delete(path_of("v1", "pods", metadata["namespace"], metadata["name"]), uid=metadata["uid"])
    return [pod["metadata"]["name"] for pod in failed]


def _failed(client: Client, manifest: Json, uid: str) -> list[Json]:
    """Return the pods of other revisions that hold up the controller of a StatefulSet with this UID.

    Which revision is the template's, it says a moment after a change.
    """
    if kind_of(manifest) != "StatefulSet":
        return []
    live = until_observed(lambda: client.find(_path(manifest)), _OBSERVED_SECONDS)
    if live is None or live["metadata"]["uid"] != uid or not is_observed(live):
        return []
    update = live["status"].get("updateRevision")
    return [pod for pod in by_ordinal(pods_of(client, live)) if revision_of(pod) != update and not is_ready(pod)]


def _write(client: Client, manifest: Json, uid: str) -> bool:
    """Give the workload the manifest's template and steering, and note what it had, unless that is noted.

    Return whether the workload of this UID is still there.
    """
    path, spec = _path(manifest), without_none(manifest["spec"])

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
        for field in _STEERING[kind_of(live)]:
            if field in spec:
                changes.append({"op": "add", "path": f"/spec/{field}", "value": spec[field]})
            elif field in live["spec"]:
                changes.append({"op": "remove", "path": f"/spec/{field}"})
        changes.append({"op": "add", "path": "/metadata/annotations", "value": _marked(live)})
        client.patch(path, changes, kind="json", field_manager=FIELD_MANAGER)
        return True

    return until_no_conflict(attempt)


def _marked(live: Json) -> dict[str, str]:
    annotations = dict(live["metadata"].get("annotations") or {})
    if _mark_of(live) is None:
        template = live["spec"]["template"]
        annotations[MARK] = json.dumps(
            {
                "version": 1,
                "uid": live["metadata"]["uid"],
                "template": digest(template),
                "sizes": sizes(template),
                "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }
        )
    return annotations


def _mark_of(live: Json) -> Json | None:
    """Return the workload's own mark; None where there is none, or one that was copied here with a manifest."""
    text = (live["metadata"].get("annotations") or {}).get(MARK)
    try:
        mark = json.loads(text) if text else None
    except ValueError:
        return None
    ours = isinstance(mark, dict) and mark.get("version") == 1 and mark.get("uid") == live["metadata"]["uid"]
    return mark if ours else None


def _unmark(client: Client, manifest: Json) -> None:
    path = _path(manifest)
    client.patch(path, {"metadata": {"annotations": {MARK: None}}}, field_manager=FIELD_MANAGER)
    hand_back(client, path)


def _rolls_nothing(live: Json) -> bool:
    spec = live["spec"]
    return bool(spec.get("paused")) or (spec.get("updateStrategy") or {}).get("type") == "OnDelete"


def _path(manifest: Json) -> str:
    return workload_path(kind_of(manifest), manifest["metadata"]["namespace"], manifest["metadata"]["name"])


def _what(manifest: Json) -> str:
    return f"{kind_of(manifest)} {manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
