"""Sidecars that a real webhook makes ordinary init containers: told within seconds, wherever it strikes."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.actions.client import Client, Json, path_of
from components.actions.keepers import keeper_path
from components.actions.readiness import NotReady, wait_ready
from components.actions.rollout import RolledBack, prove
from tests.api.actions.live import SMALL, create, manifest
from tests.api.actions.webhook import stripping

IDLE = {"command": ["sh", "-c", "sleep 1000"]}
PROBE = {"exec": {"command": ["true"]}, "periodSeconds": 1}


def asked(namespace: str, **sidecar: Any) -> Json:
    """Return a Deployment with a sidecar."""
    body = manifest(namespace, SMALL, replicas=1)
    proxy = {"name": "proxy", "image": "localhost/nginx:1.26", "restartPolicy": "Always", **IDLE, **sidecar}
    body["spec"]["template"]["spec"]["initContainers"] = [proxy]
    return body


def until_struck(client: Client, namespace: str, body: Json, struck: Callable[[Json], bool]) -> None:
    """Create dry until the API server has heard of the webhook, which takes it a moment."""
    path = path_of("v1", "pods", namespace) if body["kind"] == "Pod" else keeper_path(body["kind"], namespace)
    deadline = time.monotonic() + 20
    while not struck(client.create(path, body, dry_run=True)):
        assert time.monotonic() < deadline, "the webhook is not asked"
        time.sleep(0.2)


def stripped_pod(namespace: str) -> Json:
    """Return a pod by which one sees whether the webhook strikes."""
    spec = asked(namespace)["spec"]["template"]["spec"]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "try", "namespace": namespace}, "spec": spec}


def lost(spec: Json) -> bool:
    """Tell whether the sidecar is one no more."""
    return "restartPolicy" not in spec["initContainers"][0]


def diagnosis(client: Client, namespace: str, body: Json) -> str:
    """Create the Deployment; return why it cannot be ready, which has to come within seconds."""
    client.create(path_of("apps/v1", "deployments", namespace), body)
    began = time.monotonic()
    with pytest.raises(NotReady) as caught:
        wait_ready(client, namespace, "web", patience=120, asked=body)
    assert time.monotonic() - began < 15
    return caught.value.diagnosis


def test_pods_that_lose_it(lab_cluster: Any, client: Client, namespace: str, tmp_path: Path) -> None:
    """The template is whole, the pod is not, and would hang in Init; the command finds it as well."""
    with stripping(client, namespace, "pods", tmp_path):
        until_struck(client, namespace, stripped_pod(namespace), lambda made: lost(made["spec"]))
        text = diagnosis(client, namespace, asked(namespace))

    assert "sidecar proxy: RestartPolicyDropped; the cluster dropped restartPolicy: Always of sidecar proxy" in text
    assert "which its template has" in text
    assert "a mutating webhook (`kubectl get mutatingwebhookconfigurations`)" in text
    options = ["--kubeconfig", str(lab_cluster.kubeconfig), "-n", namespace, "--json", "deployment/web"]
    command = [sys.executable, "-m", "components.actions", "diagnose", *options]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert 1 == found.returncode, found.stderr
    assert ["RestartPolicyDropped"] == [
        each["problem"].split(": ")[1].split(";")[0] for each in json.loads(found.stdout)["troubles"]
    ]


def test_a_template_that_loses_it(client: Client, namespace: str, tmp_path: Path) -> None:
    """What the program asked for is held against what is stored."""
    body = asked(namespace)
    with stripping(client, namespace, "deployments", tmp_path):
        until_struck(client, namespace, body, lambda made: lost(made["spec"]["template"]["spec"]))
        text = diagnosis(client, namespace, body)

    assert "template of web, sidecar proxy: RestartPolicyDropped" in text
    assert "which the program asked for" in text


def test_a_guarded_rollout_that_loses_it(client: Client, namespace: str, tmp_path: Path) -> None:
    """It fails at once, and is taken back."""
    former = manifest(namespace, SMALL, replicas=1)
    create(client, former)
    body = asked(namespace)
    uid = client.get(path_of("apps/v1", "deployments", namespace, "web"))["metadata"]["uid"]
    with stripping(client, namespace, "deployments", tmp_path):
        until_struck(client, namespace, another(body), lambda made: lost(made["spec"]["template"]["spec"]))
        began = time.monotonic()
        with pytest.raises(RolledBack, match="which the program asked for"):
            prove(client, body, former, uid, patience=120, stop=threading.Event(), progress=print)

    assert time.monotonic() - began < 30
    wait_ready(client, namespace, "web", patience=30, asked=former)


def another(body: Json) -> Json:
    """Return the Deployment under a name that is free."""
    return {**body, "metadata": {**body["metadata"], "name": "another"}}


def test_pods_that_are_refused_for_it(client: Client, namespace: str, tmp_path: Path) -> None:
    """A startup probe is for sidecars alone, so what is left over is refused; that is told as what it comes from."""
    with stripping(client, namespace, "pods", tmp_path):
        until_struck(client, namespace, stripped_pod(namespace), lambda made: lost(made["spec"]))
        text = diagnosis(client, namespace, asked(namespace, startupProbe=PROBE))

    assert "sidecar proxy: RestartPolicyDropped; the cluster dropped restartPolicy: Always of sidecar proxy" in text
    assert "which may have no startupProbe, so the API server refuses the pods" in text
    assert "a mutating webhook (`kubectl get mutatingwebhookconfigurations`)" in text
