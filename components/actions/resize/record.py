"""What a resize leaves behind of itself: an annotation, an Event, and fields in the hands of those they belong to."""

from contextlib import suppress
from datetime import UTC, datetime

from components.actions.client import path_of
from components.actions.errors import ActionError
from components.actions.resize.journal import OWN_MANAGER, RECORD_ANNOTATION
from components.actions.resize.kinds import APPS
from components.actions.resize.ownership import hand_back
from components.actions.resize.window import Window


def record(window: Window, reason: str, text: str) -> None:
    """Leave a trace, since `kubectl rollout history` has none: an annotation and an Event, where that is possible."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{window.name[:240]}-", "namespace": window.namespace},
        "involvedObject": {
            "apiVersion": APPS,
            "kind": window.journal.kind,
            "namespace": window.namespace,
            "name": window.name,
            "uid": window.journal.uid,
        },
        "type": "Normal" if reason == "ResizedInPlace" else "Warning",
        "reason": reason,
        "message": text[:1000],
        "action": "Resize",
        "reportingComponent": OWN_MANAGER,
        "reportingInstance": window.journal.transaction,
        "source": {"component": OWN_MANAGER},
        "eventTime": now,
        "firstTimestamp": now[:19] + "Z",
        "lastTimestamp": now[:19] + "Z",
        "count": 1,
    }
    with suppress(ActionError):
        hand_back(window.client, window.path)
    with suppress(ActionError):
        annotation = {RECORD_ANNOTATION: f"{now[:19]}Z {text}"}
        window.client.patch(window.path, {"metadata": {"annotations": annotation}}, field_manager=OWN_MANAGER)
    with suppress(ActionError):
        window.client.create(path_of("v1", "events", window.namespace), event)
