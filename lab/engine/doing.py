"""The steps that change something: create and update, with their hooks, retries and records.

The order of things in a step is what makes a run safe to kill: intent on disk, cluster, result on disk.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from lab.engine.errors import PartialError, StepError, UnclearError
from lab.engine.handlers import Handlers
from lab.engine.hooks import Hooks, Seen
from lab.engine.model import Goal
from lab.engine.providers import TYPE as PROVIDER
from lab.engine.providers import Providers, is_provider, reference
from lab.engine.report import Report
from lab.engine.state import State
from lab.engine.values import Object, secret


@dataclass(frozen=True, slots=True)
class Registered:
    """What the program gets back: the id is "" while it is unknown."""

    urn: str
    id: str
    outputs: Object


@dataclass(frozen=True, slots=True)
class Old:
    """A resource as the last run left it."""

    row: int
    resource: Object

    @property
    def inputs(self) -> Object:
        """The recorded inputs."""
        found: Object = self.resource.get("inputs", {})
        return found

    @property
    def outputs(self) -> Object:
        """The recorded outputs."""
        found: Object = self.resource.get("outputs", {})
        return found


class Doing:
    """Creates and updates planned resources; a preview does it on paper."""

    def __init__(
        self, state: State, report: Report, hooks: Hooks, providers: Providers, handlers: Handlers, *, dry_run: bool
    ) -> None:
        self._state = state
        self._report = report
        self._hooks = hooks
        self._providers = providers
        self._handlers = handlers
        self._dry_run = dry_run

    def registered(self, urn: str, goal: Goal, resource: Object) -> Registered:
        """Return the answer to a registration; a provider can be used from here on."""
        id_ = resource.get("id", "")
        if goal.type == PROVIDER:
            self._providers.configure(reference(urn, id_), resource["inputs"])
        return Registered(urn, id_, resource.get("outputs", {}))

    def create(self, urn: str, goal: Goal, checked: Object, replaced: Old | None) -> Registered:
        """Create a planned resource; what it replaces waits for its deletion from then on."""
        again = self._report.rows[urn].op == "replace"
        seen = Seen(urn, new_inputs=checked)
        with self._report.step(urn, "creating replacement" if again else "creating"):
            self._hooks.run("BeforeCreate", goal, seen)
            if goal.type == PROVIDER and not self._dry_run:
                self._providers.require_lab(checked)  # before anything is recorded
            id_, outputs = self._made(urn, goal, checked, replaced, seen)
            resource = goal.resource(urn, checked, marked(goal, outputs), id=id_)
            self._report.count(urn)
            self._hooks.run("AfterCreate", goal, replace(seen, id=id_, new_outputs=resource.get("outputs", {})))
        return self.registered(urn, goal, resource)

    def _made(self, urn: str, goal: Goal, checked: Object, replaced: Old | None, seen: Seen) -> tuple[str, Object]:
        handler, say, seconds = self._handlers.of_goal(goal), self._say(urn), goal.timeouts.get("create")
        if self._dry_run:
            return handler.create(checked, preview=True, seconds=seconds, say=say)
        operation = self._state.begin("creating", goal.resource(urn, checked, {}))
        partial: list[PartialError] = []

        def attempt() -> tuple[str, Object]:
            try:
                return handler.create(checked, preview=False, seconds=seconds, say=say)
            except PartialError as error:
                partial[:] = [error]
                raise

        try:
            id_, outputs = self._hooks.retried("create", operation.resource, seen, attempt)
        except UnclearError:
            raise
        except StepError:
            # An object that was made and did not become ready stays recorded, even if another try then met it.
            left = [(None, self._partial(urn, goal, checked, error)) for error in partial]
            self._state.finish(operation, [*left, *outlived(replaced)] if left else [])
            raise
        resource = goal.resource(urn, checked, marked(goal, outputs), id=id_)
        self._state.finish(operation, [(None, resource), *outlived(replaced)])
        return id_, outputs

    def update(self, urn: str, goal: Goal, checked: Object, old: Old) -> Registered:
        """Update a planned resource."""
        id_ = old.resource["id"]
        seen = Seen(urn, id_, new_inputs=checked, old_inputs=old.inputs, old_outputs=old.outputs)
        with self._report.step(urn, "updating"):
            self._hooks.run("BeforeUpdate", goal, seen)
            new_id, outputs = self._changed(urn, goal, checked, old, seen)
            resource = goal.resource(urn, checked, marked(goal, outputs), id=new_id or id_)
            self._report.count(urn)
            self._hooks.run("AfterUpdate", goal, replace(seen, new_outputs=resource.get("outputs", {})))
        return self.registered(urn, goal, resource)

    def _changed(self, urn: str, goal: Goal, checked: Object, old: Old, seen: Seen) -> tuple[str, Object]:
        handler, say, seconds = self._handlers.of_goal(goal), self._say(urn), goal.timeouts.get("update")

        def attempt() -> tuple[str, Object]:
            return handler.update(
                old.outputs, checked, preview=self._dry_run, seconds=seconds, say=say, ignore=goal.ignore_changes
            )

        if self._dry_run:
            return attempt()
        if is_provider(goal.type):
            id_, outputs = attempt()
            self._state.put(goal.resource(urn, checked, outputs, id=old.resource["id"]), old.row)
            return id_, outputs
        operation = self._state.begin("updating", goal.resource(urn, checked, {}), old.row)
        try:
            id_, outputs = self._hooks.retried("update", operation.resource, seen, attempt)
        except PartialError as error:
            self._state.finish(operation, [(old.row, self._partial(urn, goal, checked, error))])
            raise
        except StepError:
            self._state.finish(operation)
            raise
        done = goal.resource(urn, checked, marked(goal, outputs), id=id_ or old.resource["id"])
        self._state.finish(operation, [(old.row, done)])
        return id_, outputs

    @staticmethod
    def _partial(urn: str, goal: Goal, checked: Object, error: PartialError) -> Object:
        outputs: Object = dict(error.live)
        metadata = outputs["metadata"]
        id_ = f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]
        return goal.resource(urn, checked, marked(goal, outputs), id=id_, initErrors=[str(error)])

    def _say(self, urn: str) -> Callable[[str], None]:
        last = ""

        def say(text: str) -> None:
            nonlocal last
            if text != last:
                last = text
                self._report.message("info", text, urn, ephemeral=True)

        return say


def outlived(replaced: Old | None) -> list[tuple[int | None, Object]]:
    """Return the record of what was replaced and still has to go."""
    return [(replaced.row, {**replaced.resource, "delete": True})] if replaced else []


def marked(goal: Goal, outputs: Object) -> Object:
    """Return the outputs with those that the program calls secret marked."""
    hidden = {key: secret(outputs[key]) for key in goal.additional_secret_outputs if key in outputs}
    return {**outputs, **hidden}
