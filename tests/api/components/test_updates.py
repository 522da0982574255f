"""Updates of a ResizableDeployment that are no resize: guarded rollouts, restarts, and moving a plain Deployment in."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client import AppsV1Api

from components.actions.resize.templates import digest, sizes
from components.actions.rollout import MARK
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
from pulumi_kubernetes.apps.v1 import Deployment
from components import ResizableDeployment, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
space, labels = config.require("space"), {{"app": "shop"}}
size = {{"cpu": config.get("cpu") or "20m", "memory": "64Mi"}}
image = config.get("image") or {images.NGINX_1_22!r}
if config.get("plain"):
    security = {{"allowPrivilegeEscalation": False, "capabilities": {{"drop": ["ALL"]}}}}
    security |= {{"runAsNonRoot": True, "readOnlyRootFilesystem": True, "runAsUser": {images.USER}}}
    container = {{
        "name": "nginx",
        "image": image,
        "resources": {{"requests": size, "limits": size}},
        "securityContext": security,
        "volumeMounts": [{{"name": "tmp", "mountPath": "/tmp"}}],
    }}
    pod = {{"metadata": {{"labels": labels}}}}
    pod["spec"] = {{
        "automountServiceAccountToken": False,
        "securityContext": {{"runAsNonRoot": True, "seccompProfile": {{"type": "RuntimeDefault"}}}},
        "containers": [container],
        "volumes": [{{"name": "tmp", "emptyDir": {{}}}}],
    }}
    spec = {{"replicas": 2, "selector": {{"matchLabels": labels}}, "template": pod}}
    Deployment("shop", metadata={{"namespace": space, "name": "web"}}, spec=spec, opts=options)
else:
    container = {{
        "name": "nginx",
        "image": image,
        "resources": {{"requests": size, "limits": size}},
        "security_context": {{"run_as_user": {images.USER}}},
        "volume_mounts": [{{"name": "tmp", "mount_path": "/tmp"}}],
    }}
    if config.get("slow"):
        container["readiness_probe"] = {{"tcp_socket": {{"port": "1"}}}}
    if config.get("policy"):
        container["resize_policy"] = [{{"resource_name": "memory", "restart_policy": "RestartContainer"}}]
    args = {{
        "connection": target.connection,
        "namespace": space,
        "name": "web",
        "match_labels": labels,
        "patience_seconds": int(config.get("patience") or 60),
        "rollback_on_failure": True,
        "moved_from": "shop",
        "containers": [container],
        "volumes": [{{"name": "tmp", "empty_dir": {{}}}}],
    }}
    if not config.get("autoscaled"):
        args["replicas"] = 2
    if config.get("restart"):
        args["restart"] = config.require("restart")
    web = ResizableDeployment("web", args, options)
    pulumi.export("ready", web.ready)
"""
Run = Callable[..., Engine]


def image_of(kube: Any, namespace: str) -> str:
    """Return the image in the Deployment's template."""
    return str(live(kube, namespace).spec.template.spec.containers[0].image)


def test_a_failed_rollout_leaves_state_and_cluster_in_agreement(kube: Any, namespace: str, run: Run) -> None:
    """A bad image is taken back with its cause, as its preview said; the former program is no change, a good one goes.

    The bad one fails again.
    """
    assert run().up().ok
    before = pod_uids(kube, namespace)
    assert "new pods that are not ready within 60 s are taken back" in told(run(image="localhost/none:1").preview())
    for _ in range(2):
        failed = run(image="localhost/none:1").up()
        assert not failed.ok
        assert "the rollout failed and was taken back" in told(failed)
        assert "localhost/none:1" in told(failed)
        assert "The former revision is back, and its pods are ready" in told(failed)
        assert (images.NGINX_1_22, before) == (image_of(kube, namespace), pod_uids(kube, namespace))
    unchanged = run().up()
    assert (True, False) == (unchanged.ok, bool(unchanged.changes)), told(unchanged)
    assert run(image=images.NGINX_1_26).up().ok
    assert images.NGINX_1_26 == image_of(kube, namespace)
    resized = run(image=images.NGINX_1_26, cpu="30m").up()
    assert "resized in place: no rollout" in told(resized)


def test_a_killed_proof_is_made_up_for(kube: Any, namespace: str, run: Run) -> None:
    """The bad template that a killed run left is there already, so nothing would roll: it is proved all the same."""
    assert run().up().ok
    before, found = pod_uids(kube, namespace), live(kube, namespace)
    template = AppsV1Api(kube).api_client.sanitize_for_serialization(found.spec.template)
    mark = {"version": 1, "uid": found.metadata.uid, "started": "just now"}
    mark |= {"template": digest(template), "sizes": sizes(template)}
    tried = {"containers": [{"name": "nginx", "image": "localhost/none:1"}]}
    body = {"metadata": {"annotations": {MARK: json.dumps(mark)}}, "spec": {"template": {"spec": tried}}}
    AppsV1Api(kube).patch_namespaced_deployment("web", namespace, body, field_manager="pulumi-kubernetes")
    failed = run(image="localhost/none:1").up()
    assert "the rollout failed and was taken back" in told(failed)
    assert (images.NGINX_1_22, before) == (image_of(kube, namespace), pod_uids(kube, namespace))

    AppsV1Api(kube).patch_namespaced_deployment("web", namespace, body, field_manager="pulumi-kubernetes")
    assert "will be taken back first" in told(run().preview())
    reverted = run().up()
    assert (True, False) == (reverted.ok, bool(reverted.changes)), told(reverted)
    assert "an earlier run left in Deployment" in told(reverted)
    assert (images.NGINX_1_22, before) == (image_of(kube, namespace), pod_uids(kube, namespace))


def test_another_restart_text_replaces_the_pods(kube: Any, namespace: str, run: Run) -> None:
    """And nothing else does: the same text is no change."""
    assert run(restart="once").up().ok
    before = pod_uids(kube, namespace)
    assert not run(restart="once").up().changes
    assert run(restart="twice").up().ok
    assert before.isdisjoint(pod_uids(kube, namespace))


def test_a_plain_deployment_moves_in(kube: Any, namespace: str, run: Run) -> None:
    """The same object and the same pods; what costs a rollout is said first; from then on it is resized in place."""
    assert run(plain="yes").up().ok
    uid, before = live(kube, namespace).metadata.uid, pod_uids(kube, namespace)
    preview = run(policy="yes").preview()
    assert preview.ok, told(preview)
    assert (0, 0) == (preview.counts["delete"], preview.counts["replace"])
    assert "new pods are rolled out" in told(preview)
    assert "more than sizes changes" in told(preview)
    assert "resizePolicy" in told(preview)

    moved = run().up()
    assert moved.ok, told(moved)
    assert (uid, before) == (live(kube, namespace).metadata.uid, pod_uids(kube, namespace))
    resized = run(cpu="30m").up()
    assert resized.ok, told(resized)
    assert (uid, before) == (live(kube, namespace).metadata.uid, pod_uids(kube, namespace))


def test_an_autoscaler_owns_the_number_of_pods(kube: Any, namespace: str, run: Run) -> None:
    """Without `replicas` what an autoscaler has set stays, through a resize and through a rollout."""
    assert run(autoscaled="yes").up().ok
    AppsV1Api(kube).patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 3}})
    assert run(autoscaled="yes", cpu="30m").up().ok
    assert run(autoscaled="yes", cpu="30m", image=images.NGINX_1_26).up().ok
    assert 3 == live(kube, namespace).spec.replicas
    assert 3 == len(pod_uids(kube, namespace))


def test_ctrl_c_takes_a_rollout_back(
    lab_cluster: "Cluster", kube: Any, namespace: str, run: Run, tmp_path: Path
) -> None:
    """In the middle of a rollout that is being proved it does not wait for the patience, and leaves nothing half."""
    assert run(patience="300").up().ok
    before = pod_uids(kube, namespace)
    script = f"""
        from pathlib import Path
        from lab.engine import Engine, QuietDisplay

        config = {{
            "kubeconfig": {str(lab_cluster.kubeconfig)!r},
            "space": {namespace!r},
            "slow": "yes",
            "patience": "300",
        }}
        here = Path({str(tmp_path)!r})
        raise SystemExit(0 if Engine(here, "dev", here / "state", QuietDisplay(), config=config).up().ok else 1)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 60
    while live(kube, namespace).spec.template.spec.containers[0].readiness_probe is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # As a terminal does under the official CLI, where the program is in the foreground, too.
    (program,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, int(program)):
        os.kill(pid, signal.SIGINT)
    assert process.wait(60) != 0
    assert (images.NGINX_1_22, before) == (image_of(kube, namespace), pod_uids(kube, namespace))
    again = run(patience="300").up()
    assert (True, False) == (again.ok, bool(again.changes)), told(again)
