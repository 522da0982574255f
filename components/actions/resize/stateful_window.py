"""The window of a StatefulSet: its updateStrategy is OnDelete, while its pods are told to be of the new revision.

The controller takes a pod to be of the ControllerRevision that its label names, and looks no further. With OnDelete it
replaces none, and what it creates meanwhile is of the new template (newVersionedStatefulSetPod). So the template gets
the new sizes, the controller makes or finds its revision for them (`status.updateRevision`), and each pod that has been
resized gets that revision's label. When the controller counts all of them as updated the strategy comes back, and it
calls the revision current (completeRollingUpdate). Source: pkg/controller/statefulset of Kubernetes 1.33 to 1.37.
"""

import time
from contextlib import suppress

from components.actions.client import Json, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.resize.journal import ANNOTATION, OWN_MANAGER, read_journal
from components.actions.resize.live import by_ordinal, pods_of
from components.actions.resize.pods import pod_sizes, resize_patch
from components.actions.resize.templates import digest, has_sizes, resized, sizes
from components.actions.resize.verdict import REVISION_LABEL, is_updated, revision_of
from components.actions.resize.window import CONTROLLER_SECONDS, PAUSE, Interrupted, NotAdopted, Window, is_held

_REVISION_SECONDS = 5.0


class StatefulSetWindow(Window):
    """One StatefulSet with updateStrategy OnDelete, for the window or of its own."""

    opening = "holding the StatefulSet (updateStrategy OnDelete)"
    left = "the StatefulSet is left with updateStrategy OnDelete and its journal"

    # The revision of the template that `set_sizes` wrote, from `settle` on.
    _revision = ""

    def unheld(self, live: Json) -> Json:
        """Return the StatefulSet with its own updateStrategy."""
        return {**live, "spec": {**live["spec"], "updateStrategy": self.journal.strategy}}

    def pods(self) -> list[Json]:
        """Return its pods, the highest ordinal first, as its controller updates them."""
        return by_ordinal(pods_of(self.client, self._same_object()))

    def outdated(self) -> list[Json]:
        """Return the pods whose label names another revision than that of the template."""
        update = self.observed()["status"].get("updateRevision")
        return [pod for pod in self.pods() if revision_of(pod) != update]

    def open(self) -> None:
        """Set OnDelete and leave the journal; nothing but the sizes may be other than it was planned for."""

        def change(live: Json) -> Json:
            spec = live["spec"]
            found = (digest(spec["template"]), spec.get("updateStrategy") or {})
            if read_journal(live) is not None or found != (self.journal.template, self.journal.strategy):
                raise Interrupted(f"{self.what} was changed since it was planned")
            if not has_sizes(spec["template"], self.journal.old):
                raise Interrupted(f"the sizes of {self.what} changed since they were planned")
            if not is_updated(live) or live["status"]["updateRevision"] != self.journal.revision:
                raise Interrupted(f"an update of the pods of {self.what} has begun since it was planned")
            patch: Json = {"metadata": {"annotations": {ANNOTATION: self.journal.text()}}}
            if not is_held(live):
                patch["spec"] = {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}
            return patch

        self._patch(change, ours=False)

    def set_sizes(self) -> None:
        """Give the template the sizes; spelled as in the journal, for the controller compares its bytes."""

        def change(live: Json) -> Json | None:
            self._check(live)
            template, wanted = live["spec"]["template"], self.journal.target
            written = sizes(template)
            if all(written.get(name) == resources for name, resources in wanted.items()):
                return None
            return {"spec": {"template": resized(template, wanted)}}

        self._patch(change)

    def settle(self) -> None:
        """Wait until the controller has a revision for the template, and note which.

        A size that is only written in another way makes another revision but no new generation, so that having
        observed the latest proves nothing about the revision: it is given a moment to become the one that it has to be.
        """
        deadline = time.monotonic() + _REVISION_SECONDS
        while True:
            live = self.observed()
            self._check(live)
            self._revision = live["status"]["updateRevision"]
            old = self._revision == self.journal.revision
            if old == (self.journal.direction == "undo") or time.monotonic() > deadline:
                return
            time.sleep(PAUSE)

    def actuated(self, pod: Json) -> None:
        """Give the pod the label of the revision whose sizes it has now."""
        if revision_of(pod) == self._revision:
            return
        self._label(pod, self._revision)

    def complete(self) -> None:
        """Wait until the controller counts every pod as updated: it has seen all labels then."""
        deadline = time.monotonic() + CONTROLLER_SECONDS
        while True:
            live = self.observed()
            self._check(live)
            status = live["status"]
            if status["updateRevision"] != self._revision:
                raise self._changed_by_another()
            # Listed after the status was read, so that a pod which is counted in it is in the list, too.
            pods = self.pods()
            labelled = all(revision_of(pod) == self._revision for pod in pods)
            if labelled and status.get("updatedReplicas", 0) == len(pods):
                return
            if time.monotonic() > deadline:
                raise NotAdopted(
                    f"the controller counts {status.get('updatedReplicas', 0)} of {len(pods)} pods of {self.what} "
                    "as updated"
                )
            time.sleep(PAUSE)

    def part(self) -> None:
        """Close with pods that are of another revision, which the controller replaces.

        A pod that could not follow keeps the label it has, unless that is the revision of the template; then it loses
        it, for its size is another one.
        """
        self.set_sizes()
        live = self.observed()
        template, revision = live["spec"]["template"], live["status"]["updateRevision"]
        wanted = pod_sizes(template, set(self.journal.target))
        for pod in self.pods():
            if revision_of(pod) == revision and resize_patch(pod, wanted) is not None:
                self._label(pod, None)
        self.close()

    def close(self) -> None:
        """Put the strategy back and end the journal, in one write; wait until the controller has seen it.

        A strategy that somebody else has set meanwhile stays. The journal's copy on the ControllerRevision does, too:
        nothing ever copies that back.
        """

        def change(live: Json) -> Json:
            patch: Json = {"metadata": {"annotations": {ANNOTATION: None}}}
            if is_held(live) and self.journal.strategy.get("type") != "OnDelete":
                patch["spec"] = {"updateStrategy": self.journal.strategy}
            return patch

        self._patch(change)
        # The resize has ended with the write above; whatever goes wrong from here is no failure of it.
        with suppress(ActionError):
            self.observed(ours=False)

    def abandon(self) -> str:
        """Remove the journal and leave the strategy: whoever set it has let the controller update pods."""
        self._patch(lambda _live: {"metadata": {"annotations": {ANNOTATION: None}}})
        return "has got another updateStrategy from someone else"

    def _check(self, live: Json) -> None:
        if not is_held(live):
            raise Interrupted(f"someone changed the updateStrategy of {self.what} during its resize")
        if digest(live["spec"]["template"]) != self.journal.template:
            raise self._changed_by_another()

    def _changed_by_another(self) -> Interrupted:
        """End the window for another template: to call pods those of its revision would be a lie."""
        self.close()
        return Interrupted(
            f"someone changed the template of {self.what} during its resize; its updateStrategy is put back, by which "
            "pods of that template are rolled out"
        )

    def _label(self, pod: Json, revision: str | None) -> None:
        metadata = pod["metadata"]
        path = path_of("v1", "pods", metadata["namespace"], metadata["name"])
        patch: Json = {"metadata": {"uid": metadata["uid"], "labels": {REVISION_LABEL: revision}}}
        try:
            self.client.patch(path, patch, field_manager=OWN_MANAGER)
        except ApiError as error:
            # Gone, or another pod of the name: that one is of the template anyway.
            if not error.not_found and not error.conflict:
                raise
