"""What a patch may not write about restarts and ends of single containers.

The API server up to 1.34 refuses most of it; since 1.35 (gate ContainerRestartRules, KEP-5307) it takes a
`restartPolicy` of OnFailure or Never on an init container, which then is no sidecar, and any on a main container. Here
it means the same on every server: an init container with Always is a sidecar, and nothing else has one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model.problem import UNKNOWN, Problem, entries

_RULE = "container-restart"


def problems(path: str, patched: Any, args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with restarts in the patch of a list of containers, whose path tells which list it is."""
    init = path.endswith(".initContainers")
    sidecars = {entry.get("name") for _, entry in entries(args.get("sidecars"))}
    plain = {entry.get("name") for _, entry in entries(args.get("init_containers"))}
    if init and sidecars and not patched:
        yield Problem(path, "it takes the sidecars away", "leave it out", _RULE)
    for index, entry in entries(patched):
        place, name, policy = f"{path}[{index}]", entry.get("name"), entry.get("restartPolicy")
        where = f"{place}.restartPolicy"
        if "restartPolicy" in entry and policy is not UNKNOWN:
            if init and name in sidecars and policy != "Always":
                message = f"without Always {name!r} would be no sidecar: nothing after it would start before it ends"
                remedy = "leave it out; what runs to its end belongs to init_containers"
                yield Problem(where, message, remedy, _RULE)
            elif init and name in plain and policy == "Always":
                yield Problem(where, f"it would make a sidecar of {name!r}", "write it under sidecars", _RULE)
            elif init and policy not in (None, "Always"):
                message = f"{policy!r} makes no sidecar of it, and newer servers than 1.34 take it all the same"
                yield Problem(where, message, "write Always for a sidecar, or leave it out", _RULE)
            elif not init and policy is not None:
                message = "a main container is restarted as its pod says"
                yield Problem(where, message, "leave it out; what starts beforehand belongs to sidecars", _RULE)
        if entry.get("restartPolicyRules"):
            message = "restarts by exit code are newer than Kubernetes 1.33, and a sidecar always restarts"
            yield Problem(f"{place}.restartPolicyRules", message, "leave it out", _RULE)
        if entry.get("terminationGracePeriodSeconds") is not None:
            message = "a container has no grace period of its own, and the API server drops it"
            remedy = "set the workload's termination_grace_period_seconds"
            yield Problem(f"{place}.terminationGracePeriodSeconds", message, remedy)
