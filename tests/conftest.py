"""What the tests of a real cluster share: the tests' own instance, a client for it, a namespace per test.

Nothing here starts before a test asks for it, so the unit tests need neither root nor a cluster. With several workers
(pytest-xdist) each has an instance of its own. With `LAB_TEST_CLUSTER=<name>` a developer's running instance is used
instead, and stays afterwards. `LAB_TEST_MINOR=1.37` chooses another Kubernetes than the default.
"""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.namespaces import new_namespace
from tests.workers import instance_name

if TYPE_CHECKING:
    from components.actions.client import Client
    from lab.cluster import Cluster


_FIGURE = "figure"


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Give a function that adds a line to the end of pytest's output, for figures that are worth reading."""
    return lambda line: request.node.user_properties.append((_FIGURE, line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write what the tests have reported."""
    reports = [report for listed in terminalreporter.stats.values() for report in listed]
    told = [entry for report in reports if getattr(report, "when", "") == "call" for entry in report.user_properties]
    if figures := [line for name, line in told if name == _FIGURE]:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(figures))


@pytest.fixture(scope="session")
def lab_cluster() -> Iterator["Cluster"]:
    """Start the cluster called `test`, or after this worker, at its first use; delete it after the last test."""
    from lab.cluster import DEFAULT_MINOR, Cluster, check_host
    from lab.files import locked
    from lab.paths import cache_root
    from lab.progress import PlainProgress

    minor = os.environ.get("LAB_TEST_MINOR") or DEFAULT_MINOR
    if name := os.environ.get("LAB_TEST_CLUSTER"):
        given = Cluster(name, minor)
        given.start(PlainProgress())
        yield given
        return
    if problems := check_host(minor):
        pytest.skip("; ".join(f"{problem.what} ({problem.remedy})" for problem in problems))
    progress = PlainProgress()
    name = instance_name()
    # Two test sessions at once would delete the cluster under each other.
    with locked(cache_root() / f"{name}.lock", lambda: progress.note("another test session runs; waiting for its end")):
        cluster = Cluster(name, minor)
        cluster.delete()
        try:
            cluster.start(progress)
            yield cluster
        finally:
            cluster.delete()


@pytest.fixture(scope="session")
def kube(lab_cluster: "Cluster") -> Iterator[Any]:
    """Give a `kubernetes.client.ApiClient` for the tests' cluster."""
    from kubernetes import config

    client: Any = config.new_client_from_config(str(lab_cluster.kubeconfig), lab_cluster.context)  # type: ignore[no-untyped-call]
    yield client
    client.close()


@pytest.fixture
def client(kube: Any) -> "Client":
    """Give our own client over the test cluster's transport."""
    from components.actions.client import Client

    return Client(kube)


@pytest.fixture
def namespace(kube: Any) -> Iterator[str]:
    """Make a namespace for one test; its deletion is begun afterwards and not waited for."""
    with new_namespace(kube) as name:
        yield name
