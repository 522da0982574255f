"""Deletes that make room for a replacement, beside registrations that run at the same time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab.engine import QuietDisplay, Summary
from lab.engine.deletion import Deletion
from lab.engine.diff import Change, Diff
from lab.engine.errors import StepError
from lab.engine.gate import Gate
from lab.engine.hooks import Hooks
from lab.engine.report import Report
from lab.engine.state import State
from lab.engine.values import Object

PREFIX = "urn:pulumi:dev::demo::kubernetes:core/v1:ConfigMap::"


class Handler:
    """Stands for the provider: every change replaces, and a delete lasts until `may_go`."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.begun, self.may_go = threading.Event(), threading.Event()
        self.may_go.set()
        self.error: StepError | None = None
        self.asked: Callable[[], None] = lambda: None

    def of_resource(self, _resource: Object) -> "Handler":
        """Serve every resource."""
        return self

    def diff(self, _old: Object, _outputs: Object, _new: Object) -> Diff:
        """Tell of a change that replaces."""
        self.asked()
        return Diff([Change(("data",), "update", replace=True)])

    def delete(self, inputs: Object, _outputs: Object, **_options: Any) -> None:
        """Delete when it may."""
        self.begun.set()
        self.may_go.wait(10)
        if self.error:
            raise self.error
        self.deleted.append(inputs["name"])


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """Give a state in which `user` takes its data from `base`, and `third` from `user`."""
    state = State(tmp_path)
    for name, needs in (("base", {}), ("user", {"data": [PREFIX + "base"]}), ("third", {"data": [PREFIX + "user"]})):
        state.put(
            {
                "urn": PREFIX + name,
                "custom": True,
                "type": "kubernetes:core/v1:ConfigMap",
                "id": name,
                "provider": "urn:pulumi:dev::demo::pulumi:providers:kubernetes::cluster::id",
                "inputs": {"name": name, "data": "x"},
                "outputs": {},
                "propertyDependencies": needs,
            }
        )
    yield state
    state.close()


def replace_base(state: State, handler: Handler, gate: Gate) -> tuple[Deletion, threading.Thread]:
    """Return the deletion and a thread that makes room for another `base`, as a step does."""
    report = Report(QuietDisplay(), Summary("up"))
    deletion = Deletion(state, report, handler, Hooks(report, dry_run=False), gate, dry_run=False)  # type: ignore[arg-type]
    report.plan(PREFIX + "base", "", "replace")
    found = state.live(PREFIX + "base")
    assert found

    def work() -> None:
        with suppress(StepError):
            deletion.before_replace(PREFIX + "base", *found)

    return deletion, threading.Thread(target=work, daemon=True)


def test_what_stands_on_it_goes_first(state: State) -> None:
    """A resource that would have to be replaced, too, goes before the one that it stands on."""
    handler = Handler()
    deletion, step = replace_base(state, handler, Gate(4))
    step.start()
    step.join()
    assert ["third", "user", "base"] == handler.deleted
    assert {PREFIX + name for name in ("base", "user", "third")} == deletion.replacing
    assert {} == state.resources


def test_what_registered_itself_already_is_left_alone(state: State) -> None:
    """A resource that no longer stands on it may be at work at this moment: it stays, and what stands on it."""
    handler = Handler()
    deletion, step = replace_base(state, handler, Gate(4))
    deletion.registered(PREFIX + "user")
    step.start()
    step.join()
    assert ["base"] == handler.deleted
    assert {PREFIX + "base"} == deletion.replacing
    assert [PREFIX + "user", PREFIX + "third"] == [resource["urn"] for resource in state.resources.values()]


def test_what_registers_itself_before_it_goes_is_left_alone(state: State) -> None:
    """The same holds for one that comes while it is asked what else has to go."""
    handler = Handler()
    deletion, step = replace_base(state, handler, Gate(4))
    handler.asked = lambda: deletion.registered(PREFIX + "user")
    step.start()
    step.join()
    assert "user" not in handler.deleted
    assert PREFIX + "user" not in deletion.replacing


@pytest.mark.parametrize("error", [None, StepError("refused")])
def test_what_registers_itself_while_it_goes_waits(state: State, error: StepError | None) -> None:
    """It is made again when it is gone, not before; where it cannot go, the run ends first."""
    handler, gate = Handler(), Gate(4)
    handler.may_go.clear()
    handler.error = error
    deletion, step = replace_base(state, handler, gate)
    stopped: list[bool] = []

    def register() -> None:
        deletion.registered(PREFIX + "user")
        stopped.append(gate.stopped.is_set())

    step.start()
    handler.begun.wait(10)
    registration = threading.Thread(target=register, daemon=True)
    registration.start()
    registration.join(0.05)
    assert [] == stopped
    handler.may_go.set()
    registration.join(10)
    step.join()
    assert [error is not None] == stopped
