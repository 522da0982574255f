"""Every stack file previewed against a real API server: the lab's own, and ones in the shape that clouds document.

The shapes are made up from the clouds' documents, and none was recorded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from components.actions import preflight
from components.actions.connection import load_kubeconfig
from components.model.feature import parse
from components.model.finding import Report
from lab.engine import Engine, QuietDisplay
from lab.progress import PlainProgress
from tests.api.preflight.conftest import ROOT
from tests.api.preflight.shaping import Shape, shaped
from tests.programs import told
from tests.workers import instance_name

if TYPE_CHECKING:
    from lab.cluster import Cluster
    from lab.simulated import SimulatedCluster

SHAPES = {
    "eks": Shape(
        git_version="v1.33.8-eks-113cf36",
        os_image="Amazon Linux 2023.8.20260714",
        runtime="containerd://2.2.4",
        provider_id="aws:///eu-central-1a/i-0123456789abcdef",
        labels={"eks.amazonaws.com/nodegroup": "main", "kubernetes.io/arch": "amd64"},
        groups=("elbv2.k8s.aws",),
        lbc="v2.13.4",
    ),
    "aks": Shape(
        git_version="v1.35.8",
        os_image="Ubuntu 24.04.3 LTS",
        runtime="containerd://2.3.2",
        provider_id="azure:///subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/v/",
        labels={"kubernetes.azure.com/cluster": "MC_g_c_westeurope"},
    ),
    "gke": Shape(
        git_version="v1.36.2-gke.1498000",
        os_image="Container-Optimized OS from Google",
        runtime="containerd://2.2.1",
        provider_id="gce://project/europe-west3-a/gke-main-",
        labels={"cloud.google.com/gke-nodepool": "main"},
    ),
}
EXPECTED = {
    "eks": ("yes", "yes", "EKS 1.33: standard support ended on 2026-07-29"),
    "aks": ("yes", "yes", "AKS 1.35"),
    "gke": ("yes", "yes", "GKE 1.36"),
}


def stack_config(stack: str) -> dict[str, str]:
    """Return the config of a stack file as it stands, by short keys."""
    given = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.partition(":")[2]: str(value) for key, value in given.items()}


def look(kubeconfig: Path, *features: str) -> Report:
    """Return the report on some features."""
    with load_kubeconfig(str(kubeconfig)).client() as client:
        return preflight.check(client, [parse(text) for text in features], deploying=False)


def answer(report: Report, subject: str) -> str:
    """Return the answer about a subject."""
    return next(each.answer for each in report.findings if each.subject == subject)


@pytest.fixture(params=SHAPES)
def cloud(request: pytest.FixtureRequest, simulated: "SimulatedCluster", tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Give a cloud's name and the kubeconfig of a real API server in its shape."""
    with shaped(simulated.kubeconfig, SHAPES[request.param], tmp_path) as kubeconfig:
        yield request.param, kubeconfig


def test_a_clouds_stack_previews_once_its_cluster_is_named(cloud: tuple[str, Path], tmp_path: Path) -> None:
    """The stack file as it stands, plus the kubeconfig: the whole program previews, with verdicts for that cloud."""
    stack, kubeconfig = cloud
    config = {**stack_config(stack), "kubeconfig": str(kubeconfig)}
    summary = Engine(ROOT, stack, tmp_path / "state", QuietDisplay(), config=config).preview()

    assert summary.ok, told(summary)
    assert f"(Kubernetes {SHAPES[stack].git_version} on {stack})" in told(summary)
    assert EXPECTED[stack][2] in told(summary)
    assert {"same", "update", "replace", "delete"}.isdisjoint(k for k, count in summary.counts.items() if count)
    assert f"kubernetes-emerging-{stack}" == summary.outputs["namespace"]


def test_load_balancers_are_known_by_cloud_and_version(cloud: tuple[str, Path]) -> None:
    """What carries both protocols on one port is told by what the cluster shows of itself."""
    stack, kubeconfig = cloud
    found = look(kubeconfig, "mixed-protocol-load-balancer", "same-port-load-balancer", "cri")

    wanted = EXPECTED[stack][:2]
    assert wanted == (answer(found, "mixed-protocol-load-balancer"), answer(found, "same-port-load-balancer"))
    assert stack == found.platform
    assert "containerd 2." in preflight.render(found)


@pytest.mark.parametrize(
    ("shape", "answers"),
    [
        (Shape("v1.33.8-eks-113cf36", "Amazon Linux 2023", "containerd://2.2.4", "aws:///a/i-"), ("no", "no")),
        (
            Shape(
                *("v1.33.8-eks-113cf36", "Amazon Linux 2023", "containerd://2.2.4", "aws:///a/i-"),
                groups=("elbv2.k8s.aws",),
                lbc="v2.12.0",
            ),
            ("yes", "no"),
        ),
        (
            Shape(
                *("v1.35.1-eks-1", "Bottlerocket (EKS Auto, Standard) 2026.6.1", "containerd://2.1.9", "aws:///a/i-"),
                groups=("eks.amazonaws.com",),
            ),
            ("yes", "unknown"),
        ),
        (
            Shape("v1.33.1-gke.100", "Container-Optimized OS from Google", "containerd://2.0.4", "gce://p/z/n"),
            ("no", "no"),
        ),
    ],
    ids=["EKS without a controller", "EKS with an old controller", "EKS Auto Mode", "an old GKE"],
)
def test_what_drops_a_protocol_is_no(
    simulated: "SimulatedCluster", tmp_path: Path, shape: Shape, answers: tuple[str, str]
) -> None:
    """Where the cloud takes one protocol, or drops the second one without a word, the answer says so."""
    with shaped(simulated.kubeconfig, shape, tmp_path) as kubeconfig:
        found = look(kubeconfig, "mixed-protocol-load-balancer", "same-port-load-balancer")
        assert answers == (answer(found, "mixed-protocol-load-balancer"), answer(found, "same-port-load-balancer"))


def test_the_labs_stack_previews(lab_cluster: "Cluster", tmp_path: Path) -> None:
    """The default stack file, on a node of the lab's."""
    config = {**stack_config("dev"), "kubeconfig": str(lab_cluster.kubeconfig), "platform": "lab"}
    summary = Engine(ROOT, "dev2", tmp_path / "state", QuietDisplay(), config=config).preview()

    assert summary.ok, told(summary)
    assert "on lab)" in told(summary)
    assert "wasm=wasmedge" in told(summary)


@pytest.fixture
def without_resize(monkeypatch: pytest.MonkeyPatch) -> Iterator["SimulatedCluster"]:
    """Give a control plane whose gate for resizing is off; only 1.33 and 1.34 still have that gate."""
    from lab.simulated import SimulatedCluster, check_host, config

    if problems := check_host("1.33"):
        pytest.skip("; ".join(f"{problem.what} ({problem.remedy})" for problem in problems))
    whole: Any = config._apiserver
    off = "--feature-gates=InPlacePodVerticalScaling=false"
    monkeypatch.setattr(config, "_apiserver", lambda folder, ports: [*whole(folder, ports), off])
    cluster = SimulatedCluster(f"{instance_name()}-gates", "1.33")
    cluster.delete(PlainProgress())
    try:
        cluster.start(PlainProgress())
        yield cluster
    finally:
        cluster.delete(PlainProgress())


def test_a_gate_that_is_off_is_seen(without_resize: "SimulatedCluster") -> None:
    """Discovery and the feature metrics of the real API server tell it; what needs no gate is not affected."""
    found = look(without_resize.kubeconfig, "resize", "sidecars")

    # Simulated nodes run nothing, so what takes a node is unknown at best.
    assert ("no", "unknown") == (answer(found, "resize"), answer(found, "sidecars"))
    assert "turn the feature gate InPlacePodVerticalScaling on" in preflight.render(found)
    assert ["resize"] == [each.subject for each in found.stops]
    assert any("simulated nodes" in note for note in found.notes)
