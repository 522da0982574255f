"""How each load balancer is told what a Service wants: its class, and the annotations and fields that it reads.

What it does with two protocols is in `platforms.yaml`. Each row has the source that documents it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_AWS = "service.beta.kubernetes.io/aws-load-balancer-"
_AZURE = "service.beta.kubernetes.io/azure-load-balancer-"
SPEC = "spec.loadBalancerIP"
"""In the place of an annotation: the field of the spec, which is deprecated and still what some read."""


@dataclass(frozen=True)
class Ways:
    """How one load balancer is told what a Service wants; what is empty it cannot be told.

    `shared` is how the Services of a split come to have one address: by an annotation of one text, or with `pinned`
    by the same static address in each. `apart` says why they cannot. `sctp` is yes, no, internal or unknown.
    """

    source: str
    external_class: str = ""
    internal_class: str = ""
    external: Mapping[str, str] = field(default_factory=dict)
    internal: Mapping[str, str] | None = None
    address: str = ""
    internal_address: str = ""
    same_port: Mapping[str, str] = field(default_factory=dict)
    dual_stack: Mapping[str, str] = field(default_factory=dict)
    target_type: str = ""
    health_check_port: str = ""
    shared: str = ""
    pinned: bool = False
    apart: str = ""
    sctp: str = "unknown"
    needs_node_ports: bool = False
    refuses_affinity: bool = False


_TWO_ADDRESSES = (
    "it gives every Service an address of its own; for two addresses on purpose write two MixedProtocolServices, one "
    "for each protocol"
)
_AWS_NLB = {
    "external": {f"{_AWS}scheme": "internet-facing"},
    "internal": {f"{_AWS}scheme": "internal"},
    "address": f"{_AWS}eip-allocations",
    "internal_address": f"{_AWS}private-ipv4-addresses",
    "target_type": f"{_AWS}nlb-target-type",
    "health_check_port": f"{_AWS}healthcheck-port",
    "apart": _TWO_ADDRESSES,
    "sctp": "no",
}
WAYS: Mapping[str, Ways] = {
    "aws-lbc": Ways(
        source="aws-load-balancer-controller:docs/guide/service/annotations.md (2026-08-17)",
        external_class="service.k8s.aws/nlb",
        internal_class="service.k8s.aws/nlb",
        same_port={f"{_AWS}enable-tcp-udp-listener": "true"},
        dual_stack={f"{_AWS}ip-address-type": "dualstack", f"{_AWS}enable-prefix-for-ipv6-source-nat": "on"},
        **_AWS_NLB,  # type: ignore[arg-type]
    ),
    "aws-ccm": Ways(
        source="cloud-provider-aws:pkg/providers/v1/aws.go (2026-07-07)",
        external={f"{_AWS}type": "nlb"},
        internal={f"{_AWS}type": "nlb", f"{_AWS}internal": "true"},
        address=f"{_AWS}eip-allocations",
        health_check_port=f"{_AWS}healthcheck-port",
        apart=_TWO_ADDRESSES,
        sctp="no",
        needs_node_ports=True,
        refuses_affinity=True,
    ),
    "eks-auto-mode": Ways(
        source="awsdocs/amazon-eks-user-guide:latest/ug/automode/auto-configure-nlb.adoc",
        external_class="eks.amazonaws.com/nlb",
        internal_class="eks.amazonaws.com/nlb",
        **_AWS_NLB,  # type: ignore[arg-type]
    ),
    "aks": Ways(
        source="cloud-provider-azure:site/content/en/topics/loadbalancer.md (2026-08-19)",
        internal={f"{_AZURE}internal": "true"},
        address=f"{_AZURE}ipv4",
        internal_address=f"{_AZURE}ipv4",
        pinned=True,
        sctp="internal",
    ),
    "gke": Ways(
        source="docs.cloud.google.com kubernetes-engine/docs: mixed-protocol-lb, service-load-balancer-parameters",
        external_class="networking.gke.io/l4-regional-external",
        internal_class="networking.gke.io/l4-regional-internal",
        internal={},
        address=SPEC,
        internal_address=SPEC,
        pinned=True,
        sctp="no",
    ),
    "metallb": Ways(
        source="metallb:website/content/usage/_index.md (2026-07-19)",
        address="metallb.io/loadBalancerIPs",
        shared="metallb.io/allow-shared-ip",
        pinned=True,
    ),
    "cilium-lb-ipam": Ways(
        source="cilium:Documentation/network/lb-ipam.rst",
        address="lbipam.cilium.io/ips",
        shared="lbipam.cilium.io/sharing-key",
    ),
    "k3s-servicelb": Ways(source="k3s-io/k3s:pkg/cloudprovider/servicelb.go", shared="the nodes' own addresses"),
    "cloud-provider-kind": Ways(
        source="cloud-provider-kind:pkg/loadbalancer/proxy.go (2026-08-17)",
        apart=_TWO_ADDRESSES,
        sctp="no",
        needs_node_ports=True,
    ),
    "kind-alone": Ways(source="kind:site/content/docs/user/configuration.md (2026-08-21)", apart=_TWO_ADDRESSES),
}

CLASSES: Mapping[str, str] = {
    each: name for name, ways in WAYS.items() for each in (ways.external_class, ways.internal_class) if each
}
"""The load balancer that a class asks for."""
