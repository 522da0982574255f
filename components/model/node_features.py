"""What nodes can have of the features that take more than an API server: sidecars, resize, WASM, CRI v1. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from components.model import platforms, wasm_pools
from components.model.facts import Cluster, Node, Unseen
from components.model.feature import Feature
from components.model.finding import Answer, Finding, answer, count, unseen, worst
from components.model.handlers import some
from components.model.kubelet_bugs import Bug, bugs_of
from components.model.platform_rows import NodeType
from components.model.pools import chosen
from components.model.runtimes import runtime_support

SIDECARS_SINCE = (1, 29)
_RESIZE_SINCE = (1, 33)
CGROUP_V1_REFUSED = (1, 35)
_LEAST_CONTAINERD = [1, 6, 9]  # for a resize: KEP-1287

Lack = tuple[Answer, str] | None
"""What a node lacks for a feature: `no` or `unknown`, and the reason; None where nothing is known against it."""


def sidecars(cluster: Cluster, _feature: Feature, _platform: str) -> Finding:
    """Judge native sidecars: on by default since 1.29, on API server and kubelets; unknown where a bug is known."""
    if cluster.minor == (0, 0):
        return answer("unknown", f"the API server's version {cluster.git_version!r} is none")
    if cluster.minor < SIDECARS_SINCE:
        evidence = f"Kubernetes {text_of(cluster.minor)} drops `restartPolicy` of init containers, so pods hang in Init"
        return answer("no", evidence, "upgrade it to 1.29 or newer")
    if _gate(cluster, "SidecarContainers") is False:
        return answer("no", "the feature gate SidecarContainers is off", "turn it on, on API server and kubelets")
    found = _on_nodes(
        cluster,
        "since 1.29 native sidecars are on, since 1.33 for good",
        lambda node: _older(node, SIDECARS_SINCE) or by_table(node, "sidecars"),
    )
    return _with_bugs(cluster, found)


def _with_bugs(cluster: Cluster, found: Finding) -> Finding:
    """Add what is known to go wrong on its kubelets to a finding that is no `no`."""
    affected: dict[Bug, list[str]] = {}
    for node in () if isinstance(cluster.nodes, Unseen) or found.answer == "no" else cluster.nodes:
        for bug in bugs_of(node.kubelet):
            affected.setdefault(bug, []).append(f"{node.name} ({node.kubelet})")
    if not affected:
        return found
    told = [f"{some(names)}: {bug.what} (fixed in {bug.fixed_in}, {bug.source})" for bug, names in affected.items()]
    remedy = "; ".join(filter(None, [found.remedy, "upgrade the kubelets of these nodes"]))
    return replace(found, answer="unknown", evidence=(*found.evidence, *told), remedy=remedy)


def resize(cluster: Cluster, _feature: Feature, _platform: str) -> Finding:
    """Judge resizing in place: the subresource on the API server, kubelet and runtime on every node."""
    resources = cluster.core_resources
    if isinstance(resources, Unseen):
        return unseen(resources)
    if "pods/resize" not in resources or _gate(cluster, "InPlacePodVerticalScaling") is False:
        if cluster.minor < _RESIZE_SINCE:
            evidence = f"Kubernetes {text_of(cluster.minor)} does not serve pods/resize"
            return answer("no", evidence, "upgrade it to 1.33 or newer")
        remedy = "turn the feature gate InPlacePodVerticalScaling on, on API server and kubelets"
        return answer("no", "the API server does not serve pods/resize", remedy)
    return _on_nodes(
        cluster,
        "the API server serves pods/resize",
        lambda node: _older(node, _RESIZE_SINCE) or _no_resize(node) or by_table(node, "resize"),
    )


def wasm(cluster: Cluster, feature: Feature, _platform: str) -> Finding:
    """Judge whether a node has the handler; nodes outside the feature's node selector do not count."""
    if isinstance(cluster.nodes, Unseen):
        return unseen(cluster.nodes)
    wanted = dict(feature.node_selector)
    nodes = chosen(cluster.nodes, wanted)
    if not nodes and wanted:
        labels = ", ".join(f"{key}={value}" for key, value in wanted.items())
        remedy = "a pool that scales from zero is proved by its first pod, or by a canary"
        return answer("unknown", f"no node with the labels {labels} is there now", remedy)
    return wasm_pools.judged(nodes, feature.value, lambda node: by_table(node, "wasm"))


def cri(cluster: Cluster, _feature: Feature, _platform: str) -> Finding:
    """Judge the container runtimes and cgroups of every kind of node that the cluster has."""
    if isinstance(cluster.nodes, Unseen):
        return unseen(cluster.nodes)
    answers = [_node_runtime(nodes) for nodes in _pools(cluster.nodes)]
    if not answers:
        return answer("unknown", "there are no nodes yet")
    return Finding(
        "",
        worst([each.answer for each in answers]),
        tuple(text for each in answers for text in each.evidence),
        "; ".join(dict.fromkeys(each.remedy for each in answers if each.remedy)),
    )


def _node_runtime(nodes: Sequence[Node]) -> Finding:
    node, names = nodes[0], some([each.name for each in nodes])
    if node.simulated:
        return answer("unknown", f"{names}: simulated, there is no container runtime")
    kubelet = minor_of(node.kubelet)
    found = runtime_support(text_of(kubelet), node.runtime)
    cgroup, seen = cgroup_of(node)
    evidence = [f"{names}: {found.reason}", f"cgroup {seen}"]
    remedies = [found.remedy]
    following = (kubelet[0], kubelet[1] + 1)
    if cgroup == 1 and following >= CGROUP_V1_REFUSED:
        when = "from 1.35 on" if kubelet < CGROUP_V1_REFUSED else "by default"
        evidence.append(f"a kubelet refuses cgroup v1 {when}")
        remedies.append("move to nodes with cgroup v2, or set failCgroupV1: false in the kubelet's configuration")
    return Finding(
        "", "no" if found.cri_v1 == "no" else found.answer, ("; ".join(evidence),), "; ".join(filter(None, remedies))
    )


def _on_nodes(cluster: Cluster, served: str, lacks: Callable[[Node], Lack]) -> Finding:
    """Judge a feature that the API server serves, by whether the nodes can have it too."""
    if isinstance(cluster.nodes, Unseen):
        return Finding("", "unknown", (served, cluster.nodes.why), cluster.nodes.remedy)
    if not cluster.nodes:
        return answer("unknown", f"{served}; there are no nodes yet", "the first node settles it")
    found = [(node.name, lacks(node)) for node in cluster.nodes]
    reasons: dict[str, list[str]] = {}
    for name, lack in found:
        if lack:
            reasons.setdefault(lack[1], []).append(name)
    evidence = (served, *(f"{some(names)}: {reason}" for reason, names in reasons.items()))
    if all(lack and lack[0] == "no" for _name, lack in found):
        return Finding("", "no", evidence, "use nodes that can have it, see docs/platforms.md")
    if reasons:
        return Finding("", "unknown", evidence, "keep these workloads to the other nodes, by a node selector")
    return Finding("", "yes", (served, f"{count(len(cluster.nodes), 'node')} can have it"))


def _older(node: Node, least: tuple[int, int]) -> Lack:
    kubelet = minor_of(node.kubelet)
    if kubelet == (0, 0):
        return "unknown", f"its kubelet's version {node.kubelet!r} is none"
    return ("no", f"its kubelet is {node.kubelet}") if kubelet < least else None


def _no_resize(node: Node) -> Lack:
    """Return what keeps the node's runtime from resizing: KEP-1287's least containerd is 1.6.9."""
    if node.os == "windows":
        return "no", "Windows nodes cannot resize"
    name, _, version = node.runtime.partition("://")
    if name == "docker":
        return "no", "cri-dockerd does not report what a container was given"
    numbers = [int(part) for part in re.findall(r"\d+", version)[:3]]
    if name == "containerd" and numbers and numbers < _LEAST_CONTAINERD:
        return "no", f"containerd {version} is older than 1.6.9"
    return None


def by_table(node: Node, feature: str) -> Lack:
    """Return what the table of node types has against the feature on such a node."""
    row = _row(node)
    known = row.features.get(feature) if row else None
    if row is None or known is None or known.answer == "yes":
        return None
    return known.answer, f"{row.platform} {row.node_type}: {known.reason}"


def _row(node: Node) -> NodeType | None:
    platform = platforms.platform_of(node.kubelet, [node.provider_id])
    return platforms.node_type(platform, node.os_image, node.labels, node.provider_id, node.architecture)


def cgroup_of(node: Node) -> tuple[int, str]:
    """Return the cgroup version, 0 where nobody knows, and where it is from."""
    if node.cgroup:
        return node.cgroup, f"v{node.cgroup}"
    row = _row(node)
    if row and row.cgroup in ("1", "2"):
        return int(row.cgroup), f"v{row.cgroup} by the table for {row.platform} {row.node_type}"
    return 0, "unknown: the kubelet's metrics were not readable"


def _pools(nodes: Iterable[Node]) -> list[list[Node]]:
    pools: dict[tuple[object, ...], list[Node]] = {}
    for node in nodes:
        pools.setdefault((*node.pool, node.cgroup), []).append(node)
    return list(pools.values())


def _gate(cluster: Cluster, name: str) -> bool | None:
    return None if isinstance(cluster.gates, Unseen) else cluster.gates.get(name)


def minor_of(version: str) -> tuple[int, int]:
    """Return major and minor of a version as a kubelet writes it, (0, 0) for what is none."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def text_of(minor: tuple[int, int]) -> str:
    """Return a minor as people write it."""
    return f"{minor[0]}.{minor[1]}"
