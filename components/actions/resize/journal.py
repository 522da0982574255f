"""The journal of a resize under way: one annotation on the Deployment, from which any later run can go on.

It is written by the patch that pauses the Deployment and ended by the patch that lifts the pause, so that a
pause with a journal of the same UID is ours, and any other pause is not.
"""

import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

from components.actions.client import Json
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


@dataclass(frozen=True)
class Journal:
    """What one resize set out to do.

    `old` and `new` hold the written resources of the changed containers; `history` is the Deployment's own
    revisionHistoryLimit, which is one higher while it is paused; `direction` is where the run was heading (`rollout`:
    to new pods of the new size), `done` once it has ended and only the annotation is left to clean up; `policy` is what
    was to become of it should a kubelet not carry it out.
    """

    uid: str
    replica_set: str
    history: int
    old: dict[str, Resources]
    new: dict[str, Resources]
    direction: Literal["forward", "undo", "rollout", "done"] = "forward"
    policy: FailurePolicy = "rollback"
    transaction: str = field(default_factory=lambda: secrets.token_hex(4))
    started: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def text(self) -> str:
        """Return the annotation's value."""
        return json.dumps({"version": 1, **asdict(self)}, sort_keys=True)

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


def read_journal(deployment: Json) -> Journal | None:
    """Return the Deployment's own journal; None where there is none, or one that has ended.

    One with another UID was copied here with somebody else's manifest, and an unreadable one is not ours:
    both are left alone.
    """
    text = (deployment["metadata"].get("annotations") or {}).get(ANNOTATION)
    if not text:
        return None
    try:
        value = json.loads(text)
        if value.pop("version") != 1:
            return None
        journal = Journal(**value)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    ours = journal.uid == deployment["metadata"]["uid"]
    return journal if ours and journal.direction != "done" else None
