"""The journal of a resize under way: one annotation on the workload, from which any later run can go on.

It is written by the patch that holds the workload (a Deployment is paused, a StatefulSet gets updateStrategy OnDelete)
and ended by the patch that lets go of it, so that a hold with a journal of the same UID is ours, and any other is not.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

from components.actions.client import Json
from components.actions.resize.kinds import KINDS, Kind
from components.actions.resize.resources import SECTIONS, Resources

ANNOTATION = "kubernetes-emerging/resize"
RECORD_ANNOTATION = "kubernetes-emerging/last-resize"
# What becomes of a resize that a kubelet cannot carry out (`adopt` says what each means).
FailurePolicy = Literal["rollback", "rollout", "wait"]
# Pulumi's Kubernetes provider takes fields of this manager (operation Update) over before it applies; any
# other name would make its next preview of a change a conflict.
FIELD_MANAGER = "pulumi-kubernetes"
# For what must stay when Pulumi applies its own fields.
OWN_MANAGER = "kubernetes-emerging"
# 1 knew Deployments only.
_VERSION = 2
_READABLE = (1, _VERSION)


@dataclass(frozen=True)
class Journal:
    """What one resize set out to do.

    `old` and `new` hold the written resources of the changed containers; `direction` is where the run was heading
    (`rollout`: to new pods of the new size), `done` once it has ended and only the annotation is left to clean up;
    `policy` is what was to become of it should a kubelet not carry it out.

    Of a Deployment, `replica_set` is the active one and `history` its own revisionHistoryLimit, which is one higher
    while it is paused. Of a StatefulSet, `strategy` is its own updateStrategy, `revision` the ControllerRevision of its
    pods with the old sizes, and `template` the digest of its template without sizes (`templates.digest`), by which
    another template that somebody writes meanwhile is known.
    """

    uid: str
    replica_set: str
    history: int
    old: dict[str, Resources]
    new: dict[str, Resources]
    direction: Literal["forward", "undo", "rollout", "done"] = "forward"
    policy: FailurePolicy = "rollback"
    kind: Kind = "Deployment"
    strategy: Json = field(default_factory=dict)
    revision: str = ""
    template: str = ""
    transaction: str = field(default_factory=lambda: secrets.token_hex(4))
    started: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def text(self) -> str:
        """Return the annotation's value."""
        return json.dumps({"version": _VERSION, **asdict(self)}, sort_keys=True)

    @property
    def target(self) -> dict[str, Resources]:
        """Return the sizes that the templates are to have where the run is heading."""
        return self.old if self.direction == "undo" else self.new

    def changes(self) -> str:
        """Describe the change in one line for people."""
        parts = []
        for name in sorted(self.new):
            for section in SECTIONS:
                before, after = self.old[name][section], self.new[name][section]
                parts += [
                    f"{name} {section}.{r} {before.get(r, 'unset')} -> {after.get(r, 'unset')}"
                    for r in sorted(before.keys() | after.keys())
                    if before.get(r) != after.get(r)
                ]
        return ", ".join(parts)


def read_journal(workload: Json) -> Journal | None:
    """Return the workload's own journal; None where there is none, or one that has ended.

    One with another UID was copied here with somebody else's manifest, and an unreadable one is not ours:
    both are left alone.
    """
    text = (workload["metadata"].get("annotations") or {}).get(ANNOTATION)
    if not text:
        return None
    try:
        value = json.loads(text)
        if value.pop("version") not in _READABLE:
            return None
        journal = Journal(**value)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    ours = journal.uid == workload["metadata"]["uid"] and journal.kind in KINDS
    return journal if ours and journal.direction != "done" else None
