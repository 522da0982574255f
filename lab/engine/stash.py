"""`pulumi:index:Stash`, a value in the state: its `output` is the first input that it had, its `input` the last one.

A replacement (`replace_on_changes`, or the target of one) begins with the input of that moment.
"""

import uuid

from lab.engine.diff import Diff, compare
from lab.engine.errors import StepError
from lab.engine.handler import Read, Say
from lab.engine.values import Object, reveal

TYPE = "pulumi:index:Stash"


class Stash:
    """The steps of a Stash."""

    def check(self, _name: str, inputs: Object, _old_inputs: Object | None) -> Object:
        """Return the inputs. StepError for what a Stash does not know, or lacks."""
        if unknown := sorted(set(inputs) - {"input"}):
            raise StepError(f"{TYPE} has no inputs {', '.join(unknown)}")
        if "input" not in inputs:
            raise StepError(f"{TYPE} needs an input")
        return inputs

    def diff(self, old_inputs: Object, old_outputs: Object, inputs: Object) -> Diff:  # noqa: ARG002 (as all kinds)
        """Compare the inputs."""
        old = reveal(old_inputs)
        return Diff(compare(old, reveal(inputs), old, []))

    def create(self, inputs: Object, *, preview: bool, seconds: float | None, say: Say) -> tuple[str, Object]:  # noqa: ARG002
        """Return (id, outputs): the input is the output from now on."""
        return "" if preview else str(uuid.uuid4()), {"input": inputs["input"], "output": inputs["input"]}

    def update(
        self,
        old_outputs: Object,
        inputs: Object,
        *,
        preview: bool,  # noqa: ARG002
        seconds: float | None,  # noqa: ARG002
        say: Say,  # noqa: ARG002
        ignore: list[str],  # noqa: ARG002
    ) -> tuple[str, Object]:
        """Return ("", outputs): the output stays."""
        return "", {"input": inputs["input"], "output": old_outputs.get("output")}

    def delete(self, old_inputs: Object, old_outputs: Object, *, seconds: float | None, say: Say) -> None:
        """Do nothing: it is in the state alone."""

    def read(self, old_inputs: Object, old_outputs: Object, id_: str) -> Read:
        """Return what is recorded."""
        return Read(id_, old_inputs, old_outputs)
