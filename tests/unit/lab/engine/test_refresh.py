"""Refresh, with a provider that answers as the test says."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.engine import QuietDisplay, Summary
from lab.engine.diff import Change, Diff, as_given
from lab.engine.errors import StepError
from lab.engine.gate import Gate
from lab.engine.handler import Read
from lab.engine.refresh import Refresh
from lab.engine.report import Report
from lab.engine.state import State
from lab.engine.values import Object, secret
from lab.engine.waiting import unwell

PREFIX = "urn:pulumi:dev::demo::"


class Handler:
    """Stands for every provider."""

    def __init__(self) -> None:
        self.found: dict[str, Read | None] = {}
        self.changes: list[Change] = []
        self.error: StepError | None = None

    def of_resource(self, _resource: Object) -> "Handler":
        """Serve every resource."""
        return self

    def read(self, inputs: Object, outputs: Object, id_: str) -> Read | None:
        """Answer as the test says, with what is recorded otherwise."""
        if self.error:
            raise self.error
        return self.found.get(id_, Read(id_, inputs, outputs))

    def diff(self, _old: Object, _outputs: Object, _new: Object) -> Diff:
        """Tell the changes that the test says."""
        return Diff(list(self.changes))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """Give a state with a stack, a provider, an object, another that needs it, and a copy that waits for its end."""
    state = State(tmp_path)
    state.put(
        {"urn": f"{PREFIX}pulumi:pulumi:Stack::s", "type": "pulumi:pulumi:Stack", "custom": False, "outputs": {"a": 1}}
    )
    state.put({"urn": f"{PREFIX}p", "type": "pulumi:providers:kubernetes", "custom": True, "id": "p"})
    thing = {"type": "t:t:T", "custom": True, "inputs": {"x": 1}, "outputs": {"x": 1}}
    state.put({**thing, "urn": f"{PREFIX}t:t:T::one", "id": "one", "additionalSecretOutputs": ["word"]})
    state.put({**thing, "urn": f"{PREFIX}t:t:T::two", "id": "two", "dependencies": [f"{PREFIX}t:t:T::one"]})
    state.put({**thing, "urn": f"{PREFIX}t:t:T::one", "id": "copy", "delete": True})
    yield state
    state.close()


def refresh(state: State, handler: Handler) -> Summary:
    """Run a refresh."""
    summary = Summary("refresh")
    Refresh(state, Report(QuietDisplay(), summary), handler, Gate(4)).run()  # type: ignore[arg-type]
    return summary


def by_id(state: State) -> dict[str, Object]:
    """Return the recorded resources by id."""
    return {resource.get("id", ""): resource for resource in state.resources.values()}


def test_nothing_new(state: State) -> None:
    """Everything counts as the same, and the stack's outputs are shown."""
    before = dict(state.resources)
    summary = refresh(state, Handler())
    assert ({"same": 4}, {"a": 1}) == (dict(summary.counts), summary.outputs)
    assert before == state.resources


def test_what_is_gone(state: State) -> None:
    """It leaves the state, and what needed it needs it no longer; a copy that is gone leaves without a word."""
    handler = Handler()
    handler.found = {"one": None, "copy": None}
    summary = refresh(state, handler)
    assert {"same": 3, "delete": 1} == dict(summary.counts)
    assert {"", "p", "two"} == set(by_id(state))
    assert [] == by_id(state)["two"]["dependencies"]


def test_what_changed(state: State) -> None:
    """It is recorded, shown from the cluster's side, and counted unless the program ignores it; secrets stay."""
    handler = Handler()
    handler.found = {"one": Read("new", {"x": 2}, {"x": 2, "word": "hush"})}
    handler.changes = [Change(("x",), "delete", replace=True, old=2, new=1)]
    state.put(
        {**by_id(state)["two"], "ignoreChanges": ["x"]},
        next(r for r, v in state.resources.items() if v.get("id") == "two"),
    )
    summary = Summary("refresh")
    report = Report(QuietDisplay(), summary)
    Refresh(state, report, handler, Gate(4)).run()  # type: ignore[arg-type]
    assert {"same": 3, "update": 1} == dict(summary.counts)
    assert ["+x"] == report.rows[f"{PREFIX}t:t:T::one"].details
    assert ({"x": 2}, {"x": 2, "word": secret("hush")}) == (
        by_id(state)["new"]["inputs"],
        by_id(state)["new"]["outputs"],
    )


def test_what_is_not_well(state: State) -> None:
    """The reasons are recorded and told; when it is well again they go."""
    handler = Handler()
    handler.found = {"one": Read("one", {"x": 1}, {"x": 1}, ["no pods", "no luck"])}
    summary = refresh(state, handler)
    assert ["no pods", "no luck"] == by_id(state)["one"]["initErrors"]
    assert ["Refreshed resource is in an unhealthy state:\n* no pods\n* no luck"] == [
        found.message for found in summary.diagnostics
    ]
    assert summary.ok
    refresh(state, Handler())
    assert "initErrors" not in by_id(state)["one"]


def test_what_cannot_be_read(state: State) -> None:
    """It is an error, and nothing leaves the state."""
    handler = Handler()
    handler.error = StepError("nobody answers")
    before = dict(state.resources)
    with pytest.raises(StepError, match="nobody answers"):
        refresh(state, handler)
    assert before == state.resources


def test_inputs_as_they_would_have_been_given() -> None:
    """The live part of what was given; zero values that the server drops are there in effect."""
    shape = {"a": 1, "b": {"c": 2, "off": False}, "list": [{"x": 1}], "gone": 3, "none": {}}
    live = {"a": 5, "b": {"c": 6, "more": 1}, "list": [{"x": 7, "y": 8}, {"x": 9}], "other": 1}
    assert {"a": 5, "b": {"c": 6, "off": False}, "list": [{"x": 7}], "none": {}} == as_given(live, shape)


DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"generation": 1},
    "spec": {"replicas": 1},
    "status": {"observedGeneration": 1},
}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "status": {"conditions": [{"type": "Failed", "status": "True"}]}}


@pytest.mark.parametrize(
    ("manifest", "live", "expected"),
    [
        ({}, DEPLOYMENT, "Waiting for app ReplicaSet"),
        (
            {"metadata": {"annotations": {"pulumi.com/waitFor": "jsonpath={.x}"}}},
            DEPLOYMENT,
            "Waiting for app ReplicaSet",
        ),
        ({"metadata": {"annotations": {"pulumi.com/skipAwait": "true"}}}, DEPLOYMENT, ""),
        ({}, SERVICE, "Service does not target any Pods"),
        ({}, JOB, "the Job failed"),
        ({}, {"apiVersion": "v1", "kind": "ConfigMap"}, ""),
        ({}, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Lost"}}, ""),
    ],
)
def test_what_a_refresh_calls_unwell(manifest: Object, live: Object, expected: str) -> None:
    """Judged by kind whatever waitFor says; not at all with skipAwait, nor where the provider has no rule for it."""
    nothing: Callable[[Object], Object] = lambda _: {}  # noqa: E731
    found = unwell(manifest, live, nothing)
    assert bool(expected) == bool(found)
    assert expected in "".join(found)
