"""Reads the facts of a live cluster that some features need; what may not be read is `Unseen`, with the reason.

Questions: `/version`, discovery, the API server's feature metrics, Nodes, the Deployment of a load balancer's
controller, SelfSubjectAccessReviews, and of each namespace its labels, quotas, LimitRanges, unfinished resizes and
drift. For `cri` also one kubelet of each kind of node, through the API server, where this identity may (`nodes/proxy`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from components.actions.client import Client, path_of
from components.actions.node_facts import facts_of
from components.actions.parallel import at_once
from components.actions.preflight.balancers import balancers
from components.actions.preflight.reading import seen
from components.actions.resize import all_drifted, all_unfinished
from components.model import enforced
from components.model.facts import Cluster, Namespace, Node, Quota, Seen, Unseen
from components.model.feature import Feature, Right, rights

_GATE = re.compile(r'^kubernetes_feature_enabled\{name="([^"]+)"[^}]*\} ([01])', re.MULTILINE)
_CGROUP = re.compile(r"^kubelet_cgroup_version (\d)", re.MULTILINE)
_LOSING = re.compile(r'^kubelet_cri_losing_support\{version="([^"]+)"\} 1', re.MULTILINE)
_BALANCED = ("load-balancer", "mixed-protocol-load-balancer", "same-port-load-balancer")


def observe(client: Client, features: Sequence[Feature], namespaces: Sequence[str] = ()) -> Cluster:
    """Return the facts that these features need. Raises `ConnectionProblem` when the cluster does not answer."""
    names = {feature.name for feature in features}
    unasked = Unseen("no feature needed it")
    git_version = str(client.get("/version").get("gitVersion", ""))
    nodes = seen("the list of nodes", lambda: _nodes(client), "allow `list` on nodes")
    if "cri" in names and not isinstance(nodes, Unseen):
        nodes = tuple(_with_cgroups(client, nodes))
    groups = seen("the list of API groups", lambda: _groups(client))
    balanced = names & {*_BALANCED}
    return Cluster(
        server=client.server,
        git_version=git_version,
        core_resources=seen("the core API", lambda: _core_resources(client)),
        groups=groups,
        gates=seen("the API server's metrics", lambda: _gates(client)),
        nodes=nodes,
        balancers=balancers(client, git_version, groups, nodes) if balanced else unasked,
        namespaces={
            name: seen(f"namespace {name}", partial(_namespace, client, name), "allow `get` on it")
            for name in namespaces
        },
        rights=_allowed(client, rights(features), namespaces),
        drift=seen(
            "the lists of Deployments and their pods",
            lambda: _drift(client, namespaces),
            "allow `list` on deployments.apps, replicasets.apps and pods",
        ),
        unfinished=seen(
            "the list of Deployments", lambda: _unfinished(client, namespaces), "allow `list` on deployments.apps"
        ),
    )


def _core_resources(client: Client) -> frozenset[str]:
    return frozenset(str(resource["name"]) for resource in client.get("/api/v1").get("resources") or [])


def _groups(client: Client) -> frozenset[str]:
    return frozenset(str(group["name"]) for group in client.get("/apis").get("groups") or [])


def _gates(client: Client) -> Mapping[str, bool]:
    return {name: value == "1" for name, value in _GATE.findall(client.text("/metrics"))}


def _nodes(client: Client) -> tuple[Node, ...]:
    return tuple(sorted((facts_of(node) for node in client.list(path_of("v1", "nodes"))), key=lambda node: node.name))


def _with_cgroups(client: Client, nodes: Iterable[Node]) -> Iterable[Node]:
    """Yield the nodes with what their kubelets' metrics tell; one of each kind is asked for all of it."""
    known: dict[tuple[str, ...], str] = {}
    for node in nodes:
        if node.pool not in known:
            known[node.pool] = "" if node.simulated else _metrics(client, node.name)
        cgroup, losing = _CGROUP.search(known[node.pool]), _LOSING.search(known[node.pool])
        yield replace(node, cgroup=int(cgroup[1]) if cgroup else None, losing_support=losing[1] if losing else "")


def _metrics(client: Client, node: str) -> str:
    """Return the metrics of a node's kubelet, "" where they cannot be read."""
    path = path_of("v1", "nodes", name=node, subresource="proxy") + "/metrics"
    metrics = seen("the kubelet's metrics", lambda: client.text(path))
    return "" if isinstance(metrics, Unseen) else metrics


def _namespace(client: Client, name: str) -> Namespace:
    found = client.find(path_of("v1", "namespaces", name=name))
    if found is None:
        return Namespace(name, exists=False)
    return Namespace(
        name,
        pod_security=(found["metadata"].get("labels") or {}).get(enforced.LABEL, ""),
        quotas=seen("its quotas", lambda: _quotas(client, name)),
        limit_ranges=seen(
            "its LimitRanges",
            lambda: tuple(item["metadata"]["name"] for item in client.list(path_of("v1", "limitranges", name))),
        ),
    )


def _quotas(client: Client, namespace: str) -> tuple[Quota, ...]:
    return tuple(
        Quota(
            item["metadata"]["name"],
            {
                resource: (str((item["status"].get("used") or {}).get(resource, "0")), str(hard))
                for resource, hard in (item.get("status", {}).get("hard") or {}).items()
            },
        )
        for item in client.list(path_of("v1", "resourcequotas", namespace))
    )


def _allowed(
    client: Client, wanted: Sequence[Right], namespaces: Sequence[str]
) -> Mapping[tuple[str, Right], Seen[bool]]:
    """Ask about every right."""
    asked = list(
        dict.fromkeys(("" if right.cluster else namespace, right) for namespace in namespaces for right in wanted)
    )

    def ask(question: tuple[str, Right]) -> Seen[bool]:
        namespace, right = question
        return seen(
            "what it may do",
            lambda: client.may(right.verb, right.resource, namespace=namespace, group=right.group),
            "allow `create` on selfsubjectaccessreviews, as the built-in role system:basic-user does",
        )

    return dict(zip(asked, at_once(ask, asked), strict=True))


def _drift(client: Client, namespaces: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for namespace in namespaces for text in all_drifted(client, namespace))


def _unfinished(client: Client, namespaces: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(left) for namespace in namespaces for left in all_unfinished(client, namespace))
