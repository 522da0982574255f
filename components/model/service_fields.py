"""What a Service has beside its ports: kind, addresses, traffic, affinity, and what only a load balancer reads.

The rules are those of ValidateService in k8s.io/kubernetes/pkg/apis/core/validation, 1.33.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.model import names
from components.model.problem import Problem, in_range, known, one_of, unique

TYPES = ("ClusterIP", "NodePort", "LoadBalancer")
MODES = ("auto", "single", "split")
FAMILIES = ("IPv4", "IPv6")
POLICIES = ("SingleStack", "PreferDualStack", "RequireDualStack")
TRAFFIC = ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
TARGET_TYPES = ("instance", "ip")
SAME_NODE = (1, 34)
"""The first minor that takes PreferSameZone and PreferSameNode without an alpha feature gate (KEP-3015)."""

# The API server refuses the first three on other Services, takes the fourth, and never sees the others.
_BALANCER_ONLY = {
    "load_balancer_class": "",
    "load_balancer_source_ranges": "",
    "allocate_load_balancer_node_ports": "",
    **dict.fromkeys(("load_balancer_ip", "internal", "target_type", "health_check_port", "load_balancer"), "balancer"),
}
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_DAY = 86400


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the fields of a Service but its names and ports."""
    yield from _kind(args)
    yield from one_of("mode", args.get("mode"), MODES, "auto", rule="own")
    yield from one_of("target_type", args.get("target_type"), TARGET_TYPES, rule="own")
    yield from in_range("health_check_port", args.get("health_check_port"), 1, 65535, "own")
    yield from in_range("patience_seconds", args.get("patience_seconds"), 1, _DAY, "own")
    yield from one_of("internal_traffic_policy", args.get("internal_traffic_policy"), TRAFFIC, "Cluster")
    yield from one_of("traffic_distribution", args.get("traffic_distribution"), DISTRIBUTIONS)
    yield from _affinity(args)
    yield from _families(args)
    for index, text in enumerate(_listed(args, "load_balancer_source_ranges")):
        yield from _range(f"load_balancer_source_ranges[{index}]", text)


def distribution(value: Any, minor: tuple[int, int] | None) -> Iterator[Problem]:
    """Yield what a server of this minor says against a distribution that other minors take."""
    if value == "PreferSameNode" and minor is not None and minor < SAME_NODE:
        message = f"Kubernetes {minor[0]}.{minor[1]} does not know {value!r}, which 1.34 and later take"
        yield Problem("traffic_distribution", message, "write PreferClose, or internal_traffic_policy: Local")


def spec(args: Mapping[str, Any], minor: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return the fields of the spec for these arguments (camelCase); absent where the server's default is meant."""
    fields: dict[str, Any] = {
        "clusterIP": args.get("clusterIp"),
        "publishNotReadyAddresses": args.get("publishNotReadyAddresses"),
        "externalTrafficPolicy": args.get("externalTrafficPolicy"),
        "internalTrafficPolicy": args.get("internalTrafficPolicy"),
        "trafficDistribution": _distribution(args.get("trafficDistribution"), minor),
        "healthCheckNodePort": args.get("healthCheckNodePort"),
        "ipFamilies": args.get("ipFamilies"),
        "ipFamilyPolicy": args.get("ipFamilyPolicy"),
        "sessionAffinity": args.get("sessionAffinity"),
        "sessionAffinityConfig": _affinity_config(args.get("sessionAffinityTimeoutSeconds")),
        "loadBalancerClass": args.get("loadBalancerClass"),
        "loadBalancerIP": args.get("loadBalancerIp"),
        "loadBalancerSourceRanges": args.get("loadBalancerSourceRanges"),
        "allocateLoadBalancerNodePorts": args.get("allocateLoadBalancerNodePorts"),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _affinity_config(seconds: Any) -> dict[str, Any] | None:
    return None if seconds is None else {"clientIP": {"timeoutSeconds": seconds}}


def _distribution(value: Any, minor: tuple[int, int] | None) -> Any:
    """Return the distribution as this minor calls it: of two names, it lacks one or warns of the other."""
    if minor is None or value not in ("PreferClose", "PreferSameZone"):
        return value
    if minor < SAME_NODE:
        return "PreferClose"
    return "PreferSameZone" if minor > SAME_NODE else value


def _kind(args: Mapping[str, Any]) -> Iterator[Problem]:
    given = args.get("type")
    if given == "ExternalName":
        remedy = "it is a name in DNS and has no ports to carry: use a Service of pulumi-kubernetes"
        yield Problem("type", "no protocol passes through an ExternalName", remedy, "external-name")
        return
    if isinstance(given, str) and given.lower() == "headless":
        yield Problem("type", f"{given!r} is not one of its values", "leave type out and write cluster_ip: None")
        return
    yield from one_of("type", given, TYPES, "ClusterIP")
    kind, headless = given or "ClusterIP", args.get("cluster_ip") == "None"
    if kind not in TYPES:
        return
    yield from _address("cluster_ip", args.get("cluster_ip"))
    if headless and kind != "ClusterIP":
        yield Problem("cluster_ip", f"a {kind} Service cannot be headless", "leave it out, or leave type out")
    if kind != "LoadBalancer":
        for field, rule in _BALANCER_ONLY.items():
            nothing = args.get(field) == [] or (field == "internal" and args.get(field) is False)
            if known(args.get(field)) and not nothing:
                yield Problem(field, f"a {kind} Service has no load balancer", "leave it out, or set type", rule)
        if args.get("mode") == "split":
            remedy = "leave mode out: one Service carries all protocols there"
            yield Problem("mode", f"a {kind} Service has no load balancer that takes one alone", remedy, "balancer")
    yield from _range_annotation(args, kind)
    yield from _external(args, kind)
    yield from _class(args.get("load_balancer_class"))


def _external(args: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    policy, check = args.get("external_traffic_policy"), args.get("health_check_node_port")
    if known(policy) and kind == "ClusterIP":
        rule = "" if policy else "empty"
        yield Problem("external_traffic_policy", "nothing outside reaches a ClusterIP Service", "leave it out", rule)
    else:
        yield from one_of("external_traffic_policy", policy, TRAFFIC, "Cluster")
    yield from in_range("health_check_node_port", check, 1, 65535, "" if check else "zero")
    if (
        known(check)
        and check != 0
        and (kind != "LoadBalancer" or (policy != "Local" and (policy is None or known(policy))))
    ):
        remedy = "leave it out, or write type: LoadBalancer and external_traffic_policy: Local"
        yield Problem("health_check_node_port", "only a load balancer that goes to local pods asks there", remedy)


def _affinity(args: Mapping[str, Any]) -> Iterator[Problem]:
    affinity, seconds = args.get("session_affinity"), args.get("session_affinity_timeout_seconds")
    yield from one_of("session_affinity", affinity, ("None", "ClientIP"), "None")
    yield from in_range("session_affinity_timeout_seconds", seconds, 1, _DAY, "affinity")
    if known(seconds) and affinity in (None, "None"):
        remedy = "write session_affinity: ClientIP, or leave it out"
        yield Problem(
            "session_affinity_timeout_seconds", "without affinity there is nothing to end", remedy, "affinity"
        )


def _families(args: Mapping[str, Any]) -> Iterator[Problem]:
    families, policy = _listed(args, "ip_families"), args.get("ip_family_policy")
    for index, family in enumerate(families):
        yield from one_of(f"ip_families[{index}]", family, FAMILIES)
    yield from unique([(f"ip_families[{index}]", family) for index, family in enumerate(families)], "family")
    yield from one_of("ip_family_policy", policy, POLICIES, "SingleStack")
    if len(families) > 1 and (policy is None or policy == "SingleStack"):
        remedy = "write PreferDualStack or RequireDualStack, or one family"
        yield Problem("ip_family_policy", "two families are not a single stack", remedy)


def _address(path: str, value: Any) -> Iterator[Problem]:
    if not isinstance(value, str) or value == "None":
        return
    try:
        ipaddress.ip_address(value)
    except ValueError:
        remedy = "write None for a headless Service, an address of the service range, or leave it out"
        yield Problem(path, f"{value!r} is no address", remedy, "empty" if not value else "address")
        return
    if "%" in value:
        yield Problem(path, "an address with a zone is no cluster address", "leave the zone out")


def _range(path: str, text: Any) -> Iterator[Problem]:
    if not isinstance(text, str):
        return
    # Python also takes an address alone, a mask in the place of the length, and a zone.
    fits = re.fullmatch(r"[0-9a-fA-F.:]+/[0-9]+", text) is not None
    try:
        network = ipaddress.ip_network(text, strict=False) if fits else None
    except ValueError:
        network = None
    if network is None:
        yield Problem(path, f"{text!r} is no range of addresses", "write one such as 10.0.0.0/8", "address")
    elif getattr(network.network_address, "ipv4_mapped", None) is not None:
        message = f"{text!r} is IPv4 written as IPv6, which Kubernetes 1.37 refuses"
        yield Problem(path, message, "write the range as IPv4", "address")
    elif ipaddress.ip_address(text.partition("/")[0]) != network.network_address:
        message = f"{text!r} has bits beyond its prefix, which Kubernetes 1.37 refuses"
        yield Problem(path, message, f"write {network}", "address")


def _range_annotation(args: Mapping[str, Any], kind: str) -> Iterator[Problem]:
    """Check the annotation that the field has taken the place of; beside the field nobody reads it."""
    texts, path = args.get("annotations"), f"annotations[{_RANGES!r}]"
    if not isinstance(texts, dict) or _RANGES not in texts or args.get("load_balancer_source_ranges"):
        return
    if kind != "LoadBalancer":
        yield Problem(path, f"a {kind} Service has no load balancer", "leave it out")
    elif isinstance(texts[_RANGES], str) and texts[_RANGES].strip():
        for text in texts[_RANGES].split(","):
            yield from _range(path, text.strip())


def _listed(args: Mapping[str, Any], field: str) -> list[Any]:
    value = args.get(field)
    return value if isinstance(value, list) else []


def names_of(text: str) -> tuple[str, str]:
    """Return implementation and version of a load balancer as it is written: `aws-lbc 2.13.4`."""
    implementation, _, version = text.strip().partition(" ")
    return implementation, version.strip()


def _class(value: Any) -> Iterator[Problem]:
    if isinstance(value, str) and not names.is_qualified(value):
        yield Problem("load_balancer_class", f"{value!r} is no class", "write one such as service.k8s.aws/nlb")
