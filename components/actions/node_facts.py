"""A Node object as facts: what preflight, diagnosis and canaries go by. Pure."""

from components.actions.client import Json
from components.actions.simulated import is_simulated
from components.model.facts import Node

_KEEPING_OUT = ("NoSchedule", "NoExecute")


def handlers_of(node: Json) -> frozenset[str]:
    """Return the names of a Node's runtime handlers; empty where it tells none. The default one has no name."""
    listed = node.get("status", {}).get("runtimeHandlers") or []
    return frozenset(handler["name"] for handler in listed if handler.get("name"))


def facts_of(node: Json) -> Node:
    """Return what a Node tells of itself; what only its kubelet tells is left out."""
    info = node.get("status", {}).get("nodeInfo") or {}
    spec = node.get("spec") or {}
    return Node(
        name=node["metadata"]["name"],
        os_image=info.get("osImage", ""),
        os=info.get("operatingSystem", "linux"),
        architecture=info.get("architecture", ""),
        kubelet=info.get("kubeletVersion", ""),
        runtime=info.get("containerRuntimeVersion", ""),
        provider_id=spec.get("providerID", ""),
        labels=node["metadata"].get("labels") or {},
        handlers=handlers_of(node),
        simulated=is_simulated(node),
        tainted=any(taint.get("effect") in _KEEPING_OUT for taint in spec.get("taints") or []),
    )
