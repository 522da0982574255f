"""The platform table of docs/service.md, held against the tables that the component decides by."""

import re

import pytest
import yaml

from components._service import WAIT_FOR_ADDRESS
from components.model import balancing, platforms, service
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


def test_the_pages_example_is_what_comes_out() -> None:
    """The manifest on the page is that of its arguments, on EKS with the controller that it names."""
    (block,) = re.findall(r"```yaml\n(.*?)```", SERVICE_PAGE.read_text(), re.DOTALL)
    port = {"name": "dns", "port": 53, "protocol": "TCP_UDP", "target_port": "5353"}
    args = {"namespace": "shop", "name": "dns", "type": "LoadBalancer", "ports": [port]}
    choice, wrong = balancing.choose(args, balancing.parse("aws-lbc 2.13.0"))
    ports = [{"name": "dns", "port": 53, "protocol": "TCP_UDP", "targetPort": 5353}]
    spec = service.manifest(
        {
            "type": "LoadBalancer",
            "selector": {"app.kubernetes.io/name": "names"},
            "ports": ports,
            "loadBalancerClass": choice.load_balancer_class,
        }
    )

    assert [] == wrong
    assert {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "dns",
            "namespace": "shop",
            "annotations": {**WAIT_FOR_ADDRESS, **choice.annotations},
        },
        "spec": spec,
    } == yaml.safe_load(block)
