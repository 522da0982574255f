"""Field managers: what an update takes over."""

from typing import Any

from lab.engine.managers import forced_in_preview, takeover


def entry(manager: str, operation: str, field: str, **more: str) -> dict[str, Any]:
    """Make one entry of managedFields that owns one field."""
    fields: dict[str, Any] = {"f:spec": {f"f:{field}": {}}}
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


def live(*entries: dict[str, Any]) -> dict[str, Any]:
    """Make an object with these entries."""
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries)}}


def test_fields_of_a_plain_create_move_to_the_resource() -> None:
    """What a plain create and kubectl own goes to the resource's manager; others keep theirs."""
    other = entry("scaler", "Update", "replicas")
    patch = takeover(
        live(entry("pulumi-kubernetes", "Update", "a"), entry("kubectl-edit", "Update", "b"), other), "mine"
    )
    assert patch is not None
    merged, rest = patch[0]["value"]
    assert ("mine", "Apply") == (merged["manager"], merged["operation"])
    assert {"f:spec": {"f:a": {}, "f:b": {}}} == merged["fieldsV1"]
    assert other == rest
    # A resourceVersion would make a conflict of every status that a controller writes meanwhile.
    assert ["/metadata/managedFields"] == [each["path"] for each in patch]


def test_nothing_to_take_over() -> None:
    """Status writers and strangers are left alone, and then there is no patch."""
    status = entry("kubectl", "Update", "a", subresource="status")
    assert takeover(live(status, entry("scaler", "Update", "b")), "mine") is None


def test_previews_force_only_what_an_update_would_take_over() -> None:
    """A dry run forces while fields of a plain create are left, and never for a stranger's."""
    assert forced_in_preview(live(entry("pulumi-kubernetes", "Update", "a")))
    assert not forced_in_preview(live(entry("pulumi-kubernetes-12345678", "Apply", "a"), entry("x", "Update", "b")))
