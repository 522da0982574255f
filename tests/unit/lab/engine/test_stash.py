"""A value that the state keeps."""

import pytest

from lab.engine.errors import StepError
from lab.engine.stash import Stash
from lab.engine.values import Object


def say(_text: str) -> None:
    """Hear nothing."""


def test_the_first_value_stays() -> None:
    """An update follows with the input; the output is what it was created with, in a preview too."""
    stash = Stash()
    for preview in (True, False):
        id_, made = stash.create({"input": "one"}, preview=preview, seconds=None, say=say)
        assert (not preview, {"input": "one", "output": "one"}) == (bool(id_), made)

    update = stash.update(made, {"input": "two"}, preview=False, seconds=None, say=say, ignore=[])
    assert ("", {"input": "two", "output": "one"}) == update


def test_only_a_changed_input_is_a_change() -> None:
    """The output never is one."""
    stash = Stash()

    assert [] == stash.diff({"input": "one"}, {"input": "one", "output": "zero"}, {"input": "one"}).changes
    (change,) = stash.diff({"input": "one"}, {"input": "one", "output": "one"}, {"input": "two"}).changes
    assert (("input",), "update", False) == (change.path, change.kind, change.replace)


@pytest.mark.parametrize(("inputs", "words"), [({}, "needs an input"), ({"input": 1, "value": 2}, "no inputs value")])
def test_what_is_no_stash_is_refused(inputs: Object, words: str) -> None:
    """As the official engine refuses it."""
    with pytest.raises(StepError, match=words):
        Stash().check("n", inputs, None)
