"""The tables, and the commands to try next."""

import io
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from lab import live
from lab.report import Access, cluster_table, next_steps, print_steps, where, workload_table
from tests.unit.lab.doubles import DEPLOYED, ReaderDouble

NAMESPACE = "kubernetes-emerging-dev"
WORKLOADS = live.workloads(ReaderDouble(DEPLOYED), NAMESPACE)
SERVICES = live.services(ReaderDouble(DEPLOYED), NAMESPACE)
ACCESS = Access(Path("/cache/bin/kubectl"), Path("/cache/a b/kubeconfig"), NAMESPACE, "dev")


def shown(*, width: int = 120) -> str:
    """Return the workload table as text."""
    stream = io.StringIO()
    Console(file=stream, width=width).print(workload_table(ACCESS, WORKLOADS, SERVICES))
    return stream.getvalue()


def test_deployments_are_read_with_their_sidecars() -> None:
    """Only an init container that restarts always is a sidecar."""
    assert (
        live.Workload("sidecar-demo", 2, 2, ("nginx",), ("log-shipper",), selector="app=sidecar-demo") == WORKLOADS[1]
    )
    assert (False, True) == (WORKLOADS[0].well, WORKLOADS[1].well)


def test_deployment_whose_status_is_older_than_its_spec_counts_as_not_ready() -> None:
    """Ready replicas of an earlier generation say nothing about this one."""
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
    item = {
        "metadata": {"name": "d", "generation": 2},
        "spec": {"replicas": 1, "template": {"spec": {"containers": []}}},
        "status": {"observedGeneration": 1, "readyReplicas": 1, "updatedReplicas": 1},
    }

    assert [live.Workload("d", 0, 1, (), ())] == live.workloads(ReaderDouble({path: {"items": [item]}}), NAMESPACE)


def test_services_without_a_cluster_ip_are_left_out() -> None:
    """A headless Service has no address to show."""
    ports = (("http", 80, "TCP"), ("metrics", 9090, "UDP"))

    assert [live.Service("mixed-protocol", "10.96.7.8", ports)] == SERVICES


def test_nodes_are_read_with_version_and_runtime() -> None:
    """Readiness is the node's own condition."""
    assert [live.Node("lab", True, "v1.33.13", "containerd://2.1.9")] == live.nodes(ReaderDouble(DEPLOYED))


def test_table_shows_replicas_and_addresses() -> None:
    """Each Deployment has ready of wanted; each port has its address and protocol."""
    lines = shown().splitlines()

    assert any("sidecar-demo" in line and "2/2 ready" in line and "log-shipper (sidecar)" in line for line in lines)
    assert any("inplace-update-demo" in line and "1/2 ready" in line for line in lines)
    assert any("mixed-protocol:http" in line and "http://10.96.7.8:80/" in line for line in lines)
    assert any("mixed-protocol:metrics" in line and "UDP" in line and "10.96.7.8:9090" in line for line in lines)


def test_table_survives_a_narrow_terminal_and_markup_in_names() -> None:
    """Nothing is cut away, and square brackets are no colours."""
    odd = live.Workload("[red]x[/]", 0, 1, (), ())
    stream = io.StringIO()
    Console(file=stream, width=120).print(workload_table(ACCESS, [odd], []))

    assert "[red]x[/]" in stream.getvalue()
    assert "10.96.7.8" in shown(width=60).replace("\n", "")


def test_cluster_table_names_every_part() -> None:
    """Cluster, node and system workloads have a row each."""
    stream = io.StringIO()
    system = [live.Workload("coredns", 1, 1, (), ())]
    nodes = live.nodes(ReaderDouble(DEPLOYED))
    Console(file=stream, width=120).print(cluster_table("running", {"kubeconfig": "/k"}, nodes, system))

    text = stream.getvalue()
    assert [] == [part for part in ("running", "/k", "node lab", "Ready", "coredns", "1/1 ready") if part not in text]


def test_addresses_are_urls_for_http_and_pairs_for_the_rest() -> None:
    """IPv6 addresses are bracketed."""
    assert "http://10.0.0.1:80/" == where("10.0.0.1", 80, "TCP")
    assert "10.0.0.1:9090" == where("10.0.0.1", 9090, "UDP")
    assert "10.0.0.1:5432" == where("10.0.0.1", 5432, "TCP")
    assert "http://[fd00::1]:80/" == where("fd00::1", 80, "TCP")


@pytest.fixture(autouse=True)
def curl(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand for a host that has curl."""
    monkeypatch.setattr("lab.report.shutil.which", lambda name: f"/usr/bin/{name}")


def test_host_without_curl_fetches_with_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare Debian has no curl: the command offered works there all the same."""
    monkeypatch.setattr("lab.report.shutil.which", lambda _name: None)
    command = next_steps(ACCESS, [], SERVICES)[0].command

    assert command.startswith("python3 -c ")
    compile(shlex.split(command)[2], "offered", "exec")


def test_next_steps_are_exact_commands() -> None:
    """They name the lab's own kubectl, the kubeconfig and the namespace, and can be pasted as they are."""
    steps = [step.command for step in next_steps(ACCESS, WORKLOADS, SERVICES)]
    kubectl = "/cache/bin/kubectl --kubeconfig '/cache/a b/kubeconfig' --namespace kubernetes-emerging-dev"

    assert [
        "curl http://10.96.7.8:80/",
        "bash -c \"echo '<14>lab: hello over UDP' > /dev/udp/10.96.7.8/9090\"",
        f"{kubectl} logs deployment/sidecar-demo --container log-shipper --all-pods --since 5m | grep -v kube-probe",
        f"{kubectl} get pods",
        "make set KEY=inplaceCpu VALUE=200m && make up",
        "make down",
    ] == steps
    assert all(shlex.split(step) for step in steps)


def test_next_step_is_a_size_that_is_not_there_yet() -> None:
    """After the first resize the way back is offered: setting the same size again would show nothing."""
    big = live.Workload("inplace-update-demo", 2, 2, ("nginx",), (), cpu="200m")

    assert "make set KEY=inplaceCpu VALUE=100m && make up" == next_steps(ACCESS, [big], [])[1].command


def test_next_steps_on_another_stack_name_it() -> None:
    """A make command without STACK would work on dev."""
    access = Access(ACCESS.kubectl, ACCESS.kubeconfig, NAMESPACE, "blue")
    steps = [step.command for step in next_steps(access, WORKLOADS, SERVICES)]

    assert ["make set STACK=blue KEY=inplaceCpu VALUE=200m && make up STACK=blue", "make down STACK=blue"] == steps[-2:]


def test_next_steps_without_workloads_offer_only_what_is_there() -> None:
    """No command names something that does not exist."""
    assert ["make down"] == [step.command for step in next_steps(ACCESS, [], [])]


def test_commands_stay_on_one_line_in_a_narrow_terminal() -> None:
    """A broken line could not be pasted."""
    stream = io.StringIO()
    print_steps(Console(file=stream, width=40), next_steps(ACCESS, WORKLOADS, SERVICES))

    assert any(
        line.endswith("grep -v kube-probe") and "/cache/bin/kubectl" in line for line in stream.getvalue().splitlines()
    )
