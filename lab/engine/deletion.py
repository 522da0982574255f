"""Deletes, in reverse dependency order and in parallel: what the program dropped, what was replaced, everything."""

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from lab.engine.errors import EngineError, StepError
from lab.engine.gate import Gate, Stopped
from lab.engine.handlers import Handlers
from lab.engine.hooks import Hooks, Seen
from lab.engine.model import needs
from lab.engine.providers import is_provider
from lab.engine.report import Report
from lab.engine.state import State
from lab.engine.values import UNKNOWN, Object

_PARALLEL = 16
_PROTECTED = (
    "it cannot be deleted because it is protected; remove the `protect` flag from the resource in the program, run "
    "`up`, and then delete it"
)


class Deletion:
    """Deletes rows of the state. `replacing` holds the URNs that go in order to be created anew."""

    def __init__(
        self, state: State, report: Report, handlers: Handlers, hooks: Hooks, gate: Gate, *, dry_run: bool
    ) -> None:
        self._state = state
        self._report = report
        self._handlers = handlers
        self._hooks = hooks
        self._gate = gate
        self._dry_run = dry_run
        self.replacing: set[str] = set()
        self._registered: set[str] = set()
        self._going: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def registered(self, urn: str) -> None:
        """Leave this resource to its own registration from now on; where it is just going, return when it is gone."""
        with self._lock:
            self._registered.add(urn)
            gone = self._going.get(urn)
        if gone:
            gone.wait()

    def run(self, rows: dict[int, Object]) -> None:
        """Delete these rows; StepError for protected ones (all named) before any of them, and for failures."""
        protected = sorted(res["urn"] for res in rows.values() if res.get("protect") and not res.get("delete"))
        for urn in protected:
            self._report.message("error", _PROTECTED, urn)
        if protected:
            raise StepError("protected resources cannot be deleted")
        for resource in rows.values():
            if not resource.get("delete"):
                self._report.plan(resource["urn"], resource.get("parent", ""), "delete")
                if self._dry_run:
                    self._report.count(resource["urn"])
        if not self._dry_run:
            self._all(rows)

    def _all(self, rows: dict[int, Object]) -> None:
        left = dict(rows)
        running: dict[Future[None], int] = {}
        failures: list[BaseException] = []
        with ThreadPoolExecutor(_PARALLEL, "delete") as pool:
            while left or running:
                if not failures and not self._gate.stopped.is_set():
                    for row in _ready(left, set(running.values()), rows):
                        running[pool.submit(self._one, row, left.pop(row))] = row
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    error = future.exception()
                    if error is not None:
                        failures.append(error)
        if failures:
            raise failures[0]
        if left:
            raise Stopped

    def _one(self, row: int, resource: Object) -> None:
        urn = resource["urn"]
        replaced = bool(resource.get("delete"))
        if urn not in self._report.rows:
            self._report.plan(urn, resource.get("parent", ""), "delete")
        try:
            with self._gate.step(), self._report.step(urn, "deleting original" if replaced else "deleting"):
                self._remove(row, resource)
            if not replaced:
                self._report.count(urn)
        except (StepError, EngineError) as error:
            self._report.message("error", str(error), urn)
            self._gate.stop()
            raise

    def _remove(self, row: int, resource: Object) -> None:
        if not resource["custom"] or is_provider(resource["type"]) or resource.get("retainOnDelete"):
            self._state.finish(None, drop=[row])
            return
        handler = self._handlers.of_resource(resource)
        operation = self._state.begin("deleting", resource, row)
        last = ""

        def say(text: str) -> None:
            nonlocal last
            if text != last:
                last = text
                self._report.message("info", text, resource["urn"], ephemeral=True)

        inputs, outputs = resource["inputs"], resource["outputs"]
        seconds = resource.get("customTimeouts", {}).get("delete")
        seen = Seen(resource["urn"], resource["id"], old_inputs=inputs, old_outputs=outputs)
        try:
            attempt = lambda: handler.delete(inputs, outputs, seconds=seconds, say=say)  # noqa: E731 (one expression)
            self._hooks.retried("delete", resource, seen, attempt)
        except StepError:
            self._state.finish(operation)
            raise
        self._state.finish(operation, drop=[row])

    def before_replace(self, urn: str, row: int, resource: Object) -> None:
        """Delete a resource that must go before its successor comes, and first what cannot stand without it.

        That is what would itself have to be replaced if the properties that come from it changed; but not what
        this run has registered already, which no longer stands on it. Called inside a step.
        """
        dependents = self._dependents(urn)
        gone = threading.Event()
        with self._lock:
            rows = {key: res for key, res in dependents.items() if res["urn"] not in self._registered}
            rows[row] = resource
            for found in rows.values():
                if found.get("protect"):
                    raise StepError(f"{found['urn']} would have to be replaced, and it is protected")
            self.replacing.update(found["urn"] for found in rows.values())
            self._going.update({found["urn"]: gone for found in rows.values()})
        try:
            if not self._dry_run:
                self._remove_for_replacement(rows)
        except BaseException:
            self._gate.stop()  # what waits here must not be created beside what is still there
            raise
        finally:
            gone.set()

    def _remove_for_replacement(self, rows: dict[int, Object]) -> None:
        while rows:
            for ready in _ready(rows, set(), rows):
                found = rows.pop(ready)
                if found["urn"] not in self._report.rows:
                    self._report.plan(found["urn"], found.get("parent", ""), "replace")
                with self._report.step(found["urn"], "deleting original"):
                    self._remove(ready, found)

    def _dependents(self, root: str) -> dict[int, Object]:
        found: dict[int, Object] = {}
        urns = {root}
        grown = True
        while grown:
            grown = False
            for row, resource in list(self._state.resources.items()):
                if row in found or resource.get("delete") or not resource["custom"] or is_provider(resource["type"]):
                    continue
                if resource["urn"] in urns or resource["urn"] in self._registered:
                    continue
                if self._must_follow(resource, urns):
                    found[row] = resource
                    urns.add(resource["urn"])
                    grown = True
        return found

    def _must_follow(self, resource: Object, urns: set[str]) -> bool:
        touched = {key for key, deps in resource.get("propertyDependencies", {}).items() if urns & set(deps)}
        if not touched:
            return False
        inputs = {key: UNKNOWN if key in touched else value for key, value in resource["inputs"].items()}
        handler = self._handlers.of_resource(resource)
        return handler.diff(resource["inputs"], resource["outputs"], inputs).replace


def _ready(left: dict[int, Object], running: set[int], rows: dict[int, Object]) -> list[int]:
    """Return the rows that nothing left or running stands on; all, should a cycle have come into being."""
    needed: set[str] = set()
    for row, resource in rows.items():
        if row in left or row in running:
            needed |= needs(resource)
    free = [row for row, resource in left.items() if resource["urn"] not in needed]
    return free if free or running else list(left)
