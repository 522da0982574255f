"""Addresses of instances: chosen free of what the machine has, and all within one block."""

import json
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cluster.errors import ClusterError
from lab.cluster.network import Ranges, candidates, choose, networks_of


def test_an_empty_machine_gets_the_first_candidate() -> None:
    """Where nothing is taken, the choice is the same every time."""
    assert Ranges(IPv4Network("10.240.0.0/16")) == choose([])


def test_a_taken_block_is_passed_over() -> None:
    """Any meeting, by a single address or by an instance's block, moves the choice on."""
    taken = [IPv4Network("10.240.7.9/32"), IPv4Network("10.239.0.0/16")]
    assert IPv4Network("10.238.0.0/16") == choose(taken).block


def test_a_vpn_over_all_of_10_leaves_other_private_ranges() -> None:
    """A route for 10.0.0.0/8, as company networks push, does not keep the lab from running."""
    assert IPv4Network("172.31.0.0/16") == choose([IPv4Network("10.0.0.0/8")]).block


def test_no_free_range_says_what_to_do() -> None:
    """Where every candidate is taken, the error names the ranges and the remedy."""
    with pytest.raises(ClusterError, match=r"no free address range.*end a VPN"):
        choose(candidates())


@given(st.sampled_from(list(candidates())))
def test_parts_of_a_block_lie_in_it_and_do_not_meet(block: IPv4Network) -> None:
    """Link, Services and pods are apart from each other, and every address lies in its part."""
    ranges = Ranges(block)
    parts = [ranges.link, ranges.services, ranges.pods]
    assert all(part.subnet_of(block) for part in parts)
    assert not any(one.overlaps(two) for one in parts for two in parts if one is not two)
    assert {ranges.host_address, ranges.node_address} <= set(ranges.link.hosts())
    assert {ranges.api_service, ranges.dns_service} <= set(ranges.services.hosts())


def test_the_services_that_every_cluster_has_are_at_their_usual_places() -> None:
    """The API server takes the first cluster IP of its range, DNS has the tenth."""
    ranges = Ranges(IPv4Network("10.240.0.0/16"))
    assert IPv4Address("10.240.16.1") == ranges.api_service
    assert IPv4Address("10.240.16.10") == ranges.dns_service


def test_networks_come_from_routes_and_addresses_but_not_from_default_routes() -> None:
    """What `ip -json` prints is read: hosts, networks and odd words; the default route leads anywhere."""
    routes = json.dumps([{"dst": "default"}, {"dst": "0.0.0.0/0"}, {"dst": "10.1.0.0/16"}, {"dst": "192.168.1.7"}, {}])
    addresses = json.dumps([{"addr_info": [{"local": "192.0.2.2", "prefixlen": 24}]}, {"addr_info": []}])
    expected = [IPv4Network("10.1.0.0/16"), IPv4Network("192.168.1.7/32"), IPv4Network("192.0.2.0/24")]
    assert expected == networks_of(routes, addresses)
    assert [] == networks_of("", "")


def test_a_vpn_over_everything_takes_no_range() -> None:
    """Two halves of all addresses are a default route by another name; a VPN's own network counts."""
    routes = json.dumps([{"dst": "0.0.0.0/1"}, {"dst": "128.0.0.0/1"}, {"dst": "10.8.0.0/24"}])
    assert [IPv4Network("10.8.0.0/24")] == networks_of(routes, "")
