"""What changed, and what a change replaces."""

from typing import Any

import pytest

from lab.engine.diff import compare, prune, replace_on
from lab.engine.forcenew import force_new
from lab.engine.values import UNKNOWN


def changes(old: Any, new: Any, force: list[str] | None = None, before: Any = None) -> list[tuple[str, str, bool]]:
    """Return (path, kind, replaces) of each change."""
    found = compare(old, new, old if before is None else before, force or [])
    return [(".".join(map(str, c.path)), c.kind, c.replace) for c in found]


def test_equal_objects_have_no_changes() -> None:
    """The same values, whole numbers as doubles too, are no change."""
    assert [] == changes({"a": [1, {"b": "x"}]}, {"a": [1.0, {"b": "x"}]})


def test_every_kind_of_change() -> None:
    """Added, deleted and updated leaves are told with their paths."""
    old = {"a": 1, "b": {"c": "x"}, "list": [1, 2]}
    new = {"b": {"c": "y", "d": 1}, "list": [1, 2, 3]}
    assert [
        ("a", "delete", False),
        ("b.c", "update", False),
        ("b.d", "add", False),
        ("list.2", "add", False),
    ] == changes(old, new)


def test_true_is_not_one() -> None:
    """A boolean that becomes a number has changed."""
    assert [("a", "update", False)] == changes({"a": True}, {"a": 1})


def test_unknowns_are_changes() -> None:
    """What is known only after the update may have changed."""
    assert [("data.x", "update", True)] == changes({"data": {"x": "1"}}, {"data": {"x": UNKNOWN}}, ["data"])


def test_empty_objects_that_the_server_drops_are_no_changes() -> None:
    """An empty map that was given before, and that the server did not keep, is no change."""
    assert [] == changes({}, {"annotations": {}}, before={"annotations": {}})
    assert [("annotations", "add", False)] == changes({}, {"annotations": {}}, before={})


@pytest.mark.parametrize("zero", [False, 0, ""])
def test_zero_values_that_the_server_drops_are_no_changes(zero: object) -> None:
    """`hostNetwork: false` is never told back by the server; given before, it is in effect."""
    assert [] == changes({}, {"field": zero}, before={"field": zero})
    assert [("field", "add", False)] == changes({}, {"field": zero}, before={})
    assert [("field", "update", False)] == changes({"field": 1}, {"field": zero}, before={"field": zero})


def test_prune_keeps_the_shape_of_the_inputs() -> None:
    """What the server filled in goes; what it changed stays."""
    live = {"spec": {"replicas": 2, "extra": 1, "list": [{"a": 1, "b": 2}, {"c": 3}]}, "status": {}}
    assert {"spec": {"replicas": 2, "list": [{"a": 1}]}} == prune(live, {"spec": {"replicas": 1, "list": [{"a": 0}]}})


@pytest.mark.parametrize(
    ("pattern", "old", "new", "replaces"),
    [
        ("data", {"data": {"x": "1"}}, {"data": {"x": "2"}}, True),
        ("spec.selector", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, False),
        ("spec.selector", {}, {"spec": {"selector": {"a": "b"}}}, True),
        (
            "spec.containers[*].image",
            {"spec": {"containers": [{"image": "a"}]}},
            {"spec": {"containers": [{"image": "b"}]}},
            True,
        ),
        ("metadata.name", {"metadata": {"name": "a"}}, {"metadata": UNKNOWN}, False),
    ],
)
def test_forcing_patterns(pattern: str, old: Any, new: Any, replaces: bool) -> None:
    """A change at, under, or with a value above a pattern replaces; an unknown above one does not."""
    assert [replaces] == [found[2] for found in changes(old, new, [pattern])]


def test_replace_on_changes_marks_more() -> None:
    """The resource option adds to what the provider replaces for."""
    found = replace_on(compare({"handler": "a"}, {"handler": "b"}, {}, []), ["handler"])
    assert [True] == [change.replace for change in found]


@pytest.mark.parametrize(
    ("manifest", "mutable", "fields"),
    [
        ({"apiVersion": "v1", "kind": "ConfigMap"}, False, ["binaryData", "data"]),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, True, []),
        ({"apiVersion": "v1", "kind": "ConfigMap", "immutable": True}, True, ["binaryData", "data"]),
        ({"apiVersion": "v1", "kind": "Secret"}, True, ["type"]),
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, False, ["spec.selector"]),
    ],
)
def test_what_a_kind_is_replaced_for(manifest: dict[str, Any], mutable: bool, fields: list[str]) -> None:
    """The table follows the kind, the provider's mutable flags and the object's own immutability."""
    found = force_new(manifest, mutable_config_maps=mutable, mutable_secrets=mutable)
    assert ["metadata.name", "metadata.namespace", *fields] == found
