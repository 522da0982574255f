"""The paused window of a Deployment: the few writes that a resize makes to templates, each safe to repeat.

While the Deployment is paused its controller neither rolls nor creates ReplicaSets, so the templates of the
Deployment and of its one active ReplicaSet can be changed together. Every write to one of them re-reads both,
checks that UID, journal and pause are still ours and carries the resourceVersion as a precondition.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.resize.journal import ANNOTATION, FIELD_MANAGER, OWN_MANAGER, Journal, read_journal
from components.actions.resize.live import APPS, deployment_path, replica_sets_of
from components.actions.resize.resources import Resources
from components.actions.resize.templates import equal_ignoring_hash, has_sizes, resized

# On the template of a ReplicaSet from history that would otherwise be the oldest match of the new template,
# which the controller would roll to. The value is the transaction, so that it can be taken back.
SUPERSEDED = "kubernetes-emerging/superseded-by"
_WITHOUT_JOURNAL: Json = {"metadata": {"annotations": {ANNOTATION: None}}}
_ATTEMPTS = 20
_PAUSE = 0.1
_CONTROLLER_SECONDS = 60.0


class Interrupted(ActionError):  # noqa: N818 - what happened, as in `KeyboardInterrupt`
    """Someone else changed the Deployment in the window; what they did is left as it is."""


class NotAdopted(ActionError):  # noqa: N818 - a past participle like its siblings
    """The controller did not recognise the changed ReplicaSet as the Deployment's own."""


class Window:
    """One Deployment in the window of one journal."""

    def __init__(self, client: Client, namespace: str, name: str, journal: Journal) -> None:
        self.client = client
        self.namespace = namespace
        self.name = name
        self.journal = journal
        self._path = deployment_path(namespace, name)

    def deployment(self) -> Json:
        """Return the live Deployment; raise `Interrupted` when it is no longer ours."""
        live = self.client.find(self._path)
        if live is None or live["metadata"]["uid"] != self.journal.uid:
            raise Interrupted(f"Deployment {self.namespace}/{self.name} was deleted during its resize")
        found = read_journal(live)
        if found is None or found.transaction != self.journal.transaction:
            raise Interrupted(f"another run has taken over the resize of {self.namespace}/{self.name}")
        return live

    def replica_set(self) -> Json:
        """Return the live ReplicaSet whose template is changed."""
        return self.client.get(path_of(APPS, "replicasets", self.namespace, self.journal.replica_set))

    def open(self) -> None:
        """Pause the Deployment and leave the journal, in one write.

        The history limit goes up by one: in the window the controller counts the active ReplicaSet as an old
        one, and would delete the only rollback target of a Deployment that keeps one.
        """

        def change(live: Json) -> Json:
            if read_journal(live) is not None or live["spec"].get("paused"):
                raise Interrupted(f"{self.namespace}/{self.name} was paused or changed since it was planned")
            if not has_sizes(live["spec"]["template"], self.journal.old):
                raise Interrupted(f"the sizes of {self.namespace}/{self.name} changed since they were planned")
            return {
                "metadata": {"annotations": {ANNOTATION: self.journal.text()}},
                "spec": {"paused": True, "revisionHistoryLimit": self.journal.history + 1},
            }

        self._patch_deployment(change, ours=False)

    def observed(self, *, ours: bool = True) -> None:
        """Wait until the controller has seen the latest change."""
        deadline = time.monotonic() + _CONTROLLER_SECONDS
        while True:
            live = self.deployment() if ours else self._same_object()
            if live.get("status", {}).get("observedGeneration", 0) >= live["metadata"]["generation"]:
                return
            if time.monotonic() > deadline:
                raise NotAdopted(
                    f"the Deployment controller has not looked at {self.namespace}/{self.name} for "
                    f"{_CONTROLLER_SECONDS:.0f} s: check kube-controller-manager"
                )
            time.sleep(_PAUSE)

    def turn(self, direction: Literal["undo", "rollout"]) -> None:
        """Note in the journal where the run is heading from now on, so that a later run goes on there."""
        self.journal = replace(self.journal, direction=direction)
        self._patch_deployment(lambda _live: {"metadata": {"annotations": {ANNOTATION: self.journal.text()}}})

    def supersede_twins(self) -> None:
        """Mark the template of every older ReplicaSet that equals the active one, with its new sizes."""
        active = self.replica_set()
        for other in replica_sets_of(self.client, self.deployment()):
            if other["metadata"]["uid"] != active["metadata"]["uid"] and equal_ignoring_hash(
                other["spec"]["template"], active["spec"]["template"]
            ):
                self._mark(other, self.journal.transaction)

    def restore_twins(self) -> None:
        """Take the marks of this transaction back."""
        for other in replica_sets_of(self.client, self.deployment()):
            marks = other["spec"]["template"]["metadata"].get("annotations") or {}
            if marks.get(SUPERSEDED) == self.journal.transaction:
                self._mark(other, None)

    def size_replica_set(self, wanted: dict[str, Resources]) -> None:
        """Give the ReplicaSet's template these sizes; its controller leaves existing pods alone."""
        path = path_of(APPS, "replicasets", self.namespace, self.journal.replica_set)

        def attempt() -> None:
            self._check_paused(self.deployment())
            live = self.replica_set()
            if not has_sizes(live["spec"]["template"], wanted):
                self.client.patch(
                    path,
                    {
                        "metadata": {"resourceVersion": live["metadata"]["resourceVersion"]},
                        "spec": {"template": resized(live["spec"]["template"], wanted)},
                    },
                    field_manager=FIELD_MANAGER,
                )

        _until_no_conflict(attempt)

    def size_deployment(self, wanted: dict[str, Resources]) -> None:
        """Give the Deployment's template these sizes; it must still be paused by us."""

        def change(live: Json) -> Json | None:
            self._check_paused(live)
            template = live["spec"]["template"]
            return None if has_sizes(template, wanted) else {"spec": {"template": resized(template, wanted)}}

        self._patch_deployment(change)

    def settle(self) -> None:
        """Wait until the controller counts every pod as up to date; raise `NotAdopted` when it does not.

        Its count comes from the same search for the newest ReplicaSet that a rollout would use, so this is the
        proof that lifting the pause rolls nothing.
        """
        deadline = time.monotonic() + _CONTROLLER_SECONDS
        while True:
            live = self.deployment()
            status = live.get("status", {})
            if (
                status.get("observedGeneration", 0) >= live["metadata"]["generation"]
                and status.get("updatedReplicas", 0) == status.get("replicas", 0) == live["spec"]["replicas"]
                and equal_ignoring_hash(live["spec"]["template"], self.replica_set()["spec"]["template"])
            ):
                return
            if time.monotonic() > deadline:
                raise NotAdopted(
                    f"the controller counts {status.get('updatedReplicas', 0)} of {live['spec']['replicas']} "
                    f"pods of {self.namespace}/{self.name} as up to date"
                )
            time.sleep(_PAUSE)

    def close(self) -> None:
        """Lift the pause, restore the history limit and end the journal, in one write; then clean up.

        The controller copies a Deployment's annotations to its ReplicaSet, and `kubectl rollout undo` copies them
        back, so a journal that was only removed could come to life again. It is marked as done first; once the
        controller has seen that, every copy is harmless, and a kill before the cleaning up is too.
        """
        done = replace(self.journal, direction="done").text()
        self._patch_deployment(
            lambda _live: {
                "metadata": {"annotations": {ANNOTATION: done}},
                "spec": {"paused": None, "revisionHistoryLimit": self.journal.history},
            }
        )
        # The resize has ended with the write above; whatever goes wrong from here is no failure of it.
        with suppress(ActionError):
            self._tidy(done)

    def _tidy(self, done: str) -> None:
        self.observed(ours=False)
        live = self._same_object()
        if (live["metadata"].get("annotations") or {}).get(ANNOTATION) == done:
            self.client.patch(self._path, _WITHOUT_JOURNAL, field_manager=FIELD_MANAGER)
        self.forget_copies()

    def forget_copies(self) -> None:
        """Remove the journal's copies from all ReplicaSets."""
        for replica_set in replica_sets_of(self.client, self._same_object()):
            if ANNOTATION in (replica_set["metadata"].get("annotations") or {}):
                self.client.patch(_replica_set_path(replica_set), _WITHOUT_JOURNAL, field_manager=OWN_MANAGER)

    def _check_paused(self, live: Json) -> None:
        if not live["spec"].get("paused"):
            raise Interrupted(f"someone resumed {self.namespace}/{self.name} during its resize")

    def _mark(self, replica_set: Json, value: str | None) -> None:
        path = _replica_set_path(replica_set)
        patch: Json = {"spec": {"template": {"metadata": {"annotations": {SUPERSEDED: value}}}}}
        self.client.patch(path, patch, field_manager=OWN_MANAGER)

    def _patch_deployment(self, change: Callable[[Json], Json | None], *, ours: bool = True) -> None:
        """Write what `change` makes of the live object, or nothing for None; again after a conflict."""

        def attempt() -> None:
            live = self.deployment() if ours else self._same_object()
            patch = change(live)
            if patch is not None:
                patch.setdefault("metadata", {})["resourceVersion"] = live["metadata"]["resourceVersion"]
                self.client.patch(self._path, patch, field_manager=FIELD_MANAGER)

        _until_no_conflict(attempt)

    def _same_object(self) -> Json:
        live = self.client.find(self._path)
        if live is None or live["metadata"]["uid"] != self.journal.uid:
            raise Interrupted(f"Deployment {self.namespace}/{self.name} is not the one that was planned for")
        return live


def _replica_set_path(replica_set: Json) -> str:
    metadata = replica_set["metadata"]
    return path_of(APPS, "replicasets", metadata["namespace"], metadata["name"])


def _until_no_conflict(attempt: Callable[[], None]) -> None:
    """Repeat a read-check-write while others (status writers, autoscalers) get in between."""
    for left in reversed(range(_ATTEMPTS)):
        try:
            return attempt()
        except ApiError as error:
            if not error.conflict or not left:
                raise
        time.sleep(_PAUSE)
    return None
