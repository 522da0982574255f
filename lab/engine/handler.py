"""What a kind of resource can do, whoever does it: Kubernetes objects, provider resources, local commands."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from lab.engine.diff import Diff
from lab.engine.values import Object

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Read:
    """A resource as it is: `errors` tell why it is not well."""

    id: str
    inputs: Object
    outputs: Object
    errors: list[str] = field(default_factory=list)


class Handler(Protocol):
    """The steps of a resource. Errors as in kubernetes.Kubernetes, whose docstrings are the contract."""

    def check(self, name: str, inputs: Object, old_inputs: Object | None, /) -> Object:
        """Return the inputs as they are recorded."""
        ...

    def diff(self, old_inputs: Object, old_outputs: Object, inputs: Object) -> Diff:
        """Tell what changes."""
        ...

    def create(self, inputs: Object, *, preview: bool, seconds: float | None, say: Say) -> tuple[str, Object]:
        """Make it; return (id, outputs)."""
        ...

    def update(
        self,
        old_outputs: Object,
        inputs: Object,
        *,
        preview: bool,
        seconds: float | None,
        say: Say,
        ignore: list[str],
    ) -> tuple[str, Object]:
        """Change it; return (id, or "" where it stays, and outputs)."""
        ...

    def delete(self, old_inputs: Object, old_outputs: Object, *, seconds: float | None, say: Say) -> None:
        """Remove it."""
        ...

    def read(self, old_inputs: Object, old_outputs: Object, id_: str) -> Read | None:
        """Tell what is there now, None where it is gone."""
        ...
