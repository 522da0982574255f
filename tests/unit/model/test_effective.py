"""Effective requests and QoS classes, against the figures of KEP-753 and the rules of ComputePodQOS."""

from typing import Any

import pytest

from components.model import effective

Spec = dict[str, Any]
BOTH = {"cpu": "100m", "memory": "64Mi"}


def asking(name: str, amounts: dict[str, str] | None = None, limits: dict[str, str] | None = None, **more: Any) -> Spec:
    """Return a container with these requests and limits."""
    resources = {kind: given for kind, given in (("requests", amounts), ("limits", limits)) if given is not None}
    return {"name": name, "resources": resources, **more}


def init(name: str, cpu: str) -> Spec:
    """Return an init container that runs to its end."""
    return asking(name, {"cpu": cpu})


def sidecar(name: str, amounts: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> Spec:
    """Return a sidecar."""
    return asking(name, amounts, limits, restartPolicy="Always")


S1, S2 = sidecar("s1", {"cpu": "100m"}), sidecar("s2", {"cpu": "50m"})


@pytest.mark.parametrize(
    ("expected", "inits"),
    [
        ("500m", [init("i1", "500m"), S1, init("i2", "300m"), S2]),
        ("400m", [S1, init("i2", "300m"), S2]),
        ("350m", [S1, S2]),
        ("1", [init("i", "1")]),
        ("200m", []),
    ],
)
def test_effective_requests_are_those_of_the_scheduler(expected: str, inits: list[Spec]) -> None:
    """An init container runs beside the sidecars before it, the main containers beside all."""
    assert {"cpu": expected} == effective.requests({"initContainers": inits, "containers": [init("app", "200m")]})


def test_every_resource_is_counted_for_itself() -> None:
    """Cpu may be highest in one phase and memory in another; devices and disks count as well."""
    start = asking("i", {"cpu": "10m", "memory": "1Gi"})
    app = asking("app", {"cpu": "1", "memory": "64Mi", "ephemeral-storage": "1G"}, {"example.com/gpu": "2"})
    logs = sidecar("logs", {"memory": "32Mi", "ephemeral-storage": "500M"})

    assert {
        "cpu": "1",
        "memory": "1Gi",
        "ephemeral-storage": "1500000000",
        "example.com/gpu": "2",
    } == effective.requests({"initContainers": [start, logs], "containers": [app]})


def test_what_is_limited_alone_requests_its_limit() -> None:
    """The API server fills requests in from limits, each resource for itself."""
    app = asking("app", {"cpu": "50m"}, {"cpu": "1", "memory": "128Mi"})

    assert {"cpu": "50m", "memory": "128Mi"} == effective.requests({"containers": [app]})


def test_overhead_comes_on_top() -> None:
    """It is that of the RuntimeClass, or the one in the spec."""
    app = asking("app", {"cpu": "50m"})

    assert {"cpu": "60m", "memory": "24Mi"} == effective.requests(
        {"containers": [app]}, {"cpu": "10m", "memory": "24Mi"}
    )
    assert {"cpu": "55m"} == effective.requests({"containers": [app], "overhead": {"cpu": "5m"}})


def test_resources_of_the_pod_as_a_whole_go_first() -> None:
    """Where the pod itself asks, its containers do not count; a limit alone counts where no container asks."""
    containers = [asking("app", {"cpu": "50m"})]

    assert {"cpu": "1"} == effective.requests({"containers": containers, "resources": {"requests": {"cpu": "1"}}})
    assert {"cpu": "50m", "memory": "1Gi"} == effective.requests(
        {"containers": containers, "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}
    )


@pytest.mark.parametrize(
    ("expected", "spec"),
    [
        ("BestEffort", {"containers": [asking("a")]}),
        ("BestEffort", {"containers": [asking("a", {"cpu": "0", "ephemeral-storage": "1Gi"})]}),
        ("Burstable", {"containers": [asking("a", {"cpu": "1m"})]}),
        ("Burstable", {"containers": [asking("a", {"cpu": "50m"}, BOTH)]}),
        ("Burstable", {"containers": [asking("a", None, {"cpu": "100m"})]}),
        ("Guaranteed", {"containers": [asking("a", BOTH, BOTH)]}),
        ("Guaranteed", {"containers": [asking("a", None, BOTH)]}),
        ("Guaranteed", {"containers": [asking("a", {"cpu": "0.1", "memory": "65536Ki"}, BOTH)]}),
        ("Guaranteed", {"containers": [asking("a", None, {**BOTH, "ephemeral-storage": "1Gi"})]}),
        ("Guaranteed", {"containers": [asking("a", BOTH, BOTH)], "initContainers": [sidecar("s", None, BOTH)]}),
        ("Burstable", {"containers": [asking("a", BOTH, BOTH)], "initContainers": [sidecar("s")]}),
        ("Burstable", {"containers": [asking("a", BOTH, BOTH)], "initContainers": [init("i", "100m")]}),
        ("Burstable", {"containers": [asking("a")], "initContainers": [sidecar("s", {"cpu": "1m"})]}),
        ("Guaranteed", {"containers": [asking("a")], "resources": {"limits": BOTH}}),
        ("Burstable", {"containers": [asking("a", BOTH, BOTH)], "resources": {"requests": {"cpu": "1"}}}),
    ],
)
def test_qos_classes(expected: str, spec: Spec) -> None:
    """Guaranteed needs limits of cpu and memory in every container, sidecars and init containers too."""
    assert expected == effective.qos_class(spec)


def test_a_sidecar_that_costs_the_class_is_named() -> None:
    """Only those that are not Guaranteed themselves, and only where the main containers are."""
    fine, loose = sidecar("proxy", BOTH, BOTH), sidecar("logs", {"cpu": "10m"})
    spec = {"containers": [asking("app", BOTH, BOTH)], "initContainers": [fine, loose]}

    (told,) = effective.warnings(spec)
    assert "sidecar 'logs': for it the pods are Burstable" in told
    assert [] == list(effective.warnings({**spec, "initContainers": [fine]}))
    assert [] == list(effective.warnings({**spec, "containers": [asking("app", {"cpu": "1"})]}))


def test_amounts_that_mean_nothing_are_left_to_the_rules() -> None:
    """A late value may be anything; it is refused in words, not by a crash of the facts."""
    assert {"memory": "64Mi"} == effective.requests({"containers": [asking("a", {"cpu": "much", "memory": "64Mi"})]})
