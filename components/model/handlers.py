"""Which nodes have a runtime handler, as far as they tell: yes, no, or unknown.

A node lists the handlers that its container runtime is configured with (`status.runtimeHandlers`, Kubernetes 1.31 and
containerd 2.0 or CRI-O). Listed means configured: that the handler's program is there, only a pod proves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Handlers = Mapping[str, frozenset[str]]
_NAMED = 3


@dataclass(frozen=True)
class Support:
    """Whether a cluster has a handler, and by which signs; `remedy` is what to do where it is no."""

    answer: Literal["yes", "no", "unknown"]
    reason: str
    remedy: str = ""


def support(nodes: Handlers, handler: str) -> Support:
    """Return whether any node has the handler: no only when every node lists its handlers and none is this."""
    having = sorted(name for name, listed in nodes.items() if handler in listed)
    if having:
        return Support("yes", f"{some(having)} {'has' if len(having) == 1 else 'have'} the handler {handler!r}")
    silent = sorted(name for name, listed in nodes.items() if not listed)
    if not nodes:
        return Support("unknown", f"there are no nodes yet, so whether they have the handler {handler!r} is unknown")
    if silent:
        return Support(
            "unknown",
            f"whether {some(silent)} {'has' if len(silent) == 1 else 'have'} the handler {handler!r} is unknown: "
            "handlers are listed since Kubernetes 1.31 and containerd 2.0",
        )
    others = ", ".join(sorted(frozenset[str]().union(*nodes.values())))
    return Support(
        "no", f"no node has the handler {handler!r} (they have: {others})", "set it up on a node's container runtime"
    )


def some(nodes: list[str]) -> str:
    """Name the first nodes of a list, and count the rest."""
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return f"node{'s' if len(nodes) > 1 else ''} {', '.join(nodes[:_NAMED])}{more}"
