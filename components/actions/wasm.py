"""Which nodes have a runtime handler, as far as a cluster tells: yes, no, or unknown.

A node lists the handlers that its container runtime is configured with (`status.runtimeHandlers`, Kubernetes 1.31 and
containerd 2.0 or CRI-O). Listed means configured: that the handler's program is there, only a pod proves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from components.actions.client import Client, path_of
from components.actions.errors import ApiError

Handlers = Mapping[str, frozenset[str]]
_NAMED = 3


@dataclass(frozen=True)
class Support:
    """Whether a cluster has a handler, and by which signs; `remedy` is what to do where it is no."""

    answer: Literal["yes", "no", "unknown"]
    reason: str
    remedy: str = ""


def handlers(client: Client) -> Handlers:
    """Return for each node the names of its runtime handlers; empty where the node tells none.

    Raises `ApiError` (403) when nodes may not be listed, and `ConnectionProblem` when there is no answer.
    """
    return {
        node["metadata"]["name"]: frozenset(
            listed["name"] for listed in node.get("status", {}).get("runtimeHandlers") or [] if listed.get("name")
        )
        for node in client.list(path_of("v1", "nodes"))
    }


def support(nodes: Handlers, handler: str) -> Support:
    """Return whether any node has the handler: no only when every node lists its handlers and none is this. Pure."""
    having = sorted(name for name, listed in nodes.items() if handler in listed)
    if having:
        return Support("yes", f"{_some(having)} {'has' if len(having) == 1 else 'have'} the handler {handler!r}")
    silent = sorted(name for name, listed in nodes.items() if not listed)
    if not nodes:
        return Support("unknown", f"there are no nodes yet, so whether they have the handler {handler!r} is unknown")
    if silent:
        return Support(
            "unknown",
            f"whether {_some(silent)} {'has' if len(silent) == 1 else 'have'} the handler {handler!r} is unknown: "
            "handlers are listed since Kubernetes 1.31 and containerd 2.0",
        )
    others = ", ".join(sorted(frozenset[str]().union(*nodes.values())))
    return Support(
        "no", f"no node has the handler {handler!r} (they have: {others})", "set it up on a node's container runtime"
    )


def find_support(client: Client, handler: str) -> Support:
    """Ask the cluster whether any node has the handler; unknown when nodes may not be listed.

    Raises `ConnectionProblem` when there is no answer, and `ApiError` for one that means something else.
    """
    try:
        return support(handlers(client), handler)
    except ApiError as error:
        if not error.forbidden:
            raise
        return Support("unknown", f"nodes may not be listed, so whether they have the handler {handler!r} is unknown")


def _some(nodes: list[str]) -> str:
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return f"node{'s' if len(nodes) > 1 else ''} {', '.join(nodes[:_NAMED])}{more}"
