"""Brings a snapshot back into a cluster: in order, with a journal, and proved by a comparison at its end.

1. Before anything is written: the snapshot is verified, the cluster is the one it was taken from or its source was
   named, every type is served or comes with the snapshot, and by the policy `fail` nothing that is there differs.
2. Objects are written type by type in the order of `components.model.restore_order`, and each after its owners.
3. Nothing is skipped in silence: every object ends as created, same, updated, kept or failed, and what is never
   restored is counted with the reason. A failure does not stop the others.
4. It may be killed at any point; the same command goes on where it was. It is at its end when all of it is compared.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from components.actions.client import Client, Json
from components.actions.connection import live_cluster_id
from components.actions.errors import ActionError
from components.actions.parallel import at_once
from components.actions.restore.comparing import Comparison, compared, scope
from components.actions.restore.comparing import differing as paths_of
from components.actions.restore.journal import Journal
from components.actions.restore.live import live_objects
from components.actions.restore.wanted import Choice, Everything, Key, Wanted, wanted
from components.actions.restore.writing import Policy, Writer, Written
from components.actions.snapshot.reading import Archive

_BATCH = 64
_CRDS = "customresourcedefinitions.apiextensions.k8s.io"
_ADOPTED_SECONDS = 1.0
_SETTLE_PAUSE = 0.5
__all__ = ["Outcome", "Policy", "restore"]

Progress = Callable[[int, int, str], None]
"""Told how many objects are done, how many there are, and of which type the next ones are."""


@dataclass(frozen=True)
class Outcome:
    """How a restore ended: how many objects by outcome, which were kept or failed and why, and what is not restored."""

    counts: Mapping[str, int]
    kept: Mapping[str, str]
    failed: Mapping[str, str]
    notes: Sequence[str]
    comparison: Comparison
    left: Mapping[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Tell whether the cluster has every object as the snapshot has it, but for those that were to be kept."""
        differing = self.comparison.different.keys() - self.kept.keys()
        return not self.failed and not self.comparison.missing and not differing


def restore(
    client: Client,
    archive: Archive,
    journal: Path,
    *,
    choice: Choice | None = None,
    policy: Policy = "fail",
    source: str = "",
    patience: float = 60.0,
    progress: Progress = lambda _done, _of, _kind: None,
) -> Outcome:
    """Restore a verified snapshot, or go on with a restore that the journal tells of.

    `source` is the UID of the cluster that the snapshot is of, when it is not this one. Raises `ActionError` before
    anything is written; afterwards `ConnectionProblem` when the cluster goes away, with all that was done journaled.
    """
    chosen = choice or Choice()
    target = check_identity(client, archive, source)
    everything = wanted(archive, chosen)
    check_types(client, everything)
    header = {"snapshot": archive.digest, "cluster": target, "policy": policy, **chosen.to_json()}
    with Journal(journal, header) as notes:
        places, labels = scope(archive, chosen), archive.manifest.selection.labels
        # Whatever its labels are now, what is there is there.
        with notes.checking() if not notes.resumed else nullcontext():
            live = live_objects(client, everything.types, places)
            if policy == "fail" and not notes.resumed:
                refuse_conflicts(everything, live)
        if not notes.resumed:
            wanted_keys = {each.key for each in everything.objects}
            notes.start({"existed": sorted(str(key) for key in live if key in wanted_keys)})
        run = _Run(client, everything, notes, live, policy, patience, progress)
        run.all()
        outcome = run.outcome(lambda: live_objects(client, everything.types, places, labels))
        if outcome.whole:
            notes.close_for_good()
    return outcome


def check_identity(client: Client, archive: Archive, source: str) -> str:
    """Return the cluster's identity. Raises `ActionError` when the snapshot is of another one that was not named."""
    target = live_cluster_id(client)
    taken = archive.manifest.cluster
    if source and source != taken:
        raise ActionError(f"the snapshot is of the cluster {taken}, not of {source}: check the file, or --from-cluster")
    if taken != target and not source:
        raise ActionError(
            f"the snapshot is of the cluster {taken}, and {client.server} is {target}: "
            f"if it is to be restored there, say --from-cluster {taken}"
        )
    return target


def check_types(client: Client, everything: Everything) -> None:
    """Raise `ActionError` for types that the cluster does not serve and that do not come with the snapshot."""
    coming = {each.key.name for each in everything.objects if each.key.kind == _CRDS}
    listed = {each.listed.name: each.listed for each in everything.objects}
    versions = sorted({each.api_version for each in listed.values()})
    answers = at_once(lambda v: client.find(f"/apis/{v}" if "/" in v else f"/api/{v}"), versions)
    served = {
        (version, resource["name"])
        for version, answer in zip(versions, answers, strict=True)
        for resource in (answer or {}).get("resources") or ()
    }
    lacking = [
        f"{each.name} ({each.api_version})"
        for each in listed.values()
        if (each.api_version, each.resource) not in served and each.name not in coming
    ]
    if lacking:
        what = f"the cluster does not serve {', '.join(sorted(lacking))}"
        raise ActionError(f"{what}: install what brings them, or leave them out: --without")


def refuse_conflicts(everything: Everything, live: Mapping[Key, Json]) -> None:
    """Raise `ActionError` that names every object which is there and differs."""
    conflicts = [
        f"  {each.key}: {', '.join(paths[:3])}"
        for each in everything.objects
        if each.key in live and (paths := paths_of(each, live[each.key], everything.context, owned=False))
    ]
    if conflicts:
        raise ActionError(
            "these objects are there and differ; nothing was written:\n"
            + "\n".join(conflicts)
            + "\nsay --on-conflict skip to keep them, or --on-conflict update to change them"
        )


class _Run:
    """One run over everything that the journal does not tell to be done."""

    def __init__(
        self,
        client: Client,
        everything: Everything,
        journal: Journal,
        live: Mapping[Key, Json],
        policy: Policy,
        patience: float,
        progress: Progress,
    ) -> None:
        self._client = client
        self._everything = everything
        self._journal = journal
        self._patience = patience
        self._progress = progress
        self._writer = Writer(client, everything.context, policy, set(journal.first["existed"]), patience)
        self._living = {str(item["metadata"].get("uid")) for item in live.values()}
        self._expected = {each.uid for each in everything.objects}
        self._kept: dict[str, str] = {}
        self._failed: dict[str, str] = {}
        self._notes: list[str] = []
        for each in everything.objects:
            if str(each.key) in journal.done:
                self._writer.uids[each.uid] = journal.done[str(each.key)][1]
                if journal.done[str(each.key)][0] == "kept":
                    self._kept[str(each.key)] = "it is there and differs"

    def all(self) -> None:
        """Write what is left, wave by wave; who waits for an owner comes as soon as that is there."""
        left = [each for each in self._everything.objects if str(each.key) not in self._journal.done]
        for wave in sorted({each.wave for each in left}):
            while ready := _ready(left, wave):
                for begin in range(0, len(ready), _BATCH):
                    self._batch(ready[begin : begin + _BATCH])
                gone = {each.key for each in ready}
                left = [each for each in left if each.key not in gone]
                self._wait_for(ready)
        for each in left:
            self._failed[str(each.key)] = "it waits for an owner that waits for it"

    def outcome(self, look: Callable[[], Mapping[Key, Json]]) -> Outcome:
        """Compare, and wait a little for controllers to do their part."""
        deadline = time.monotonic() + self._patience
        while True:
            found = compared(self._everything, look())
            open_ends = {*found.missing, *found.different} - self._kept.keys() - self._failed.keys()
            if not open_ends or time.monotonic() >= deadline:
                break
            time.sleep(_SETTLE_PAUSE)
        counts = Counter(outcome for outcome, _ in self._journal.done.values())
        counts["failed"] = len(self._failed)
        return Outcome(+counts, self._kept, self._failed, self._notes, found, self._everything.left)

    def _batch(self, batch: Sequence[Wanted]) -> None:
        self._progress(len(self._journal.done), len(self._everything.objects), batch[0].key.kind)
        self._journal.begin(str(each.key) for each in batch)
        results: dict[str, tuple[str, str]] = {}

        def write(each: Wanted) -> Written:
            found = self._writer.write(each, self._expected, lambda uid: uid in self._living)
            if found.outcome != "failed":
                results[str(each.key)] = (found.outcome, found.uid)
            return found

        try:
            written = at_once(write, batch)
        finally:
            # What was done is told even if the cluster went away in the middle.
            self._journal.end(dict(results))
        for each, found in zip(batch, written, strict=True):
            self._notes += found.notes
            if found.outcome == "failed":
                self._failed[str(each.key)] = found.why
            else:
                self._writer.uids[each.uid] = found.uid
            if found.outcome == "kept":
                self._kept[str(each.key)] = found.why

    def _wait_for(self, written: Sequence[Wanted]) -> None:
        """Wait for what the next wave needs: kinds that are served, and caches of controllers."""
        for each in written:
            if each.key.kind == _CRDS:
                self._wait_established(each)
        if any(owner for each in written for owner in each.owners if each.adopted(owner)):
            # A controller that does not see them yet would take their names for a collision of hashes.
            time.sleep(_ADOPTED_SECONDS)

    def _wait_established(self, each: Wanted) -> None:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            found = self._client.find(each.path) or {}
            conditions = found.get("status", {}).get("conditions") or ()
            if any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions):
                return
            time.sleep(_SETTLE_PAUSE / 5)
        self._notes.append(f"{each.key} was not established in {self._patience:.0f} s")


def _ready(left: Sequence[Wanted], wave: int) -> list[Wanted]:
    """Return what has its turn and waits for no owner that is still to come."""
    waiting = {other.uid for other in left}
    return [
        each
        for each in left
        if each.wave <= wave and not any(str(o.get("uid")) in waiting for o in each.owners if not each.adopted(o))
    ]
