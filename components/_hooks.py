"""Resource hooks of the workload components, apart from that of their updates (`_update`), and what hooks share.

Hooks sit on the child that they concern, for Pulumi never runs them for a component that registers no inputs. There
are no delete hooks: with one, a plain `pulumi destroy` refuses.
"""

import contextlib
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookOptions

from components._live import Row, in_thread
from components._shape import resolve
from components.actions import generations, resize
from components.actions.connection import Connection
from components.actions.errors import ActionError, ConnectionProblem
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


def replace_hook(name: str, connection: Any) -> ResourceHook:
    """Return the hook by which a preview refuses to replace a StatefulSet; the update refuses it before that."""

    async def before_create(args: ResourceHookArgs) -> None:
        reached, desired = await connect(connection), await resolve(args.new_inputs)
        if not pulumi.runtime.is_dry_run() or reached is None or has_unknown(desired):
            return
        try:
            with unreached(Row(args.urn), "tell whether this replaces a StatefulSet"):
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
        if reached is not None and not has_unknown(wanted):
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
            if reached is not None and not has_unknown(manifest):
                await in_thread(_hold, reached, manifest)

    return hook(f"{name}-hold", before, in_preview=False)


def awaited(args: Mapping[str, Any]) -> pulumi.Output[list[pulumi.Resource]]:
    """Return what a resource depends on whose hooks wait for these arguments: all that they come from.

    A hook holds one of the engine's workers. With few of them (`--parallel 1`) it would wait for ever for a resource
    that its own was not kept waiting for.
    """
    return pulumi.Output.from_input(dict(args)).apply(lambda _: [])


async def connect(connection: Any) -> Connection | None:
    """Return the connection that the arguments name, or None while it is not known."""
    found = await resolve(connection)
    if found is UNKNOWN or has_unknown(found):
        return None
    return Connection(found["kubeconfig"], found.get("context"), found.get("cluster_id"))


@contextlib.contextmanager
def unreached(row: Row, what: str) -> Iterator[None]:
    """Let a preview whose cluster does not answer go on, with a warning that it cannot do `what`; an update fails."""
    try:
        yield
    except ConnectionProblem as problem:
        if not pulumi.runtime.is_dry_run():
            raise
        row.warn(f"this preview cannot {what}: {problem}")


def _refuse_replacement(reached: Connection, desired: Any) -> None:
    with reached.client() as client:
        resize.refuse_replacement(client, desired)


def _free_name(reached: Connection, namespace: str, name: str, workload: str) -> None:
    with reached.client() as client:
        generations.free_name(client, namespace, name, workload)


def _hold(reached: Connection, manifest: Any) -> None:
    with reached.client() as client:
        generations.hold(client, {"apiVersion": "v1", "kind": "ConfigMap", **manifest})


def has_unknown(value: Any) -> bool:
    """Tell whether anything in a value is only known during the deployment."""
    if isinstance(value, Mapping):
        return any(has_unknown(entry) for entry in value.values())
    if isinstance(value, list):
        return any(has_unknown(entry) for entry in value)
    return value is UNKNOWN
