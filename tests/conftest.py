"""What the tests of a real cluster share: the tests' own instance, a client for it, a namespace per test.

Nothing here starts before a test asks for it, so the unit tests need neither root nor a cluster. With several workers
(pytest-xdist) each has an instance of its own, called after it; what belongs to the machine as a whole, or is there
once, stays with one of them. With `LAB_TEST_CLUSTER=<name>` a developer's running instance is used instead, and stays
afterwards. `LAB_TEST_MINOR=1.37` chooses another Kubernetes than the default.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from components.actions.client import Client
    from lab.cluster import Cluster


_FIGURE = "figure"
# They look at what clusters leave on the machine, and at what other instances do to it.
_OF_THE_MACHINE = (Path("node/test_cluster.py"), Path("node/test_lab.py"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what only one worker can do, and what shares its preparation; begin with what waits longest."""
    for item in items:
        if group := _group(item):
            item.add_marker(pytest.mark.xdist_group(group))
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: (_group(item) != "machine", "/node/" not in str(item.path), _group(item) == ""))


def _group(item: pytest.Item) -> str:
    file = item.path.relative_to(Path(__file__).parent)
    if file.parts[0] == "unit":
        return ""
    if file in _OF_THE_MACHINE:
        return "machine"
    return "simulated" if "simulated" in getattr(item, "fixturenames", ()) else str(file)


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
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    name = f"test-{worker}" if worker else "test"
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
    from kubernetes.client import ApiException, CoreV1Api, V1Namespace, V1ObjectMeta

    api = CoreV1Api(kube)
    name = f"test-{uuid.uuid4().hex[:10]}"
    api.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=name)))
    # Until a controller has made the default service account, no pod can be made here.
    for _ in range(100):
        try:
            api.read_namespaced_service_account("default", name)
            break
        except ApiException:
            time.sleep(0.05)
    yield name
    api.delete_namespace(name)
