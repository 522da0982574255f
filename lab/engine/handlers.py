"""Who does the steps of a resource: its provider, or the engine itself for providers, stashes and local commands."""

import uuid
from pathlib import Path

from lab.engine import command, stash
from lab.engine.diff import Diff, compare
from lab.engine.errors import Unsupported
from lab.engine.handler import Handler, Read, Say
from lab.engine.model import Goal, name_of
from lab.engine.processes import Processes
from lab.engine.providers import TYPE, Providers, is_provider, reference
from lab.engine.state import State
from lab.engine.values import Object, reveal

_COMMAND_PROVIDER = "pulumi:providers:command"


class Handlers:
    """Finds the handlers of a run. `folder` is the project's."""

    def __init__(self, state: State, providers: Providers, processes: Processes, folder: Path) -> None:
        self._state = state
        self._providers = providers
        self._processes = processes
        self._folder = folder

    def of_goal(self, goal: Goal) -> Handler:
        """Return who does a registration. Unsupported for types that this engine does not know."""
        return self._of(goal.type, goal.name, goal.provider, goal.additional_secret_outputs)

    def of_resource(self, resource: Object) -> Handler:
        """Return who does a recorded resource, with the provider as it is recorded unless this run registered it."""
        provider = resource.get("provider", "")
        if provider not in self._providers:
            for found in list(self._state.resources.values()):
                if found["type"] == TYPE and reference(found["urn"], found["id"]) == provider:
                    self._providers.configure(provider, found["inputs"])
        hidden = resource.get("additionalSecretOutputs", [])
        return self._of(resource["type"], name_of(resource["urn"]), provider, hidden)

    def _of(self, type_: str, name: str, provider: str, hidden: list[str]) -> Handler:
        if type_ == TYPE:
            return self._providers
        if type_ == _COMMAND_PROVIDER:
            return _CommandProvider()
        if type_ == stash.TYPE:
            return stash.Stash()
        if type_ == command.TYPE:
            return command.Command(name, self._folder, hidden, self._processes)
        if is_provider(type_) or not type_.startswith("kubernetes:") or type_.endswith(("Patch", "List")):
            feature = f"resources of type {type_}"
            raise Unsupported(feature)
        return self._providers.get(provider, type_)


class _CommandProvider:
    """An explicit provider of the command package, which has no settings."""

    def check(self, _name: str, inputs: Object, _old_inputs: Object | None) -> Object:
        if unknown := sorted(set(inputs) - {"version"}):
            feature = f"command.Provider settings {', '.join(unknown)}"
            raise Unsupported(feature)
        return inputs

    def diff(self, old_inputs: Object, old_outputs: Object, inputs: Object) -> Diff:  # noqa: ARG002
        old = reveal(old_inputs)
        return Diff(compare(old, reveal(inputs), old, []))

    def create(self, inputs: Object, *, preview: bool, seconds: float | None, say: Say) -> tuple[str, Object]:  # noqa: ARG002
        return "" if preview else str(uuid.uuid4()), inputs

    def update(
        self,
        old_outputs: Object,  # noqa: ARG002
        inputs: Object,
        *,
        preview: bool,  # noqa: ARG002
        seconds: float | None,  # noqa: ARG002
        say: Say,  # noqa: ARG002
        ignore: list[str],  # noqa: ARG002
    ) -> tuple[str, Object]:
        return "", inputs

    def delete(self, old_inputs: Object, old_outputs: Object, *, seconds: float | None, say: Say) -> None:
        pass

    def read(self, old_inputs: Object, old_outputs: Object, id_: str) -> Read:
        return Read(id_, old_inputs, old_outputs)
