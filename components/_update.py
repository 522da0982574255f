"""The hook of an update: what it means for the running pods is said, done and proved before Pulumi records it."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs

from components._hooks import connect, has_unknown, hook, unreached
from components._live import Row, critical_section, in_thread
from components._shape import resolve
from components.actions import resize, rollout
from components.actions.connection import Connection
from components.actions.errors import ActionError
from components.actions.simulated import NOTE


def update_hook(name: str, connection: Any, args: Mapping[str, Any], patience: Any) -> ResourceHook:
    """Return the hook that does to the running pods what an update means for them, before Pulumi's own update.

    A change of sizes is carried out in place, so that Pulumi's update finds nothing to roll; with `rollback_on_failure`
    a rollout is carried out and proved, too. What raises here leaves Pulumi's state as it was. In preview it says what
    the update would do to each container, and changes nothing. An update that the cluster would refuse, as a resize and
    as new pods, fails here, before anything is touched.
    """

    async def before_update(given: ResourceHookArgs) -> None:
        row = Row(given.urn)
        wanted = await resolve(args.get("in_place"))
        guarded = bool(await resolve(args.get("rollback_on_failure")))
        if wanted == "off" and not guarded:
            return
        reached = await connect(connection)
        desired = await resolve(given.new_inputs)
        if reached is None or has_unknown(desired):
            row.info("how this changes the running pods is not known before the deployment")
            return
        uid = (await resolve(given.old_outputs))["metadata"]["uid"]
        within = float(await resolve(patience))
        policy: resize.FailurePolicy = await resolve(args.get("resize_failure_policy")) or "rollback"
        rolls = wanted == "off"
        with unreached(row, "tell how this changes the running pods"):
            if not rolls:
                rolls = await _resize(reached, desired, uid, row, within, policy, required=wanted == "required")
            # A run that was killed in its proof has left the new template in place, so that there is nothing to roll.
            rolls = rolls or (guarded and await in_thread(_is_tried, reached, desired))
        if rolls and guarded and pulumi.runtime.is_dry_run():
            row.info(f"new pods that are not ready within {within:.0f} s are taken back")
        elif rolls and guarded:
            former = await resolve(given.old_inputs)
            await _prove(reached, desired, former, uid, row, within)

    return hook(f"{name}-update", before_update)


async def _resize(
    reached: Connection,
    desired: Any,
    uid: str,
    row: Row,
    within: float,
    policy: resize.FailurePolicy,
    *,
    required: bool,
) -> bool:
    """Say what a change means for the pods, and resize them if that is it; return whether new ones roll out."""
    plan = await in_thread(_plan, reached, desired, uid)
    if plan is None:
        row.info("what this changes is told once the interrupted resize has been brought to its end")
        return False
    if plan.outcome == "refused":
        raise pulumi.RunError("\n".join(plan.lines()))
    if required and not plan.spares_pods:
        why = "in_place is required, and this change would be something else; nothing was changed:"
        raise pulumi.RunError("\n".join([why, *plan.lines()]))
    for line in plan.lines():
        row.info(line)
    if plan.outcome != "in-place":
        return plan.outcome == "rollout" and plan.judged and not plan.empty
    if pulumi.runtime.is_dry_run():
        return False
    with critical_section(row):
        adopted = await in_thread(_adopt, reached, plan, row.progress, within, policy)
    if adopted.waiting or not adopted.in_place:
        row.warn(adopted.text)
        return not adopted.in_place
    restarted = {verdict.container for verdict in plan.verdicts if verdict.outcome == "container-restart"}
    note = f" ({NOTE})" if plan.simulated else ""
    row.info(f"resized in place{note}: no rollout, {', '.join(sorted(restarted)) or 'no container'} restarted")
    return False


async def _prove(reached: Connection, desired: Any, former: Any, uid: str, row: Row, within: float) -> None:
    stop = threading.Event()

    def prove() -> None:
        with reached.client() as client:
            rollout.prove(client, desired, former, uid, patience=within, stop=stop, progress=row.progress)

    with critical_section(row, stop):
        try:
            await in_thread(prove)
        except ActionError as problem:
            raise pulumi.RunError(str(problem)) from None


def _plan(reached: Connection, desired: Any, uid: str) -> resize.Plan | None:
    with reached.client() as client:
        metadata = desired["metadata"]
        kind = resize.kind_of(desired)
        if pulumi.runtime.is_dry_run() and resize.unfinished(client, metadata["namespace"], metadata["name"], kind):
            return None  # the update brings it to its end before it gets here
        return resize.plan(client, desired, uid)


def _adopt(
    reached: Connection,
    plan: resize.Plan,
    progress: Callable[[str], None],
    timeout: float,
    policy: resize.FailurePolicy,
) -> resize.Adopted:
    with reached.client() as client:
        return resize.adopt(client, plan, progress=progress, timeout=timeout, policy=policy)


def _is_tried(reached: Connection, desired: Any) -> bool:
    with reached.client() as client:
        return rollout.is_tried(client, desired)
