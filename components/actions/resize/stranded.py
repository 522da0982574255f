"""Pods whose own cgroup a kubelet would leave at the old size, so that they are replaced instead of resized.

A kubelet sets the cgroup of a pod anew when it resizes a container that runs. One that does not run only starts with
its new size, and the pod's cgroup keeps the old limits: a container that was out of memory goes on being so, and one
that has yet to start gets no more CPU than before. Kubelets from 1.36.4 on set it for main containers that start
(kubernetes/kubernetes#138760), none for sidecars.
"""

from components.actions.client import Client, Json
from components.actions.pod_parts import role_of, serving_of, spec_of, statuses_of
from components.actions.resize.resources import containers, differences, effective, plain, restarts_for
from components.actions.simulated import is_simulated, nodes_of
from components.model.versions import holds, numbers_of

_SETS_IT_FOR_MAIN = ">=1.36.4"


def idle(pod: Json, patch: Json) -> list[str]:
    """Return the containers that this patch of the pod changes and that do not run.

    One that runs and is given another amount of the same resources makes the kubelet set the cgroup for all of them.
    """
    running = {each["name"] for each in statuses_of(pod) if "running" in (each.get("state") or {})}
    changed = {
        patched["name"]: {
            resource for _s, resource, _o, _n in differences(effective(spec_of(pod, patched["name"])), plain(patched))
        }
        for _kind, patched in containers(patch["spec"])
    }
    set_anew = {resource for name, resources in changed.items() if name in running for resource in resources}
    return [name for name, resources in changed.items() if name not in running and resources - set_anew]


def ended(pod: Json, restarts: dict[str, int], asked: list[str]) -> list[str]:
    """Return the containers that ended while the pod was resized: the kubelet may have met them not running.

    `restarts` are the counts from before; a restart of `asked` is the resize's own. A pod that was never changed
    (generation 1) was made with its size.
    """
    if pod["metadata"].get("generation", 1) == 1:
        return []
    serving = {each["name"]: each for each in serving_of(pod) if each["name"] not in asked}
    return [
        each["name"]
        for each in statuses_of(pod)
        if each["name"] in serving
        and (each.get("restartCount", 0) > restarts.get(each["name"], 0) or _is_over(each, serving[each["name"]]))
    ]


def left(client: Client, pod: Json, names: list[str]) -> str:
    """Return the first of these containers for which the pod's kubelet would leave the cgroup; empty for none.

    A node that may not be read counts as having such a kubelet. Raises `ApiError` and `ConnectionProblem`.
    """
    name = pod["spec"].get("nodeName")
    # Without a node there is no cgroup yet.
    if not names or not name:
        return ""
    node = nodes_of(client, [pod]).get(name, {"metadata": {}})
    if is_simulated(node):
        return ""
    numbers = numbers_of(node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", ""))
    sets_it = numbers is not None and holds(_SETS_IT_FOR_MAIN, numbers[:3])
    return next((each for each in names if not sets_it or role_of(pod, each) != "container"), "")


def _is_over(status: Json, container: Json) -> bool:
    """Tell whether a container is between two runs, unless a resize that restarts it may be the reason."""
    state = status.get("state") or {}
    backs_off = (state.get("waiting") or {}).get("reason") == "CrashLoopBackOff"
    return backs_off or ("terminated" in state and not restarts_for(container))
