"""Properties that stay as they are."""

from typing import Any

import pytest

from lab.engine.diff import Change
from lab.engine.errors import StepError
from lab.engine.ignore import for_apply, restore, without
from lab.engine.values import secret

OLD = {"spec": {"replicas": 3, "ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "b"}], "only": "old"}}
NEW = {"spec": {"replicas": 1, "ports": [{"port": 7, "name": "x"}, {"port": 8, "name": "y"}], "more": "new"}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spec", OLD["spec"]),
        ("spec.replicas", {**NEW["spec"], "replicas": 3}),
        ("spec.only", {**NEW["spec"], "only": "old"}),
        ("spec.more", {key: value for key, value in NEW["spec"].items() if key != "more"}),
        ("spec.nowhere", NEW["spec"]),
        ("spec.ports[1].port", {**NEW["spec"], "ports": [{"port": 7, "name": "x"}, {"port": 2, "name": "y"}]}),
        ("spec.ports[0]", {**NEW["spec"], "ports": [{"port": 1, "name": "a"}, {"port": 8, "name": "y"}]}),
        ("spec.ports[*].port", {**NEW["spec"], "ports": [{"port": 1, "name": "x"}, {"port": 2, "name": "y"}]}),
        ("spec.ports[*]", {**NEW["spec"], "ports": OLD["spec"]["ports"]}),
        ("spec.*", OLD["spec"]),
        ('["spec"]["replicas"]', {**NEW["spec"], "replicas": 3}),
    ],
)
def test_the_recorded_value_stays(path: str, expected: dict[str, Any]) -> None:
    """Keys, indexes and wildcards lead to what keeps its recorded value; the rest is the program's."""
    assert {"spec": expected} == restore(NEW, OLD, [path])


def test_the_programs_inputs_are_not_touched() -> None:
    """The restored inputs are a copy."""
    new = {"a": {"b": 1}}
    assert {"a": {"b": 2}} == restore(new, {"a": {"b": 2}}, ["a.b"])
    assert {"a": {"b": 1}} == new


def test_all_paths_that_lead_nowhere_are_named() -> None:
    """A list of another length and an object that is gone are errors, all at once."""
    old = {"spec": {"ports": [1]}, "gone": {"x": 1}}
    with pytest.raises(StepError, match=r"elements of the path are missing: 'spec.ports\[\*\]', 'gone.x'"):
        restore({"spec": {"ports": [1, 2]}}, old, ["spec.ports[*]", "gone.x", "spec.none"])


@pytest.mark.parametrize("path", ["a[b", ""])
def test_a_malformed_path_is_an_error(path: str) -> None:
    """It would ignore nothing, silently."""
    with pytest.raises(StepError, match="ignore_changes"):
        restore({}, {}, [path])


def test_a_secret_stays_secret() -> None:
    """A value out of a secret object is secret where it now stands, and an inner path goes through the mark."""
    assert {"data": {"a": secret("old"), "b": "new"}} == restore(
        {"data": {"a": "new", "b": "new"}}, {"data": secret({"a": "old"})}, ["data.a"]
    )
    assert {"data": secret({"a": "old"})} == restore({"data": secret({"a": "new"})}, {"data": {"a": "old"}}, ["data.a"])


def test_changes_at_and_under_a_path_do_not_count() -> None:
    """A change above it does: something else of that object may have changed with it."""
    changes = [Change(path, "update", replace=False) for path in (("spec",), ("spec", "a"), ("spec", "a", 0))]
    assert changes[:1] == without(changes, ["spec.a"])


def live(**managers: Any) -> dict[str, Any]:
    """Make a live object with the fields of its managers."""
    entries = [{"manager": name, "fieldsV1": fields} for name, fields in managers.items()]
    return {"metadata": {"managedFields": entries}, "spec": {"replicas": 5, "ports": [{"port": 9}]}}


FIELDS: dict[str, Any] = {"f:spec": {"f:replicas": {}}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [(live(hpa=FIELDS), {}), (live(mine=FIELDS, hpa=FIELDS), {"replicas": 5}), (live(), {"replicas": 5})],
)
def test_an_apply_leaves_ignored_fields_alone(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """A field of somebody else is left out; one's own gets the live value, or it would be removed."""
    assert {"spec": expected} == for_apply({"spec": {"replicas": 1}}, found, ["spec.replicas"], "mine")


def test_an_apply_with_wildcards_and_lists() -> None:
    """In lists the live value stands in; what is not live stays as it is given."""
    manifest = {"spec": {"ports": [{"port": 1}, {"port": 2}]}}
    expected = {"spec": {"ports": [{"port": 9}, {"port": 2}]}}
    assert expected == for_apply(manifest, live(), ["spec.ports[*].port", "spec.none"], "mine")
