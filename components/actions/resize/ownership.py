"""Field ownership after a resize: what was patched goes back to the manager that Pulumi applies with.

The provider does the same takeover itself, but only in an update; after an undone or killed resize the next preview
would find fields of `pulumi-kubernetes` in its way and report a conflict with itself.
"""

import time
from typing import Any

from components.actions.client import Client, Json
from components.actions.errors import ApiError
from components.actions.resize.journal import FIELD_MANAGER

_ATTEMPTS = 20
_PAUSE = 0.1


def hand_back(client: Client, path: str) -> None:
    """Merge the Update entry of our field manager into the one Pulumi Apply entry, where there is exactly one.

    The controller writes its status a few times after a resize; a write in between starts this over. Where that does
    not end, nothing is lost: the provider's own takeover still comes with its next update.
    """
    for _ in range(_ATTEMPTS):
        live = client.find(path)
        merged = merged_fields(live["metadata"].get("managedFields") or []) if live else None
        if live is None or merged is None:
            return
        version = live["metadata"]["resourceVersion"]
        test: Json = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
        fields: Json = {"op": "replace", "path": "/metadata/managedFields", "value": merged}
        try:
            client.patch(path, [test, fields], kind="json", field_manager=FIELD_MANAGER)
        except ApiError as error:
            if error.status not in {409, 422}:
                raise
            time.sleep(_PAUSE)
        else:
            return


def merged_fields(entries: list[Json]) -> list[Json] | None:
    """Return the managedFields with our entry merged into Pulumi's; None when there is nothing to do. Pure."""
    ours = [e for e in entries if e.get("manager") == FIELD_MANAGER and _is(e, "Update")]
    theirs = [e for e in entries if e.get("manager", "").startswith(f"{FIELD_MANAGER}-") and _is(e, "Apply")]
    if len(ours) != 1 or len(theirs) != 1:
        return None
    union = theirs[0] | {"fieldsV1": _union(theirs[0].get("fieldsV1") or {}, ours[0].get("fieldsV1") or {})}
    return [union if e is theirs[0] else e for e in entries if e is not ours[0]]


def _is(entry: Json, operation: str) -> bool:
    return entry.get("operation") == operation and not entry.get("subresource")


def _union(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    merged = dict(left)
    for key, value in right.items():
        merged[key] = _union(merged[key], value) if key in merged else value
    return merged
