"""Whole arguments of a MixedProtocolService for Hypothesis: valid ones, and near-misses of every field.

They are drawn as those of workloads are (`corpus`); what is valid here often depends on the type that was drawn first.
"""

from typing import Any

from hypothesis import strategies as st

import components._args as shared
from components._service import WAIT_FOR_ADDRESS
from components._shape import camel, shape_of
from components.model import balancing, service
from components.service import MixedProtocolServiceArgs, ServicePortArgs
from tests import corpus
from tests.corpus import LABELS, Drawing, Part, Pod, Value, Values, one

ROOT = MixedProtocolServiceArgs
NAME = "corpus"
SPACE = "services"
_OF_BALANCERS = "service.beta.kubernetes.io/load-balancer-source-ranges"
# Only the server knows which addresses and node ports are free, and which families the cluster has.
LEFT_TO_THE_CLUSTER = (
    "not configured for dual-stack",
    "not configured on this cluster",
    "already allocated",
    "not in the valid range",
    "failed to allocate",
)


def kind(pod: Pod) -> str:
    """Return the type that was drawn."""
    return str((pod.taken[ROOT] or ["ClusterIP"])[0])


def of(values: Values, *kinds: str) -> Any:
    """Take these values for Services of some types, and leave the field out for the others."""
    return lambda pod: values if kind(pod) in kinds else st.none()


def annotations(pod: Pod) -> Values:
    """Take annotations, one of which the server reads where there is a load balancer."""
    free = corpus.annotations(pod)
    return free | one({_OF_BALANCERS: "10.0.0.0/8, 192.0.2.0/24"}) if kind(pod) == "LoadBalancer" else free


BALANCED, OUTSIDE = ("LoadBalancer",), ("NodePort", "LoadBalancer")
TRAFFIC = one("Cluster", "Local")
NO_TRAFFIC = one("local", "", "Any")
CIDRS = one("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "0.0.0.0/0")
NO_CIDRS = one(
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/255.0.0.0",
    "",
    "10.0.0/8",
    "fe80::1%eth0/64",
    " 10.0.0.0/8",
    "::/129",
    "10.0.0.1/8",
    "::ffff:0:0/96",
)
corpus.FIELDS.update(
    {
        ServicePortArgs: {
            "name": Value(corpus.fresh(corpus.LABEL, 15), corpus.BAD_LABEL | one("a" * 60), once=True),
            "port": Value(lambda pod: st.just(8000 + next(pod.numbers)), one(53, 0, 1, 65535, 65536, -1, 8000, 2**31)),
            "protocol": Value(one("TCP", "UDP", "SCTP", "TCP_UDP"), one("tcp", "udp", "", "HTTP", "QUIC", "TCP/UDP")),
            "target_port": Value(
                one("53", "65535", "http"),
                lambda pod: (
                    one(*pod.ports, "none-such", "0", "65536", "", "a--b", "Http", "sixteen-letters-", "٣")
                    | corpus.WILD
                ),
            ),
            "node_port": Value(
                lambda pod: of(st.just(30000 + next(pod.numbers)), *OUTSIDE)(pod),
                one(30500, 30500, 80, 0, -1, 32768, 65536),
            ),
            "app_protocol": Value(
                one("http", "kubernetes.io/h2c", "example.com/x"),
                one("", "a b", "kubernetes.io/h2c/x", "/x") | corpus.WILD,
            ),
        },
        ROOT: {
            "type": Value(
                one("ClusterIP", "NodePort", "LoadBalancer"),
                one("", "loadbalancer", "Headless", "headless", "ExternalName", "Load"),
                once=True,
            ),
            "connection": Part(shared.ConnectionArgs),
            "namespace": Value(st.just(SPACE), corpus.BAD_LABEL),
            "name": Value(
                one("web", "a-1", "a" * 63), one("", "1a", "Web", "a.b", "a" * 64, "a_b", "-a") | corpus.WILD
            ),
            "selector": LABELS,
            "container_ports": Part(shared.ContainerPortArgs, most=2),
            "ports": Part(ServicePortArgs, least=1, most=3, always=("target_port", "protocol")),
            "cluster_ip": Value(
                of(st.just("None"), "ClusterIP"), one("None", "", "none", "10.0.0", "::1%lo", "010.0.0.1")
            ),
            "external_traffic_policy": Value(of(TRAFFIC, *OUTSIDE), TRAFFIC | NO_TRAFFIC),
            "internal_traffic_policy": Value(TRAFFIC, NO_TRAFFIC),
            "traffic_distribution": Value(
                one("PreferClose", "PreferSameZone"), one("PreferSameNode", "", "preferclose", "PreferAny")
            ),
            "ip_families": Value(
                st.just(["IPv4"]) | st.just([]),
                one(["IPv4", "IPv6"], ["IPv6"], ["IPv4", "IPv4"], ["ipv4"], [""], ["IPv4", "IPv6", "IPv4"]),
            ),
            "ip_family_policy": Value(one("SingleStack", "PreferDualStack"), one("RequireDualStack", "", "DualStack")),
            "session_affinity": Value(st.just("ClientIP"), one("None", "clientip", "", "Cookie")),
            "session_affinity_timeout_seconds": Value(st.none(), one(1, 10800, 86400, 86401, 0, -1, 2**31)),
            "load_balancer": Value(
                of(one("metallb", "aks", "cilium-lb-ipam 1.17.0"), *BALANCED), one("", "f5", "aks x")
            ),
            "mode": Value(of(one("auto", "single"), *BALANCED), one("split", "", "both")),
            "load_balancer_ip": Value(of(st.just("192.0.2.7"), *BALANCED), one("192.0.2.7", "x")),
            "load_balancer_class": Value(
                of(one("internal", "example.com/lb"), *BALANCED), one("", "a b", "a/b/c", "example.com/") | corpus.WILD
            ),
            "load_balancer_source_ranges": Value(
                of(st.lists(CIDRS, max_size=2), *BALANCED), st.lists(CIDRS | NO_CIDRS, min_size=1, max_size=2)
            ),
            "target_type": Value(st.none(), one("ip", "instance", "", "pod")),
            "health_check_port": Value(st.none(), one(80, 0, 65536)),
            "health_check_node_port": Value(st.none(), one(31900, 0, 65536, -1)),
            "patience_seconds": Value(one(1, 120, 86400), one(0, -1, 86401)),
            "allocate_load_balancer_node_ports": Value(of(st.booleans(), *BALANCED), st.booleans()),
            "labels": LABELS,
            "annotations": Value(
                annotations,
                lambda pod: corpus.bad_annotations(pod) | one({_OF_BALANCERS: "10.0.0.0/8"}, {_OF_BALANCERS: "x, y"}),
            ),
        },
    }
)
ALWAYS = ("type", "connection", "ports")
TARGETS = [
    (part, name)
    for part in (ROOT, ServicePortArgs, shared.ContainerPortArgs)
    for name in shape_of(part).fields or {}
    for _ in range(1 if isinstance(corpus.entry(part, name), Part) else 4)
]


def without_values() -> list[str]:
    """Return the fields for which there is no entry: every one has its valid values and its near-misses."""
    return [
        f"{part.__name__}.{name}"
        for part in (ROOT, ServicePortArgs)
        for name, shape in (shape_of(part).fields or {}).items()
        if shape.kind != "bool" and name not in corpus.FIELDS[part]
    ]


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Draw arguments: some are valid, most have one near-miss (some of which are valid, too), a few have several."""
    chosen = draw(st.sampled_from(corpus.KINDS))
    target = draw(st.sampled_from(TARGETS)) if chosen == "one" else None
    return Drawing(draw, target, rate=1 if chosen == "several" else 0).object(ROOT, Part(ROOT, always=ALWAYS))


def manifests(args: dict[str, Any], minor: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the Services that the component registers for arguments that are all known."""
    values = {"name": NAME} | {name: value for name, value in args.items() if value is not None}
    choice = balancing.Choice(load_balancer_class=values.get("load_balancer_class") or "")
    if values.get("load_balancer") and values.get("type") == "LoadBalancer":
        choice, _ = balancing.choose(values, balancing.parse(values["load_balancer"]))
    fields = camel(
        {name: value for name, value in values.items() if name not in {"connection", "container_ports"}}, ROOT
    )
    if values.get("load_balancer"):
        fields.pop("loadBalancerIp", None)
        if choice.load_balancer_class:
            fields["loadBalancerClass"] = choice.load_balancer_class
    spec = service.manifest(fields, minor)
    metadata = {
        "name": fields["name"],
        "namespace": fields["namespace"],
        "labels": fields.get("labels") or {},
        "annotations": {**WAIT_FOR_ADDRESS, **choice.annotations, **(fields.get("annotations") or {})},
    }
    made = {"apiVersion": "v1", "kind": "Service"}
    if not choice.split:
        return [{**made, "metadata": metadata, "spec": spec}]
    return [
        {
            **made,
            "metadata": {**metadata, "name": f"{fields['name']}-{protocol.lower()}"},
            "spec": service.one_protocol(spec, protocol),
        }
        for protocol in service.protocols(values)
    ]
