"""The guard against a wrong cluster, and what becomes of a kubeconfig, with an engine and two real API servers."""

import base64
import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import config as kube_config
from kubernetes.client import CoreV1Api

from lab.engine import Engine, QuietDisplay
from lab.engine.display import PlainDisplay
from tests.api.preflight.conftest import ROOT, Identity
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster
    from lab.simulated import SimulatedCluster

PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
import pulumi_kubernetes as k8s
from components import Target

config = pulumi.Config()
args = {{"kubeconfig": config.require_secret("kubeconfig") if config.get("late") else config.require("kubeconfig")}}
if config.get("expected"):
    args["cluster_id"] = config.get("expected")
target = Target("target", args)
k8s.core.v1.ConfigMap(
    "map",
    metadata={{"name": config.get("name") or "guarded", "namespace": "default"}},
    data={{"text": config.get("text") or "one"}},
    opts=pulumi.ResourceOptions(provider=target.provider),
)
pulumi.export("clusterId", target.cluster_id)
"""
Run = Callable[..., Engine]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give a function that makes an engine for the program, always with the same state."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    name = f"guarded-{uuid.uuid4().hex[:8]}"

    def make(kubeconfig: Path, **config: str) -> Engine:
        given = {"kubeconfig": str(kubeconfig), "name": name, **config}
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=given)

    return make


def uid_of(kubeconfig: Path) -> str:
    """Return the UID of a cluster's namespace kube-system."""
    api: Any = kube_config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    found: Any = CoreV1Api(api).read_namespace("kube-system")
    return str(found.metadata.uid)


def maps(kubeconfig: Path) -> set[str]:
    """Return the names of this module's ConfigMaps in a cluster."""
    api: Any = kube_config.new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    listed: list[Any] = CoreV1Api(api).list_namespaced_config_map("default").items
    return {each.metadata.name for each in listed if each.metadata.name.startswith("guarded")}


@pytest.mark.parametrize("late", ["", "yes"])
def test_a_swapped_cluster_is_refused(
    lab_cluster: "Cluster", simulated: "SimulatedCluster", run: Run, late: str
) -> None:
    """The first deployment is remembered in the state; another cluster stops preview and update, and gets nothing."""
    first, second = lab_cluster.kubeconfig, simulated.kubeconfig
    made = run(first, late=late).up()
    assert made.ok, told(made)
    assert uid_of(first) == made.outputs["clusterId"]
    assert not run(first, late=late).up().changes

    for action in ("preview", "up"):
        swapped = getattr(run(second, late=late, text="two"), action)()
        assert not swapped.ok
        assert "another cluster than the one that this stack was first deployed to" in told(swapped)
        assert f"has the UID {uid_of(second)}, not {uid_of(first)}. Nothing was changed" in told(swapped)
        assert not maps(second)
    mended = run(first, late=late, text="two").up()
    assert mended.ok, told(mended)

    gone = run(first, late=late).destroy()
    assert gone.ok, told(gone)
    assert not maps(first)


def test_a_stack_is_moved_by_naming_the_new_cluster(
    lab_cluster: "Cluster", simulated: "SimulatedCluster", run: Run
) -> None:
    """The named cluster becomes the memory: afterwards the old one is the wrong one, named or not."""
    first, second = lab_cluster.kubeconfig, simulated.kubeconfig
    assert run(first).up().ok
    refused = run(first, expected=uid_of(second)).preview()
    assert not refused.ok
    assert "another cluster than the one that cluster_id names" in told(refused)

    moved = run(second, expected=uid_of(second), text="two").up()
    # The object was recorded in the first cluster, so the update of it finds nothing in the second: that is the
    # provider's business. What the guard decides is that this run was let through, and what it remembers.
    assert "another cluster" not in told(moved)
    back = run(first).preview()
    assert not back.ok
    assert "another cluster than the one that this stack was first deployed to" in told(back)


def test_without_the_right_to_look_the_run_says_so(lab_cluster: "Cluster", identity: Identity, run: Run) -> None:
    """Nobody's identity: a first deployment warns that the guard is off; with a cluster that is meant it fails."""
    nobody = identity("")
    first = run(nobody).up()
    assert "the guard against a wrong cluster is off: this identity may not read the namespace" in told(first)
    named = run(nobody, expected="some-uid").up()
    assert not named.ok
    assert "whether this is the cluster some-uid cannot be checked: this identity may not read" in told(named)

    meant = uid_of(lab_cluster.kubeconfig)
    assert run(lab_cluster.kubeconfig, expected=meant).up().ok
    remembered = run(nobody).up()
    assert not remembered.ok
    assert f"whether this is the cluster {meant} cannot be checked" in told(remembered)
    preview = run(nobody, text="one").preview()
    assert "the guard against a wrong cluster is off" in told(preview)
    assert run(lab_cluster.kubeconfig).destroy().ok


def test_a_cluster_that_does_not_answer(lab_cluster: "Cluster", run: Run, tmp_path: Path) -> None:
    """An update fails before anything; a preview warns."""
    assert run(lab_cluster.kubeconfig).up().ok
    dead = yaml.safe_load(lab_cluster.kubeconfig.read_text())
    dead["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    path = tmp_path / "dead.kubeconfig"
    path.write_text(yaml.safe_dump(dead))

    failed = run(path).up()
    assert not failed.ok
    assert "https://127.0.0.1:9 does not answer" in told(failed)
    assert "this preview cannot tell whether this is the cluster that is meant" in told(run(path).preview())
    assert run(lab_cluster.kubeconfig).destroy().ok


def test_no_byte_of_a_kubeconfig_is_in_state_or_log(
    lab_cluster: "Cluster", identity: Identity, run: Run, tmp_path: Path
) -> None:
    """Neither a client key nor a token: in no file that a run leaves, and in nothing that it prints."""
    key = yaml.safe_load(lab_cluster.kubeconfig.read_text())["users"][0]["user"]["client-key-data"]
    deployer = identity("apply.yaml")
    token = yaml.safe_load(deployer.read_text())["users"][0]["user"]["token"]
    printed = io.StringIO()
    for number, (kubeconfig, late) in enumerate(((lab_cluster.kubeconfig, ""), (deployer, ""), (deployer, "yes"))):
        engine = run(kubeconfig, late=late, text=str(number))
        engine._display = PlainDisplay(printed)
        for action in ("preview", "up"):
            summary = getattr(engine, action)()
            assert summary.ok, told(summary)
            printed.write(told(summary) + repr(summary.outputs))
    secrets = [key.encode(), base64.b64decode(key), token.encode(), base64.b64encode(token.encode())]
    # Any 40 bytes from the middle of each, for a part of it would be enough to be sorry.
    parts = [secret[len(secret) // 2 : len(secret) // 2 + 40] for secret in secrets]
    left = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert left
    for path in left:
        assert not [part for part in parts if part in path.read_bytes()], path
    assert not [part for part in parts if part in printed.getvalue().encode()]
    assert run(lab_cluster.kubeconfig).destroy().ok
