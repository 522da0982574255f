"""The Pod Security levels of workloads, held against namespaces that enforce them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import ApiException, CoreV1Api, V1Eviction, V1ObjectMeta

from components.actions.client import Client, path_of
from components.actions.errors import ApiError
from components.model.pod_security import LEVELS, violations
from lab.cluster import images
from lab.engine import Engine
from tests.pod_security_cases import CASES, template
from tests.programs import living_pods, told

ENFORCE = "pod-security.kubernetes.io/enforce"
USER_NAMESPACES_COUNT = (1, 36)
ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import SidecarWorkload, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})


def container(name, *command, **more):
    return {{
        "name": name,
        "image": {images.NGINX_1_22!r},
        "command": command,
        "resources": {{"requests": {{"cpu": "10m", "memory": "16Mi"}}}},
        "security_context": {{"run_as_user": {images.USER}}},
        **more,
    }}


up = {{"startup_probe": {{"exec": {{"command": ["true"]}}, "period_seconds": 1}}}}
web = SidecarWorkload(
    "web",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "replicas": 1,
        "termination_grace_period_seconds": 1,
        "init_containers": [container("early", "true"), container("migrate", "true", after="first")],
        "sidecars": [container("first", "sleep", "infinity", **up), container("second", "sleep", "infinity", **up)],
        "containers": [container("main", "sleep", "infinity")],
        "disruption_budget": {{"min_available": "100%"}},
        **(config.get_object("more") or {{}}),
    }},
    pulumi.ResourceOptions(provider=target.provider),
)
pulumi.export("ready", web.ready)
"""


@pytest.fixture
def enforcing(client: Client, namespace: str) -> Iterator[dict[str, str]]:
    """Give a namespace for each level that enforces it."""
    spaces = {level: f"{namespace}-{level}" for level in LEVELS}
    for level, space in spaces.items():
        client.create(path_of("v1", "namespaces"), {"metadata": {"name": space, "labels": {ENFORCE: level}}})
        client.create(path_of("v1", "serviceaccounts", space), {"metadata": {"name": "robot"}})
    yield spaces
    for space in spaces.values():
        client.delete(path_of("v1", "namespaces", name=space))


def refusal(client: Client, space: str, pod: dict[str, Any]) -> str:
    """Return what the API server refuses a pod with in a namespace; '' if it takes it."""
    body = {**pod, "metadata": {**pod["metadata"], "name": "case"}}
    body["spec"] = {**body["spec"], "serviceAccountName": "robot"}
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        client._json("POST", path_of("v1", "pods", space), query, body, "application/json")
    except ApiError as error:
        return error.message
    return ""


def test_rule_and_server_agree(client: Client, enforcing: dict[str, str]) -> None:
    """Each pod is refused by just the levels that our rule finds it below, and for no other reason."""
    for change, strictest in CASES:
        if change.get("hostUsers") is False and client.version() >= USER_NAMESPACES_COUNT:
            continue  # newer servers excuse root in a user namespace of its own, and our rule does not
        pod = template(change)
        found = [each.level for each in violations(pod)]
        for level in LEVELS:
            said = refusal(client, enforcing[level], pod)
            below = any(LEVELS.index(each) > LEVELS.index(level) for each in found)
            shown = f"{json.dumps(change)} in a namespace of {level}: {said or 'taken'}"
            assert below == bool(said), shown
            assert not said or "violates PodSecurity" in said, shown
            assert (LEVELS.index(strictest) > LEVELS.index(level)) == bool(said), shown


def test_the_annotation_of_apparmor_counts(client: Client, enforcing: dict[str, str]) -> None:
    """A profile that is taken away by annotation is below baseline, as our rule says."""
    pod = template(annotations={"container.apparmor.security.beta.kubernetes.io/web": "unconfined"})

    assert ["privileged"] == [each.level for each in violations(pod)]
    assert ["violates", "violates", "taken"] == [
        "violates" if "violates PodSecurity" in refusal(client, enforcing[level], pod) else "taken" for level in LEVELS
    ]


def test_a_workload_runs_in_a_namespace_that_enforces_restricted(
    kube: Any, client: Client, namespace: str, run: Callable[..., Engine]
) -> None:
    """Main container, sidecars and init containers start in their order, one of these between the sidecars.

    Its budget exists, is told to block every eviction, and does.
    """
    client.patch(path_of("v1", "namespaces", name=namespace), {"metadata": {"labels": {ENFORCE: "restricted"}}})
    made = run().up()
    assert made.ok, told(made)
    assert "disruption_budget never lets a pod be evicted: min_available is 100%" in told(made)

    (pod,) = living_pods(kube, namespace)
    assert ["early", "first", "migrate", "second"] == [each.name for each in pod.spec.init_containers]
    ended = {each.name: each.state.terminated for each in pod.status.init_container_statuses if each.state.terminated}
    began = {
        each.name: each.state.running.started_at
        for each in pod.status.init_container_statuses
        if each.ready and each.state.running
    }
    assert ended["early"].finished_at <= began["first"] <= ended["migrate"].started_at
    assert ended["migrate"].finished_at <= began["second"]
    budget = client.get(path_of("policy/v1", "poddisruptionbudgets", namespace, "web"))
    assert {"matchLabels": {"app.kubernetes.io/name": "web"}} == budget["spec"]["selector"]
    eviction = V1Eviction(metadata=V1ObjectMeta(name=pod.metadata.name, namespace=namespace))
    with pytest.raises(ApiException, match="disruption budget"):
        CoreV1Api(kube).create_namespaced_pod_eviction(pod.metadata.name, namespace, eviction)
    assert not run().up().changes


def test_a_workload_that_its_namespace_refuses_is_told_before(
    client: Client, namespace: str, run: Callable[..., Engine]
) -> None:
    """The API server takes the Deployment and none of its pods: preview and update warn, with field and remedy.

    Where the level fits, and where the opt-in is not used, nothing is said.
    """
    opted: dict[str, Any] = {"pod_security": "baseline", "patience_seconds": 20}
    added = [{"name": "main", "securityContext": {"capabilities": {"add": ["CHOWN"]}}}]
    config = {"more": json.dumps({**opted, "pod_spec_patch": {"containers": added}})}
    warned = f"namespace {namespace} enforces the Pod Security level restricted, which refuses these pods for main: "
    warned += "securityContext.capabilities.add: CHOWN is more than NET_BIND_SERVICE -> label the namespace"

    def enforce(level: str) -> None:
        client.patch(path_of("v1", "namespaces", name=namespace), {"metadata": {"labels": {ENFORCE: level}}})

    enforce("baseline")
    assert "Pod Security level" not in told(run(**config).preview())
    enforce("restricted")
    assert "Pod Security level" not in told(run(more=json.dumps(opted)).preview())
    preview = run(**config).preview()
    assert preview.ok, told(preview)
    assert f"{warned} {ENFORCE}: baseline" in told(preview)
    failed = run(**config).up()
    assert not failed.ok
    assert warned in told(failed)
    assert "violates PodSecurity" in told(failed)
