"""The platform table of docs/service.md, held against the tables that the component decides by."""

import pytest

from components.model import balancing, platforms
from components.model.balancer_ways import WAYS
from components.model.platform_rows import LoadBalancer
from components.model.versions import bounds_of
from tests.validation_page import SERVICE_PAGE

ROWS = platforms.table().load_balancers


def a_version(row: LoadBalancer) -> str:
    """Return a version that a row is for."""
    bounds = bounds_of(row.versions) or []
    for sign, numbers in bounds:
        if sign == ">=":
            build = f"-gke.{numbers[3]}" if len(numbers) > 3 else ""
            return ".".join(map(str, numbers[:3])) + build
    return "0.1.0" if bounds else ""


def pair(row: LoadBalancer, **more: object) -> tuple[balancing.Choice, list[str]]:
    """Return what auto makes of TCP and UDP on one number, and what is said against it."""
    ports = [{"name": "dns", "port": 53, "protocol": "TCP_UDP", "target_port": "53"}]
    args = {"namespace": "shop", "name": "dns", "type": "LoadBalancer", "ports": ports, **more}
    choice, wrong = balancing.choose(args, balancing.parse(f"{row.implementation} {a_version(row)}"))
    return choice, [str(problem) for problem in wrong]


def outcome(row: LoadBalancer) -> str:
    """Return in a few words what mode auto does with a pair."""
    choice, wrong = pair(row)
    if not wrong:
        return "two Services" if choice.split else "one Service"
    pinned, still = pair(row, load_balancer_ip="192.0.2.7")
    if not still and pinned.split:
        return "two Services with `load_balancer_ip`, else refused"
    _, single = pair(row, mode="single")
    return "refused, unless `mode` is single" if not single else "refused"


def told_by(row: LoadBalancer) -> str:
    """Return the class and the annotations by which this load balancer is asked for a pair."""
    if outcome(row) == "refused":
        return "-"
    choice, _ = pair(row, mode="single")
    texts = [f"class `{choice.load_balancer_class}`"] if choice.load_balancer_class else []
    return ", ".join([*texts, *(f"`{key}: {value}`" for key, value in sorted(choice.annotations.items()))]) or "nothing"


def line(row: LoadBalancer) -> str:
    """Return a row of the page."""
    name = f"`{row.implementation}` {row.versions}".strip()
    return f"| {name} | {row.different_ports} | {row.same_port} | {outcome(row)} | {told_by(row)} |"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.implementation} {row.versions}".strip())
def test_the_page_has_every_row(row: LoadBalancer) -> None:
    """A load balancer that the component knows is on the page, with what becomes of a pair of protocols there."""
    assert line(row) in SERVICE_PAGE.read_text().splitlines()


def test_every_load_balancer_has_both_rows() -> None:
    """What it does with protocols and how it is told so are two tables of the same names, each with sources."""
    assert {row.implementation for row in ROWS} == set(WAYS)
    assert [] == [name for name, ways in WAYS.items() if not ways.source]
