"""One registration after the other, planned: same, create, update, replace; and what then has to go."""

import threading
from collections.abc import Callable
from dataclasses import replace

from lab.engine import ignore, paths
from lab.engine.deletion import Deletion
from lab.engine.diff import Change, Diff, replace_on
from lab.engine.doing import Doing, Old, Registered, marked
from lab.engine.errors import StepError
from lab.engine.gate import Gate
from lab.engine.handlers import Handlers
from lab.engine.hooks import Hooks, Seen
from lab.engine.model import STACK, Goal, Op
from lab.engine.naming import Naming
from lab.engine.providers import Providers, is_provider
from lab.engine.report import Report
from lab.engine.state import State
from lab.engine.values import UNKNOWN, Object, annotate


class Steps:
    """Does what the program registers. One instance serves one run; registrations come in parallel."""

    def __init__(
        self,
        *,
        naming: Naming,
        state: State,
        report: Report,
        gate: Gate,
        hooks: Hooks,
        providers: Providers,
        handlers: Handlers,
        dry_run: bool,
    ) -> None:
        self.urn = naming.urn
        self._naming = naming
        self._state = state
        self._report = report
        self._gate = gate
        self._hooks = hooks
        self._handlers = handlers
        self._dry_run = dry_run
        self._doing = Doing(state, report, hooks, providers, handlers, dry_run=dry_run)
        self._deletion = Deletion(state, report, handlers, hooks, gate, dry_run=dry_run)
        self._seen: dict[str, Goal] = {}
        self._renamed: dict[str, str] = {}
        self._after_outputs: dict[str, Callable[[Object], None]] = {}
        self._lock = threading.Lock()

    def register(self, goal: Goal) -> Registered:
        """Bring one resource to what the program wants. StepError, EngineError, gate.Stopped when it is not."""
        urn = self.urn(goal)
        with self._lock:
            if urn in self._seen:
                raise StepError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
            if urn in self._renamed:
                raise StepError(f"'{urn}' is an alias of '{self._renamed[urn]}', which has it already")
            self._seen[urn] = goal
        self._hooks.require(goal)
        self._deletion.registered(urn)
        self._take_over(urn, self._naming.aliases(urn, goal))
        with self._gate.step():
            return self._custom(urn, goal) if goal.custom else self._component(urn, goal)

    def _take_over(self, urn: str, aliases: list[str]) -> None:
        """Give the record of the first alias that the state knows the resource's URN, unless it knows that already."""
        if self._state.live(urn) or urn in self._deletion.replacing:
            return
        for alias in aliases:
            with self._lock:
                taken = self._renamed.get(alias)
                if taken:
                    raise StepError(f"'{taken}' has the alias '{alias}' already; give it to one resource only")
                known = self._state.live(alias) or alias in self._deletion.replacing
                if alias in self._seen or not known:
                    continue
                self._renamed[alias] = urn
            self._deletion.registered(alias)
            found = self._state.live(alias)
            if found is None or alias in self._deletion.replacing:
                self._deletion.replacing.add(urn)  # it goes in this run, to be made anew under the new URN
            if found:
                self._state.rename(found[0], urn, self._seen[urn].type, self._seen)
            return

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
        rows = self._state.resources.items()
        self._deletion.run({row: res for row, res in rows if res.get("delete") or res["urn"] not in self._seen})

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
        handler = self._handlers.of_goal(goal)
        old = self._old(urn)
        if old is None:
            checked = handler.check(goal.name, goal.inputs, None)
            op: Op = "replace" if urn in self._deletion.replacing else "create"
            self._report.plan(urn, goal.parent, op)
            return self._doing.create(urn, goal, checked, None)
        goal = replace(goal, inputs=ignore.restore(goal.inputs, old.inputs, goal.ignore_changes))
        checked = handler.check(goal.name, goal.inputs, old.inputs)
        diff = self._diff(handler.diff(old.inputs, old.outputs, checked), goal, old)
        if diff.replace:
            return self._replace(urn, goal, old, checked, diff)
        if diff.changes or old.resource.get("initErrors"):
            self._report.plan(urn, goal.parent, "update", details(diff.changes))
            return self._doing.update(urn, goal, checked, old)
        return self._same(urn, goal, checked, old)

    @staticmethod
    def _diff(diff: Diff, goal: Goal, old: Old) -> Diff:
        diff.changes = ignore.without(diff.changes, goal.ignore_changes)
        if not is_provider(goal.type) and old.resource.get("provider", "") != goal.provider:
            diff.changes.append(Change(("provider",), "update", replace=True))
            diff.delete_first = False
        diff.changes = replace_on(diff.changes, goal.replace_on_changes)
        return diff

    def _same(self, urn: str, goal: Goal, checked: Object, old: Old) -> Registered:
        self._report.plan(urn, goal.parent, "same")
        self._report.count(urn)
        # What the program calls secret from now on is secret in what is recorded, too.
        outputs = marked(goal, annotate(old.outputs, checked))
        if "__inputs" in outputs:
            outputs["__inputs"] = checked
        resource = goal.resource(urn, checked, outputs, id=old.resource["id"])
        if not self._dry_run and resource != old.resource:
            self._state.put(resource, old.row)
        return self._doing.registered(urn, goal, resource)

    def _replace(self, urn: str, goal: Goal, old: Old, checked: Object, diff: Diff) -> Registered:
        if old.resource.get("protect"):
            raise StepError(
                "it would have to be replaced, and it is protected; remove the `protect` flag from the resource in the "
                "program, run `up`, and then change it"
            )
        self._report.plan(urn, goal.parent, "replace", details(diff.changes))
        first = diff.delete_first if goal.delete_before_replace is None else goal.delete_before_replace
        handler = self._handlers.of_goal(goal)
        if not first:
            # A second object needs a name of its own: the old one lends it no auto-name.
            return self._doing.create(urn, goal, handler.check(goal.name, goal.inputs, None), old)
        self._deletion.before_replace(urn, old.row, old.resource)
        if _autonamed(checked):
            checked = handler.check(goal.name, goal.inputs, None)
        return self._doing.create(urn, goal, checked, None)


def _autonamed(checked: Object) -> bool:
    metadata = checked.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return isinstance(annotations, dict) and "pulumi.com/autonamed" in annotations


def details(changes: list[Change]) -> list[str]:
    """Return changes as the display shows them: `~spec.replicas`."""
    signs = {"add": "+", "delete": "-", "update": "~"}
    found = []
    for change in changes:
        unknown = " => [unknown]" if change.new == UNKNOWN else ""
        found.append(f"{signs[change.kind]}{paths.show(change.path)}{unknown}")
    return sorted(found)
