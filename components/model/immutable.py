"""What the API server refuses to change in a StatefulSet, and what to do instead.

Source: ValidateStatefulSetUpdate of k8s.io/kubernetes 1.33 to 1.37, which lets replicas, ordinals, template,
updateStrategy, revisionHistoryLimit, persistentVolumeClaimRetentionPolicy and minReadySeconds change, and nothing else.
Pulumi's provider replaces a StatefulSet whose revisionHistoryLimit changes (forceNew), so that counts here, too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import quantity

_ORPHAN = "`kubectl delete statefulset NAME --cascade=orphan` (its pods stay)"
_UP = "then `pulumi refresh` and `pulumi up`"
_REMEDIES = {
    "serviceName": f"keep it as before, or {_ORPHAN}, {_UP}",
    "podManagementPolicy": f"keep it as before, or {_ORPHAN}, {_UP}",
    # The new StatefulSet would not adopt the pods, and could not create others of their names.
    "selector": "keep it as before, or delete the StatefulSet with its pods (its PVCs stay) and `pulumi up`",
    "revisionHistoryLimit": (
        "the server would take it, but Pulumi replaces the StatefulSet for it: keep it as before, or set it with "
        f"`kubectl patch statefulset NAME`, {_UP}"
    ),
}
_RECREATE = f"keep volumeClaimTemplates as before, or {_ORPHAN}, {_UP}"
# What the server fills in where a manifest is silent (SetDefaults_StatefulSet, SetDefaults_PersistentVolumeClaimSpec).
_DEFAULTS: dict[str, Any] = {"serviceName": "", "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10}
_CLAIM_DEFAULTS: dict[str, Any] = {"volumeMode": "Filesystem"}
# Filled in at admission, or by an older server; a manifest that is silent about them asks for no change.
_FILLED_IN = ("storageClassName",)


def immutable_changes(live_spec: Mapping[str, Any], desired_spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield a text for each field of a StatefulSet's `spec` (camelCase) that cannot become what is desired.

    What the server defaulted in the live one is no difference. The text names the field, both values, and the remedy.
    """
    for field, remedy in _REMEDIES.items():
        default = _DEFAULTS.get(field)
        live, desired = _value(live_spec, field, default), _value(desired_spec, field, default)
        if live != desired:
            yield f"{field} cannot change from {_written(live)} to {_written(desired)}: {remedy}"
    yield from _claims(live_spec.get("volumeClaimTemplates") or [], desired_spec.get("volumeClaimTemplates") or [])


def _claims(live: list[Mapping[str, Any]], desired: list[Mapping[str, Any]]) -> Iterator[str]:
    before, after = _by_name(live), _by_name(desired)
    for name in sorted(before.keys() - after.keys()):
        yield f"volumeClaimTemplates cannot lose claim {name!r}: {_RECREATE}"
    for name, claim in after.items():
        if name not in before:
            yield f"volumeClaimTemplates cannot gain claim {name!r}: {_RECREATE}"
        else:
            yield from _claim(name, before[name], claim)
    if before.keys() == after.keys() and list(before) != list(after):
        yield f"volumeClaimTemplates cannot change their order to {', '.join(after)}: keep it"


def _claim(name: str, live: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    for field in ("labels", "annotations"):
        if ((live.get("metadata") or {}).get(field) or {}) != ((desired.get("metadata") or {}).get(field) or {}):
            yield f"the {field} of claim {name!r} cannot change: {_RECREATE}"
    before, after = live.get("spec") or {}, desired.get("spec") or {}
    for field in sorted(before.keys() | after.keys()):
        default = _CLAIM_DEFAULTS.get(field)
        old, new = _value(before, field, default), _value(after, field, default)
        if field == "resources":
            yield from _resources(name, old or {}, new or {})
        elif old != new and not (field in _FILLED_IN and new is None):
            yield f"{field} of claim {name!r} cannot change from {_written(old)} to {_written(new)}: {_RECREATE}"


def _resources(name: str, live: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    for section in ("requests", "limits"):
        old, new = live.get(section) or {}, desired.get(section) or {}
        for resource in sorted(old.keys() | new.keys()):
            before, after = old.get(resource), new.get(resource)
            if before is not None and after is not None and quantity.equal(before, after):
                continue
            change = (
                f"{section}.{resource} of claim {name!r} cannot change from {before or 'unset'} to {after or 'unset'}"
            )
            if section == "requests" and before and after and quantity.parse(after) > quantity.parse(before):
                yield (
                    f"{change}: expand each PVC ({name}-NAME-ORDINAL) with `kubectl patch pvc`, which its StorageClass "
                    f"has to allow, then {_ORPHAN}, {_UP}; or keep {before}"
                )
            else:
                yield f"{change}, for a volume only grows by its request: keep {before or 'it unset'}"


def _by_name(claims: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str((claim.get("metadata") or {}).get("name", "")): claim for claim in claims}


def _value(spec: Mapping[str, Any], field: str, default: Any) -> Any:
    value = spec.get(field)
    if value is None:
        return default
    # Pulumi hands numbers over as floats.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _written(value: Any) -> str:
    return "unset" if value in (None, "") else f"{value!r}" if isinstance(value, str) else str(value)
