"""What becomes of a Service with each load balancer, field by field, and what is refused with which way out."""

from typing import Any

import pytest

from components.model import balancing
from components.model.balancing import Choice
from components.model.facts import Balancer

AWS = "service.beta.kubernetes.io/aws-load-balancer-"
AZURE = "service.beta.kubernetes.io/azure-load-balancer-"
PAIR = [{"name": "dns", "port": 53, "protocol": "TCP_UDP", "target_port": "5353"}]
APART = [
    {"name": "http", "port": 80, "target_port": "8080"},
    {"name": "syslog", "port": 514, "protocol": "UDP", "target_port": "5514"},
]
GKE_OLD, GKE_MIDDLE, GKE_NEW = "gke 1.33.4-gke.1000", "gke 1.35.1-gke.1000", "gke 1.36.2-gke.1498000"


def chosen(balancer: str, ports: list[dict[str, Any]] | None = None, **more: Any) -> tuple[Choice, dict[str, str]]:
    """Return the choice for a Service, and each problem's message and remedy by its path."""
    args = {"namespace": "shop", "name": "dns", "type": "LoadBalancer", "ports": ports or PAIR, **more}
    choice, wrong = balancing.choose(args, balancing.parse(balancer))
    assert {"platform"} >= {problem.rule for problem in wrong}
    return choice, {problem.path: f"{problem.message}; {problem.remedy}" for problem in wrong}


@pytest.mark.parametrize(
    ("balancer", "more", "wanted"),
    [
        (
            "aws-lbc 2.13.0",
            {},
            Choice(
                load_balancer_class="service.k8s.aws/nlb",
                annotations={f"{AWS}scheme": "internet-facing", f"{AWS}enable-tcp-udp-listener": "true"},
            ),
        ),
        (
            "aws-lbc 3.5.0",
            {
                "internal": True,
                "load_balancer_ip": "10.0.0.9",
                "target_type": "ip",
                "health_check_port": 8080,
                "ip_family_policy": "PreferDualStack",
            },
            Choice(
                load_balancer_class="service.k8s.aws/nlb",
                annotations={
                    f"{AWS}scheme": "internal",
                    f"{AWS}enable-tcp-udp-listener": "true",
                    f"{AWS}ip-address-type": "dualstack",
                    f"{AWS}enable-prefix-for-ipv6-source-nat": "on",
                    f"{AWS}private-ipv4-addresses": "10.0.0.9",
                    f"{AWS}nlb-target-type": "ip",
                    f"{AWS}healthcheck-port": "8080",
                },
            ),
        ),
        (
            "aws-lbc 2.12.0",
            {"ports": APART, "health_check_port": 8080, "load_balancer_ip": "eipalloc-1,eipalloc-2"},
            Choice(
                load_balancer_class="service.k8s.aws/nlb",
                annotations={
                    f"{AWS}scheme": "internet-facing",
                    f"{AWS}eip-allocations": "eipalloc-1,eipalloc-2",
                    f"{AWS}healthcheck-port": "8080",
                },
            ),
        ),
        (
            "aws-ccm",
            {"ports": APART[:1], "internal": True},
            Choice(annotations={f"{AWS}type": "nlb", f"{AWS}internal": "true"}),
        ),
        (
            "eks-auto-mode",
            {"mode": "single"},
            Choice(load_balancer_class="eks.amazonaws.com/nlb", annotations={f"{AWS}scheme": "internet-facing"}),
        ),
        ("aks", {}, Choice()),
        (
            "aks",
            {"internal": True, "load_balancer_ip": "10.0.0.9", "health_check_port": 8080},
            Choice(
                annotations={
                    f"{AZURE}internal": "true",
                    f"{AZURE}ipv4": "10.0.0.9",
                    "service.beta.kubernetes.io/port_53_health-probe_port": "8080",
                }
            ),
        ),
        (
            "aks",
            {"mode": "split", "load_balancer_ip": "192.0.2.7"},
            Choice(split=True, annotations={f"{AZURE}ipv4": "192.0.2.7"}),
        ),
        (GKE_NEW, {}, Choice(load_balancer_class="networking.gke.io/l4-regional-external")),
        (
            GKE_NEW,
            {"internal": True, "load_balancer_ip": "10.0.0.9"},
            Choice(load_balancer_class="networking.gke.io/l4-regional-internal", load_balancer_ip="10.0.0.9"),
        ),
        (GKE_MIDDLE, {}, Choice(load_balancer_class="networking.gke.io/l4-regional-external")),
        (
            GKE_MIDDLE,
            {"internal": True, "load_balancer_ip": "10.0.0.9"},
            Choice(
                split=True, load_balancer_class="networking.gke.io/l4-regional-internal", load_balancer_ip="10.0.0.9"
            ),
        ),
        (
            GKE_OLD,
            {"load_balancer_ip": "192.0.2.7"},
            Choice(
                split=True, load_balancer_class="networking.gke.io/l4-regional-external", load_balancer_ip="192.0.2.7"
            ),
        ),
        (
            "gke 1.32.1-gke.100",
            {"ports": APART[:1], "internal": True},
            Choice(annotations={"networking.gke.io/load-balancer-type": "Internal"}),
        ),
        ("metallb", {"load_balancer_ip": "192.0.2.7"}, Choice(annotations={"metallb.io/loadBalancerIPs": "192.0.2.7"})),
        (
            "metallb",
            {"mode": "split", "load_balancer_ip": "192.0.2.7"},
            Choice(
                split=True,
                annotations={"metallb.io/loadBalancerIPs": "192.0.2.7", "metallb.io/allow-shared-ip": "shop/dns"},
            ),
        ),
        (
            "cilium-lb-ipam 1.17.0",
            {"mode": "split"},
            Choice(split=True, annotations={"lbipam.cilium.io/sharing-key": "shop/dns"}),
        ),
        ("k3s-servicelb", {"mode": "split"}, Choice(split=True)),
        ("cloud-provider-kind 0.11.1", {}, Choice()),
        ("aks", {"mode": "split", "ports": APART[:1]}, Choice()),
        ("metallb", {"load_balancer_class": "example.com/mine"}, Choice(load_balancer_class="example.com/mine")),
    ],
)
def test_what_becomes_of_a_service(balancer: str, more: dict[str, Any], wanted: Choice) -> None:
    """Class, address and annotations, each as its load balancer reads it, and nothing else."""
    assert (wanted, {}) == chosen(balancer, **more)


@pytest.mark.parametrize(
    ("balancer", "more", "path", "words"),
    [
        ("aws-lbc 2.12.0", {}, "ports", "upgrade the AWS Load Balancer Controller to 2.13.0"),
        ("aws-lbc 2.12.0", {"mode": "single"}, "ports", "does not take TCP and UDP on one port number"),
        ("aws-lbc", {}, "ports", "is not known"),
        (
            "aws-lbc 2.13.0",
            {"ports": [{"name": "a", "port": 53, "target_port": "53"}, *[{**PAIR[0], "name": "b", "protocol": "UDP"}]]},
            "ports",
            "write the number as target_port of both",
        ),
        ("aws-lbc 2.13.0", {"ports": [{**PAIR[0], "target_port": "dns"}]}, "ports", "has to be the same number"),
        (
            "aws-lbc 2.13.0",
            {
                "ports": [
                    {"name": "a", "port": 53, "target_port": "53", "node_port": 30053},
                    {"name": "b", "port": 53, "protocol": "UDP", "target_port": "53", "node_port": 30054},
                ]
            },
            "ports",
            "write the same node_port for both",
        ),
        ("aws-lbc 2.13.0", {"mode": "split"}, "mode", "write two MixedProtocolServices"),
        ("aws-lbc 2.13.0", {"ports": APART}, "health_check_port", "514/UDP"),
        (
            "aws-lbc 2.13.0",
            {"target_type": "instance", "allocate_load_balancer_node_ports": False},
            "target_type",
            "write ip",
        ),
        ("aws-lbc 2.13.0", {"ports": [{"name": "a", "port": 1, "protocol": "SCTP"}]}, "ports", "does not carry SCTP"),
        ("aws-ccm", {"ports": APART, "health_check_port": 1}, "ports", "install the AWS Load Balancer Controller"),
        ("aws-ccm", {"ports": APART[:1], "session_affinity": "ClientIP"}, "session_affinity", "leave it out"),
        ("aws-ccm", {"ports": APART[:1], "target_type": "ip"}, "target_type", "does not read it"),
        ("eks-auto-mode", {}, "ports", "write mode: single to try it all the same"),
        ("aks", {"mode": "split"}, "mode", "write load_balancer_ip"),
        (
            "aks",
            {"annotations": {f"{AZURE}mixed-protocols": "true"}},
            f"annotations['{AZURE}mixed-protocols']",
            "leave",
        ),
        ("aks", {"ports": [{"name": "a", "port": 1, "protocol": "SCTP"}]}, "ports", "write internal: true"),
        (GKE_OLD, {}, "ports", "reserve a static address and write it as load_balancer_ip"),
        (GKE_MIDDLE, {"internal": True}, "ports", "external IPv4 only"),
        (GKE_MIDDLE, {"ip_family_policy": "RequireDualStack"}, "ports", "external IPv4 only"),
        ("gke", {}, "ports", "is not known"),
        (
            "metallb",
            {"mode": "split", "load_balancer_ip": "192.0.2.7", "ports": [{**PAIR[0], "node_port": 30053}]},
            "ports",
            "two Services cannot both have node port 30053",
        ),
        ("metallb", {"internal": True}, "internal", "choose a pool"),
        ("metallb", {"health_check_port": 1}, "health_check_port", "does not read it"),
        ("cilium-lb-ipam 1.16.0", {}, "ports", "upgrade Cilium to 1.17"),
        ("cilium-lb-ipam 1.16.0", {"mode": "split"}, "ports", "lets no two Services share it"),
        ("k3s-servicelb", {"load_balancer_ip": "192.0.2.7"}, "load_balancer_ip", "does not read it"),
        (
            "cloud-provider-kind 0.11.1",
            {"allocate_load_balancer_node_ports": False},
            "allocate_load_balancer_node_ports",
            "sends to node ports",
        ),
        ("cloud-provider-kind 0.11.1", {"mode": "split"}, "mode", "an address of its own"),
        (
            "kind-alone",
            {"ports": APART[:1]},
            "type",
            "write load_balancer: cloud-provider-kind",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_way_out(
    balancer: str, more: dict[str, Any], path: str, words: str
) -> None:
    """Each says what does not work, and what to write instead."""
    _, wrong = chosen(balancer, **more)

    assert [path] == list(wrong)
    assert words in wrong[path]


def test_everything_is_told_at_once() -> None:
    """Not one problem after the other."""
    _, wrong = chosen("aws-ccm", APART, mode="split", session_affinity="ClientIP", target_type="ip")

    assert {"mode", "session_affinity", "target_type", "health_check_port"} == set(wrong)


def test_the_class_decides_who_serves() -> None:
    """Where a cluster has several, the class that is asked for names one; of an unknown class nothing is known."""
    there = [Balancer("metallb"), Balancer("aws-lbc", "v2.13.0")]

    assert Balancer("metallb") == balancing.pick(there, None)
    assert Balancer("aws-lbc", "v2.13.0") == balancing.pick(there, "service.k8s.aws/nlb")
    assert Balancer("eks-auto-mode") == balancing.pick(there, "eks.amazonaws.com/nlb")
    assert balancing.pick(there, "example.com/mine") is None
    assert balancing.pick([], None) is None


def test_who_serves_has_to_be_known_where_one_would_lose_a_protocol() -> None:
    """Without a class any of them may take it; where all of them can, or one is asked for by class, it is no matter."""
    args = {"namespace": "shop", "name": "dns", "type": "LoadBalancer", "ports": PAIR}
    fine, old = Balancer("metallb"), Balancer("aws-lbc", "v2.12.0")
    choice, _ = balancing.choose(args, fine)

    (problem,) = balancing.contested(args, [fine, old], choice)
    assert ("load_balancer", "platform") == (problem.path, problem.rule)
    assert "metallb and aws-lbc v2.12.0, and with aws-lbc v2.12.0 a protocol would be lost" in problem.message
    assert [] == balancing.contested(args, [fine], choice)
    assert [] == balancing.contested(args, [fine, Balancer("aks")], choice)
    assert [] == balancing.contested({**args, "mode": "single"}, [fine, old], choice)
    assert [] == balancing.contested({**args, "ports": APART[:1]}, [fine, old], choice)
    lbc = Balancer("aws-lbc", "v2.13.0")
    assert [] == balancing.contested(args, [lbc, Balancer("eks-auto-mode")], balancing.choose(args, lbc)[0])


def test_without_a_known_load_balancer_nothing_is_added() -> None:
    """What the arguments say goes as it is; a split has nothing to share an address by."""
    args = {"type": "LoadBalancer", "ports": PAIR, "load_balancer_ip": "192.0.2.7"}

    assert (Choice(load_balancer_ip="192.0.2.7"), []) == balancing.choose({**args, "mode": "single"}, None)
    choice, (problem,) = balancing.choose(args, None)
    assert (Choice(load_balancer_ip="192.0.2.7"), "ports", "platform") == (choice, problem.path, problem.rule)
    assert "mode: single" in problem.remedy
    assert [] == balancing.choose({**args, "ports": APART[:1]}, None)[1]
    _, (problem,) = balancing.choose({**args, "mode": "split"}, None)
    assert ("mode", "platform") == (problem.path, problem.rule)


@pytest.mark.parametrize(("text", "words"), [("f5", "write one of: aws-lbc"), ("gke latest", "write it as gke 1.2.3")])
def test_a_name_that_means_nothing(text: str, words: str) -> None:
    """It says what to write."""
    with pytest.raises(ValueError, match=words):
        balancing.parse(text)
