"""The window of a resize: the workload is held, so that its controller replaces no pod, while templates are changed.

What both kinds share. Every write re-reads the object, checks that UID, journal and hold are still ours, carries the
resourceVersion as a precondition, and is safe to repeat. `deployment_window` and `stateful_window` say what holding,
sizing and settling are; `windows.window_of` chooses between them.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar

from components.actions.client import Client, Json
from components.actions.errors import ActionError, ApiError
from components.actions.resize.journal import ANNOTATION, FIELD_MANAGER, Journal, read_journal
from components.actions.resize.kinds import is_observed, workload_path

_R = TypeVar("_R")
_Live = TypeVar("_Live", bound=Json | None)
_ATTEMPTS = 20
PAUSE = 0.1
CONTROLLER_SECONDS = 60.0


class Interrupted(ActionError):  # noqa: N818 - what happened, as in `KeyboardInterrupt`
    """Someone else changed the workload in the window; what they did is left as it is."""


class NotAdopted(ActionError):  # noqa: N818 - a past participle like its siblings
    """The controller did not come to take the pods for those of the changed template."""


class Window(ABC):
    """One workload in the window of one journal."""

    # What opening does, and what is left when it is not closed, for people.
    opening: str
    left: str

    def __init__(self, client: Client, namespace: str, name: str, journal: Journal) -> None:
        self.client = client
        self.namespace = namespace
        self.name = name
        self.journal = journal
        self.what = f"{namespace}/{name}"
        self.path = workload_path(journal.kind, namespace, name)

    def live(self) -> Json:
        """Return the live workload; raise `Interrupted` when it is no longer ours."""
        live = self.client.find(self.path)
        if live is None or live["metadata"]["uid"] != self.journal.uid:
            raise Interrupted(f"{self.journal.kind} {self.what} was deleted during its resize")
        found = read_journal(live)
        if found is None or found.transaction != self.journal.transaction:
            raise Interrupted(f"another run has taken over the resize of {self.what}")
        return live

    @abstractmethod
    def unheld(self, live: Json) -> Json:
        """Return the live workload with the strategy that it has outside of the window."""

    @abstractmethod
    def pods(self) -> list[Json]:
        """Return the pods that are resized, in the order in which they are."""

    @abstractmethod
    def outdated(self) -> list[Json]:
        """Return those that a rollout of the workload's template would replace."""

    @abstractmethod
    def open(self) -> None:
        """Hold the workload and leave the journal, in one write; `Interrupted` when it is not as it was planned for."""

    @abstractmethod
    def set_sizes(self) -> None:
        """Give the templates the journal's `target`; the workload must still be held by us."""

    @abstractmethod
    def settle(self) -> None:
        """Wait until the controller has taken up the templates of `set_sizes`; `NotAdopted` when it does not."""

    @abstractmethod
    def actuated(self, pod: Json) -> None:
        """Take note that a pod's resize is carried out; safe to repeat."""

    @abstractmethod
    def complete(self) -> None:
        """Wait until the controller would replace no pod if it were let go; `NotAdopted` when that does not come."""

    @abstractmethod
    def part(self) -> None:
        """Close the window with pods that differ from the journal's `target`, so that the controller replaces them."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the workload and end the journal, in one write."""

    @abstractmethod
    def abandon(self) -> str:
        """End the journal of a workload that somebody else has let go of; return what they did, for people."""

    def observed(self, *, ours: bool = True) -> Json:
        """Wait until the controller has seen the latest change; return the workload as it is then."""
        live = until_observed(self.live if ours else self._same_object, CONTROLLER_SECONDS)
        if not is_observed(live):
            raise NotAdopted(
                f"the {self.journal.kind} controller has not looked at {self.what} for "
                f"{CONTROLLER_SECONDS:.0f} s: check kube-controller-manager"
            )
        return live

    def turn(self, direction: Literal["undo", "rollout"]) -> None:
        """Note in the journal where the run is heading from now on, so that a later run goes on there."""
        self.journal = replace(self.journal, direction=direction)
        self._patch(lambda _live: {"metadata": {"annotations": {ANNOTATION: self.journal.text()}}})

    def _patch(self, change: Callable[[Json], Json | None], *, ours: bool = True) -> None:
        """Write what `change` makes of the live object, or nothing for None; again after a conflict."""

        def attempt() -> None:
            live = self.live() if ours else self._same_object()
            patch = change(live)
            if patch is not None:
                patch.setdefault("metadata", {})["resourceVersion"] = live["metadata"]["resourceVersion"]
                self.client.patch(self.path, patch, field_manager=FIELD_MANAGER)

        until_no_conflict(attempt)

    def _same_object(self) -> Json:
        live = self.client.find(self.path)
        if live is None or live["metadata"]["uid"] != self.journal.uid:
            raise Interrupted(f"{self.journal.kind} {self.what} is not the one that was planned for")
        return live


def is_held(live: Json) -> bool:
    """Tell whether the controller of a workload with a journal replaces no pods of its own accord. Pure."""
    spec = live["spec"]
    return bool(spec.get("paused")) or (spec.get("updateStrategy") or {}).get("type") == "OnDelete"


def until_observed(read: Callable[[], _Live], seconds: float) -> _Live:
    """Read a workload until its controller has seen the latest spec, or the seconds are over; return the last reading.

    One that is gone (None), and what `read` raises, ends it.
    """
    deadline = time.monotonic() + seconds
    while True:
        live = read()
        if live is None or is_observed(live) or time.monotonic() > deadline:
            return live
        time.sleep(PAUSE)


def until_no_conflict(attempt: Callable[[], _R]) -> _R:
    """Repeat a read-check-write while others (status writers, autoscalers) get in between; return what it does."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except ApiError as error:
            if not error.conflict:
                raise
        time.sleep(PAUSE)
    return attempt()
