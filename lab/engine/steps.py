"""One registration after the other, planned and done: same, create, update, replace.

The order of things in a step is what makes a run safe to kill: intent on disk, cluster, result on disk.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from lab.engine import paths
from lab.engine.deletion import Deletion
from lab.engine.diff import Change, Diff, replace_on
from lab.engine.errors import PartialError, StepError, Unsupported
from lab.engine.gate import Gate
from lab.engine.hooks import Hooks, Seen
from lab.engine.kubernetes import Kubernetes
from lab.engine.model import Goal, Op
from lab.engine.providers import TYPE as PROVIDER
from lab.engine.providers import Providers, reference
from lab.engine.report import Report
from lab.engine.state import State
from lab.engine.values import UNKNOWN, Object, secret

STACK = "pulumi:pulumi:Stack"


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


class Steps:
    """Does what the program registers. One instance serves one run; registrations come in parallel."""

    def __init__(
        self,
        *,
        prefix: str,
        state: State,
        report: Report,
        gate: Gate,
        hooks: Hooks,
        providers: Providers,
        dry_run: bool,
    ) -> None:
        self._prefix = prefix
        self._state = state
        self._report = report
        self._gate = gate
        self._hooks = hooks
        self._providers = providers
        self._dry_run = dry_run
        self._deletion = Deletion(state, report, providers, gate, dry_run=dry_run)
        self._seen: dict[str, Goal] = {}
        self._after_outputs: dict[str, Callable[[Object], None]] = {}
        self._lock = threading.Lock()

    def register(self, goal: Goal) -> Registered:
        """Bring one resource to what the program wants. StepError, EngineError, gate.Stopped when it is not."""
        urn = self.urn(goal)
        with self._lock:
            if urn in self._seen:
                raise StepError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
            self._seen[urn] = goal
        self._hooks.require(goal)
        self._refuse_aliased(urn, goal)
        self._deletion.registered(urn)
        with self._gate.step():
            return self._custom(urn, goal) if goal.custom else self._component(urn, goal)

    def urn(self, goal: Goal) -> str:
        """Return the URN: stack, project, the parents' types, type and name."""
        parents = goal.parent.split("::", 3)[2] if goal.parent else ""
        qualified = f"{parents}$" if parents and parents != STACK else ""
        return f"{self._prefix}{qualified}{goal.type}::{goal.name}"

    def _refuse_aliased(self, urn: str, goal: Goal) -> None:
        """Raise Unsupported when the state knows the resource under an alias; the SDK sends many that match nothing."""
        if self._state.live(urn):
            return
        stack, project = self._prefix.removeprefix("urn:pulumi:").removesuffix("::").split("::")
        for alias in goal.aliases:
            parent = goal.parent if alias.parent is None else alias.parent
            other = replace(goal, type=alias.type or goal.type, name=alias.name or goal.name, parent=parent)
            prefix = f"urn:pulumi:{alias.stack or stack}::{alias.project or project}::"
            known = alias.urn or prefix + self.urn(other).removeprefix(self._prefix)
            if self._state.live(known):
                feature = f"renaming {known} through an alias"
                raise Unsupported(feature)

    def register_outputs(self, urn: str, outputs: Object) -> None:
        """Record a component's outputs, and run the after-hooks that wait for them."""
        goal = self._seen.get(urn)
        if goal is None:
            raise StepError(f"outputs for a resource that was not registered: {urn}")
        if goal.type == STACK:
            self._report.summary.outputs = outputs
        found = self._state.live(urn)
        if found and not self._dry_run and found[1].get("outputs", {}) != outputs:
            self._state.put({**found[1], "outputs": outputs}, found[0])
        after = self._after_outputs.pop(urn, None)
        if after:
            after(outputs)

    def delete_rest(self) -> None:
        """After the program's end: delete what it no longer registers, and what was replaced."""
        self._deletion.run(
            {
                row: res
                for row, res in self._state.resources.items()
                if res.get("delete") or res["urn"] not in self._seen
            }
        )

    def _component(self, urn: str, goal: Goal) -> Registered:
        old = self._old(urn)
        op: Op = "create" if old is None else "same" if old.inputs == goal.inputs else "update"
        self._report.plan(urn, goal.parent, op)
        if goal.type == STACK:
            self._report.summary.old_outputs = old.outputs if old else {}
        outputs = old.outputs if old else {}
        seen = Seen(urn, new_inputs=goal.inputs, old_inputs=old.inputs if old else None, old_outputs=outputs or None)
        if op == "create":
            self._hooks.run("BeforeCreate", goal, seen)
        elif op == "update":
            self._hooks.run("BeforeUpdate", goal, seen)
        resource = goal.resource(urn, goal.inputs, outputs)
        if not self._dry_run and (old is None or resource != old.resource):
            self._state.put(resource, old.row if old else None)
        self._report.count(urn)
        if op != "same":
            when = "AfterCreate" if op == "create" else "AfterUpdate"
            self._after_outputs[urn] = lambda new: self._hooks.run(when, goal, replace(seen, new_outputs=new))  # type: ignore[arg-type]
        return Registered(urn, "", {})

    def _old(self, urn: str) -> Old | None:
        found = None if urn in self._deletion.replacing else self._state.live(urn)
        return Old(*found) if found else None

    def _custom(self, urn: str, goal: Goal) -> Registered:
        handler = self._handler(goal)
        old = self._old(urn)
        checked = handler.check(goal.name, goal.inputs, old.inputs if old else None)
        if old is None:
            op: Op = "replace" if urn in self._deletion.replacing else "create"
            self._report.plan(urn, goal.parent, op)
            return self._create(urn, goal, checked, None)
        diff = handler.diff(old.inputs, old.outputs, checked)
        if goal.type != PROVIDER and old.resource.get("provider", "") != goal.provider:
            diff.changes.append(Change(("provider",), "update", replace=True))
            diff.delete_first = False
        diff.changes = replace_on(diff.changes, goal.replace_on_changes)
        if diff.replace:
            return self._replace(urn, goal, old, checked, diff)
        if diff.changes or old.resource.get("initErrors"):
            self._report.plan(urn, goal.parent, "update", _details(diff.changes))
            return self._update(urn, goal, checked, old)
        self._report.plan(urn, goal.parent, "same")
        self._report.count(urn)
        resource = goal.resource(urn, checked, old.outputs, id=old.resource["id"])
        if not self._dry_run and resource != old.resource:
            self._state.put(resource, old.row)
        return self._registered(urn, goal, resource)

    def _handler(self, goal: Goal) -> Kubernetes | Providers:
        if goal.type == PROVIDER:
            return self._providers
        if not goal.type.startswith("kubernetes:") or goal.type.endswith(("Patch", "List")):
            feature = f"resources of type {goal.type}"
            raise Unsupported(feature)
        return self._providers.get(goal.provider, goal.type)

    def _registered(self, urn: str, goal: Goal, resource: Object) -> Registered:
        id_ = resource.get("id", "")
        if goal.type == PROVIDER:
            self._providers.configure(reference(urn, id_), resource["inputs"])
        return Registered(urn, id_, resource.get("outputs", {}))

    def _replace(self, urn: str, goal: Goal, old: Old, checked: Object, diff: Diff) -> Registered:
        if old.resource.get("protect"):
            raise StepError(
                "it would have to be replaced, and it is protected; remove `protect` from its options and run again"
            )
        self._report.plan(urn, goal.parent, "replace", _details(diff.changes))
        first = diff.delete_first if goal.delete_before_replace is None else goal.delete_before_replace
        handler = self._handler(goal)
        if not first:
            # A second object needs a name of its own: the old one lends it no auto-name.
            return self._create(urn, goal, handler.check(goal.name, goal.inputs, None), old)
        self._deletion.before_replace(urn, old.row, old.resource)
        if _autonamed(checked):
            checked = handler.check(goal.name, goal.inputs, None)
        return self._create(urn, goal, checked, None)

    def _create(self, urn: str, goal: Goal, checked: Object, replaced: Old | None) -> Registered:
        again = self._report.rows[urn].op == "replace"
        handler = self._handler(goal)
        seen = Seen(urn, new_inputs=checked)
        say = self._say(urn)
        with self._report.step(urn, "creating replacement" if again else "creating"):
            self._hooks.run("BeforeCreate", goal, seen)
            if goal.type == PROVIDER and not self._dry_run:
                Kubernetes(checked, self._gate.stopped)  # refuses a foreign cluster before anything is recorded
            resource = goal.resource(urn, checked, {})
            operation = None if self._dry_run else self._state.begin("creating", resource)
            seconds = goal.timeouts.get("create")
            try:
                id_, outputs = handler.create(checked, preview=self._dry_run, seconds=seconds, say=say)
            except PartialError as error:
                resource = self._partial(urn, goal, checked, error)
                self._state.finish(operation, [(None, resource), *_outlived(replaced)])
                raise
            except StepError:
                if operation:
                    self._state.finish(operation)
                raise
            resource = goal.resource(urn, checked, _marked(goal, outputs), id=id_)
            if operation:
                self._state.finish(operation, [(None, resource), *_outlived(replaced)])
            self._report.count(urn)
            self._hooks.run("AfterCreate", goal, replace(seen, id=id_, new_outputs=resource.get("outputs", {})))
        return self._registered(urn, goal, resource)

    def _update(self, urn: str, goal: Goal, checked: Object, old: Old) -> Registered:
        id_ = old.resource["id"]
        seen = Seen(urn, id_, new_inputs=checked, old_inputs=old.inputs, old_outputs=old.outputs)
        with self._report.step(urn, "updating"):
            self._hooks.run("BeforeUpdate", goal, seen)
            if goal.type == PROVIDER:
                id_, outputs = old.resource["id"], checked
                Kubernetes(checked, self._gate.stopped)
                if not self._dry_run:
                    self._state.put(goal.resource(urn, checked, outputs, id=id_), old.row)
            else:
                id_, outputs = self._apply(urn, goal, checked, old)
            resource = goal.resource(urn, checked, _marked(goal, outputs), id=id_)
            self._report.count(urn)
            self._hooks.run("AfterUpdate", goal, replace(seen, new_outputs=resource.get("outputs", {})))
        return self._registered(urn, goal, resource)

    def _apply(self, urn: str, goal: Goal, checked: Object, old: Old) -> tuple[str, Object]:
        handler = self._providers.get(goal.provider, goal.type)
        seconds, say = goal.timeouts.get("update"), self._say(urn)
        if self._dry_run:
            return handler.update(old.outputs, checked, preview=True, seconds=seconds, say=say)
        operation = self._state.begin("updating", goal.resource(urn, checked, {}), old.row)
        try:
            id_, outputs = handler.update(old.outputs, checked, preview=False, seconds=seconds, say=say)
        except PartialError as error:
            self._state.finish(operation, [(old.row, self._partial(urn, goal, checked, error))])
            raise
        except StepError:
            self._state.finish(operation)
            raise
        self._state.finish(operation, [(old.row, goal.resource(urn, checked, _marked(goal, outputs), id=id_))])
        return id_, outputs

    @staticmethod
    def _partial(urn: str, goal: Goal, checked: Object, error: PartialError) -> Object:
        outputs: Object = dict(error.live)
        metadata = outputs["metadata"]
        id_ = f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else metadata["name"]
        return goal.resource(urn, checked, _marked(goal, outputs), id=id_, initErrors=[str(error)])

    def _say(self, urn: str) -> Callable[[str], None]:
        last = ""

        def say(text: str) -> None:
            nonlocal last
            if text != last:
                last = text
                self._report.message("info", text, urn, ephemeral=True)

        return say


def _outlived(replaced: Old | None) -> list[tuple[int | None, Object]]:
    return [(replaced.row, {**replaced.resource, "delete": True})] if replaced else []


def _autonamed(checked: Object) -> bool:
    metadata = checked.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and "pulumi.com/autonamed" in annotations


def _marked(goal: Goal, outputs: Object) -> Object:
    hidden = {key: secret(outputs[key]) for key in goal.additional_secret_outputs if key in outputs}
    return {**outputs, **hidden}


def _details(changes: list[Change]) -> list[str]:
    signs = {"add": "+", "delete": "-", "update": "~"}
    found = []
    for change in changes:
        unknown = " => [unknown]" if change.new == UNKNOWN else ""
        found.append(f"{signs[change.kind]}{paths.show(change.path)}{unknown}")
    return sorted(found)
