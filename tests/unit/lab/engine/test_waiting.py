"""When an object is ready."""

import threading
from typing import Any

import pytest

from lab.engine import jsonpath, waiting
from lab.engine.errors import PartialError, StepError

LIVE = {
    "metadata": {"generation": 2},
    "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80}, {"port": 53}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Bad", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("{.spec.clusterIP}", True),
        ("{.spec.clusterIP}=10.0.0.1", True),
        ("{.spec.clusterIP}=10.0.0.2", False),
        ("{.spec.ports[1].port}=53", True),
        ("{.spec.ports[*].port}=80", True),
        ('{.status.conditions[?(@.type=="Ready")].status}=True', True),
        ("{.status.conditions[?(@.type=='Bad')].status}=True", False),
        ("{.status.nothing}", False),
        ("{$.metadata['generation']}=2", True),
    ],
)
def test_jsonpath(expression: str, met: bool) -> None:
    """Paths, indexes, wildcards, filters and values select what kubectl's syntax says."""
    assert met is jsonpath.parse(expression).met(LIVE)


@pytest.mark.parametrize("expression", [".spec.a", "'{.spec.a}'", "{.spec..a}", "{.spec.a}=", "{.a}={.b}"])
def test_jsonpath_that_is_not_understood(expression: str) -> None:
    """An expression that would never be met as meant is refused, and shown."""
    with pytest.raises(ValueError, match="jsonpath="):
        jsonpath.parse(expression)


def manifest(kind: str, api_version: str = "v1", **annotations: str) -> dict[str, Any]:
    """Make an object with `pulumi.com/` annotations."""
    marks = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {"apiVersion": api_version, "kind": kind, "metadata": {"annotations": marks}}


def check(obj: dict[str, Any]) -> waiting.Check:
    """Return the object's check, which has to exist."""
    found = waiting.check_for(obj, lambda _: {})
    assert found is not None
    return found


def test_skip_await() -> None:
    """SkipAwait means no check, and skips the wait for deletion only for the kinds where it always did."""
    assert waiting.check_for(manifest("Pod", skipAwait="true"), lambda _: {}) is None
    assert waiting.skips_delete(manifest("Deployment", "apps/v1", skipAwait="true"))
    assert not waiting.skips_delete(manifest("ConfigMap", skipAwait="true"))


def test_wait_for_all_of_a_list() -> None:
    """A JSON array of expressions needs all of them."""
    both = check(manifest("Service", waitFor='["jsonpath={.spec.clusterIP}", "condition=ready"]'))
    assert both(LIVE) is None
    other = check(manifest("Service", waitFor='["jsonpath={.spec.clusterIP}", "condition=Bad"]'))
    assert "Waiting for Bad" == other(LIVE)


@pytest.mark.parametrize("text", ["jsonpath=.a", "ready", "[]", "[1]"])
def test_malformed_wait_for(text: str) -> None:
    """A malformed waitFor is refused."""
    with pytest.raises(StepError):
        waiting.check_for(manifest("Service", waitFor=text), lambda _: {})


def test_deployment_readiness() -> None:
    """A Deployment is ready when the controller has seen it, all replicas are new and available."""
    ready = check({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}})
    live = {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1}}
    assert "Waiting for the Deployment controller" == ready(live)
    done = {
        "observedGeneration": 2,
        "replicas": 1,
        "updatedReplicas": 1,
        "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True"}],
    }
    assert ready({**live, "status": done}) is None


def test_service_needs_endpoints() -> None:
    """A Service with a cluster IP needs a target; a headless one does not."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {}}
    targets: dict[str, Any] = {}
    found = waiting.check_for(service, lambda _: targets)
    assert found is not None
    assert found({"spec": {"clusterIP": "10.0.0.1"}}) is not None
    assert found({"spec": {"clusterIP": "None"}}) is None
    targets["subsets"] = [{}]
    assert found({"spec": {"clusterIP": "10.0.0.1"}}) is None


def test_timeout_keeps_the_live_object() -> None:
    """What is not ready in time is a partial error with the last known object."""
    with pytest.raises(PartialError, match="not ready after 0 s: soon") as caught:
        waiting.wait(lambda: {"a": 1}, lambda _: "soon", 0.0, threading.Event(), lambda _: None)
    assert {"a": 1} == caught.value.live


def test_cancel_ends_a_wait() -> None:
    """A cancelled run does not sit out its waits."""
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(PartialError, match="cancelled while waiting"):
        waiting.wait(dict, lambda _: "soon", 600.0, cancelled, lambda _: None)


def test_custom_timeout_comes_first() -> None:
    """The resource option beats the annotation, which beats the default."""
    annotated = manifest("Pod", timeoutSeconds="30")
    assert 5.0 == waiting.timeout(annotated, 5.0)
    assert 30.0 == waiting.timeout(annotated, None)
    assert 600.0 == waiting.timeout(manifest("Pod"), None)
