"""What an earlier run left unfinished: finding it by its journal, and bringing it to an end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from components.actions.client import Client, Json
from components.actions.errors import ApiError
from components.actions.resize.adoption import ResizeFailed, forward, left_held, roll_out, undo
from components.actions.resize.journal import Journal, read_journal
from components.actions.resize.kinds import Kind, workload_path
from components.actions.resize.running import PodFailed
from components.actions.resize.templates import has_sizes
from components.actions.resize.window import Interrupted, NotAdopted, is_held
from components.actions.resize.windows import window_of


@dataclass(frozen=True)
class Unfinished:
    """A resize that was begun and not ended.

    `held` is false when someone has let the controller go on since: resumed a Deployment, or gave a StatefulSet another
    updateStrategy than OnDelete.
    """

    namespace: str
    name: str
    journal: Journal
    held: bool

    @property
    def kind(self) -> Kind:
        """The kind of the workload."""
        return self.journal.kind

    def __str__(self) -> str:
        held = "paused" if self.kind == "Deployment" else "held (updateStrategy OnDelete)"
        state = held if self.held else f"no longer {held}"
        ways = {"undo": "being undone", "rollout": "being turned into a rollout"}
        way = ways.get(self.journal.direction, "begun")
        return (
            f"{self.kind} {self.namespace}/{self.name} is {state} in a resize {way} at {self.journal.started} "
            f"({self.journal.changes()})"
        )

    def to_json(self) -> Json:
        """Return the facts as JSON-ready values."""
        journal: dict[str, Any] = vars(self.journal)
        return {"namespace": self.namespace, "name": self.name, "held": self.held, **journal}


def unfinished(client: Client, namespace: str, name: str, kind: Kind = "Deployment") -> Unfinished | None:
    """Return the unfinished resize of a workload, or None (also when there is no such workload)."""
    live = client.find(workload_path(kind, namespace, name))
    return _unfinished(live) if live else None


def all_unfinished(client: Client, namespace: str) -> list[Unfinished]:
    """Return the unfinished resizes of all workloads in a namespace.

    Raises `ApiError` when it may not list Deployments. StatefulSets that it may not list are left out: without that
    right it has resized none.
    """
    workloads = client.list(workload_path("Deployment", namespace)) + listed_stateful_sets(client, namespace)
    return [left for live in workloads if (left := _unfinished(live))]


def listed_stateful_sets(client: Client, namespace: str) -> list[Json]:
    """Return the StatefulSets of a namespace; none where they may not be listed."""
    try:
        return client.list(workload_path("StatefulSet", namespace))
    except ApiError as error:
        if error.forbidden:
            return []
        raise


def _unfinished(live: Json) -> Unfinished | None:
    journal = read_journal(live)
    if journal is None:
        return None
    metadata = live["metadata"]
    return Unfinished(metadata["namespace"], metadata["name"], journal, is_held(live))


def finish(
    client: Client,
    found: Unfinished,
    progress: Callable[[str], None],
    *,
    desired: Json | None = None,
    direction: Literal["forward", "undo"] | None = None,
    timeout: float = 120.0,
) -> str:
    """Bring an unfinished resize to its end and return what happened, for people.

    With the `desired` manifest it is undone when that asks for the old sizes (a reverted program), and goes on when
    not; a `direction` says so outright. Without either, it goes on where the workload's template already has the new
    sizes, else it is undone. A run that was undoing is undone in any case; one that had turned to a rollout of new pods
    goes on with that. The journal's policy holds for pods that cannot follow. Never lets go of a workload that the
    journal does not hold. Raises `ResizeFailed` when the controllers, and `ConnectionProblem` or `ApiError` when the
    cluster does not answer; calling it again is safe.
    """
    window = window_of(client, found.namespace, found.name, found.journal)
    try:
        live = window.live()
        if not is_held(live):
            return f"{found.namespace}/{found.name} {window.abandon()}; only the journal was removed"
        if direction is not None:
            back = direction == "undo"
        elif desired is not None:
            back = has_sizes(desired["spec"]["template"], found.journal.old)
        else:
            back = not has_sizes(live["spec"]["template"], found.journal.new)
        if back or found.journal.direction == "undo":
            return undo(window, progress=progress, timeout=timeout)
        if found.journal.direction == "rollout":
            return roll_out(window, "", progress=progress).text
        try:
            return forward(window, progress=progress, timeout=timeout).text
        except (PodFailed, NotAdopted) as error:
            return f"could not be finished ({error}); " + undo(window, progress=progress, timeout=timeout)
    except Interrupted as error:
        return f"left alone: {error}"
    except NotAdopted as error:
        what = f"the resize of {found.namespace}/{found.name}"
        raise ResizeFailed(f"{what} could not be brought to an end: {error}; {left_held(window)}") from error
