"""Kubernetes quantities."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.model import quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("100m", "0.1"),
        ("1", "1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("128Mi", "134217728"),
        ("1k", "1000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1000000000000000000"),
        ("12n", "0.000000012"),
        ("-1", "-1"),
    ],
)
def test_parse(text: str, amount: str) -> None:
    """Quantities are read as the API server reads them."""
    assert Decimal(amount) == quantity.parse(text)


@pytest.mark.parametrize("text", ["", "m", "1 Mi", "1mi", "1MI", "one", "1K", "0x10", "1.2.3", "1e", "1Mim"])
def test_parse_refuses(text: str) -> None:
    """What the API server cannot read is refused by name."""
    with pytest.raises(ValueError, match="is not a Kubernetes quantity"):
        quantity.parse(text)


@given(st.integers(min_value=0, max_value=10**9))
def test_equal_is_about_amounts(number: int) -> None:
    """A thousand thousandths are one, whatever the number."""
    assert quantity.equal(f"{number * 1000}m", str(number))


@pytest.mark.parametrize(
    ("resource", "text", "words"),
    [
        ("memory", "128m", "write '128Mi'"),
        ("cpu", "100M", "write '100m'"),
        ("cpu", "-1", "negative"),
        ("memory", "128", "write '128Mi'"),
        ("cpu", "lots", "is not a Kubernetes quantity"),
    ],
)
def test_complaint(resource: str, text: str, words: str) -> None:
    """A quantity that nobody means is refused with what was probably meant."""
    complaint = quantity.complaint(resource, text)

    assert complaint is not None
    assert words in "; ".join(complaint)


@pytest.mark.parametrize(
    ("resource", "text"), [("cpu", "100m"), ("cpu", "2"), ("memory", "128Mi"), ("memory", "134217728"), ("cpu", "0")]
)
def test_no_complaint(resource: str, text: str) -> None:
    """Ordinary quantities pass."""
    assert quantity.complaint(resource, text) is None
