"""A StatefulSet around a workload's pods: what is wrong with its arguments, and what they become.

Rules without a source of their own are those of k8s.io/kubernetes/pkg/apis/apps/validation. What cannot change later is
judged by `immutable.immutable_changes`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import claim, names, workload
from components.model.problem import UNKNOWN, Problem, entries, one_of, unique

POD_MANAGEMENT_POLICIES = ("OrderedReady", "Parallel")
_RETENTION = ("Retain", "Delete")
# The revision's name is a label value of its pods: the set's name, a dash and up to ten characters (issue 64023).
_LONGEST_NAME = 52


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with the arguments of a workload whose pods a StatefulSet keeps (snake_case)."""
    yield from workload.resizable_problems(args)
    yield from own_problems(args)


def own_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the arguments of a StatefulSet alone (snake_case)."""
    name = args.get("name")
    if isinstance(name, str) and len(name) > _LONGEST_NAME:
        yield Problem("name", f"it has {len(name)} characters", f"write {_LONGEST_NAME} at most")
    yield from names.dns_label("service_name", args.get("service_name"))
    policy = args.get("pod_management_policy")
    yield from one_of("pod_management_policy", policy, POD_MANAGEMENT_POLICIES, "OrderedReady")
    retention = args.get("persistent_volume_claim_retention_policy")
    if isinstance(retention, dict):
        for field in ("when_deleted", "when_scaled"):
            place = f"persistent_volume_claim_retention_policy.{field}"
            yield from one_of(place, retention.get(field), _RETENTION, "Retain")
    yield from _claims(args)


def spec(args: Mapping[str, Any], *, selector: Any, template: Any, deadline: Any) -> dict[str, Any]:
    """Return the spec of the StatefulSet around its selector and template; a StatefulSet knows no deadline.

    What belongs to it alone may be among the arguments or in an object of theirs, `statefulSet`.
    """
    del deadline
    args = {**args, **(args.get("statefulSet") or {})}
    made: dict[str, Any] = {"selector": {"matchLabels": selector}, "template": template}
    if args.get("volumeClaimTemplates"):
        made["volumeClaimTemplates"] = [
            {"metadata": {"name": each["name"]}, "spec": claim.spec(each)} for each in args["volumeClaimTemplates"]
        ]
    copied = (
        "replicas",
        "minReadySeconds",
        "serviceName",
        "podManagementPolicy",
        "persistentVolumeClaimRetentionPolicy",
    )
    return made | {field: args[field] for field in copied if args.get(field) is not None}


def _claims(args: Mapping[str, Any]) -> Iterator[Problem]:
    claims = args.get("volume_claim_templates")
    if claims is UNKNOWN or (isinstance(claims, list) and UNKNOWN in claims):
        remedy = "write it out; the values inside may come later"
        yield Problem("volume_claim_templates", "it is not known before the deployment", remedy)
    places = [(f"volumes[{index}].name", volume.get("name")) for index, volume in entries(args.get("volumes"))]
    for index, template in entries(claims):
        place = f"volume_claim_templates[{index}]"
        places.append((f"{place}.name", template.get("name")))
        yield from names.dns_label(f"{place}.name", template.get("name"))
        yield from claim.problems(place, template)
    yield from unique(places, "name")
