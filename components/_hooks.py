"""Resource hooks of the workload components: the last check of the arguments, and the resize before the update.

Hooks sit on the child that they concern, for Pulumi never runs them for a component that registers no inputs. There
are no delete hooks: with one, a plain `pulumi destroy` refuses.
"""

import threading
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookOptions

from components._live import Row, critical_section, in_thread
from components._shape import resolve
from components.actions import generations, resize, rollout
from components.actions.connection import Connection
from components.actions.errors import ActionError
from components.actions.simulated import NOTE
from components.model.problem import UNKNOWN

Check = Callable[[], Awaitable[None]]


def hook(name: str, call: Callable[[ResourceHookArgs], Awaitable[None]], *, in_preview: bool = True) -> ResourceHook:
    """Return a hook whose name no other instance has: Pulumi wants them unique in the whole deployment."""
    options = ResourceHookOptions(on_dry_run=in_preview)
    return ResourceHook(f"{name}-{uuid.uuid4().hex}", call, options)


def check_hook(name: str, check: Check) -> ResourceHook:
    """Return the hook that checks arguments whose values came late, before their object is touched."""

    async def before(_: ResourceHookArgs) -> None:
        await check()

    return hook(f"{name}-check", before)


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
        if reached is None or _has_unknown(desired):
            row.info("how this changes the running pods is not known before the deployment")
            return
        uid = (await resolve(given.old_outputs))["metadata"]["uid"]
        within = float(await resolve(patience))
        if wanted == "off":
            rolls = True
        else:
            policy: resize.FailurePolicy = await resolve(args.get("resize_failure_policy")) or "rollback"
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
        return plan.judged and not plan.empty
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


def replace_hook(name: str, connection: Any) -> ResourceHook:
    """Return the hook by which a preview refuses to replace a StatefulSet; the update refuses it before that."""

    async def before_create(args: ResourceHookArgs) -> None:
        reached, desired = await connect(connection), await resolve(args.new_inputs)
        if not pulumi.runtime.is_dry_run() or reached is None or _has_unknown(desired):
            return
        try:
            await in_thread(_refuse_replacement, reached, desired)
        except ActionError as problem:
            raise pulumi.RunError(str(problem)) from None

    return hook(f"{name}-replace", before_create)


def free_name_hook(name: str, connection: Any, workload: str) -> ResourceHook:
    """Return the hook that makes room for a generation of the configuration that was kept for rollbacks.

    Content that returns gives a name that still exists; only a leftover of the same workload is taken away.
    """

    async def before_create(args: ResourceHookArgs) -> None:
        reached, wanted = await connect(connection), await resolve(args.new_inputs)
        if reached is not None and not _has_unknown(wanted):
            metadata = wanted["metadata"]
            await in_thread(_free_name, reached, metadata["namespace"], metadata["name"], workload)

    return hook(f"{name}-config", before_create, in_preview=False)


def hold_hook(name: str, connection: Any, config_maps: list[Any]) -> ResourceHook:
    """Return the hook that sees to it that the configuration is there, and stays, when the Deployment is made.

    A Deployment that is replaced takes with it what belongs to it, also what the new one mounts.
    """

    async def before(_: ResourceHookArgs) -> None:
        reached = await connect(connection)
        for manifest in await resolve(config_maps):
            if reached is not None and not _has_unknown(manifest):
                await in_thread(_hold, reached, manifest)

    return hook(f"{name}-hold", before, in_preview=False)


async def connect(connection: Any) -> Connection | None:
    """Return the connection that the arguments name, or None while it is not known."""
    found = await resolve(connection)
    if found is UNKNOWN or _has_unknown(found):
        return None
    return Connection(found["kubeconfig"], found.get("context"), found.get("cluster_id"))


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
        return rollout.is_tried(client, desired["metadata"]["namespace"], desired["metadata"]["name"])


def _refuse_replacement(reached: Connection, desired: Any) -> None:
    with reached.client() as client:
        resize.refuse_replacement(client, desired)


def _free_name(reached: Connection, namespace: str, name: str, workload: str) -> None:
    with reached.client() as client:
        generations.free_name(client, namespace, name, workload)


def _hold(reached: Connection, manifest: Any) -> None:
    with reached.client() as client:
        generations.hold(client, {"apiVersion": "v1", "kind": "ConfigMap", **manifest})


def _has_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_unknown(entry) for entry in value.values())
    if isinstance(value, list):
        return any(_has_unknown(entry) for entry in value)
    return value is UNKNOWN
