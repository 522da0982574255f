"""What a finding about a pod is told with: the last words of its container, and what the pod's events add."""

from collections.abc import Iterable

from components.actions import events, explaining
from components.actions.client import Client, Json, path_of
from components.actions.diagnosis import Finding
from components.actions.errors import ApiError

_LINES = 3
_CHARACTERS = 300


def explained(client: Client, namespace: str, found: Iterable[Finding], pods: Iterable[Json]) -> list[Finding]:
    """Return the findings with what the events of their pods tell of them."""
    by_name = {pod["metadata"]["name"]: pod for pod in pods}
    return [
        explaining.explained(each, by_name[each.pod], events.of_object(client, namespace, each.pod))
        if each.container and each.pod in by_name
        else each
        for each in found
    ]


def last_words(client: Client, namespace: str, finding: Finding) -> str:
    """Return the container's last log lines in one, or nothing when there are none to be had."""
    if not finding.has_log:
        return ""
    query = {"container": finding.container, "tailLines": str(_LINES)}
    if finding.previous:
        query["previous"] = "true"
    try:
        log = client.text(path_of("v1", "pods", namespace, finding.pod, "log"), **query)
    except ApiError:
        return ""
    return " | ".join(line.strip() for line in log.splitlines() if line.strip())[-_CHARACTERS:]
