"""Refresh: the state takes over what is in the cluster. Nothing in the cluster changes and no program runs.

1. Components and providers stay as they are recorded, and so do local commands, which nobody can ask.
2. An object that is gone leaves the state, and with it the dependencies on it.
3. Any other is read: its outputs are the live object, its inputs the part of it that the recorded inputs shaped. It
   counts as updated where an `up` of an unchanged program would change it back.
4. An object that is not well gets the reasons as `initErrors`, which the next `up` updates it for; a warning says so.
"""

from concurrent.futures import ThreadPoolExecutor

from lab.engine import ignore
from lab.engine.diff import Change, Kind
from lab.engine.errors import EngineError, StepError
from lab.engine.gate import Gate, Stopped
from lab.engine.handler import Handler, Read
from lab.engine.handlers import Handlers
from lab.engine.model import STACK, forgotten
from lab.engine.providers import is_provider
from lab.engine.report import Report
from lab.engine.state import State
from lab.engine.steps import details
from lab.engine.values import Object, secret

_PARALLEL = 16
_INVERSE: dict[Kind, Kind] = {"add": "delete", "delete": "add", "update": "update"}


class Refresh:
    """Refreshes every resource of a state."""

    def __init__(self, state: State, report: Report, handlers: Handlers, gate: Gate) -> None:
        self._state = state
        self._report = report
        self._handlers = handlers
        self._gate = gate

    def run(self) -> None:
        """Do it. StepError or EngineError of the first that cannot be read; those in flight are read to the end."""
        rows = dict(self._state.resources)
        for resource in rows.values():
            if not resource.get("delete"):
                self._report.plan(resource["urn"], resource.get("parent", ""), "same")
            if resource["type"] == STACK:
                outputs = resource.get("outputs", {})
                self._report.summary.outputs = self._report.summary.old_outputs = outputs
        with ThreadPoolExecutor(_PARALLEL, "refresh") as pool:
            done = [pool.submit(self._one, row, resource) for row, resource in rows.items()]
        errors = [error for error in (future.exception() for future in done) if error is not None]
        for error in sorted(errors, key=lambda found: isinstance(found, Stopped)):
            raise error
        self._forget({res["urn"] for res in rows.values()} - {res["urn"] for res in self._state.resources.values()})

    def _one(self, row: int, resource: Object) -> None:
        urn = resource["urn"]
        if not resource["custom"] or is_provider(resource["type"]):
            self._report.count(urn)
            return
        try:
            with self._gate.step():
                self._read(row, resource)
        except (StepError, EngineError) as error:
            self._report.message("error", str(error), urn)
            self._gate.stop()
            raise

    def _read(self, row: int, resource: Object) -> None:
        handler = self._handlers.of_resource(resource)
        old = (resource.get("inputs", {}), resource.get("outputs", {}))
        if resource.get("delete"):
            if handler.read(*old, resource["id"]) is None:
                self._state.finish(None, drop=[row])
            return
        urn = resource["urn"]
        with self._report.step(urn, "refreshing"):
            found = handler.read(*old, resource["id"])
            if found is None:
                self._report.plan(urn, resource.get("parent", ""), "delete")
                self._state.finish(None, drop=[row])
            else:
                self._take(row, resource, found, handler)
            self._report.count(urn)

    def _take(self, row: int, resource: Object, found: Read, handler: Handler) -> None:
        urn = resource["urn"]
        hidden = [key for key in resource.get("additionalSecretOutputs", []) if key in found.outputs]
        outputs = {**found.outputs, **{key: secret(found.outputs[key]) for key in hidden}}
        changes = handler.diff(found.inputs, outputs, resource.get("inputs", {})).changes
        # What an unchanged program would change back, seen from the other side: that is what happened meanwhile.
        happened = [
            Change(change.path, _INVERSE[change.kind], replace=False, old=change.new, new=change.old)
            for change in ignore.without(changes, resource.get("ignoreChanges", []))
        ]
        if happened:
            self._report.plan(urn, resource.get("parent", ""), "update", details(happened))
        new = {**resource, "id": found.id, "inputs": found.inputs, "outputs": outputs}
        new.pop("initErrors", None)
        if found.errors:
            new["initErrors"] = found.errors
            reasons = "".join(f"\n* {error}" for error in found.errors)
            self._report.message("warning", f"Refreshed resource is in an unhealthy state:{reasons}", urn)
        if new != resource:
            self._state.put(new, row)

    def _forget(self, gone: set[str]) -> None:
        for row, resource in list(self._state.resources.items()):
            new = resource
            for urn in gone:
                new = forgotten(new, urn)
            if new is not resource:
                self._state.put(new, row)
