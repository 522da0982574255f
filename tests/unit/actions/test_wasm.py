"""Whether a cluster has a runtime handler: yes, no and unknown, each from what nodes tell."""

from typing import Any

import pytest

from components.actions.client import Json
from components.actions.errors import ApiError
from components.actions.wasm import find_support, handlers
from components.model.handlers import Support, support
from tests.unit.actions.doubles import double_client

CONFIGURED = frozenset({"runc", "wasmedge"})
PLAIN = frozenset({"runc"})
SILENT: frozenset[str] = frozenset()


def node(name: str, *names: str) -> Json:
    """Return a node that lists these handlers, as a kubelet writes them: the default one has no name."""
    listed = [{"name": each, "features": {"recursiveReadOnlyMounts": True}} for each in ("", *names)]
    return {"metadata": {"name": name}, "status": {"runtimeHandlers": listed} if names else {}}


def nodes(*items: Json, status: int = 200) -> Any:
    """Return a handler that lists these nodes."""
    body: Json = {"items": list(items)} if status == 200 else {"reason": "Forbidden", "message": "no"}
    return lambda _method, _path, _body: (status, body)


def test_handlers_are_read_by_node() -> None:
    """A node that lists none has an empty set, which is not the same as lacking one."""
    client, transport = double_client(nodes(node("a", "runc", "wasmedge"), node("b")))

    assert {"a": CONFIGURED, "b": SILENT} == handlers(client)
    assert ["/api/v1/nodes?limit=500"] == [path for _method, path, _body, _headers in transport.requests]


@pytest.mark.parametrize(
    ("found", "answer", "words"),
    [
        ({"a": CONFIGURED, "b": PLAIN, "c": SILENT}, "yes", "node a has the handler 'wasmedge'"),
        ({"a": PLAIN, "b": frozenset({"kata"})}, "no", "no node has the handler 'wasmedge' (they have: kata, runc)"),
        ({"a": PLAIN, "b": SILENT}, "unknown", "whether node b has the handler 'wasmedge' is unknown"),
        ({}, "unknown", "there are no nodes yet"),
        ({f"n{i}": CONFIGURED for i in range(5)}, "yes", "nodes n0, n1, n2 and 2 more have the handler"),
    ],
)
def test_the_answer_is_three_way(found: Any, answer: str, words: str) -> None:
    """No needs every node to list its handlers; one that lists none makes it unknown."""
    told = support(found, "wasmedge")

    assert answer == told.answer
    assert words in told.reason
    assert (answer == "no") == bool(told.remedy)


def test_nodes_that_may_not_be_listed_are_unknown() -> None:
    """Missing rights say nothing about the nodes; any other refusal is an error."""
    client, _ = double_client(nodes(status=403))
    assert "unknown" == find_support(client, "wasmedge").answer
    client, _ = double_client(nodes(node("a", "wasmedge")))
    assert Support("yes", "node a has the handler 'wasmedge'") == find_support(client, "wasmedge")
    client, _ = double_client(nodes(status=500))
    with pytest.raises(ApiError):
        find_support(client, "wasmedge")
