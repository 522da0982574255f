"""A ResizableStatefulSet in a whole program on a real cluster: resized in place, healed, and never replaced."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes.client import AppsV1Api, CoreV1Api

from lab.cluster import images
from lab.engine import Engine
from tests.programs import living_pods, told

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from pulumi_kubernetes.apps.v1 import StatefulSet
from components import ResizableStatefulSet, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
size = {{"cpu": config.get("cpu") or "20m", "memory": "64Mi"}}
container = {{
    "name": "nginx",
    "image": config.get("image") or {images.NGINX_1_22!r},
    "resources": {{"requests": size, "limits": size}},
    "security_context": {{"run_as_user": {images.USER}}},
    "volume_mounts": [
        {{"name": "tmp", "mount_path": "/tmp"}},
        {{"name": "files", "mount_path": "/etc/nginx/conf.d"}},
    ],
}}
args = {{
    "connection": target.connection,
    "namespace": config.require("space"),
    "replicas": int(config.get("replicas") or 2),
    "patience_seconds": 60,
    "containers": [container],
    "volumes": [
        {{"name": "tmp", "empty_dir": {{}}}},
        {{"name": "files", "config": {{"name": "site", "data": {{"default.conf": config.get("site") or ""}}}}}},
    ],
}}
if config.get("storage"):
    args["volume_claim_templates"] = [{{"name": "data", "storage": config.require("storage")}}]
if config.get("guarded"):
    args["rollback_on_failure"] = True
if config.get("service"):
    args["service_name"] = config.require("service")
web = ResizableStatefulSet("web", args, pulumi.ResourceOptions(provider=target.provider))
pulumi.export("ready", web.ready)
"""
Run = Callable[..., Engine]


def live(kube: Any, namespace: str) -> Any:
    """Return the live StatefulSet."""
    return AppsV1Api(kube).read_namespaced_stateful_set("web", namespace)


def pods(kube: Any, namespace: str) -> set[tuple[str, int]]:
    """Return UID and restarts of the pods that are not on their way out."""
    found = living_pods(kube, namespace)
    return {(pod.metadata.uid, pod.status.container_statuses[0].restart_count) for pod in found}


def test_a_size_is_changed_in_place(kube: Any, namespace: str, run: Run) -> None:
    """Preview says so; afterwards the pods are the same, the strategy is back, and anything may change next."""
    made = run().up()
    assert made.ok, told(made)
    before = pods(kube, namespace)
    assert "StatefulSet" in told(preview := run(cpu="30m").preview())
    assert "running pods are resized in place" in told(preview)
    grown = run(cpu="30m").up()
    assert grown.ok, told(grown)
    assert before == pods(kube, namespace)
    found = live(kube, namespace)
    assert ("30m", "RollingUpdate") == (
        found.spec.template.spec.containers[0].resources.limits["cpu"],
        found.spec.update_strategy.type,
    )
    assert found.status.current_revision == found.status.update_revision
    assert not run(cpu="30m").up().changes
    again = run(cpu="40m").up()
    assert again.ok, told(again)
    assert before == pods(kube, namespace)
    rolled = run(cpu="40m", image=images.NGINX_1_26, site="# new").up()
    assert rolled.ok, told(rolled)
    assert before.isdisjoint(pods(kube, namespace))


def test_a_size_that_was_changed_by_hand_is_put_back(kube: Any, namespace: str, run: Run) -> None:
    """A pod's own size is told in preview, with who did it, and put back in place."""
    assert run().up().ok
    before = pods(kube, namespace)
    container = {"name": "nginx", "resources": {"requests": {"cpu": "30m"}, "limits": {"cpu": "30m"}}}
    body = {"spec": {"containers": [container]}}
    CoreV1Api(kube).patch_namespaced_pod_resize("web-1", namespace, body, field_manager="kubectl-edit")
    assert "changed by hand, which the next update puts back in place: pod web-1" in told(run().preview())
    healed = run().up()
    assert (True, False) == (healed.ok, bool(healed.changes))
    assert "put back in place" in told(healed)
    assert before == pods(kube, namespace)


def test_what_would_replace_it_is_refused(kube: Any, namespace: str, run: Run) -> None:
    """Claims and Service cannot change: preview and update say what to do, and the StatefulSet is the same one."""
    given = {"replicas": "0", "storage": "1Gi", "service": "web"}
    assert run(**given).up().ok
    uid = live(kube, namespace).metadata.uid
    for change in ({"storage": "2Gi"}, {"service": "other"}):
        for action in ("preview", "up"):
            refused = getattr(run(**{**given, **change}), action)()
            assert not refused.ok
            assert "would be replaced, with all of its pods; nothing was changed" in told(refused)
            assert "--cascade=orphan" in told(refused)
    assert uid == live(kube, namespace).metadata.uid
    assert not run(**given).up().changes


def test_a_bad_image_fails_with_its_cause(namespace: str, run: Run) -> None:
    """Again without a change; the good one is enough to mend it, with the command for the pod that blocks it."""
    del namespace
    assert run().up().ok
    for _ in range(2):
        failed = run(image="localhost/none:1").up()
        assert not failed.ok
        assert "localhost/none:1" in told(failed)
    mended = run().up()
    assert mended.ok or "kubectl delete pod" in told(mended)


def test_a_guarded_rollout_that_fails_is_taken_back(kube: Any, namespace: str, run: Run) -> None:
    """Its cause is told, state and cluster agree, and the pod that had not been reached is the same one."""
    assert run(guarded="yes").up().ok
    before = pods(kube, namespace)
    failed = run(guarded="yes", image="localhost/none:1").up()
    assert not failed.ok
    assert "the rollout failed and was taken back" in told(failed)
    assert "localhost/none:1" in told(failed)
    assert "The former revision is back, and its pods are ready" in told(failed)
    assert images.NGINX_1_22 == live(kube, namespace).spec.template.spec.containers[0].image
    assert 1 == len(before & pods(kube, namespace))
    unchanged = run(guarded="yes").up()
    assert (True, False) == (unchanged.ok, bool(unchanged.changes)), told(unchanged)
