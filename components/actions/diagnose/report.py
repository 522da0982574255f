"""What a diagnosis is made of: troubles, and what could not be looked at; as values and as JSON. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from components.model.facts import Unseen


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong.

    `check` names the check that found it; `subject` is what it is told of (`Deployment shop/web`), `objects` are all
    objects that it concerns, such as `Pod shop/web-1`. `certain` is false for what may yet come to be well by itself.
    """

    check: str
    subject: str
    problem: str
    remedy: str
    objects: tuple[str, ...] = ()
    certain: bool = True


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found in some namespaces of a cluster."""

    server: str
    namespaces: tuple[str, ...]
    troubles: tuple[Trouble, ...]
    unknown: tuple[Unseen, ...] = ()
    looked_at: dict[str, int] = field(default_factory=dict)
    """How many objects of each resource were looked at."""

    def to_json(self) -> dict[str, Any]:
        """Return the diagnosis as values for JSON."""
        return {
            "version": 1,
            "server": self.server,
            "namespaces": list(self.namespaces),
            "well": not self.troubles,
            "troubles": [{**vars(each), "objects": list(each.objects)} for each in self.troubles],
            "unknown": [vars(each) for each in self.unknown],
            "lookedAt": self.looked_at,
        }


def merged(troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    """Return the troubles, each text once: ten pods of one Deployment fail alike."""
    found: dict[tuple[str, str], Trouble] = {}
    for each in troubles:
        found.setdefault((each.subject, each.problem), each)
    return tuple(found.values())
