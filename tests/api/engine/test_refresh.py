"""Refresh on a real API server: the state takes over what is there, and nothing there changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.engine import Engine, Summary
from lab.engine.cluster import ApiError, Cluster
from lab.engine.state import State
from tests.api.engine.killing import EVERY

Make = Callable[..., Engine]

PROGRAM = """
options = Options(provider=provider)
made = k8s.core.v1.ConfigMap(
    "made", metadata={"namespace": space, "name": "made"}, data={"text": text, "kept": "as it is"}, opts=options,
)
user = k8s.core.v1.ConfigMap(
    "user", metadata={"namespace": space, "name": "user"}, data={"from": made.metadata.name}, opts=options,
)
secret = k8s.core.v1.Secret(
    "secret", metadata={"namespace": space, "name": "secret"}, string_data={"word": pulumi.Output.secret("hush-hush")},
    opts=options,
)
class Group(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Group", name, {})
Group("group")
pulumi.export("text", text)
"""


def ok(summary: Summary) -> dict[str, int]:
    """Return the counts of a run that went well."""
    assert summary.ok, [found.message for found in summary.diagnostics]
    return dict(summary.counts)


def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the resources of the state by their names."""
    state = State(folder / "state", readonly=True)
    assert {} == state.operations
    return {resource["urn"].split("::")[-1]: resource for resource in state.resources.values()}


def test_nothing_happened(engine: Make, tmp_path: Path) -> None:
    """A refresh of what nobody touched counts nothing as changed, keeps secrets, and leaves the next up nothing."""
    ok(engine(PROGRAM, mutable="true").up())
    before = recorded(tmp_path)
    summary = engine(PROGRAM, mutable="true").refresh()
    assert {"same": 6} == ok(summary)
    assert not summary.changes
    assert {"text": "one"} == summary.outputs
    assert before == recorded(tmp_path)
    assert b"hush-hush" not in b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    assert {"same": 6} == ok(engine(PROGRAM, mutable="true").up())


def test_what_somebody_changed(engine: Make, api: Cluster, namespace: str, tmp_path: Path) -> None:
    """Inputs and outputs become what is there; the next preview shows the way back, and up goes it."""
    ok(engine(PROGRAM, mutable="true").up())
    path = f"/api/v1/namespaces/{namespace}/configmaps/made"
    edit = {"data": {"text": "edited", "more": "by hand"}, "metadata": {"labels": {"by": "hand"}}}
    uid = api.request("PATCH", path, {"fieldManager": "somebody"}, edit, "merge-patch+json")["metadata"]["uid"]
    summary = engine(PROGRAM, mutable="true").refresh()
    assert {"same": 5, "update": 1} == ok(summary)
    made = recorded(tmp_path)["made"]
    assert {"text": "edited", "kept": "as it is"} == made["inputs"]["data"]
    assert {"text": "edited", "kept": "as it is", "more": "by hand"} == made["outputs"]["data"]
    assert {"by": "hand"} == made["outputs"]["metadata"]["labels"]
    assert made["inputs"] == made["outputs"]["__inputs"]
    assert "edited" == api.request("GET", path)["data"]["text"]
    assert {"same": 5, "update": 1} == dict(engine(PROGRAM, mutable="true").preview().counts)
    # The field is somebody else's now, which is said; patchForce is the documented way to take it back.
    assert not engine(PROGRAM, mutable="true").up().ok
    forced = PROGRAM.replace('"name": "made"}', '"name": "made", "annotations": {"pulumi.com/patchForce": "true"}}')
    assert {"same": 5, "update": 1} == ok(engine(forced, mutable="true").up())
    live = api.request("GET", path)
    assert ("one", "by hand", uid) == (live["data"]["text"], live["data"]["more"], live["metadata"]["uid"])


def test_what_is_gone(engine: Make, api: Cluster, namespace: str, tmp_path: Path) -> None:
    """What is gone leaves the state, with what depended on it told so; the next up makes it again."""
    ok(engine(PROGRAM).up())
    api.request("DELETE", f"/api/v1/namespaces/{namespace}/configmaps/made")
    assert {"same": 5, "delete": 1} == ok(engine(PROGRAM).refresh())
    found = recorded(tmp_path)
    assert "made" not in found
    assert ([], {"data": []}) == (
        found["user"].get("dependencies", []),
        {"data": found["user"]["propertyDependencies"]["data"]},
    )
    assert {"same": 5, "create": 1} == ok(engine(PROGRAM).up())
    assert recorded(tmp_path)["made"]["urn"] in recorded(tmp_path)["user"]["dependencies"]


@EVERY
def test_what_somebody_made_anew(engine: Make, api: Cluster, namespace: str, tmp_path: Path) -> None:
    """An object of the same name is taken for the resource's own, as the official provider reads it by name."""
    ok(engine(PROGRAM).up())
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.request("DELETE", f"{path}/made")
    body = {"metadata": {"name": "made"}, "data": {"text": "one", "kept": "as it is"}}
    uid = api.request("POST", path, None, body)["metadata"]["uid"]
    assert {"same": 6} == ok(engine(PROGRAM).refresh())
    assert uid == recorded(tmp_path)["made"]["outputs"]["metadata"]["uid"]
    assert {"delete": 6} == ok(engine(PROGRAM).destroy())
    with pytest.raises(ApiError, match="not found"):
        api.request("GET", f"{path}/made")


UNWELL = """
k8s.apps.v1.Deployment(
    "app",
    metadata={
        "namespace": space, "name": "app",
        "annotations": {"pulumi.com/waitFor": "jsonpath={.status.observedGeneration}"},
    },
    spec={
        "replicas": 1, "paused": False,
        "selector": {"match_labels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {"node_name": "nowhere", "containers": [{"name": "main", "image": "localhost/none"}]},
        },
    },
    opts=Options(provider=provider),
)
"""


def test_what_is_not_well(engine: Make, tmp_path: Path) -> None:
    """It gets initErrors and a warning, whatever its waitFor says; the next up updates it with no change."""
    ok(engine(UNWELL).up())
    summary = engine(UNWELL).refresh()
    assert {"same": 3} == ok(summary)
    (warning,) = [found.message for found in summary.diagnostics if found.severity == "warning"]
    assert warning.startswith("Refreshed resource is in an unhealthy state:\n* Waiting for app ReplicaSet")
    assert ["Waiting for app ReplicaSet to become available (0/1)"] == recorded(tmp_path)["app"]["initErrors"]
    assert {"same": 2, "update": 1} == ok(engine(UNWELL).up())
    assert "initErrors" not in recorded(tmp_path)["app"]
    assert {"same": 3} == ok(engine(UNWELL).up())


def test_a_cluster_that_is_not_there(engine: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves the state when nobody answers."""
    ok(engine(PROGRAM).up())
    before = recorded(tmp_path)

    def silent(*_: Any) -> dict[str, Any]:
        raise ApiError(503, "ServiceUnavailable", "nobody is here")

    monkeypatch.setattr(Cluster, "request", silent)
    monkeypatch.setattr(Cluster, "require_lab", lambda _: None)
    summary = engine(PROGRAM).refresh()
    assert not summary.ok
    assert "did not read it: nobody is here" in "\n".join(found.message for found in summary.diagnostics)
    assert before == recorded(tmp_path)
