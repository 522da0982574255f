"""The one RuntimeClass that several stacks may use: whose it is, whether it is what was asked for, and its canaries.

A RuntimeClass belongs to the whole cluster, and nothing there keeps anybody from deleting one that others use. So what
is made here says whose it is (an annotation), a name that is taken stops the run in words, and a class that is there
already is read and held against what was asked for, and never written.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components._gate import look
from components._hooks import connect, hook
from components._live import Row, critical_section, critical_sections_done, in_thread, mocked
from components._shape import resolve
from components.actions.canary import Canary, class_path, prove
from components.actions.client import Json
from components.actions.connection import Connection
from components.actions.errors import ActionError, ApiError, ConnectionProblem
from components.model import wasm
from components.model.problem import UNKNOWN

_AGAIN = "run `pulumi up` once with shared: true, which keeps it, and write existing: true then"


class _UntilExit(threading.Event):
    """Is set, too, once the program has ended: a canary is then deleted, and not waited for any more."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(timeout) or not threading.main_thread().is_alive()


def annotations(owner: str, *, shared: bool) -> dict[str, str]:
    """Return what a class that is made here says of itself."""
    return {wasm.OWNER_ANNOTATION: owner} | ({wasm.SHARED_ANNOTATION: "true"} if shared else {})


def claim_hook(name: str, connection: Any, asked: Mapping[str, Any], owner: str) -> pulumi.ResourceHook:
    """Return the hook that refuses a name that is taken, before the class is made; in preview, too."""

    async def before_create(args: pulumi.ResourceHookArgs) -> None:
        del args
        reached, wanted = await connect(connection) if connection is not None else None, await resolve(dict(asked))
        if reached is None or wanted.get("name") is UNKNOWN or mocked():
            return
        live = await _found(reached, wanted["name"])
        replacing = pulumi.runtime.is_dry_run() and not wanted.get("shared")
        if live is not None and not (replacing and _owner(live) == owner):
            raise pulumi.RunError(_kept(live, wanted, owner) or _taken(live, owner))

    return hook(f"{name}-claim", before_create)


def change_hook(name: str, connection: Any, asked: Mapping[str, Any]) -> pulumi.ResourceHook:
    """Return the hook that refuses to change what somebody else has changed in the class since, in words.

    The provider refuses it as well (a conflict of server-side apply), and does not say what to do about this class. In
    an update it takes over what kubectl has changed.
    """

    async def before_update(args: pulumi.ResourceHookArgs) -> None:
        del args
        reached, wanted = await connect(connection) if connection is not None else None, await resolve(dict(asked))
        live = None if reached is None or wanted.get("name") is UNKNOWN else await _found(reached, wanted["name"])
        differing = list(wasm.differences(wanted, live)) if live is not None else []
        others = _others(live or {}, taken_over=not pulumi.runtime.is_dry_run())
        if differing and others:
            raise pulumi.RunError(
                f"RuntimeClass {wanted['name']!r} was changed by {', '.join(others)} since: {'; '.join(differing)}. "
                f"Write here what it has, or put it back with `kubectl edit runtimeclass {wanted['name']}`"
            )

    return hook(f"{name}-change", before_update)


def kept(asked: Mapping[str, Any], connection: Any, owner: str) -> Any:
    """Return the name that is asked for, once another handler for a shared class is ruled out; as it is in a preview.

    What Pulumi keeps on delete it also keeps when it replaces, and the name would be taken.
    """
    if not asked["shared"] or mocked() or pulumi.runtime.is_dry_run():
        return asked["name"]

    async def release(values: Sequence[Any]) -> Any:
        reached, wanted = await connect(values[0]), values[1]
        live = None if reached is None else await _found(reached, wanted["name"])
        if live is not None and (refused := _kept(live, wanted, owner)):
            raise pulumi.RunError(refused)
        return wanted["name"]

    both: pulumi.Output[Any] = pulumi.Output.all(connection, dict(asked))
    return pulumi.Output.unsecret(both.apply(release))


async def used(connection: Any, asked: Mapping[str, Any], owner: str, row: Row) -> dict[str, Any] | None:
    """Return handler, overhead and scheduling of the class that is there; None while the cluster cannot be asked.

    Warns of one that goes with the stack that made it. Raises RunError where it is not there, is another one than was
    asked for, or would be deleted by this very run.
    """
    reached, wanted = await connect(connection), await resolve(dict(asked))
    name = wanted.get("name")
    if reached is None or name is UNKNOWN or mocked():
        return None
    answer = await look(reached, row, lambda client: (client.find(class_path(name)),))
    if answer is None:
        return None
    (live,) = answer
    if live is None:
        remedy = "leave existing out to make it here, or name one that `kubectl get runtimeclass` lists"
        raise pulumi.RunError(f"RuntimeClass {name!r} does not exist; {remedy}")
    marks = live["metadata"].get("annotations") or {}
    if _owner(live) == owner and wasm.SHARED_ANNOTATION not in marks:
        raise pulumi.RunError(f"RuntimeClass {name!r} was made by this stack, which deletes it in this run; {_AGAIN}")
    wrong = list(wasm.differences(wanted, live))
    if wrong:
        remedy = "write what it has, or leave it out; or take a class of another name"
        raise pulumi.RunError(f"RuntimeClass {name!r} is not what is asked for: {'; '.join(wrong)}; {remedy}")
    if _owner(live) and wasm.SHARED_ANNOTATION not in marks:
        row.warn(
            f"RuntimeClass {name!r} goes with the stack that made it ({_owner(live)}), for it is not shared: write "
            "shared: true there, or pods under it cannot start once that stack is gone"
        )
    return wasm.of_live(live)


async def proved(
    connection: Any, described: Mapping[str, Any], given: Mapping[str, Any], owner: str, row: Row
) -> list[str]:
    """Run a canary in each pool of the class; return the pools. Raises RunError with the cause for any that failed."""
    reached = await connect(connection)
    if reached is None:
        return []
    canary = Canary(
        class_name=described["class_name"],
        image=given["image"],
        owner=owner,
        command=given.get("command") or (),
        namespace=given.get("namespace") or "default",
        patience=float(given.get("patience_seconds") or wasm.CANARY_PATIENCE),
        pools=given.get("pools") or (),
        pull_secrets=given.get("image_pull_secrets") or (),
        preset=described.get("preset"),
    )
    stop = _UntilExit()
    try:
        with critical_section(row, stop):
            found = await in_thread(_prove, reached, canary, stop, row)
    except ActionError as problem:
        await critical_sections_done()
        raise pulumi.RunError(str(problem)) from None
    failed = [proof for proof in found if not proof.ran]
    if failed:
        await critical_sections_done()
        head = (
            f"RuntimeClass {canary.class_name!r} cannot be trusted: its canary failed in {len(failed)} of {len(found)}"
        )
        lines = "".join(f"\n  {proof}" for proof in failed)
        raise pulumi.RunError(f"{head} {'pool' if len(found) == 1 else 'pools'}:{lines}")
    return [proof.pool for proof in found]


async def _found(reached: Connection, name: str) -> Json | None:
    """Return a class; None, too, where this identity may not look, or a preview cannot reach the cluster."""
    try:
        return await in_thread(_find, reached, name)
    except ActionError as problem:
        unseen = isinstance(problem, ApiError) and problem.forbidden
        if unseen or (isinstance(problem, ConnectionProblem) and pulumi.runtime.is_dry_run()):
            return None
        raise pulumi.RunError(str(problem)) from None


def _find(reached: Connection, name: str) -> Json | None:
    with reached.client() as client:
        return client.find(class_path(name))


def _prove(reached: Connection, canary: Canary, stop: threading.Event, row: Row) -> Any:
    with reached.client() as client:
        return prove(client, canary, stop=stop, progress=row.progress)


def _others(live: Json, *, taken_over: bool) -> list[str]:
    """Return who else has written overhead or scheduling of a class, but for what Pulumi's provider takes over."""
    own = ("pulumi-kubernetes", *(("kubectl", "before-first-apply") if taken_over else ()))
    return [
        str(entry["manager"])
        for entry in live.get("metadata", {}).get("managedFields") or []
        if not str(entry.get("manager", "")).startswith(own)
        and {"f:overhead", "f:scheduling"} & set(entry.get("fieldsV1") or {})
    ]


def _owner(live: Json) -> str:
    return str((live["metadata"].get("annotations") or {}).get(wasm.OWNER_ANNOTATION, ""))


def _kept(live: Json, wanted: Mapping[str, Any], owner: str) -> str:
    """Return why a shared class of this stack cannot become what is wanted, "" where it can, or is not its own."""
    if not wanted.get("shared") or _owner(live) != owner or live["handler"] == wanted.get("handler"):
        return ""
    return (
        f"RuntimeClass {live['metadata']['name']!r} is shared and has the handler {live['handler']!r}, which never "
        f"changes: write another name for one with {wanted.get('handler')!r}, and move the workloads to it one by one"
    )


def _taken(live: Json, owner: str) -> str:
    name, whose = live["metadata"]["name"], _owner(live)
    made = f"made by {whose}" if whose else "made by something else than this library"
    if whose == owner:
        made = "left behind by an earlier run of this stack"
    return (
        f"RuntimeClass {name!r} is there already, {made} (handler {live['handler']!r}): write existing: true to use it "
        "as it is, or another name to make one of this stack's own"
    )
