"""What MixedProtocolService registers, and what it refuses."""

import asyncio
from typing import Any, cast

import pulumi
import pytest

from components import InvalidArgs, MixedProtocolService, MixedProtocolServiceArgs
from components._host import Host
from components._service import Chosen
from components.model import service
from components.model.facts import Balancer
from components.testing import CONNECTION, ClusterMocks
from tests import service_corpus
from tests.validation_page import SERVICE_PAGE, rules

SERVICE = "kubernetes:core/v1:Service"
POD_PORTS = [
    {"name": "dns-tcp", "container_port": 53},
    {"name": "dns-udp", "container_port": 53, "protocol": "UDP"},
]


TARGET = {"name": "a", "port": 80, "target_port": "8080"}
BALANCED = {"type": "LoadBalancer", "connection": CONNECTION, "load_balancer": "metallb"}
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def service_args(**more: Any) -> MixedProtocolServiceArgs:
    """Return small correct arguments, with fields replaced."""
    args = {
        "namespace": "shop",
        "selector": {"app": "dns"},
        "ports": [
            {"name": "dns-tcp", "port": 53},
            {"name": "dns-udp", "port": 53, "protocol": "UDP"},
        ],
        "container_ports": POD_PORTS,
    }
    return cast(MixedProtocolServiceArgs, {**args, **more})


@pulumi.runtime.test
async def test_one_number_carries_both_protocols(mocks: ClusterMocks) -> None:
    """Every port is named and explicit, in the order it was written."""
    service = MixedProtocolService("dns", service_args())

    assert "10.96.0.99" == await service.cluster_ip.future()
    assert "dns.shop.svc" == await service.dns_name.future()
    assert {
        "type": "ClusterIP",
        "selector": {"app": "dns"},
        "ports": [
            {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"},
            {"name": "dns-udp", "port": 53, "protocol": "UDP", "targetPort": "dns-udp"},
        ],
    } == mocks.inputs(SERVICE, "dns")["spec"]


@pulumi.runtime.test
async def test_a_numeric_target_is_a_number(mocks: ClusterMocks) -> None:
    """Kubernetes' int-or-name field is a string here and a number there."""
    args = service_args(ports=[{"name": "a", "port": 80, "target_port": "8080"}])
    await MixedProtocolService("web", args).name.future()

    assert 8080 == mocks.inputs(SERVICE, "web")["spec"]["ports"][0]["targetPort"]


@pulumi.runtime.test
async def test_the_provider_waits_for_the_address_only(mocks: ClusterMocks) -> None:
    """The caller's annotations stay beside the one that shortens the provider's wait."""
    await MixedProtocolService("dns", service_args(annotations={"a": "b"})).name.future()

    assert {"a": "b", "pulumi.com/waitFor": "jsonpath={.spec.clusterIP}"} == mocks.inputs(SERVICE, "dns")["metadata"][
        "annotations"
    ]


@pytest.mark.parametrize(
    ("more", "path", "words"),
    [
        ({"ports": []}, "ports", "it is empty"),
        ({"selector": {}}, "selector", "match_labels"),
        ({"type": "External"}, "type", "ClusterIP (the default), NodePort, LoadBalancer"),
        ({"name": "1dns"}, "name", "a letter"),
        ({"ports": [{"name": "a", "port": 70000, "target_port": "53"}]}, "ports[0].port", "1 to 65535"),
        ({"ports": [{"name": "nope", "port": 1}]}, "ports[0].target_port", "write one of: dns-tcp, dns-udp"),
        (
            {"ports": [{"name": "a", "port": 1, "protocol": "UDP", "target_port": "dns-tcp"}]},
            "ports[0].protocol",
            "nothing would arrive",
        ),
        (
            {
                "ports": [{"name": "a", "port": 1, "target_port": "9125"}],
                "container_ports": [{"name": "x", "container_port": 9125, "protocol": "UDP"}],
            },
            "ports[0].protocol",
            "write UDP",
        ),
        (
            {"ports": [{"name": "dns-tcp", "port": 53}, {"name": "b", "port": 53, "target_port": "1"}]},
            "ports[1].port",
            "'53/TCP' is already the port and protocol of ports[0]",
        ),
        (
            {"ports": [{"name": "dns-tcp", "port": 1}, {"name": "dns-tcp", "port": 2}]},
            "ports[1].name",
            "already the name of ports[0]",
        ),
        ({"ports": [{"name": "dns-tcp", "port": 1, "node_port": 30000}]}, "ports[0].node_port", "set type"),
        ({"ports": [{"port": 1, "name": "dns-tcp", "protocl": "UDP"}]}, "ports[0].protocl", "write 'protocol'"),
        ({"ports": [{"port": 1, "name": ["dns-tcp"]}]}, "ports[0].name", "it is a list"),
        ({"ports": [{"port": True, "name": "nope"}]}, "ports[0].port", "write a whole number"),
        (
            {"ports": [{**TARGET, "protocol": "udp"}]},
            "ports[0].protocol",
            "write TCP (the default), UDP, SCTP, TCP_UDP",
        ),
        ({"ports": [{**TARGET, "protocol": "TCP_UDP", "name": "a" * 60}]}, "ports[0].name", "write at most 59"),
        (
            {"ports": [{**TARGET, "protocol": "TCP_UDP"}, {**TARGET, "name": "b", "protocol": "UDP"}]},
            "ports[1].port",
            "'80/UDP' is already the port and protocol of ports[0]",
        ),
        ({"ports": [{**TARGET, "name": "dns_tcp"}]}, "ports[0].name", "lower-case letters"),
        (
            {"ports": [{**TARGET, "target_port": "a--b"}], "container_ports": None},
            "ports[0].target_port",
            "write at most 15",
        ),
        ({"ports": [{**TARGET, "app_protocol": "kubernetes.io/h2c/x"}]}, "ports[0].app_protocol", "kubernetes.io/h2c"),
        (
            {
                "type": "NodePort",
                "ports": [
                    {**TARGET, "node_port": 30053},
                    {**TARGET, "name": "b", "protocol": "UDP"},
                    {"name": "c", "port": 81, "target_port": "1", "protocol": "UDP", "node_port": 30053},
                ],
            },
            "ports[2].node_port",
            "'30053/UDP' is already the node port and protocol of ports[1]",
        ),
        ({"type": "Headless"}, "type", "write cluster_ip: None"),
        ({"type": "NodePort", "cluster_ip": "None"}, "cluster_ip", "cannot be headless"),
        ({"cluster_ip": "10.96.0"}, "cluster_ip", "write None for a headless Service"),
        ({"external_traffic_policy": "Local"}, "external_traffic_policy", "leave it out"),
        ({"type": "NodePort", "external_traffic_policy": "local"}, "external_traffic_policy", "Cluster (the default)"),
        ({"internal_traffic_policy": "local"}, "internal_traffic_policy", "Cluster (the default), Local"),
        ({"traffic_distribution": "PreferZone"}, "traffic_distribution", "PreferClose, PreferSameZone, PreferSameNode"),
        ({"session_affinity": "clientip"}, "session_affinity", "None (the default), ClientIP"),
        (
            {"ip_families": ["IPv4", "IPv4"], "ip_family_policy": "PreferDualStack"},
            "ip_families[1]",
            "already the family",
        ),
        ({"ip_families": ["IPv4", "IPv6"]}, "ip_family_policy", "PreferDualStack"),
        ({"ip_family_policy": "DualStack"}, "ip_family_policy", "SingleStack (the default)"),
        ({"load_balancer_class": "a/b"}, "load_balancer_class", "set type"),
        ({"load_balancer_source_ranges": ["10.0.0.0/8"]}, "load_balancer_source_ranges", "set type"),
        ({"allocate_load_balancer_node_ports": False}, "allocate_load_balancer_node_ports", "set type"),
        ({"health_check_node_port": 30001}, "health_check_node_port", "external_traffic_policy: Local"),
        ({"annotations": {RANGES: "10.0.0.0/8"}}, f"annotations['{RANGES}']", "leave it out"),
        ({**BALANCED, "load_balancer_class": "a b"}, "load_balancer_class", "service.k8s.aws/nlb"),
        (
            {**BALANCED, "load_balancer_source_ranges": ["10.0.0.0/255.0.0.0"]},
            "load_balancer_source_ranges[0]",
            "10.0.0.0/8",
        ),
        (
            {**BALANCED, "load_balancer_source_ranges": ["10.0.0.1/8"]},
            "load_balancer_source_ranges[0]",
            "write 10.0.0.0/8",
        ),
        (
            {**BALANCED, "load_balancer_source_ranges": ["::ffff:0:0/96"]},
            "load_balancer_source_ranges[0]",
            "as IPv4",
        ),
        ({**BALANCED, "load_balancer": "aws-ccm", "health_check_port": 1}, "ports", "install the AWS Load Balancer"),
    ],
)
def test_bad_services(mocks: ClusterMocks, more: dict[str, Any], path: str, words: str) -> None:
    """Each is refused before anything is registered, with the field's path and what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        MixedProtocolService("dns", service_args(**more))

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


STRICTER: list[tuple[str, dict[str, Any], str]] = [
    ("own", {"patience_seconds": 0}, "patience_seconds"),
    ("own", {"type": "LoadBalancer"}, "connection"),
    ("own", {**BALANCED, "load_balancer": "f5"}, "load_balancer"),
    ("own", {**BALANCED, "mode": "both"}, "mode"),
    ("own", {"mode": pulumi.Output.from_input("single")}, "mode"),
    ("shape", {"ports": [{"port": 1}]}, "ports[0].name"),
    ("empty", {"selector": {}}, "selector"),
    ("empty", {"session_affinity": ""}, "session_affinity"),
    ("zero", {"ports": [{**TARGET, "target_port": "0"}]}, "ports[0].target_port"),
    ("node-port", {"type": "NodePort", "ports": [{**TARGET, "node_port": 65536}]}, "ports[0].node_port"),
    ("affinity", {"session_affinity_timeout_seconds": 10}, "session_affinity_timeout_seconds"),
    ("target", {"ports": [{"name": "nope", "port": 1}]}, "ports[0].target_port"),
    ("target", {"ports": [{"name": "dns-tcp", "port": 1, "protocol": "SCTP"}]}, "ports[0].protocol"),
    ("balancer", {"internal": True}, "internal"),
    ("balancer", {"mode": "split"}, "mode"),
    ("platform", {**BALANCED, "internal": True}, "internal"),
    ("address", {"cluster_ip": "010.0.0.1"}, "cluster_ip"),
    ("external-name", {"type": "ExternalName"}, "type"),
]


@pytest.mark.parametrize(("rule", "more", "path"), STRICTER)
def test_what_is_stricter_than_the_server_says_so(
    mocks: ClusterMocks, rule: str, more: dict[str, Any], path: str
) -> None:
    """What the API server accepts carries the rule by which it is refused here."""
    del mocks
    with pytest.raises(InvalidArgs) as caught:
        MixedProtocolService("dns", service_args(**more))

    assert [(path, rule)] == [(problem.path, problem.rule) for problem in caught.value.problems]


def test_the_page_lists_the_rules_that_there_are() -> None:
    """Every rule of docs/service.md has an example here, the last one in a test of its own, and no other has."""
    assert rules(SERVICE_PAGE) == {rule for rule, *_ in STRICTER} | {"client-side"}


def test_the_corpus_has_values_for_every_field() -> None:
    """A new field gets its valid values and its near-misses in tests/service_corpus.py."""
    assert [] == service_corpus.without_values()


@pytest.mark.parametrize("where", ["environment", "configuration"])
def test_a_pair_is_refused_where_updates_would_lose_one(
    mocks: ClusterMocks, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Client-side apply merges ports by number; one protocol for each number is safe."""
    if where == "environment":
        monkeypatch.setenv("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", "false")
    else:
        pulumi.runtime.set_config("kubernetes:enableServerSideApply", "false")
    try:
        with pytest.raises(InvalidArgs) as caught:
            MixedProtocolService("dns", service_args())
        assert [("ports", "client-side")] == [(problem.path, problem.rule) for problem in caught.value.problems]
        assert [] == mocks.resources
        MixedProtocolService("one", service_args(ports=[TARGET]))
    finally:
        pulumi.runtime.set_config("kubernetes:enableServerSideApply", "true")


def spec_of(mocks: ClusterMocks, name: str) -> dict[str, Any]:
    """Return the spec that was registered for a Service."""
    return dict(mocks.inputs(SERVICE, name)["spec"])


@pytest.mark.parametrize("late", [False, True])
@pulumi.runtime.test
async def test_the_shorthand_is_two_ports_with_one_node_port(mocks: ClusterMocks, late: bool) -> None:
    """Also when its protocol comes late; the entry that says no node port has that of its number."""
    both = {"name": "dns", "port": 53, "protocol": pulumi.Output.from_input("TCP_UDP") if late else "TCP_UDP"}
    web = [
        {"name": "web", "port": 443, "target_port": "8443", "node_port": 30443, "app_protocol": "https"},
        {"name": "quic", "port": 443, "protocol": "UDP", "target_port": "8443"},
    ]
    made = MixedProtocolService("dns", service_args(type="NodePort", ports=[both, *web]))
    await made.ready.future()

    assert [
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"},
        {"name": "dns-udp", "port": 53, "protocol": "UDP", "targetPort": "dns-udp"},
        {
            "name": "web",
            "port": 443,
            "protocol": "TCP",
            "targetPort": 8443,
            "nodePort": 30443,
            "appProtocol": "https",
        },
        {"name": "quic", "port": 443, "protocol": "UDP", "targetPort": 8443, "nodePort": 30443},
    ] == spec_of(mocks, "dns")["ports"]
    assert {"web": 30443, "quic": 30443} == await made.node_ports.future()


@pulumi.runtime.test
async def test_every_field_reaches_the_manifest(mocks: ClusterMocks) -> None:
    """Under Kubernetes' own names, which are not all regular."""
    made = MixedProtocolService(
        "dns",
        service_args(
            **{**BALANCED, "load_balancer": "gke 1.36.2-gke.1498000"},
            ports=[{**TARGET, "protocol": "TCP_UDP"}],
            external_traffic_policy="Local",
            internal_traffic_policy="Local",
            health_check_node_port=30001,
            ip_families=["IPv4"],
            ip_family_policy="SingleStack",
            session_affinity="ClientIP",
            session_affinity_timeout_seconds=60,
            load_balancer_ip="192.0.2.7",
            load_balancer_source_ranges=["10.0.0.0/8"],
            allocate_load_balancer_node_ports=True,
            publish_not_ready_addresses=True,
            traffic_distribution="PreferClose",
        ),
    )
    await made.ready.future()

    assert {
        "type": "LoadBalancer",
        "selector": {"app": "dns"},
        "ports": [
            {"name": "a-tcp", "port": 80, "protocol": "TCP", "targetPort": 8080},
            {"name": "a-udp", "port": 80, "protocol": "UDP", "targetPort": 8080},
        ],
        "publishNotReadyAddresses": True,
        "externalTrafficPolicy": "Local",
        "internalTrafficPolicy": "Local",
        "trafficDistribution": "PreferClose",
        "healthCheckNodePort": 30001,
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
        "loadBalancerClass": "networking.gke.io/l4-regional-external",
        "loadBalancerIP": "192.0.2.7",
        "loadBalancerSourceRanges": ["10.0.0.0/8"],
        "allocateLoadBalancerNodePorts": True,
    } == spec_of(mocks, "dns")


@pulumi.runtime.test
async def test_a_headless_service_is_found_by_name_alone(mocks: ClusterMocks) -> None:
    """It may have no ports, and no addresses of its own."""
    made = MixedProtocolService("dns", service_args(cluster_ip="None", ports=[]))

    assert "None" == await made.cluster_ip.future()
    assert {"type": "ClusterIP", "selector": {"app": "dns"}, "ports": [], "clusterIP": "None"} == spec_of(mocks, "dns")
    assert [{"name": "DNS_HOST", "value": "dns.shop.svc"}] == await made.env.future()


@pulumi.runtime.test
async def test_what_clients_need_is_an_output(mocks: ClusterMocks) -> None:
    """Names of SRV records, and variables."""
    del mocks
    made = MixedProtocolService("my-dns", service_args())

    assert {
        "dns-tcp": "_dns-tcp._tcp.my-dns.shop.svc",
        "dns-udp": "_dns-udp._udp.my-dns.shop.svc",
    } == await made.srv_names.future()
    assert [
        {"name": "MY_DNS_HOST", "value": "my-dns.shop.svc"},
        {"name": "MY_DNS_PORT_DNS_TCP", "value": "53"},
        {"name": "MY_DNS_PORT_DNS_UDP", "value": "53"},
    ] == await made.env.future()
    assert ["10.96.0.99"] == await made.cluster_ips.future()
    assert ([], []) == (await made.addresses.future(), await made.port_errors.future())


@pulumi.runtime.test
async def test_a_split_is_one_service_for_each_protocol(mocks: ClusterMocks) -> None:
    """Auto splits by itself where the load balancer that is named takes one protocol alone."""
    more = {**BALANCED, "load_balancer": "gke 1.33.4-gke.1000", "load_balancer_ip": "192.0.2.7"}
    made = MixedProtocolService("dns", service_args(**more))
    await made.ready.future()

    registered = [(each.name, each.inputs["metadata"]["name"]) for each in mocks.resources if each.typ == SERVICE]
    assert [("dns-tcp", "dns-tcp"), ("dns-udp", "dns-udp")] == sorted(registered)
    for protocol in ("tcp", "udp"):
        spec = spec_of(mocks, f"dns-{protocol}")
        assert [protocol.upper()] == [port["protocol"] for port in spec["ports"]]
        assert "192.0.2.7" == spec["loadBalancerIP"]
    assert "dns-tcp.shop.svc" == await made.dns_name.future()
    assert "_dns-udp._udp.dns-udp.shop.svc" == (await made.srv_names.future() or {})["dns-udp"]


@pulumi.runtime.test
async def test_an_address_that_comes_late_reaches_its_annotation(mocks: ClusterMocks) -> None:
    """Such as one that the same program reserves."""
    ip = pulumi.Output.from_input("192.0.2.7")
    made = MixedProtocolService("dns", service_args(**BALANCED, load_balancer_ip=ip))
    await made.ready.future()

    texts = mocks.inputs(SERVICE, "dns")["metadata"]["annotations"]
    assert "192.0.2.7" == texts["metallb.io/loadBalancerIPs"]
    assert "loadBalancerIP" not in spec_of(mocks, "dns")


def decided(minor: tuple[int, int] | None, *there: Balancer, **more: Any) -> dict[str, Any]:
    """Return what the live cluster makes of a Service."""
    chosen = Chosen("dns", service_args(**more), cast(Any, None), split=more.get("mode") == "split")
    return chosen._decide(list(there), minor, service_args(**more))


def test_what_the_live_cluster_shows_decides() -> None:
    """The version of its controller counts, and auto refuses what it cannot know to work."""
    ports = [{**TARGET, "protocol": "TCP_UDP"}]
    lbc = decided((1, 35), Balancer("aws-lbc", "v2.13.1"), type="LoadBalancer", ports=ports)
    assert "service.k8s.aws/nlb" == lbc["load_balancer_class"]
    assert "true" == lbc["annotations"]["service.beta.kubernetes.io/aws-load-balancer-enable-tcp-udp-listener"]

    with pytest.raises(InvalidArgs, match=r"upgrade the AWS Load Balancer Controller"):
        decided((1, 35), Balancer("aws-lbc", "v2.12.0"), type="LoadBalancer", ports=ports)
    with pytest.raises(InvalidArgs, match=r"write mode: split, or load_balancer"):
        decided(
            (1, 33), Balancer("gke", "v1.33.1-gke.100"), type="LoadBalancer", ports=ports, load_balancer_ip="192.0.2.7"
        )
    with pytest.raises(InvalidArgs, match=r"no load balancer that is known was seen here.*or mode: single"):
        decided((1, 33), type="LoadBalancer", ports=ports)
    with pytest.raises(InvalidArgs, match=r"nothing is known of load_balancer_class example\.com/mine"):
        decided((1, 35), Balancer("aks"), type="LoadBalancer", ports=ports, load_balancer_class="example.com/mine")
    with pytest.raises(InvalidArgs, match=r"write load_balancer with the one that serves"):
        decided((1, 35), Balancer("metallb"), Balancer("aws-lbc", "v2.12.0"), type="LoadBalancer", ports=ports)
    tried = decided((1, 33), type="LoadBalancer", ports=ports, mode="single")
    assert ({}, "") == (tried["annotations"], tried["load_balancer_class"])
    assert {} == decided((1, 33), type="LoadBalancer", ports=[TARGET])["annotations"]


def test_a_distribution_goes_by_the_servers_version() -> None:
    """What an older server does not know is refused in words, in the cluster's name for it."""
    with pytest.raises(InvalidArgs, match=r"1\.33 does not know 'PreferSameNode'"):
        decided((1, 33), traffic_distribution="PreferSameNode")
    assert (1, 34) == decided((1, 34), traffic_distribution="PreferSameNode")["minor"]
    for minor, name in (((1, 33), "PreferClose"), ((1, 34), "PreferSameZone"), ((1, 35), "PreferSameZone")):
        spec = service.manifest({"selector": {}, "ports": [], "trafficDistribution": "PreferSameZone"}, minor)
        assert name == spec["trafficDistribution"]
    kept = service.manifest({"selector": {}, "ports": [], "trafficDistribution": "PreferClose"}, (1, 35))
    assert "PreferSameZone" == kept["trafficDistribution"]


def test_other_languages_get_all_of_it(mocks: ClusterMocks) -> None:
    """Arguments in camelCase, numbers as floats; outputs keep the ports' own names as keys."""
    host = Host([MixedProtocolService], "kubernetes-emerging", namespace="community", version="0.0.0")
    sent = {
        "connection": dict(CONNECTION),
        "namespace": "shop",
        "selector": {"app": "dns"},
        "type": "LoadBalancer",
        "loadBalancer": "aws-lbc 2.13.0",
        "loadBalancerIp": "eipalloc-1",
        "ports": [{"name": "my-dns", "port": 53.0, "protocol": "TCP_UDP", "targetPort": "5353"}],
    }

    async def construct() -> tuple[Any, Any]:
        state = host.construct("dns", "kubernetes-emerging:index:MixedProtocolService", sent).state
        found = [await pulumi.Output.from_input(state[name]).future() for name in ("srvNames", "env", "ready")]
        return found[0], found[1]

    srv_names, env = asyncio.get_event_loop().run_until_complete(construct())
    assert {"my-dns-tcp", "my-dns-udp"} == set(srv_names)
    assert {"name": "DNS_PORT_MY_DNS_UDP", "value": "53"} == env[2]
    texts = mocks.inputs(SERVICE, "dns")["metadata"]["annotations"]
    assert "eipalloc-1" == texts["service.beta.kubernetes.io/aws-load-balancer-eip-allocations"]
