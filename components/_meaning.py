"""The hooks that say what a change means for pods that are not resized in place: they act on nothing."""

from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs

from components._hooks import connect, has_unknown, hook
from components._live import Row, in_thread
from components._shape import resolve
from components.actions.connection import Connection
from components.actions.errors import ActionError
from components.actions.keepers import keeper_path
from components.model import kinds

_RUNS_AGAIN = (
    "the Job runs again, as a new object: what it runs cannot change in a Job that exists, so that one is deleted"
    " first, with its pods and their logs"
)


def meaning_hook(name: str, kind: str) -> ResourceHook:
    """Return the hook that says, in preview and in the update, what an update means for the pods of this kind."""

    async def before_update(given: ResourceHookArgs) -> None:
        row, old, new = Row(given.urn), await resolve(given.old_inputs), await resolve(given.new_inputs)
        if has_unknown(new):
            row.info("what this changes is not known before the deployment")
            return
        if text := kinds.meaning(kind, old["spec"], new["spec"]):
            row.info(text)

    return hook(f"{name}-meaning", before_update)


def rerun_hook(name: str, connection: Any) -> ResourceHook:
    """Return the hook by which a preview says that a Job which exists would run again."""

    async def before_create(given: ResourceHookArgs) -> None:
        reached, wanted = await connect(connection), await resolve(given.new_inputs)
        if not pulumi.runtime.is_dry_run() or reached is None or has_unknown(wanted["metadata"]):
            return
        metadata, row = wanted["metadata"], Row(given.urn)
        try:
            if await in_thread(_exists, reached, metadata["namespace"], metadata["name"], at_exit="end"):
                row.info(_RUNS_AGAIN)
        except ActionError as problem:  # a preview may run with fewer rights than the update
            row.warn(f"whether a Job runs again is unknown: {problem}")

    return hook(f"{name}-rerun", before_create)


def _exists(reached: Connection, namespace: str, name: str) -> bool:
    with reached.client() as client:
        return client.find(keeper_path("Job", namespace, name)) is not None
