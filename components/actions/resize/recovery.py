"""What an earlier run left unfinished: finding it by its journal, and bringing it to an end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from components.actions.client import Client, Json, path_of
from components.actions.resize.adoption import ResizeFailed, forward, left_paused, roll_out, undo
from components.actions.resize.journal import Journal, read_journal
from components.actions.resize.live import APPS, deployment_path
from components.actions.resize.running import PodFailed
from components.actions.resize.templates import has_sizes
from components.actions.resize.window import Interrupted, NotAdopted, Window


@dataclass(frozen=True)
class Unfinished:
    """A resize that was begun and not ended. `paused` is false when someone lifted its pause since."""

    namespace: str
    name: str
    journal: Journal
    paused: bool

    def __str__(self) -> str:
        state = "paused" if self.paused else "no longer paused"
        ways = {"undo": "being undone", "rollout": "being turned into a rollout"}
        way = ways.get(self.journal.direction, "begun")
        return (
            f"Deployment {self.namespace}/{self.name} is {state} in a resize {way} at {self.journal.started} "
            f"({self.journal.changes()})"
        )

    def to_json(self) -> Json:
        """Return the facts as JSON-ready values."""
        journal: dict[str, Any] = vars(self.journal)
        return {"namespace": self.namespace, "name": self.name, "paused": self.paused, **journal}


def unfinished(client: Client, namespace: str, name: str) -> Unfinished | None:
    """Return the unfinished resize of a Deployment, or None (also when there is no such Deployment)."""
    live = client.find(deployment_path(namespace, name))
    return _unfinished(live) if live else None


def all_unfinished(client: Client, namespace: str) -> list[Unfinished]:
    """Return the unfinished resizes of all Deployments in a namespace. Raises `ApiError` when it may not list them."""
    return [left for live in client.list(path_of(APPS, "deployments", namespace)) if (left := _unfinished(live))]


def _unfinished(live: Json) -> Unfinished | None:
    journal = read_journal(live)
    if journal is None:
        return None
    metadata = live["metadata"]
    return Unfinished(metadata["namespace"], metadata["name"], journal, bool(live["spec"].get("paused")))


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

    With the `desired` Deployment manifest it is undone when that asks for the old sizes (a reverted program), and goes
    on when not; a `direction` says so outright. Without either, it goes on where the Deployment's template already has
    the new sizes, else it is undone. A run that was undoing is undone in any case; one that had turned to a rollout of
    new pods goes on with that. The journal's policy holds for pods that cannot follow. Never lifts a pause that is not
    the journal's. Raises `ResizeFailed` when the controllers, and `ConnectionProblem` or `ApiError` when the cluster
    does not answer; calling it again is safe.
    """
    window = Window(client, found.namespace, found.name, found.journal)
    try:
        live = window.deployment()
        if not live["spec"].get("paused"):
            # Whoever resumed it has let the controller roll out the template as it is: pods and templates agree.
            window.close()
            return f"{found.namespace}/{found.name} was resumed by someone else; only the journal was removed"
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
        raise ResizeFailed(f"{what} could not be brought to an end: {error}; {left_paused(window)}") from error
