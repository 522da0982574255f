"""The workload components in whole programs on a real cluster: replacement, failure and secrets."""

import base64
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes.client import AppsV1Api, CoreV1Api

from lab.cluster import images
from lab.engine import Engine
from tests.programs import living_pods, told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap
from components import ResizableDeployment, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
space, image = config.require("space"), pulumi.Output.from_input(config.get("image") or {images.NGINX_1_22!r})
if config.get("late"):
    late = ConfigMap("late", metadata={{"namespace": space, "name": "late"}}, data={{}}, opts=options)
    image = late.id.apply(lambda _: {images.NGINX_1_26!r})


reload = config.get_object("reload")


def workload(name, label=None):
    args = {{
        "connection": target.connection,
        "namespace": space,
        "name": config.get("name") or name,
        "replicas": 1,
        "patience_seconds": config.get_int("patience") or 60,
        "containers": [
            {{
                "name": "nginx",
                "image": image,
                "env": [{{"name": "PIN", "value": config.require_secret("pin")}}],
                "resources": {{"requests": {{"cpu": "20m", "memory": "32Mi"}}}},
                "security_context": {{"run_as_user": {images.USER}}},
                "volume_mounts": [
                    {{"name": "files", "mount_path": "/etc/nginx/conf.d"}},
                    {{"name": "tmp", "mount_path": "/tmp"}},
                ],
            }}
        ],
        "volumes": [
            {{
                "name": "files",
                "config": {{
                    "name": "site",
                    "data": {{"default.conf": config.get("site") or ""}},
                    "on_change": config.get("on_change") or "roll",
                    **({{"reload": {{"container": "nginx", "command": reload}}}} if reload else {{}}),
                }},
            }},
            {{"name": "tmp", "empty_dir": {{}}}},
        ],
    }}
    if label:
        args["match_labels"] = {{"app": label}}
    return ResizableDeployment(name, args, options)


made = workload("web", config.get("label"))
if config.get("second"):
    workload("second")
pulumi.export("ready", made.ready)
"""

Run = Callable[..., Engine]


@pytest.fixture
def run(run: Run) -> Run:
    """Give a function that makes an engine for the program, which needs a pin."""

    def make(**config: str) -> Engine:
        return run(**{"pin": "4711-hush", **config})

    return make


def _pods(kube: Any, namespace: str) -> list[str]:
    """Return the names of the pods that are not on their way out."""
    return [pod.metadata.name for pod in living_pods(kube, namespace)]


def generations(kube: Any, namespace: str) -> dict[str, list[str]]:
    """Return the names of the configuration's ConfigMaps with the names of their owners."""
    found = CoreV1Api(kube).list_namespaced_config_map(namespace, label_selector="kubernetes-emerging/config-of=site")
    listed: list[Any] = found.items
    return {item.metadata.name: [owner.name for owner in item.metadata.owner_references or []] for item in listed}


@pytest.mark.parametrize("change", [{"label": "other"}, {"name": "renamed"}], ids=["delete first", "create first"])
def test_a_replaced_deployment_keeps_its_files(kube: Any, namespace: str, run: Run, change: dict[str, str]) -> None:
    """Another selector or name replaces the Deployment; what its pods mount outlives the old one's deletion."""
    assert run().up().ok
    before = generations(kube, namespace)
    replaced = run(**change).up()

    assert replaced.ok, told(replaced)
    assert 1 == replaced.counts["replace"]
    time.sleep(5)  # the garbage collector would be done by then
    name = change.get("name", "web")
    assert {each: [name] for each in before} == generations(kube, namespace)
    assert not run(**change).up().changes


def test_two_workloads_with_one_base_have_files_of_their_own(kube: Any, namespace: str, run: Run) -> None:
    """The same base and content in one namespace: each has its ConfigMap, and one's end leaves the other's."""
    assert run(second="yes").up().ok
    assert [["second"], ["web"]] == sorted(generations(kube, namespace).values())
    assert run().up().ok

    deadline = time.monotonic() + 20
    while len(generations(kube, namespace)) > 1 and time.monotonic() < deadline:
        time.sleep(0.3)
    assert [["web"]] == list(generations(kube, namespace).values())


def test_an_unknown_value_is_no_replacement(namespace: str, run: Run) -> None:
    """An image that only the deployment will know previews as an update, and is one."""
    del namespace
    assert run().up().ok
    preview = run(late="yes").preview()

    assert preview.ok, told(preview)
    assert (1, 1, 0) == (preview.counts["create"], preview.counts["update"], preview.counts["replace"])
    assert "not known before the deployment" in told(preview)
    assert run(late="yes").up().ok


def test_live_files_reach_the_pods_that_run(lab_cluster: "Cluster", kube: Any, namespace: str, run: Run) -> None:
    """Other content is an update of one ConfigMap; the same pod sees it, and no pod is replaced."""
    live = {"on_change": "live"}
    assert run(**live).up().ok
    (pod,) = _pods(kube, namespace)
    changed = run(site="# better", **live).up()
    assert changed.ok, told(changed)
    assert (1, 0) == (changed.counts["update"], changed.counts["replace"])
    # A kubelet brings new content when it syncs a pod: about once a minute, or when something in the pod changes.
    CoreV1Api(kube).patch_namespaced_pod(pod, namespace, {"metadata": {"annotations": {"example.com/sync": "now"}}})
    command = [str(lab_cluster.kubectl), "--kubeconfig", str(lab_cluster.kubeconfig), "-n", namespace, "exec", pod]
    deadline = time.monotonic() + 150
    while (
        "# better"
        not in subprocess.run(
            [*command, "--", "cat", "/etc/nginx/conf.d/default.conf"], capture_output=True, text=True, check=True
        ).stdout
    ):
        assert time.monotonic() < deadline, "the kubelet has not brought it"
        time.sleep(2)
    assert [pod] == _pods(kube, namespace)
    assert not run(site="# better", **live).up().changes


def test_pods_are_told_of_live_files(lab_cluster: "Cluster", kube: Any, namespace: str, run: Run) -> None:
    """Once they see them: the same process serves other content, within seconds; a new pod is told nothing."""
    live = {"on_change": "live", "reload": json.dumps(["nginx", "-s", "reload"])}

    def site(answer: str) -> str:
        return f"server {{ listen 8081; location / {{ return 200 {answer}; }} }}"

    def served() -> str:
        command = ["curl", "-s", "http://127.0.0.1:8081"]
        kubectl = [str(lab_cluster.kubectl), "--kubeconfig", str(lab_cluster.kubeconfig), "-n", namespace, "exec", pod]
        return subprocess.run([*kubectl, "--", *command], capture_output=True, text=True, check=True).stdout

    made = run(site=site("one"), **live).up()
    assert made.ok, told(made)
    assert "see the new content" not in told(made)
    (pod,) = _pods(kube, namespace)
    time.sleep(3)  # pods of the same seconds as their content are told, to be sure
    changed = run(site=site("two"), **live).up()
    assert changed.ok, told(changed)
    assert "files: 1 pods see the new content and have run 'nginx'" in told(changed)
    assert [pod] == _pods(kube, namespace)
    status: Any = CoreV1Api(kube).read_namespaced_pod(pod, namespace).status
    assert 0 == status.container_statuses[0].restart_count
    again = run(site=site("two"), **live).up()
    assert not again.changes
    assert "see the new content" not in told(again)


def test_a_reload_that_fails_is_tried_again(kube: Any, namespace: str, run: Run) -> None:
    """By the next `up`, also without a change, until it works; pod, command and its last words are told."""
    refusing = {"on_change": "live", "reload": json.dumps(["sh", "-c", "echo no such site >&2; exit 3"])}
    assert run(**refusing).up().ok
    (pod,) = _pods(kube, namespace)
    time.sleep(3)
    for _ in range(2):
        failed = run(site="# better", **refusing).up()
        assert not failed.ok
        assert f"pod {pod}: container nginx, 'sh' ended with 3: no such site" in told(failed)
    missing = run(site="# better", on_change="live", reload=json.dumps(["none-such"])).up()
    assert not missing.ok
    assert "the container needs `cat` and the reload command's program" in told(missing)
    assert run(site="# better", on_change="live", reload=json.dumps(["true"])).up().ok
    assert [pod] == _pods(kube, namespace)


def test_bad_files_fail_every_time_until_they_are_mended(namespace: str, run: Run) -> None:
    """Bad files fail with nginx's own words, again without a change, and their correction is enough."""
    del namespace
    assert run().up().ok
    for _ in range(2):
        failed = run(site="server {", patience="15").up()
        assert not failed.ok
        assert "unexpected end of file" in told(failed)
    assert run().up().ok
    assert run(site="server {", patience="15").up().ok is False
    assert run(site="# better").up().ok


def test_a_secret_variable_is_nowhere_in_clear(kube: Any, namespace: str, run: Run, tmp_path: Path) -> None:
    """It reaches the pod, and no message and no file of the state."""
    summary = run().up()
    changed = run(image=images.NGINX_1_26).up()

    deployment: Any = AppsV1Api(kube).read_namespaced_deployment("web", namespace)
    assert "4711-hush" == deployment.spec.template.spec.containers[0].env[0].value
    assert "4711-hush" not in told(summary) + told(changed)
    secret = b"4711-hush"
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert secret not in content
            assert base64.b64encode(secret) not in content
