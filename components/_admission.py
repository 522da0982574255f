"""The hook that tells what admission would make of a workload's pods, before the object that keeps them is touched."""

from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs

from components._hooks import connect, has_unknown, hook
from components._live import Row, in_thread, mocked
from components._shape import resolve
from components.actions import admission, dropped
from components.actions.connection import Connection
from components.actions.diagnosis import Finding
from components.actions.errors import ActionError
from components.actions.keepers import pod_template
from components.actions.resize.templates import without_none


def admission_hook(name: str, kind: str, connection: Any) -> ResourceHook:
    """Return the hook of creates and updates, in preview too.

    It refuses what would lose its sidecars to a webhook or an old API server, and warns of a Pod Security level that
    the namespace enforces and the pods are below.
    """

    async def before(given: ResourceHookArgs) -> None:
        reached, inputs = await connect(connection), await resolve(given.new_inputs)
        if mocked() or reached is None or has_unknown(inputs):
            return
        manifest, row = {**without_none(inputs), "kind": kind}, Row(given.urn)
        try:
            lost, below = await in_thread(_ask, reached, manifest, exists=given.old_outputs is not None)
        except ActionError:
            return  # a preview may not reach it, and the update says so itself
        for text in below:
            row.warn(text)
        if lost:
            raise pulumi.RunError("\n".join(["nothing was changed:", *(each.text() for each in lost)]))

    return hook(f"{name}-admission", before)


def _ask(reached: Connection, manifest: dict[str, Any], *, exists: bool) -> tuple[list[Finding], list[str]]:
    with reached.client() as client:
        asked = bool(dropped.sidecars(pod_template(manifest)["spec"]))
        lost = admission.losses(client, manifest, exists=exists) if asked else []
        return lost, list(admission.below_enforced(client, manifest))
