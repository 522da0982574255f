"""`in_place: required`, and autoscalers, with an engine on a real API server; and the same plan on a command line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client import AppsV1Api, AutoscalingV2Api, CoreV1Api

from lab.cluster import images
from lab.engine import Engine
from tests.programs import live, pod_uids, told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import ResizableDeployment, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
size = {{"cpu": config.get("cpu") or "20m", "memory": config.get("memory") or "64Mi"}}
container = {{
    "name": "nginx",
    "image": config.get("image") or {images.NGINX_1_22!r},
    "resources": {{"requests": size, "limits": size}},
    "security_context": {{"run_as_user": {images.USER}}},
    "volume_mounts": [{{"name": "tmp", "mount_path": "/tmp"}}],
}}
if config.get("restart"):
    container["resize_policy"] = [{{"resource_name": "cpu", "restart_policy": "RestartContainer"}}]


def left_out(args):
    \"\"\"Leave sizes as they are on record, as the engine does with what is not among its targets.\"\"\"
    if not config.get("left_out") or "Deployment" not in args.type_ or not args.type_.startswith("kubernetes:"):
        return None
    ignored = pulumi.ResourceOptions(ignore_changes=["spec.template.spec.containers[0].resources"])
    return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, ignored))


web = ResizableDeployment(
    "web",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "replicas": int(config.get("replicas") or 1),
        "in_place": config.get("in_place") or "required",
        "containers": [container],
        "volumes": [{{"name": "tmp", "empty_dir": {{}}}}],
    }},
    pulumi.ResourceOptions(provider=None if config.get("alone") else target.provider, transformations=[left_out]),
)
pulumi.export("ready", web.ready)
"""
Run = Callable[..., Engine]


def test_what_an_update_leaves_out_is_left_alone(kube: Any, namespace: str, run: Run) -> None:
    """With a size of the program that the engine does not deploy, pods and template stay as they are on record."""
    assert run().up().ok
    before = pod_uids(kube, namespace)
    left = run(cpu="30m", left_out="yes").up()
    assert left.ok, told(left)
    assert "this update leaves it as it is on record" in told(left)
    assert "20m" == live(kube, namespace).spec.template.spec.containers[0].resources.requests["cpu"]
    after = run(cpu="30m").up()
    assert after.ok, told(after)
    assert "30m" == live(kube, namespace).spec.template.spec.containers[0].resources.requests["cpu"]
    assert before == pod_uids(kube, namespace)


def test_without_a_provider_the_connection_s_cluster_is_deployed_to(kube: Any, namespace: str, run: Run) -> None:
    """Pulumi would take the caller's own kubeconfig, which the lab's engine refuses."""
    done = run(alone="yes").up()
    assert done.ok, told(done)
    assert live(kube, namespace)


def test_required_lets_a_size_through_in_place_only(kube: Any, namespace: str, run: Run) -> None:
    """In place it goes; what would roll, or restart a container, fails in preview and update, with nothing touched."""
    assert run().up().ok
    before = pod_uids(kube, namespace)
    grown = run(cpu="30m").up()
    assert grown.ok, told(grown)
    assert before == pod_uids(kube, namespace)

    generation = live(kube, namespace).metadata.generation
    both = {"cpu": "40m", "image": images.NGINX_1_26}
    for action in ("preview", "up"):
        refused = getattr(run(**both), action)()
        assert not refused.ok
        assert "in_place is required, and this change would be something else; nothing was changed" in told(refused)
        assert "more than sizes changes" in told(refused)
        assert generation == live(kube, namespace).metadata.generation
    assert before == pod_uids(kube, namespace)

    rolled = run(cpu="30m", image=images.NGINX_1_26).up()
    assert rolled.ok, told(rolled)  # no size changes here, so it is no matter of resizing
    assert before.isdisjoint(pod_uids(kube, namespace))


def test_required_takes_no_restart_of_a_container(kube: Any, namespace: str, run: Run) -> None:
    """One that its resizePolicy asks for is named; `preferred` does it."""
    assert run(restart="yes").up().ok
    refused = run(restart="yes", cpu="30m").preview()
    assert not refused.ok
    assert "nginx requests.cpu 20m -> 30m: in place, with a restart of the container" in told(refused)
    before = pod_uids(kube, namespace)
    done = run(restart="yes", cpu="30m", in_place="preferred").up()
    assert done.ok, told(done)
    assert before == pod_uids(kube, namespace)


def test_required_with_no_pods_has_nothing_to_spare(kube: Any, namespace: str, run: Run) -> None:
    """Without replicas a new size is no more than a new template."""
    assert run(replicas="0").up().ok
    changed = run(replicas="0", cpu="30m").up()
    assert changed.ok, told(changed)
    (container,) = live(kube, namespace).spec.template.spec.containers
    assert "30m" == container.resources.requests["cpu"]


def test_a_size_that_was_changed_by_hand_is_put_back(kube: Any, namespace: str, run: Run) -> None:
    """Without a change in the program: preview tells who did it, up puts it back in place, then nothing is left."""
    assert run().up().ok
    container = {"name": "nginx", "resources": {"requests": {"cpu": "30m"}, "limits": {"cpu": "30m"}}}
    by_hand = {"spec": {"template": {"spec": {"containers": [container]}}}}
    AppsV1Api(kube).patch_namespaced_deployment("web", namespace, by_hand, field_manager="kubectl-set")
    assert run().up().ok
    assert "20m" == live(kube, namespace).spec.template.spec.containers[0].resources.limits["cpu"]

    before = pod_uids(kube, namespace)
    listed: list[Any] = CoreV1Api(kube).list_namespaced_pod(namespace).items
    (pod,) = [each.metadata.name for each in listed if each.metadata.uid in before]
    resize = {"spec": {"containers": [container]}}
    CoreV1Api(kube).patch_namespaced_pod_resize(pod, namespace, resize, field_manager="kubectl-edit")
    preview = run().preview()
    assert preview.ok
    assert "changed by hand, which the next update puts back in place: pod web-" in told(preview)
    healed = run().up()
    assert (True, False) == (healed.ok, bool(healed.changes))
    assert "limits.cpu is 30m, the template says 20m (changed by kubectl-edit); put back in place" in told(healed)
    assert before == pod_uids(kube, namespace)
    assert "by hand" not in told(run().up())


def test_an_hpa_is_told_what_it_will_read(kube: Any, namespace: str, run: Run) -> None:
    """The change is made in place all the same."""
    assert run().up().ok
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body: Any = {
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2, "metrics": [metric]},
    }
    AutoscalingV2Api(kube).create_namespaced_horizontal_pod_autoscaler(namespace, body)

    preview = run(cpu="40m").preview()
    assert preview.ok, told(preview)
    assert "HorizontalPodAutoscaler h aims at 60 % of the requested cpu: at the same use, what it reads goes" in told(
        preview
    )
    assert run(cpu="40m").up().ok


def test_a_vpa_that_updates_pods_refuses(kube: Any, namespace: str, run: Run, vpa: Callable[[str, str], None]) -> None:
    """Sizes are its business then: preview and update say so, and nothing is changed."""
    assert run(in_place="preferred").up().ok
    vpa(namespace, "InPlaceOrRecreate")
    generation = live(kube, namespace).metadata.generation

    for action in ("preview", "up"):
        refused = getattr(run(in_place="preferred", cpu="30m"), action)()
        assert not refused.ok
        assert "VerticalPodAutoscaler v (updateMode InPlaceOrRecreate) sets the sizes of these pods" in told(refused)
    assert generation == live(kube, namespace).metadata.generation


def test_the_plan_on_a_command_line(
    lab_cluster: "Cluster", kube: Any, namespace: str, run: Run, tmp_path: Path
) -> None:
    """For CI: JSON and exit codes, by sizes or by a manifest; nothing is changed."""
    assert run().up().ok
    generation = live(kube, namespace).metadata.generation

    def plan(*words: str) -> tuple[int, Any]:
        command = [sys.executable, "-m", "components.actions", "resize", "plan", "web", "--json", "-n", namespace]
        options = ["--kubeconfig", str(lab_cluster.kubeconfig), *words]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    code, found = plan("--set", "nginx.requests.cpu=30m", "--set", "nginx.limits.cpu=30m")
    assert (0, "in-place") == (code, found["outcome"])
    assert [("requests.cpu", "in-place"), ("limits.cpu", "in-place")] == [
        (each["resource"], each["outcome"]) for each in found["verdicts"]
    ]
    code, found = plan("--set", "nginx.limits.cpu=10m")
    assert (1, "refused") == (code, found["outcome"])
    code, said = plan("--set", "nginx.limits.gpu=1", "--set", "c.requests.cpu=1")
    assert 2 == code
    assert "'nginx.limits.gpu=1' is no size" in said
    assert "there is no container 'c'" in said

    path = tmp_path / "web.json"
    wanted = kube.sanitize_for_serialization(live(kube, namespace))
    manifest = {key: wanted[key] for key in ("metadata", "spec")} | {"apiVersion": "apps/v1", "kind": "Deployment"}
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = images.NGINX_1_26
    path.write_text(json.dumps(manifest))
    code, found = plan("--file", str(path))
    assert (1, "rollout", []) == (code, found["outcome"], found["verdicts"])
    assert generation == live(kube, namespace).metadata.generation
