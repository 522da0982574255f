"""A preflight report as plain text: a table that fits a terminal and a log."""

import textwrap
from collections.abc import Iterator

from components.model.finding import Finding, Report

_WIDTH = 116


def render(report: Report) -> str:
    """Return the report for people: a line for each answer, then notes and unfinished work."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    on = f" on {report.platform}" if report.platform else ""
    yield f"Preflight of {report.server} (Kubernetes {report.version}{on})"
    subjects = [_subject(finding) for finding in report.findings]
    left = max(map(len, subjects), default=0)
    for subject, finding in zip(subjects, report.findings, strict=True):
        head = f"  {subject:<{left}}  {finding.answer:<7}  "
        said = "; ".join(finding.evidence)
        yield from wrapped(head, said)
        if finding.remedy:
            yield from wrapped(" " * len(head), f"-> {finding.remedy}")
    for note in report.notes:
        yield from wrapped("  note: ", note)
    for work in report.unfinished:
        yield from wrapped("  unfinished: ", f"{work}; the next update brings it to its end")
    for change in report.drift:
        yield from wrapped("  drift: ", f"{change}; the next update puts it back in place")


def _subject(finding: Finding) -> str:
    return finding.subject if finding.required or ":" in finding.subject else f"{finding.subject}?"


def wrapped(head: str, text: str) -> list[str]:
    """Return a text in lines that fit a terminal, behind a head and indented as far."""
    indent = " " * len(head)
    wrapper = textwrap.TextWrapper(_WIDTH, head, indent, break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text) or [head]
