"""What an update of a Service means for its clients, in words."""

from typing import Any

import pytest

from components.model.service_change import effects, refusals, replacement

TCP = {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 5353}
UDP = {"name": "dns-udp", "port": 53, "protocol": "UDP", "targetPort": 5353}
LIVE = {"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{**TCP, "nodePort": 30053}, {**UDP, "nodePort": 30053}]}


def spec(*ports: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what a program asks for."""
    return {"type": "NodePort", "ports": list(ports), **more}


@pytest.mark.parametrize(
    ("desired", "words"),
    [
        (spec(TCP), ["port 53/UDP goes: clients of 'dns-udp' reach nothing there any more"]),
        (spec(TCP, {**UDP, "port": 54}), ["port 'dns-udp' moves from 53/UDP to 54/UDP at once"]),
        (
            spec(TCP, {**UDP, "protocol": "SCTP"}),
            ["'dns-udp' changes its protocol from 53/UDP to 53/SCTP", "node_port"],
        ),
        (spec(TCP, {**UDP, "name": "names"}), ["SRV record under 'dns-udp' goes"]),
        (spec(TCP, {**UDP, "targetPort": 1053}), ["port 53/UDP leads to 1053 instead of 5353"]),
        (spec({**TCP, "nodePort": 30054}, UDP), ["the node port of 53/TCP moves from 30053 to 30054"]),
        (spec(TCP, UDP, type="ClusterIP"), ["its node ports go"]),
        (spec(TCP, UDP, clusterIP="None"), ["it has none where its cluster IP was 10.96.0.9, which cannot change"]),
        (spec(TCP, UDP, clusterIP="10.96.0.8"), ["it is 10.96.0.8 where its cluster IP was 10.96.0.9"]),
    ],
)
def test_what_is_interrupted_is_told(desired: dict[str, Any], words: list[str]) -> None:
    """A sentence for each thing that a client notices, and none for what it does not."""
    found = list(effects(LIVE, desired))

    assert len(words) == len(found), found
    for text, expected in zip(found, words, strict=True):
        assert expected in text


@pytest.mark.parametrize(
    "desired",
    [
        spec(TCP, UDP),
        spec(UDP, TCP),
        spec(TCP, UDP, {"name": "more", "port": 54, "protocol": "TCP", "targetPort": 5353}),
        spec({**TCP, "nodePort": 30053.0}, UDP),
        spec(TCP, UDP, externalTrafficPolicy="Local"),
        spec(TCP, UDP, type="LoadBalancer"),
    ],
)
def test_what_interrupts_nobody_is_not_told(desired: dict[str, Any]) -> None:
    """Ports that come, another order, and what is as it was."""
    assert [] == list(effects(LIVE, desired))


def test_a_second_protocol_gets_another_node_port() -> None:
    """Unless it is written, or there are none."""
    live = {**LIVE, "ports": [{**TCP, "nodePort": 30053}]}

    (text,) = effects(live, spec(TCP, UDP))
    assert "write node_port: 30053" in text
    assert [] == list(effects(live, spec(TCP, {**UDP, "nodePort": 30053})))
    (gone,) = effects(live, spec(TCP, UDP, type="ClusterIP"))
    assert "write node_port" not in gone


def test_a_listener_of_aws_is_made_anew() -> None:
    """When a protocol joins or leaves its number; other load balancers have a rule for each."""
    live = {"type": "LoadBalancer", "ports": [{**TCP, "nodePort": 30053}]}
    desired = spec(TCP, {**UDP, "nodePort": 30053}, type="LoadBalancer")

    (text,) = effects(live, desired, "aws-lbc")
    assert "the listener 53 of AWS changes from TCP to TCP_UDP" in text
    assert [] == list(effects(live, desired, "metallb"))


def test_a_load_balancer_that_goes() -> None:
    """With its address, and its node ports."""
    assert ["the load balancer goes, and its address with it", "its node ports go"] == list(
        effects({**LIVE, "type": "LoadBalancer"}, spec(TCP, UDP, type="ClusterIP"))
    )


def test_only_another_cluster_ip_replaces() -> None:
    """A Service that gets an address back is replaced as well; one whose address nobody wrote stays."""
    assert [] == list(replacement(LIVE, spec(TCP)))
    (text,) = replacement({**LIVE, "clusterIP": "None"}, spec(TCP))
    assert "it gets one where its cluster IP was None" in text
    assert [] == list(replacement({}, spec(TCP, clusterIP="None")))


@pytest.mark.parametrize(
    ("live", "desired", "words"),
    [
        ({"type": "LoadBalancer"}, {"type": "LoadBalancer", "loadBalancerClass": "a"}, "cannot change from none to a"),
        ({"type": "LoadBalancer", "loadBalancerClass": "a"}, {"type": "LoadBalancer"}, "cannot change from a to none"),
        ({"ipFamilies": ["IPv4"]}, {"ipFamilies": ["IPv6", "IPv4"]}, "cannot change from IPv4 to IPv6"),
        (
            {"externalTrafficPolicy": "Local", "healthCheckNodePort": 30001},
            {"externalTrafficPolicy": "Local", "healthCheckNodePort": 30002},
            "cannot change from 30001 to 30002",
        ),
    ],
)
def test_what_nobody_can_change_is_refused(live: dict[str, Any], desired: dict[str, Any], words: str) -> None:
    """With another name as the way out."""
    (text,) = refusals(live, desired)

    assert words in text
    assert "write another name" in text


@pytest.mark.parametrize(
    ("live", "desired"),
    [
        ({"type": "ClusterIP"}, {"type": "LoadBalancer", "loadBalancerClass": "a"}),
        ({"ipFamilies": ["IPv4"]}, {"ipFamilies": ["IPv4", "IPv6"]}),
        ({"externalTrafficPolicy": "Local", "healthCheckNodePort": 30001}, {"externalTrafficPolicy": "Local"}),
    ],
)
def test_what_can_change_is_not_refused(live: dict[str, Any], desired: dict[str, Any]) -> None:
    """A class that comes with the type, a second family, and a number that the server chose."""
    assert [] == list(refusals(live, desired))
