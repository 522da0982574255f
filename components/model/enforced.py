"""What the Pod Security level that a namespace enforces means for pods below it. Pure.

The API server takes a Deployment or a Job whose pods the namespace refuses: only its pods are never there. An exemption
in the API server's own configuration lets some through and shows nowhere, so what is told here is never a `no`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model.facts import Cluster, Unseen
from components.model.feature import Feature
from components.model.finding import Finding, answer, unseen
from components.model.pod_security import LEVELS, violations

LABEL = "pod-security.kubernetes.io/enforce"


def judge(cluster: Cluster, feature: Feature, _platform: str) -> Finding:
    """Judge whether the stack's namespaces take pods of a level; which of them the pods are for is not known here."""
    found = cluster.namespaces.items()
    refusing = {
        name: each.pod_security
        for name, each in found
        if not isinstance(each, Unseen) and is_stricter(each.pod_security, feature.value)
    }
    if refusing:
        enforced = ", ".join(f"{name} enforces {level}" for name, level in refusing.items())
        evidence = f"pods that need the level {feature.value} are refused where a namespace is stricter: {enforced}"
        return answer("unknown", evidence, remedy(feature.value))
    hidden = [each for _, each in found if isinstance(each, Unseen)]
    if hidden:
        return unseen(hidden[0])
    return answer("yes", "no namespace that was looked at enforces a stricter level")


def refusals(enforced: str, template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what in a finished pod template the enforced level ("" for none) refuses, each with the level it takes."""
    for found in violations(template):
        if is_stricter(enforced, found.level):
            where = f"{found.name}: " if found.name else ""
            yield f"{where}{found.field}: {found.message}", found.level


def is_stricter(enforced: str, level: str) -> bool:
    """Tell whether a level that a namespace enforces refuses pods of another; a label that is no level enforces all."""
    # The API server takes a label that it cannot read for the strictest level.
    standing = enforced if enforced in LEVELS else LEVELS[0]
    return bool(enforced) and LEVELS.index(standing) < LEVELS.index(level)


def remedy(level: str) -> str:
    """Return what to do about pods that need a level, in a namespace that is stricter."""
    return (
        f"label the namespace {LABEL}: {level}, take another namespace, or make the pods fit; an exemption of the "
        "cluster's own, which nobody can read, would let them through"
    )
