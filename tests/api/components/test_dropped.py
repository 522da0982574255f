"""A whole program under a webhook that makes sidecars ordinary init containers, as one built with old types does."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.actions.client import Client, Json
from components.actions.keepers import keeper_path
from lab.cluster import images
from lab.engine import Engine
from tests.api.actions.test_dropped import asked, lost, stripped_pod, until_struck
from tests.api.actions.webhook import stripping
from tests.programs import told

KINDS = {"deployments": "Deployment", "cronjobs": "CronJob"}
ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import SidecarWorkload, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})


def container(name, **fields):
    return {{
        "name": name,
        "image": {images.NGINX_1_26!r},
        "command": ["sh", "-c", "sleep 1000"],
        "resources": {{"requests": {{"cpu": "10m", "memory": "16Mi"}}}},
        "security_context": {{"run_as_user": {images.USER}}},
        **fields,
    }}


args = {{
    "connection": target.connection,
    "namespace": config.require("space"),
    "kind": config.get("kind") or "Deployment",
    "containers": [container("web")],
    "sidecars": [container("proxy", startup_probe={{"exec": {{"command": ["true"]}}}})],
}}
if config.get("kind") == "CronJob":
    args["cron_job"] = {{"schedule": "0 0 1 1 *"}}
else:
    args["replicas"] = 1
if config.get("bare"):
    # Without its probe, an API server takes what the webhook leaves over.
    args["pod_spec_patch"] = {{"initContainers": [{{"name": "proxy", "startupProbe": None}}]}}
made = SidecarWorkload("web", args, pulumi.ResourceOptions(provider=target.provider))
pulumi.export("ready", made.ready)
"""


def probe_of(resource: str, namespace: str) -> tuple[Json, Callable[[Json], bool]]:
    """Return an object by which one sees whether the webhook strikes, and how."""
    if resource == "pods":
        return stripped_pod(namespace), lambda made: lost(made["spec"])
    if resource == "cronjobs":
        pod = {**stripped_pod(namespace)["spec"], "restartPolicy": "Never"}
        spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
        manifest = {"kind": "CronJob", "metadata": {"name": "try", "namespace": namespace}, "spec": spec}
        return manifest, lambda made: lost(made["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    return asked(namespace), lambda made: lost(made["spec"]["template"]["spec"])


@pytest.mark.parametrize(
    ("resource", "bare", "words"),
    [
        ("pods", "yes", ("sidecar proxy: RestartPolicyDropped", "which its template has", "a mutating webhook")),
        ("pods", "", ("sidecar proxy: RestartPolicyDropped", "which may have no startupProbe", "a mutating webhook")),
        ("deployments", "yes", ("nothing was changed", "RestartPolicyDropped", "which the program asked for")),
        (
            "deployments",
            "",
            ("nothing was changed", "sidecar proxy: RestartPolicyDropped", "no startupProbe", "a mutating webhook"),
        ),
        ("cronjobs", "yes", ("nothing was changed", "template of web, sidecar proxy: RestartPolicyDropped")),
        ("cronjobs", "", ("nothing was changed", "sidecar proxy: RestartPolicyDropped", "no startupProbe")),
    ],
)
def test_up_fails_within_seconds(
    client: Client,
    namespace: str,
    run: Callable[..., Engine],
    tmp_path: Path,
    resource: str,
    bare: str,
    words: tuple[str, ...],
) -> None:
    """Wherever the field is lost; the next unchanged `up` fails as well.

    A template that loses it is told in preview, too, and nothing is made of it.
    """
    config = {"bare": bare} if bare else {}
    config |= {"kind": "CronJob"} if resource == "cronjobs" else {}
    with stripping(client, namespace, resource, tmp_path):
        until_struck(client, namespace, *probe_of(resource, namespace))
        if resource != "pods":
            preview = run(**config).preview()
            assert not preview.ok
            assert "sidecar proxy: RestartPolicyDropped" in told(preview)
        for _ in range(2):
            began = time.monotonic()
            failed = run(**config).up()
            assert not failed.ok
            assert time.monotonic() - began < 30
            for text in words:
                assert text in told(failed)
        made = {resource: client.list(keeper_path(kind, namespace)) for resource, kind in KINDS.items()}
        assert [] == made.get(resource, [])
