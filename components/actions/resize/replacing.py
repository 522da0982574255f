"""What Pulumi would replace a StatefulSet for, and with it all of its pods: found out before it does."""

from components.actions.client import Client, Json
from components.actions.errors import ActionError
from components.actions.resize.kinds import workload_path
from components.actions.resize.templates import without_none
from components.model.immutable import immutable_changes


class WouldReplace(ActionError):  # noqa: N818 - what would happen
    """A field that cannot change in a StatefulSet does; the text has each, with what to do instead."""


def refuse_replacement(client: Client, desired: Json) -> None:
    """Raise `WouldReplace` when the live StatefulSet cannot become the desired manifest; a missing one can."""
    metadata = desired["metadata"]
    live = client.find(workload_path("StatefulSet", metadata.get("namespace") or "default", metadata["name"]))
    if live is None:
        return
    found = list(immutable_changes(live["spec"], without_none(desired["spec"])))
    if found:
        where = f"StatefulSet {live['metadata']['namespace']}/{live['metadata']['name']}"
        raise WouldReplace(
            "\n".join([f"{where} would be replaced, with all of its pods; nothing was changed:", *found])
        )
