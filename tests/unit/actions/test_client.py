"""Requests of the client on a double of the transport."""

from typing import Any

import pytest
import yaml

from components.actions import client as module
from components.actions.client import path_of
from components.actions.errors import ApiError, ConnectionProblem
from tests.unit.actions.doubles import double_client


def test_paths() -> None:
    """Core and group APIs, collections, objects, subresources; names are quoted."""
    assert path_of("v1", "pods", "shop", "a", "resize") == "/api/v1/namespaces/shop/pods/a/resize"
    assert path_of("apps/v1", "deployments", "shop") == "/apis/apps/v1/namespaces/shop/deployments"
    assert path_of("v1", "nodes", name="n/../x") == "/api/v1/nodes/n%2F..%2Fx"


def test_a_write_names_manager_dry_run_force_and_content_type() -> None:
    """Everything that decides what a patch means is in the request."""
    client, transport = double_client(lambda *_: (200, {}))
    client.patch("/x", {"a": 1}, kind="apply", field_manager="m", force=True, dry_run=True)
    method, path, body, headers = transport.requests[0]
    assert (method, path, body) == ("PATCH", "/x?fieldManager=m&dryRun=All&force=true", {"a": 1})
    assert headers["Content-Type"] == "application/apply-patch+yaml"


def test_bodies_are_yaml_too() -> None:
    """What is applied is read as YAML, which knows no pairs of escapes and takes some characters only escaped."""
    body = {"smile": "\N{GRINNING FACE}", "rest": "é\n\x7f\x85\u2028\ufeff\uffff\\u0041", "number": 1, "none": None}
    assert body == yaml.safe_load(module._encoded(body))


def test_list_follows_pages() -> None:
    """A collection larger than a page comes whole."""

    def pages(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "continue=next" in path:
            return 200, {"items": [{"n": 2}], "metadata": {}}
        return 200, {"items": [{"n": 1}], "metadata": {"continue": "next"}}

    client, transport = double_client(pages)
    assert client.list("/pods", label_selector="a=b") == [{"n": 1}, {"n": 2}]
    assert transport.requests[0][1] == "/pods?limit=500&labelSelector=a%3Db"


def test_an_error_has_status_reason_message_and_causes() -> None:
    """The server's Status object is not lost, and the request is named."""
    causes = [{"field": "spec", "reason": "FieldValueInvalid", "message": "bad"}]
    status = {"kind": "Status", "reason": "Invalid", "message": "not so", "details": {"causes": causes}}
    client, _ = double_client(lambda *_: (422, status))
    with pytest.raises(ApiError, match="POST /x: not so") as caught:
        client.create("/x", {})
    error = caught.value
    assert (error.status, error.reason, error.message) == (422, "Invalid", "not so")
    assert error.causes == [("spec", "FieldValueInvalid", "bad")]


def test_find_and_delete_take_absence_for_an_answer() -> None:
    """What is not there is None, and deleting it is False."""
    client, _ = double_client(lambda *_: (404, {"message": "no"}))
    assert client.find("/x") is None
    assert client.delete("/x", uid="u") is False
    with pytest.raises(ApiError):
        client.get("/x")


def test_refused_credentials_are_a_connection_problem() -> None:
    """A 401 is about the kubeconfig, not about the object."""
    client, _ = double_client(lambda *_: (401, {"message": "Unauthorized"}))
    with pytest.raises(ConnectionProblem, match="does not accept the credentials"):
        client.get("/x")


def test_too_many_requests_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 429 was not processed, so even a create is sent again, a bounded number of times."""
    monkeypatch.setattr(module, "_PAUSES", (0.0, 0.0))
    answers = iter([(429, {}), (200, {"ok": True})])
    client, _ = double_client(lambda *_: next(answers))
    assert client.create("/x", {}) == {"ok": True}
    client, transport = double_client(lambda *_: (429, {"message": "slow down"}))
    with pytest.raises(ApiError, match="slow down"):
        client.create("/x", {})
    assert len(transport.requests) == 3


def test_an_answer_that_is_not_json_is_an_error_with_its_start() -> None:
    """A proxy's HTML page is quoted, not crashed on."""
    client, _ = double_client(lambda *_: (502, b"<html>bad gateway</html>"))
    with pytest.raises(ApiError, match="bad gateway"):
        client.get("/x")


def test_version_reads_managed_clouds() -> None:
    """Clouds write a plus after the minor version."""
    client, _ = double_client(lambda *_: (200, {"major": "1", "minor": "33+"}))
    assert client.version() == (1, 33)


def test_rights_and_discovery() -> None:
    """A subresource is asked for by name in both."""

    def answer(method: str, _path: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            return 200, {"resources": [{"name": "pods"}, {"name": "pods/resize"}]}
        attributes = body["spec"]["resourceAttributes"]
        return 201, {"status": {"allowed": attributes["subresource"] == "resize"}}

    client, _ = double_client(answer)
    assert client.serves("/api/v1", "pods/resize")
    assert not client.serves("/api/v1", "pods/other")
    assert client.may("patch", "pods/resize", namespace="shop")
    assert not client.may("patch", "pods", namespace="shop")
