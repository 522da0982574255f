"""Addresses of one instance, and the one link between the host and its node.

Each instance has a block of 65536 addresses of its own: the link, the Services and the pods lie in it, so two
routes on the host reach everything, and instances stand side by side.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.cluster.commands import run
from lab.cluster.errors import ClusterError


@dataclass(frozen=True)
class Ranges:
    """The addresses of one instance, all within `block` (a /16)."""

    block: IPv4Network

    @property
    def link(self) -> IPv4Network:
        """The range of the link between host and node."""
        return _part(self.block, 0, 24)

    @property
    def host_address(self) -> IPv4Address:
        """The host's end of the link."""
        return self.link[1]

    @property
    def node_address(self) -> IPv4Address:
        """The node's end of the link, where its API server and its node ports listen."""
        return self.link[2]

    @property
    def services(self) -> IPv4Network:
        """The range of cluster IPs."""
        return _part(self.block, 16, 20)

    @property
    def api_service(self) -> IPv4Address:
        """The cluster IP of the Service `kubernetes`: the first of its range, as the API server takes it."""
        return self.services[1]

    @property
    def dns_service(self) -> IPv4Address:
        """The cluster IP of the cluster's DNS: the usual tenth."""
        return self.services[10]

    @property
    def pods(self) -> IPv4Network:
        """The range of pod addresses."""
        return _part(self.block, 32, 20)


def candidates() -> Iterator[IPv4Network]:
    """Yield the blocks to try: high private ranges first, where home and office networks are rare."""
    for second in range(240, 99, -1):
        yield IPv4Network((f"10.{second}.0.0", 16))
    for second in range(31, 15, -1):
        yield IPv4Network((f"172.{second}.0.0", 16))
    yield from IPv4Network("198.18.0.0/15").subnets(new_prefix=16)  # set aside for benchmarks, never routed


def choose(taken: Iterable[IPv4Network]) -> Ranges:
    """Return the first candidate that meets none of `taken`.

    Raises ClusterError where there is none left.
    """
    used = list(taken)
    for block in candidates():
        if not any(block.overlaps(network) for network in used):
            return Ranges(block)
    raise ClusterError(
        "no free address range for the node: every one of 10.100-240.0.0/16, 172.16-31.0.0/16 and 198.18-19.0.0/16 "
        "meets a route of this machine; end a VPN or delete another instance, then run again"
    )


_NARROWEST_DEFAULT = 8


def networks_of(routes: str, addresses: str) -> list[IPv4Network]:
    """Return the networks that `ip -json route show table all` and `ip -json address` tell of.

    Default routes are none, and neither are the halves and parts of the whole that a VPN lays over them: they lead
    anywhere, and a node's own narrower routes win.
    """
    found = []
    for route in json.loads(routes or "[]"):
        with suppress(ValueError):
            found.append(IPv4Network(route.get("dst", ""), strict=False))
    for link in json.loads(addresses or "[]"):
        for address in link.get("addr_info", []):
            with suppress(ValueError, KeyError):
                found.append(IPv4Network((address["local"], address["prefixlen"]), strict=False))
    return [network for network in found if network.prefixlen >= _NARROWEST_DEFAULT]


def host_networks() -> list[IPv4Network]:
    """Return the IPv4 networks that this machine has addresses in or routes to."""
    return networks_of(
        run(["ip", "-json", "-4", "route", "show", "table", "all"]), run(["ip", "-json", "-4", "address"])
    )


def connect(interface: str, ranges: Ranges, node_pid: int) -> None:
    """Lay the link to the network namespace of `node_pid`, where its end is called eth0, and the two routes.

    All of it ends with that namespace. What is there already stays, so a killed run's work can be finished.
    """
    if not linked(interface):
        run(["ip", "link", "add", interface, "type", "veth", "peer", "name", "eth0", "netns", str(node_pid)])
    run(["ip", "address", "replace", f"{ranges.host_address}/{ranges.link.prefixlen}", "dev", interface])
    run(["ip", "link", "set", interface, "up"])
    for network in (ranges.services, ranges.pods):
        run(["ip", "route", "replace", str(network), "via", str(ranges.node_address), "dev", interface])


def linked(interface: str) -> bool:
    """Tell whether the host's end of the link is there."""
    return Path("/sys/class/net", interface).exists()


def disconnect(interface: str) -> None:
    """Remove the link and with it its routes; none is fine."""
    if linked(interface):
        with suppress(ClusterError):  # the kernel may be taking it away with its namespace at this moment
            run(["ip", "link", "delete", interface])


def _part(block: IPv4Network, third: int, prefix: int) -> IPv4Network:
    return IPv4Network((int(block.network_address) + (third << 8), prefix))
