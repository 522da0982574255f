"""Inputs in the server's own form."""

import pytest

from lab.engine.quantities import canonical, normalize
from lab.engine.values import UNKNOWN


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        (2, "2"),
        ("1024Mi", "1Gi"),
        ("0.5Gi", "512Mi"),
        ("128Mi", "128Mi"),
        ("1000Ki", "1000Ki"),
        ("1.5", "1500m"),
        ("1e3", "1k"),
        ("0", "0"),
        ("2000M", "2G"),
        ("nonsense", "nonsense"),
    ],
)
def test_canonical_quantities(given: str | int, expected: str) -> None:
    """Quantities are written as the API server gives them back."""
    assert expected == canonical(given)


def test_quantities_only_where_they_are() -> None:
    """Requests and limits are normalized; a label that looks like a quantity is not."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": {"size": "1000m"}},
        "spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1000m"}}}]},
    }
    found = normalize(manifest)
    assert "1000m" == found["metadata"]["labels"]["size"]
    assert "1" == found["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def test_string_data_becomes_data() -> None:
    """A Secret's stringData is merged into data, in base64."""
    manifest = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "eA=="}, "stringData": {"b": "hush"}}
    assert {"apiVersion": "v1", "kind": "Secret", "data": {"a": "eA==", "b": "aHVzaA=="}} == normalize(manifest)


def test_unknowns_leave_the_object_alone() -> None:
    """While something is unknown nothing is normalized."""
    manifest = {"apiVersion": "v1", "kind": "Secret", "stringData": {"b": UNKNOWN}}
    assert manifest == normalize(manifest)
