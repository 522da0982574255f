"""What MixedProtocolService registers, and what it refuses."""

from typing import Any, cast

import pulumi
import pytest

from components import InvalidArgs, MixedProtocolService, MixedProtocolServiceArgs
from components.testing import ClusterMocks

SERVICE = "kubernetes:core/v1:Service"
POD_PORTS = [
    {"name": "dns-tcp", "container_port": 53},
    {"name": "dns-udp", "container_port": 53, "protocol": "UDP"},
]


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
    ],
)
def test_bad_services(mocks: ClusterMocks, more: dict[str, Any], path: str, words: str) -> None:
    """Each is refused before anything is registered, with the field's path and what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        MixedProtocolService("dns", service_args(**more))

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources
