"""Property values: the marks of secrets and unknowns."""

from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from lab.engine import values

TEXT = st.text("ab", max_size=2)
LEAVES = st.none() | st.booleans() | st.integers(-1000, 1000) | TEXT
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)


def test_wire_numbers_are_whole_again() -> None:
    """Doubles of the wire that are whole come back as ints, and nulls in objects go."""
    struct = struct_pb2.Struct()
    struct.update({"replicas": 2, "half": 0.5, "gone": None, "list": [1, None]})
    found = values.from_struct(struct)
    assert {"replicas": 2, "half": 0.5, "list": [1, None]} == found
    assert isinstance(found["replicas"], int)


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_reveal_undoes_secret(value: values.Object) -> None:
    """Marking and revealing gives the value back, and hiding never shows it."""
    assert value == values.reveal(values.secret(value))
    assert "[secret]" == values.hide(values.secret(value))


def test_annotate_marks_leaf_by_leaf() -> None:
    """A secret leaf stays one leaf, and an array with a secret in it becomes secret as a whole."""
    source = {"a": {"b": values.secret("x"), "c": 1}, "list": [{"env": values.secret("y")}]}
    target = {"a": {"b": "x2", "c": 1, "d": 2}, "list": [{"env": "y2"}], "other": 3}
    assert {
        "a": {"b": values.secret("x2"), "c": 1, "d": 2},
        "list": values.secret([{"env": "y2"}]),
        "other": 3,
    } == values.annotate(target, source)


def test_unknowns_are_found_at_depth() -> None:
    """An unknown is found inside lists, objects and secrets."""
    assert values.has_unknown({"a": [values.secret({"b": values.UNKNOWN})]})
    assert not values.has_unknown({"a": ["b"]})
