"""An answer about one subject, and all of them about one cluster: what preflight tells, as values and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.model.facts import Unseen

Answer = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Finding:
    """An answer about one subject: a feature as it is written, or `kubernetes`, `rights: …`, `namespace: …`.

    `evidence` is what was seen, `remedy` what to do where the answer is not yes. A `no` to something required stops a
    deployment; every other answer that is not yes is a warning.
    """

    subject: str
    answer: Answer
    evidence: tuple[str, ...]
    remedy: str = ""
    required: bool = True

    @property
    def stops(self) -> bool:
        """Tell whether nothing may be deployed."""
        return self.answer == "no" and self.required

    def __str__(self) -> str:
        what = "; ".join(self.evidence)
        return (
            f"{self.subject}: {self.answer}{f': {what}' if what else ''}{f' -> {self.remedy}' if self.remedy else ''}"
        )


@dataclass(frozen=True)
class Report:
    """Everything that preflight found out about a cluster."""

    server: str
    version: str
    platform: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings for which nothing may be deployed."""
        return tuple(finding for finding in self.findings if finding.stops)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are not yes and stop nothing."""
        return tuple(f for f in self.findings if f.answer != "yes" and not f.stops)

    def to_json(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        fields = ("subject", "answer", "required", "evidence", "remedy")
        return {
            "version": 1,
            "server": self.server,
            "kubernetes": self.version,
            "platform": self.platform,
            "passed": not self.stops,
            "findings": [
                {key: list(value) if isinstance(value := getattr(f, key), tuple) else value for key in fields}
                for f in self.findings
            ],
            "notes": list(self.notes),
            "unfinished": list(self.unfinished),
            "drift": list(self.drift),
        }


def answer(which: Answer, evidence: str, remedy: str = "") -> Finding:
    """Return a finding whose subject is filled in by who asked."""
    return Finding("", which, (evidence,), remedy)


def unseen(what: Unseen) -> Finding:
    """Return the finding of a fact that could not be read."""
    return answer("unknown", what.why, what.remedy)


def worst(answers: Sequence[Answer]) -> Answer:
    """Return the answer for all of several: one no decides, then one unknown."""
    return "no" if "no" in answers else "unknown" if "unknown" in answers else "yes"


def count(number: int, what: str) -> str:
    """Return a number of things in words: `1 node`, `2 nodes`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
