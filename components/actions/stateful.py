"""When a StatefulSet is well, and what keeps it from that: its own rules, which are not a Deployment's. Pure.

Source: pkg/controller/statefulset of k8s.io/kubernetes 1.33 to 1.37.
"""

from collections.abc import Iterator
from dataclasses import replace

from components.actions.client import Json
from components.actions.diagnosis import Finding, admission_remedy, findings
from components.actions.resize.kinds import is_observed
from components.actions.resize.pods import is_ready
from components.actions.resize.verdict import is_updated, of_update

_CREATIONS = ("FailedCreate", "SuccessfulCreate")


def is_well(stateful_set: Json) -> bool:
    """Tell whether all replicas are of the latest revision and available, those below a partition excepted."""
    wanted, status = stateful_set["spec"].get("replicas", 1), stateful_set.get("status", {})
    kept = min(_partition(stateful_set), wanted)
    if kept:
        updated = is_observed(stateful_set) and status.get("updatedReplicas", 0) >= wanted - kept
    else:
        updated = is_updated(stateful_set)
    return bool(updated and status.get("replicas", 0) == wanted and status.get("availableReplicas", 0) >= wanted)


def stuck(stateful_set: Json) -> str:
    """Return why its controller will not replace the pods of an older revision, or nothing."""
    spec, status = stateful_set["spec"], stateful_set.get("status", {})
    if (spec.get("updateStrategy") or {}).get("type") != "OnDelete" or not is_observed(stateful_set):
        return ""
    old = status.get("replicas", 0) - status.get("updatedReplicas", 0)
    if old <= 0:
        return ""
    return (
        f"its updateStrategy is OnDelete, so {old} pods of an older revision stay until they are deleted: "
        "`kubectl delete pod` them, the highest ordinal first"
    )


def blocking(stateful_set: Json, pods: list[Json]) -> Iterator[Finding]:
    """Yield each broken pod of an older revision that its controller waits for, and so never replaces.

    It updates a pod only when all are Ready, also when the update is what would mend them; with podManagementPolicy
    Parallel it does not wait (kubernetes/kubernetes#67250).
    """
    spec = stateful_set["spec"]
    rolling = (spec.get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
    if not rolling or not is_observed(stateful_set) or spec.get("podManagementPolicy") == "Parallel":
        return
    ours = {pod["metadata"]["uid"] for pod in of_update(stateful_set, pods)}
    for pod in pods:
        if pod["metadata"]["uid"] in ours or is_ready(pod):
            continue
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        for found in findings(pod)[:1]:
            why = "it is of an older revision, and a StatefulSet waits for it to be Ready before it replaces it"
            detail = f"{found.detail}; {why}" if found.detail else why
            yield replace(found, detail=detail, remedy=f"kubectl delete pod -n {namespace} {name}")


def lacks_pods(stateful_set: Json) -> bool:
    """Tell whether pods have yet to be created."""
    return bool(stateful_set.get("status", {}).get("replicas", 0) < stateful_set["spec"].get("replicas", 1))


def creation_finding(stateful_set: Json, events: list[Json]) -> Finding | None:
    """Return why its controller cannot create a pod, by its latest event about that: it has no condition for it.

    It is the same for a DaemonSet and a Job.
    """
    metadata = stateful_set["metadata"]
    told = [
        event
        for event in events
        if event.get("reason") in _CREATIONS and event["involvedObject"].get("uid") == metadata["uid"]
    ]
    latest = max(told, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""), default={})
    if latest.get("reason") != "FailedCreate":
        return None
    where, message = f"of {stateful_set.get('kind', 'StatefulSet')} {metadata['name']}", latest.get("message", "")
    return Finding(where, "", "", "FailedCreate", message, admission_remedy(message), grace=5.0)


def _partition(stateful_set: Json) -> int:
    rolling = (stateful_set["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("partition") or 0)
