"""A diagnosis as plain text, for a terminal and a log. Pure."""

import textwrap
from collections.abc import Iterator

from components.actions.diagnose.report import Diagnosis, Trouble
from components.model.finding import count

_WIDTH = 116
_COUNTED = {
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "jobs": "Job",
    "services": "Service",
    "pods": "pod",
}


def render(diagnosis: Diagnosis) -> str:
    """Return the diagnosis for people: each object with what is wrong with it, then what is not known."""
    return "\n".join(_lines(diagnosis))


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    where = ", ".join(diagnosis.namespaces)
    told = count(len(diagnosis.troubles), "problem") if diagnosis.troubles else "nothing is wrong"
    looked = [count(found, kind) for each, kind in _COUNTED.items() if (found := diagnosis.looked_at.get(each, 0))]
    yield from _wrapped("", f"Diagnosis of {where}: {told} ({', '.join(looked) or 'there is nothing to look at'})")
    by_subject: dict[str, list[Trouble]] = {}
    for each in diagnosis.troubles:
        by_subject.setdefault(each.subject, []).append(each)
    for subject, troubles in by_subject.items():
        yield f"  {subject}"
        for each in troubles:
            yield from _wrapped("    ", each.problem + ("" if each.certain else " (may yet come to be well)"))
            yield from _wrapped("      -> ", each.remedy)
    for unknown in diagnosis.unknown:
        yield from _wrapped("  unknown: ", unknown.why + (f" -> {unknown.remedy}" if unknown.remedy else ""))


def _wrapped(head: str, text: str) -> list[str]:
    indent = " " * len(head)
    wrapper = textwrap.TextWrapper(_WIDTH, head, indent, break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text) or [head]
