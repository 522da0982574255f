"""A SidecarWorkload of every kind in a whole program on a real cluster: what is made, what changes do, what moves."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import AppsV1Api, BatchV1Api, CoreV1Api

from lab.cluster import images
from lab.engine import Engine
from tests.programs import living_pods, pod_uids, told

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import json
import pulumi
from pulumi_kubernetes.apps.v1 import DaemonSet, StatefulSet
from pulumi_kubernetes.batch.v1 import CronJob
from components import SidecarWorkload, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
options = pulumi.ResourceOptions(provider=target.provider)
kind, space = config.require("kind"), config.require("space")
GOING_ON = "trap 'exit 0' TERM QUIT; while :; do sleep 0.1; done"


def container(name, command):
    return {{
        "name": name,
        "image": {images.NGINX_1_22!r},
        "command": ["sh", "-c", command],
        "resources": {{"requests": {{"cpu": config.get("cpu") or "10m", "memory": "16Mi"}}}},
        "security_context": {{"run_as_user": {images.USER}}},
    }}


if config.get("plain"):
    labels = {{"app.kubernetes.io/name": "web"}}
    metadata = {{"namespace": space, "name": "web", "annotations": {{"pulumi.com/skipAwait": "true"}}}}
    running = {{"name": "main", "image": {images.NGINX_1_22!r}, "command": ["sleep", "infinity"]}}
    pod = {{"containers": [running], "terminationGracePeriodSeconds": 1}}
    template = {{"metadata": {{"labels": labels}}, "spec": pod}}
    if kind == "CronJob":
        template["spec"]["restartPolicy"] = "Never"
        job = {{"spec": {{"template": template}}}}
        CronJob("old", metadata=metadata, spec={{"schedule": "@yearly", "jobTemplate": job}}, opts=options)
    else:
        spec = {{"selector": {{"matchLabels": labels}}, "template": template}}
        {{"DaemonSet": DaemonSet, "StatefulSet": StatefulSet}}[kind]("old", metadata=metadata, spec=spec, opts=options)
else:
    ends = kind in ("Job", "CronJob")
    args = {{
        "connection": target.connection,
        "namespace": space,
        "kind": kind,
        "patience_seconds": 60,
        "moved_from": "old" if config.get("moved") else None,
        "containers": [container("main", config.get("command") or ("echo done" if ends else GOING_ON))],
        "sidecars": [{{**container("side", GOING_ON), "startup_probe": {{"exec": {{"command": ["true"]}}}}}}],
        "termination_grace_period_seconds": 2,
        "volumes": [
            {{
                "name": "files",
                "config": {{
                    "name": "site",
                    "data": {{"a.conf": config.get("site") or ""}},
                    "on_change": config.get("on_change") or "roll",
                }},
            }}
        ],
        **json.loads(config.get("more") or "{{}}"),
    }}
    if kind == "CronJob" and "cron_job" not in args:
        args["cron_job"] = {{"schedule": "@yearly"}}
    made = SidecarWorkload("web", args, options)
    pulumi.export("ready", made.ready)
"""
Run = Callable[..., Engine]


def live(kube: Any, namespace: str, kind: str) -> Any:
    """Return the live object `web` of a kind."""
    apps, batch = AppsV1Api(kube), BatchV1Api(kube)
    read = {
        "Deployment": apps.read_namespaced_deployment,
        "StatefulSet": apps.read_namespaced_stateful_set,
        "DaemonSet": apps.read_namespaced_daemon_set,
        "Job": batch.read_namespaced_job,
        "CronJob": batch.read_namespaced_cron_job,
    }
    return read[kind]("web", namespace)


def config_owners(kube: Any, namespace: str) -> list[list[tuple[str, str]]]:
    """Return the owners of the ConfigMaps that the workload brought along."""
    found = CoreV1Api(kube).list_namespaced_config_map(namespace, label_selector="kubernetes-emerging/config-of=site")
    listed: list[Any] = found.items
    return [[(owner.kind, owner.uid) for owner in item.metadata.owner_references or []] for item in listed]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"])
def test_every_kind_is_made_and_is_well(kube: Any, namespace: str, run: Run, kind: str) -> None:
    """With its sidecar and its files, which it owns; the second run has nothing to do, and finds it well again."""
    preview = run(kind=kind).preview()
    assert preview.ok, told(preview)
    made = run(kind=kind).up()
    assert made.ok, told(made)
    assert made.outputs["ready"] is True

    found = live(kube, namespace, kind)
    spec = found.spec.job_template.spec if kind == "CronJob" else found.spec
    assert ["Always"] == [each.restart_policy for each in spec.template.spec.init_containers]
    assert [[(kind, found.metadata.uid)]] == config_owners(kube, namespace)
    again = run(kind=kind).up()
    assert (True, False) == (again.ok, bool(again.changes)), told(again)
    assert found.metadata.uid == live(kube, namespace, kind).metadata.uid


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_sizes_are_changed_in_place(kube: Any, namespace: str, run: Run, kind: str) -> None:
    """As in a Resizable one: preview says so, and the pod stays the same."""
    assert run(kind=kind).up().ok
    before = pod_uids(kube, namespace)
    assert "resized in place" in told(run(kind=kind, cpu="20m").preview())
    changed = run(kind=kind, cpu="20m").up()
    assert changed.ok, told(changed)
    assert before == pod_uids(kube, namespace)


def test_a_changed_daemon_set_rolls(kube: Any, namespace: str, run: Run) -> None:
    """Preview says so; other files roll it, too; a bad image fails every time with its cause; nowhere is said."""
    assert run(kind="DaemonSet").up().ok
    uid, before = live(kube, namespace, "DaemonSet").metadata.uid, pod_uids(kube, namespace)
    assert "the pods are replaced, node by node" in told(run(kind="DaemonSet", cpu="20m").preview())
    changed = run(kind="DaemonSet", cpu="20m", site="# new").up()
    assert changed.ok, told(changed)
    assert uid == live(kube, namespace, "DaemonSet").metadata.uid
    assert before.isdisjoint(pod_uids(kube, namespace))
    assert [[("DaemonSet", uid)]] * 2 == config_owners(kube, namespace)
    patch = {"containers": [{"name": "main", "image": "localhost/none:1"}]}
    for _ in range(2):
        failed = run(kind="DaemonSet", more=json.dumps({"pod_spec_patch": patch})).up()
        assert not failed.ok
        assert "container main: " in told(failed)
        assert "localhost/none:1" in told(failed)
    nowhere = run(kind="DaemonSet", more=json.dumps({"node_selector": {"example.com/none": "such"}})).up()
    assert nowhere.ok, told(nowhere)
    assert "no node takes its pods" in told(nowhere)


def test_a_daemon_set_is_told_of_files_that_change_under_it(kube: Any, namespace: str, run: Run) -> None:
    """The same pods see the new content of a live config, and have run the command in them."""
    container = {
        "name": "main",
        "image": images.NGINX_1_22,
        "command": ["sh", "-c", "trap 'exit 0' TERM QUIT; while :; do sleep 0.1; done"],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "security_context": {"run_as_user": images.USER},
        "volume_mounts": [{"name": "files", "mount_path": "/files"}],
    }

    def told_of(content: str) -> str:
        reload = {"container": "main", "command": ["grep", content, "/files/a"]}
        config = {"name": "live", "data": {"a": content}, "on_change": "live", "reload": reload}
        more = {"containers": [container], "volumes": [{"name": "files", "config": config}]}
        done = run(kind="DaemonSet", more=json.dumps(more)).up()
        assert done.ok, told(done)
        return told(done)

    told_of("first")
    before = pod_uids(kube, namespace)
    assert "1 pods see the new content and have run 'grep'" in told_of("second")
    assert before == pod_uids(kube, namespace)


def test_another_selector_replaces_a_daemon_set(kube: Any, namespace: str, run: Run) -> None:
    """The provider does not know that the server refuses the change; the files outlive it."""
    assert run(kind="DaemonSet").up().ok
    uid = live(kube, namespace, "DaemonSet").metadata.uid
    replaced = run(kind="DaemonSet", more=json.dumps({"match_labels": {"app": "other"}})).up()
    assert replaced.ok, told(replaced)
    assert 1 == replaced.counts["replace"]
    found = live(kube, namespace, "DaemonSet")
    assert uid != found.metadata.uid
    assert [[("DaemonSet", found.metadata.uid)]] == config_owners(kube, namespace)


def test_a_changed_job_runs_again(kube: Any, namespace: str, run: Run) -> None:
    """As a new object, which preview says, also for another mode or size or file; what may change in it does."""
    modes: list[dict[str, Any]] = [{"completions": 1}, {"completions": 1, "backoff_limit": 1}]
    modes.append({**modes[1], "completion_mode": "Indexed"})
    first, limited, indexed = ({"kind": "Job", "more": json.dumps({"job": each})} for each in modes)
    assert run(**first).up().ok
    uid = live(kube, namespace, "Job").metadata.uid
    kept = run(**limited).up()
    assert kept.ok, told(kept)
    assert "its pods stay as they are" in told(kept)
    assert uid == live(kube, namespace, "Job").metadata.uid
    preview = run(**limited, cpu="20m").preview()
    assert "the Job runs again, as a new object" in told(preview)
    assert 1 == preview.counts["replace"]
    for change in (indexed, {**indexed, "cpu": "20m", "site": "# new"}):
        again = run(**change).up()
        assert again.ok, told(again)
        found = live(kube, namespace, "Job").metadata.uid
        assert uid != found
        uid = found
    assert [("Job", uid)] in config_owners(kube, namespace)


def test_a_job_that_fails_does_so_every_time(kube: Any, namespace: str, run: Run) -> None:
    """With the cause, also without a change; the mended one runs as a new object."""
    failing = {
        "kind": "Job",
        "command": "echo no such table; exit 3",
        "more": json.dumps({"job": {"backoff_limit": 0}}),
    }
    for _ in range(2):
        failed = run(**failing).up()
        assert not failed.ok
        for words in ("container main: Failed; exit code 3", "no such table"):
            assert words in told(failed)
    uid = live(kube, namespace, "Job").metadata.uid
    mended = run(kind="Job").up()
    assert mended.ok, told(mended)
    assert uid != live(kube, namespace, "Job").metadata.uid


def test_a_complete_job_expires(kube: Any, namespace: str, run: Run) -> None:
    """Its TTL is no difference to the program; once it is gone that is said, and after a refresh it runs again."""
    long, short = ({"kind": "Job", "more": json.dumps({"job": {"ttl_seconds_after_finished": n}})} for n in (3600, 1))
    assert run(**long).up().ok
    made = live(kube, namespace, "Job")
    assert 3600 == made.spec.ttl_seconds_after_finished
    assert run(**long).refresh().ok
    again = run(**long).up()
    assert (True, False) == (again.ok, bool(again.changes)), told(again)
    assert run(**short).up().ok
    deadline = time.monotonic() + 30
    while BatchV1Api(kube).list_namespaced_job(namespace).items:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    gone = run(**short).up()
    assert (True, False) == (gone.ok, bool(gone.changes)), told(gone)
    assert "is gone, for ttl_seconds_after_finished is over" in told(gone)
    assert run(**long).refresh().ok
    anew = run(**long).up()
    assert anew.ok, told(anew)
    assert made.metadata.uid != live(kube, namespace, "Job").metadata.uid


def test_a_cron_job_changes_for_the_jobs_to_come(kube: Any, namespace: str, run: Run) -> None:
    """It stays the same object; that its last Job failed is a warning with the diagnosis, and no failure."""
    failing = {"kind": "CronJob", "command": "echo no such table; exit 3"}
    assert run(**failing).up().ok
    found = live(kube, namespace, "CronJob")
    template = kube.sanitize_for_serialization(found.spec.job_template)
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "web", "uid": found.metadata.uid, "controller": True}
    template["spec"]["backoffLimit"] = 0
    api: Any = BatchV1Api(kube)
    api.create_namespaced_job(namespace, {**template, "metadata": {"name": "web-1", "ownerReferences": [owner]}})
    deadline = time.monotonic() + 40
    while not api.read_namespaced_job("web-1", namespace).status.failed:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    again = run(**failing).up()
    assert again.ok, told(again)
    for words in ("its last Job web-1 failed", "container main: Failed; exit code 3", "no such table"):
        assert words in told(again)
    change = {"kind": "CronJob", "more": json.dumps({"cron_job": {"schedule": "@yearly", "suspend": True}})}
    assert "counts for the Jobs that are made from now on" in told(run(**change).preview())
    changed = run(**change).up()
    assert changed.ok, told(changed)
    assert "is suspended: it makes no Jobs" in told(changed)
    assert found.metadata.uid == live(kube, namespace, "CronJob").metadata.uid


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "CronJob"])
def test_a_plain_one_moves_in(kube: Any, namespace: str, run: Run, kind: str) -> None:
    """It is the same object with the same UID, and an ordinary update of the component's afterwards."""
    assert run(kind=kind, plain="yes").up().ok
    uid = live(kube, namespace, kind).metadata.uid
    moved = run(kind=kind, moved="yes").up()
    assert moved.ok, told(moved)
    assert (0, 0) == (moved.counts["replace"], moved.counts["delete"])
    assert uid == live(kube, namespace, kind).metadata.uid
    assert not run(kind=kind, moved="yes").up().changes


def test_another_kind_takes_the_place_of_the_first(kube: Any, namespace: str, run: Run) -> None:
    """It is a new object with the same files; the one before it goes, with its pods."""
    assert run(kind="Deployment").up().ok
    before = pod_uids(kube, namespace)
    changed = run(kind="DaemonSet").up()
    assert changed.ok, told(changed)
    deadline = time.monotonic() + 30
    while before & {pod.metadata.uid for pod in living_pods(kube, namespace)} and time.monotonic() < deadline:
        time.sleep(0.3)
    assert before.isdisjoint(pod_uids(kube, namespace))
    assert [[("DaemonSet", live(kube, namespace, "DaemonSet").metadata.uid)]] == config_owners(kube, namespace)
    assert run(kind="DaemonSet").up().ok
