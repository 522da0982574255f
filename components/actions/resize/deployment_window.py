"""The paused window of a Deployment: the few writes that a resize makes to its templates.

While the Deployment is paused its controller neither rolls nor creates ReplicaSets, so the templates of the
Deployment and of its one active ReplicaSet can be changed together.
"""

import time
from contextlib import suppress
from dataclasses import replace

from components.actions.client import Json, path_of
from components.actions.errors import ActionError
from components.actions.resize.journal import ANNOTATION, FIELD_MANAGER, OWN_MANAGER, read_journal
from components.actions.resize.kinds import APPS, is_observed
from components.actions.resize.live import pods_of, replica_sets_of
from components.actions.resize.resources import Resources
from components.actions.resize.templates import equal_ignoring_hash, has_sizes, resized
from components.actions.resize.window import (
    CONTROLLER_SECONDS,
    PAUSE,
    Interrupted,
    NotAdopted,
    Window,
    until_no_conflict,
)

# On the template of a ReplicaSet from history that would otherwise be the oldest match of the new template,
# which the controller would roll to. The value is the transaction, so that it can be taken back.
SUPERSEDED = "kubernetes-emerging/superseded-by"
_WITHOUT_JOURNAL: Json = {"metadata": {"annotations": {ANNOTATION: None}}}


class DeploymentWindow(Window):
    """One Deployment, paused, with its active ReplicaSet."""

    opening = "pausing the Deployment"
    left = "the Deployment is left paused with its journal"

    def unheld(self, live: Json) -> Json:
        """Return the Deployment: a pause hides no strategy."""
        return live

    def pods(self) -> list[Json]:
        """Return the pods of the ReplicaSet whose template is changed."""
        return pods_of(self.client, self._replica_set())

    def outdated(self) -> list[Json]:
        """Return all: once the templates part, the controller makes another ReplicaSet."""
        return self.pods()

    def open(self) -> None:
        """Pause the Deployment and leave the journal.

        The history limit goes up by one: in the window the controller counts the active ReplicaSet as an old
        one, and would delete the only rollback target of a Deployment that keeps one.
        """

        def change(live: Json) -> Json:
            if read_journal(live) is not None or live["spec"].get("paused"):
                raise Interrupted(f"{self.what} was paused or changed since it was planned")
            if not has_sizes(live["spec"]["template"], self.journal.old):
                raise Interrupted(f"the sizes of {self.what} changed since they were planned")
            return {
                "metadata": {"annotations": {ANNOTATION: self.journal.text()}},
                "spec": {"paused": True, "revisionHistoryLimit": self.journal.history + 1},
            }

        self._patch(change, ours=False)

    def set_sizes(self) -> None:
        """Give ReplicaSet and Deployment the same sizes, and see to it that no other ReplicaSet matches them."""
        self._size_replica_set(self.journal.target)
        if self.journal.direction == "undo":
            self._restore_twins()
        else:
            self._supersede_twins()
        self._size_deployment(self.journal.target)

    def settle(self) -> None:
        """Wait until the controller counts every pod as up to date; raise `NotAdopted` when it does not.

        Its count comes from the same search for the newest ReplicaSet that a rollout would use, so this is the
        proof that lifting the pause rolls nothing.
        """
        deadline = time.monotonic() + CONTROLLER_SECONDS
        while True:
            live = self.live()
            status = live.get("status", {})
            if (
                is_observed(live)
                and status.get("updatedReplicas", 0) == status.get("replicas", 0) == live["spec"]["replicas"]
                and equal_ignoring_hash(live["spec"]["template"], self._replica_set()["spec"]["template"])
            ):
                return
            if time.monotonic() > deadline:
                raise NotAdopted(
                    f"the controller counts {status.get('updatedReplicas', 0)} of {live['spec']['replicas']} "
                    f"pods of {self.what} as up to date"
                )
            time.sleep(PAUSE)

    def actuated(self, pod: Json) -> None:
        """Do nothing: a pod is of its ReplicaSet, whatever its size."""

    def complete(self) -> None:
        """Return at once: `settle` has proved it before any pod was touched."""

    def part(self) -> None:
        """Close with templates that differ: the controller makes a ReplicaSet for the Deployment's, and rolls out."""
        back = self.journal.direction == "undo"
        self._size_replica_set(self.journal.new if back else self.journal.old)
        self._restore_twins()
        self._size_deployment(self.journal.target)
        self.observed()
        # The controller has let go of this ReplicaSet, so nothing but this takes the journal off it.
        self._forget_copies()
        self.close()

    def close(self) -> None:
        """Lift the pause, restore the history limit and end the journal, in one write; then clean up.

        The controller copies a Deployment's annotations to its ReplicaSet, and `kubectl rollout undo` copies them
        back, so a journal that was only removed could come to life again. It is marked as done first; once the
        controller has seen that, every copy is harmless, and a kill before the cleaning up is too.
        """
        done = replace(self.journal, direction="done").text()
        self._patch(
            lambda _live: {
                "metadata": {"annotations": {ANNOTATION: done}},
                "spec": {"paused": None, "revisionHistoryLimit": self.journal.history},
            }
        )
        # The resize has ended with the write above; whatever goes wrong from here is no failure of it.
        with suppress(ActionError):
            self._tidy(done)

    def abandon(self) -> str:
        """Close: whoever resumed it has let the controller roll out the template as it is."""
        self.close()
        return "was resumed by someone else"

    def _replica_set(self) -> Json:
        return self.client.get(path_of(APPS, "replicasets", self.namespace, self.journal.replica_set))

    def _size_replica_set(self, wanted: dict[str, Resources]) -> None:
        """Give the ReplicaSet's template these sizes; its controller leaves existing pods alone."""
        path = path_of(APPS, "replicasets", self.namespace, self.journal.replica_set)

        def attempt() -> None:
            self._check_paused(self.live())
            live = self._replica_set()
            if not has_sizes(live["spec"]["template"], wanted):
                self.client.patch(
                    path,
                    {
                        "metadata": {"resourceVersion": live["metadata"]["resourceVersion"]},
                        "spec": {"template": resized(live["spec"]["template"], wanted)},
                    },
                    field_manager=FIELD_MANAGER,
                )

        until_no_conflict(attempt)

    def _size_deployment(self, wanted: dict[str, Resources]) -> None:
        def change(live: Json) -> Json | None:
            self._check_paused(live)
            template = live["spec"]["template"]
            return None if has_sizes(template, wanted) else {"spec": {"template": resized(template, wanted)}}

        self._patch(change)

    def _supersede_twins(self) -> None:
        """Mark the template of every older ReplicaSet that equals the active one, with its new sizes."""
        active = self._replica_set()
        for other in replica_sets_of(self.client, self.live()):
            if other["metadata"]["uid"] != active["metadata"]["uid"] and equal_ignoring_hash(
                other["spec"]["template"], active["spec"]["template"]
            ):
                self._mark(other, self.journal.transaction)

    def _restore_twins(self) -> None:
        """Take the marks of this transaction back."""
        for other in replica_sets_of(self.client, self.live()):
            marks = other["spec"]["template"]["metadata"].get("annotations") or {}
            if marks.get(SUPERSEDED) == self.journal.transaction:
                self._mark(other, None)

    def _mark(self, replica_set: Json, value: str | None) -> None:
        path = _replica_set_path(replica_set)
        patch: Json = {"spec": {"template": {"metadata": {"annotations": {SUPERSEDED: value}}}}}
        self.client.patch(path, patch, field_manager=OWN_MANAGER)

    def _tidy(self, done: str) -> None:
        self.observed(ours=False)
        live = self._same_object()
        if (live["metadata"].get("annotations") or {}).get(ANNOTATION) == done:
            self.client.patch(self.path, _WITHOUT_JOURNAL, field_manager=FIELD_MANAGER)
        self._forget_copies()

    def _forget_copies(self) -> None:
        """Remove the journal's copies from all ReplicaSets."""
        for replica_set in replica_sets_of(self.client, self._same_object()):
            if ANNOTATION in (replica_set["metadata"].get("annotations") or {}):
                self.client.patch(_replica_set_path(replica_set), _WITHOUT_JOURNAL, field_manager=OWN_MANAGER)

    def _check_paused(self, live: Json) -> None:
        if not live["spec"].get("paused"):
            raise Interrupted(f"someone resumed {self.what} during its resize")


def _replica_set_path(replica_set: Json) -> str:
    metadata = replica_set["metadata"]
    return path_of(APPS, "replicasets", metadata["namespace"], metadata["name"])
