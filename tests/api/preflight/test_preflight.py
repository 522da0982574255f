"""Preflight of a real API server: whole, restricted, limited, and before a program that needs what is not there."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import ApiException, AppsV1Api, CoreV1Api
from typer.testing import CliRunner

from components.actions import preflight
from components.actions.__main__ import app
from components.actions.connection import load_kubeconfig
from components.actions.resize.journal import ANNOTATION, Journal
from components.model.feature import KINDS, parse
from components.model.finding import Report
from components.model.platforms import table
from lab.engine import Engine, QuietDisplay
from tests.api.preflight.conftest import ROOT, Identity
from tests.programs import told

if TYPE_CHECKING:
    from lab.cluster import Cluster

FEATURES = ("sidecars", "resize", "mixed-protocol", "wasm=wasmedge", "cri")


def report(kubeconfig: Path, *features: str, namespaces: tuple[str, ...] = (), deploying: bool = True) -> Report:
    """Return the report of a cluster, asked by the identity of a kubeconfig."""
    with load_kubeconfig(str(kubeconfig)).client() as client:
        return preflight.check(client, [parse(text) for text in features], namespaces, deploying=deploying)


def answers(found: Report) -> dict[str, str]:
    """Return the answers by subject."""
    return {each.subject: each.answer for each in found.findings}


def test_a_whole_node_has_everything(lab_cluster: "Cluster", namespace: str) -> None:
    """The administrator is answered yes on each, from what the live cluster serves and its kubelet measures."""
    found = report(lab_cluster.kubeconfig, *FEATURES, namespaces=(namespace,))

    subjects = ("kubernetes", *FEATURES, f"rights: {namespace}", f"namespace: {namespace}")
    minor = ".".join(found.version.removeprefix("v").split(".")[:2])
    # containerd's project says nothing of the newest minors for a while: then it is unknown, and nothing else is.
    tested = "yes" if minor in table().containerd.tested else "unknown"
    assert dict.fromkeys(subjects, "yes") | {"cri": tested} == answers(found), preflight.render(found)
    (cri,) = [each for each in found.findings if each.subject == "cri"]
    assert "containerd 2." in str(cri)
    assert "cgroup v" in str(cri)
    assert "by the table" not in str(cri), "the kubelet told it"


def test_whom_nothing_is_allowed_is_told_what_is_unknown(identity: Identity, namespace: str) -> None:
    """A service account without any role gets answers, never a crash: unknown, with the right that would tell."""
    found = report(identity(""), *FEATURES, "load-balancer", namespaces=(namespace,), deploying=False)

    got = answers(found)
    assert ("yes", "yes") == (got["kubernetes"], got["mixed-protocol"])
    for subject in ("sidecars", "resize", "wasm=wasmedge", "cri", f"rights: {namespace}", f"namespace: {namespace}"):
        assert "unknown" == got[subject], subject
    assert "allow `list` on nodes" in preflight.render(found)
    assert "no" not in got.values()


def test_who_deploys_without_the_rights_is_stopped(identity: Identity, namespace: str) -> None:
    """What is unknown for a preview is a no for who deploys, by name."""
    (stop,) = report(identity(""), "resize", namespaces=(namespace,), deploying=True).stops

    assert f"rights: {namespace}" == stop.subject
    assert "patch pods/resize" in str(stop)
    assert "docs/rbac/apply.yaml" in stop.remedy


def test_each_kind_has_rights_of_its_own(identity: Identity, namespace: str) -> None:
    """The role for apply has those of every kind; whoever lacks them is told which, by what the stack makes."""
    kinds = [f"kind={kind}" for kind in KINDS]
    found = report(identity("apply.yaml"), "sidecars", "resize", *kinds, namespaces=(namespace,), deploying=True)
    assert {"yes"} == {answers(found)[subject] for subject in (*kinds, f"rights: {namespace}")}, preflight.render(found)

    nobody = identity("")
    for kind, words in (("CronJob", "create cronjobs.batch"), ("PodDisruptionBudget", "patch poddisruptionbudgets")):
        (stop,) = report(nobody, f"kind={kind}", namespaces=(namespace,), deploying=True).stops
        assert words in str(stop)
        assert "deployments" not in str(stop)


def test_limits_of_a_namespace_are_told(lab_cluster: "Cluster", kube: Any, namespace: str) -> None:
    """The enforced level, a full quota and a LimitRange, as the API server has them."""
    api = CoreV1Api(kube)
    api.patch_namespace(namespace, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})
    quota: Any = {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "1", "pods": "5"}}}
    api.create_namespaced_resource_quota(namespace, quota)
    limits: Any = {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}}
    api.create_namespaced_limit_range(namespace, limits)
    for _ in range(100):
        live: Any = api.read_namespaced_resource_quota("q", namespace)
        if (live.status.used or {}).get("configmaps") == "1":
            break
        time.sleep(0.1)

    (found,) = [
        each
        for each in report(lab_cluster.kubeconfig, namespaces=(namespace,)).findings
        if each.subject == f"namespace: {namespace}"
    ]
    for words in ("Pod Security level baseline", "quota q has no room: configmaps 1 of 1", "LimitRange l"):
        assert words.lower() in str(found).lower()
    assert ("unknown", False) == (found.answer, found.stops)


@pytest.fixture
def program(lab_cluster: "Cluster", kube: Any, tmp_path: Path) -> Iterator[Any]:
    """Give a function that makes an engine for this project's own program, in a stack of the test's."""
    stack = f"t{time.time_ns() % 10**10}"

    def make(**config: str) -> Engine:
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "platform": "lab", "wasm": "off", **config}
        return Engine(ROOT, stack, tmp_path / "state", QuietDisplay(), config=given)

    make.namespace = f"kubernetes-emerging-{stack}"  # type: ignore[attr-defined]
    yield make
    try:
        CoreV1Api(kube).delete_namespace(f"kubernetes-emerging-{stack}")
    except ApiException as error:
        if error.status != 404:
            raise


def exists(kube: Any, namespace: str) -> bool:
    """Tell whether a namespace is there."""
    listed: list[Any] = CoreV1Api(kube).list_namespace().items
    return any(each.metadata.name == namespace for each in listed)


def inplace_demo(kube: Any, namespace: str) -> Any:
    """Return the live Deployment of the demo that is resized."""
    return AppsV1Api(kube).read_namespaced_deployment("inplace-update-demo", namespace)


def test_a_no_stops_the_whole_program_before_its_first_change(kube: Any, program: Any) -> None:
    """A handler that no node has: preview and update fail alike, and not even the namespace is made."""
    for run in ("preview", "up"):
        summary = getattr(program(wasm="on", wasmHandler="nosuch"), run)()
        assert not summary.ok
        assert "the cluster cannot do what this stack uses" in told(summary)
        assert "wasm=nosuch: no: no node has the handler 'nosuch'" in told(summary)
        assert not exists(kube, program.namespace)
    assert not program(wasm="on", wasmHandler="nosuch").outputs()


def test_a_preview_creates_nothing_and_prints_the_table(kube: Any, program: Any) -> None:
    """Every answer is in it; the namespace is not there afterwards."""
    summary = program().preview()

    assert summary.ok, told(summary)
    assert not exists(kube, program.namespace)
    for words in ("Preflight of https://", "sidecars", "resize?", "cri?", f"namespace: {program.namespace}"):
        assert words in told(summary)


def test_the_documented_roles_are_enough(identity: Identity, kube: Any, program: Any) -> None:
    """The role for apply deploys and removes; the one for preview previews that stack, and writes nothing."""
    deployer = str(identity("apply.yaml"))
    deployed = program(kubeconfig=deployer).up()
    assert deployed.ok, told(deployed)
    assert "yes" == deployed.outputs["preflight"][f"rights: {program.namespace}"]

    previewer = identity("preview.yaml")
    before = inplace_demo(kube, program.namespace)
    preview = program(kubeconfig=str(previewer), inplaceCpu="200m").preview()
    assert preview.ok, told(preview)
    assert "limits.cpu 100m -> 200m: in place" in told(preview)
    after = inplace_demo(kube, program.namespace)
    assert before.metadata.resource_version == after.metadata.resource_version

    # The role alone would let it write; the policy does not. It is in force some moments after it was made.
    with load_kubeconfig(str(previewer)).client() as client:
        path = f"/api/v1/namespaces/{program.namespace}/configmaps"
        body = {"metadata": {"name": "written"}}
        for _ in range(50):
            try:
                client.create(path, body)
            except Exception as error:  # noqa: BLE001  # looked at below
                refusal = str(error)
                break
            CoreV1Api(kube).delete_namespaced_config_map("written", program.namespace)
            time.sleep(0.2)
        assert "this identity previews, so it may write in dry runs only" in refusal
        assert "written" == client.create(path, body, dry_run=True)["metadata"]["name"]

    removed = program(kubeconfig=deployer).destroy()
    assert removed.ok, told(removed)


def test_unfinished_work_is_reported_even_without_a_change(lab_cluster: "Cluster", kube: Any, program: Any) -> None:
    """A resize whose run was killed is in the table of every preview, and in `make preflight`; nothing is touched."""
    assert program().up().ok
    api = AppsV1Api(kube)
    live = inplace_demo(kube, program.namespace)
    size = {"nginx": {"requests": {"cpu": "100m"}, "limits": {"cpu": "100m"}}}
    larger = {"nginx": {"requests": {"cpu": "200m"}, "limits": {"cpu": "200m"}}}
    journal = Journal(uid=live.metadata.uid, replica_set="x", history=10, old=size, new=larger)
    patch = {"metadata": {"annotations": {ANNOTATION: journal.text()}}, "spec": {"paused": True}}
    api.patch_namespaced_deployment("inplace-update-demo", program.namespace, patch)

    found = report(lab_cluster.kubeconfig, "resize", namespaces=(program.namespace,))
    (work,) = found.unfinished
    assert "nginx limits.cpu 100m -> 200m" in work
    assert "unfinished: " in preflight.render(found)
    preview = program().preview()
    assert preview.ok, told(preview)
    assert "an earlier run left work unfinished" in told(preview)
    assert inplace_demo(kube, program.namespace).spec.paused
    api.patch_namespaced_deployment(
        "inplace-update-demo",
        program.namespace,
        {"metadata": {"annotations": {ANNOTATION: None}}, "spec": {"paused": None}},
    )


def test_the_command_line_says_it_too(lab_cluster: "Cluster") -> None:
    """Exit code 1 where something needed is a no, 0 where it can be done without; JSON has the same."""
    base = ["preflight", "--kubeconfig", str(lab_cluster.kubeconfig), "--json"]
    fine = CliRunner().invoke(app, [*base, "--feature", "resize", "--namespace", "default"])
    assert 0 == fine.exit_code, fine.output
    assert json.loads(fine.output)["passed"]
    refused = CliRunner().invoke(app, [*base, "--feature", "wasm=nosuch"])
    assert (1, False) == (refused.exit_code, json.loads(refused.output)["passed"])
    assert 0 == CliRunner().invoke(app, [*base, "--feature", "wasm=nosuch?"]).exit_code


def test_a_new_namespace_is_no_hindrance(lab_cluster: "Cluster") -> None:
    """What the stack will make itself is not missed."""
    found = report(lab_cluster.kubeconfig, "sidecars", namespaces=("not-there-yet",))
    assert "it is not there yet" in preflight.render(found)
