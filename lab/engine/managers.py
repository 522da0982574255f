"""Field managers: how a server-side apply takes over what a plain create, kubectl or an older client owns.

The names are those that the official provider takes over; a resource's own fields move to its own manager, so that
later conflicts with others are real ones.
"""

from typing import Any

from lab.engine.values import Object

_TAKEN = (("kubectl", "Apply"), ("kubectl", "Update"), ("before-first-apply", "Update"))
_OWN = ("pulumi-kubernetes", "pulumi-resource-kubernetes")


def _taken(entry: Object) -> bool:
    name, operation = str(entry.get("manager")), entry.get("operation")
    prefixes = (*_TAKEN, *((own, "Update") for own in _OWN))
    return not entry.get("subresource") and any(name.startswith(p) and operation == op for p, op in prefixes)


def takeover(live: Object, manager: str) -> list[Object] | None:
    """Return the JSON patch that gives `manager` the fields of the managers above; None where there are none.

    Like the official provider's, it carries no resourceVersion: a controller that writes a status just then is no
    conflict, for the server applies the patch again to what is there.
    """
    entries: list[Object] = live["metadata"].get("managedFields") or []
    taken = [entry for entry in entries if _taken(entry)]
    if not taken:
        return None
    mine = [entry for entry in entries if entry.get("manager") == manager and entry.get("operation") == "Apply"]
    merged: dict[str, Object] = {}
    for entry in [*mine, *taken]:
        version = entry["apiVersion"]
        fields = _merge(merged.get(version, {}).get("fieldsV1", {}), entry.get("fieldsV1", {}))
        merged[version] = {**entry, "manager": manager, "operation": "Apply", "fieldsV1": fields}
    rest = [entry for entry in entries if entry not in taken and entry not in mine]
    return [{"op": "replace", "path": "/metadata/managedFields", "value": [*merged.values(), *rest]}]


def _merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    return left | {key: _merge(left.get(key) or {}, value or {}) for key, value in right.items()}


def forced_in_preview(live: Object) -> bool:
    """Tell whether a dry run has to force: the object still has fields that a real update would take over first."""
    return any(
        entry.get("operation") == "Update" and entry.get("manager") in _OWN
        for entry in live["metadata"].get("managedFields") or []
    )
