"""The provider's parts that a whole run does not show."""

import copy
import threading
from typing import Any

import pytest

from lab.engine.cluster import ApiError
from lab.engine.diff import Change
from lab.engine.errors import StepError, UnclearError
from lab.engine.kubernetes import Kubernetes
from lab.engine.manifests import made_by
from tests.unit.lab.engine.fakes import FakeCluster

PATH = "/api/v1/namespaces/default/configmaps/a"
INPUTS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    """Give a provider on a fake cluster."""
    FakeCluster.reset()
    monkeypatch.setattr("lab.engine.kubernetes.Cluster", FakeCluster)
    return Kubernetes({"kubeconfig": "x"}, threading.Event())


def create(provider: Kubernetes) -> dict[str, Any]:
    """Create the object and return its outputs."""
    return provider.create(INPUTS, preview=False, seconds=None, say=lambda _: None)[1]


def test_delete_takes_the_own_object_only(provider: Kubernetes) -> None:
    """An object that somebody made anew under the same name stays, and ours counts as deleted."""
    outputs = create(provider)
    theirs = copy.deepcopy(FakeCluster.objects[PATH])
    theirs["metadata"]["uid"] = "theirs"
    FakeCluster.objects[PATH] = theirs
    provider.delete(INPUTS, outputs, seconds=None, say=lambda _: None)
    assert theirs == FakeCluster.objects[PATH]


def test_other_conflicts_of_a_delete_are_errors(provider: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conflict while the own object is still there is no deletion."""
    outputs = create(provider)
    request = FakeCluster.request

    def refusing(self: FakeCluster, method: str, path: str, *more: Any) -> dict[str, Any]:
        if method == "DELETE":
            raise ApiError(409, "Conflict", "a webhook says so")
        return request(self, method, path, *more)

    monkeypatch.setattr(FakeCluster, "request", refusing)
    with pytest.raises(StepError, match="did not delete it: a webhook says so"):
        provider.delete(INPUTS, outputs, seconds=None, say=lambda _: None)


def test_an_interrupted_create_is_known_without_its_zero_values() -> None:
    """The server tells no zero values back; the object is the one that the create made all the same."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a"},
        "spec": {"hostNetwork": False, "containers": [{"name": "a", "env": [{"name": "EMPTY", "value": ""}]}]},
    }
    made = {"creationTimestamp": "2030-01-01T00:00:00Z", "managedFields": [{"manager": "pulumi-kubernetes"}]}
    live = copy.deepcopy(pod) | {"metadata": {"name": "a", **made}}
    live["spec"] = {"containers": [{"name": "a", "env": [{"name": "EMPTY"}]}]}
    assert made_by(pod, live, 0.0)
    live["spec"] = {"containers": [{"name": "b", "env": [{"name": "EMPTY"}]}]}
    assert not made_by(pod, live, 0.0)


def test_a_create_that_may_have_happened(provider: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that fails in the middle leaves it open; one that refuses does not."""
    for status, error in ((504, UnclearError), (422, StepError)):

        def failing(*_: Any, status: int = status) -> dict[str, Any]:
            raise ApiError(status, "Failed", "etcd is slow")

        monkeypatch.setattr(FakeCluster, "request", failing)
        with pytest.raises(StepError, match="etcd is slow") as raised:
            create(provider)
        assert error is raised.type


def test_reading_back(provider: Kubernetes) -> None:
    """A live object comes as inputs of the old shape and as outputs, with its manager; one that is gone is None."""
    outputs = create(provider)
    found = provider.read(INPUTS, outputs, "")
    assert found
    assert ("default/a", INPUTS, []) == (found.id, found.inputs, found.errors)
    FakeCluster.objects[PATH]["data"] = {"x": "2", "y": "3"}
    changed = provider.read(INPUTS, outputs, "")
    assert changed
    assert ({"x": "2"}, {"x": "2", "y": "3"}) == (changed.inputs["data"], changed.outputs["data"])
    assert changed.inputs == changed.outputs["__inputs"]
    assert outputs["__fieldManager"] == changed.outputs["__fieldManager"]
    assert [Change(("data", "x"), "update", replace=True, old="2", new="1")] == provider.diff(
        changed.inputs, changed.outputs, INPUTS
    ).changes
    del FakeCluster.objects[PATH]
    assert provider.read(INPUTS, outputs, "") is None
