"""Waiting that tells the truth, every time.

A workload carries a `pulumi.com/waitFor` (see `_kept`), so the provider's own ten-minute await is over at once, and
exposes `ready`: an output that watches the live object on every `up`, with or without a change, and fails it with the
diagnosis until the pods are well.
"""

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet

from components._config import ConfigMaps
from components._hooks import connect, unreached
from components._live import Row, critical_section, critical_sections_done, in_thread, is_off, mocked
from components.actions import generations, reload, resize, rollout, waiting
from components.actions.client import Client
from components.actions.connection import Connection
from components.actions.errors import ActionError, ApiError
from components.actions.keepers import keeper_path
from components.model import kinds


def recovered(connection: Any, manifest: Mapping[str, Any], component: pulumi.Resource) -> pulumi.Output[str]:
    """Return the workload's name once a resize that an earlier run left unfinished is brought to its end.

    A reverted program has no diff and runs no hook, so this is the one moment that always comes. Inputs of the
    child pass through it: the two cannot race. It goes on while the manifest still asks for the new sizes, and is
    undone when it does not. In preview it only reports. What Pulumi would have to replace a StatefulSet for is refused.
    """
    name = manifest["metadata"]["name"]

    async def recover(values: Sequence[Any]) -> str:
        reached, desired = await connect(values[0]), values[1]
        workload = str(desired["metadata"]["name"])
        if reached is None or is_off():
            return workload
        row = Row(component.urn)
        report_only = pulumi.runtime.is_dry_run()
        try:
            with (
                contextlib.nullcontext() if report_only else critical_section(row),
                unreached(row, "tell whether an earlier run left work unfinished"),
            ):
                await in_thread(_recover, reached, desired, row, report_only=report_only)
        except (ActionError, ValueError) as problem:
            raise pulumi.RunError(str(problem)) from None
        return workload

    if mocked():
        return pulumi.Output.from_input(name)
    inputs: pulumi.Output[Any] = pulumi.Output.all(connection, manifest)
    found: pulumi.Output[str] = inputs.apply(recover)
    # In preview a value that is not known yet, anywhere in the spec, must not make the name one.
    return pulumi.Output.from_input(name) if pulumi.runtime.is_dry_run() else pulumi.Output.unsecret(found)


def ready(
    child: pulumi.CustomResource,
    desired: Mapping[str, Any],
    connection: Any,
    patience: Any,
    in_place: Any,
    config_maps: ConfigMaps,
) -> pulumi.Output[bool]:
    """Return an output that is true once every pod of the workload is up to date and available, or its Job complete.

    `desired` is the workload's manifest, with the UID of the object that was made, and of a Job `expiresAfter`, the
    seconds after which it is deleted once complete. The output raises RunError with the diagnosis when the pods cannot
    be well, or are not within `patience` seconds. Afterwards sizes that were changed by hand, in the template or in
    pods, are put back in place unless `in_place` is `off`; pods are told of configuration that has changed under them;
    and its kept generations are given to what keeps the pods, the oldest removed. A workload that the engine leaves as
    it is on record while the program has other sizes for it (`--target` of something else) is not touched, and what is
    wrong with its pods is a warning. Where that is off (`is_off`) nothing is looked at.
    """

    async def wait(values: Sequence[Any]) -> bool:
        manifest, reached = values[0], await connect(values[1])
        row, stop = Row(child.urn), threading.Event()
        if reached is None or is_off():
            return True
        included = resize.is_recorded(values[2], manifest)
        try:
            await in_thread(_wait, reached, manifest, float(values[3]), stop, row, at_exit="end")
            if included:
                await _tend(reached, manifest, values[3:], stop, row)
        except (ActionError, ValueError) as problem:
            await critical_sections_done()
            if included:
                raise pulumi.RunError(str(problem)) from None
            row.warn(str(problem))
        finally:
            stop.set()
        if not included:
            row.warn("this update leaves it as it is on record, with other sizes than the program has")
        return True

    if mocked() or pulumi.runtime.is_dry_run():
        return pulumi.Output.from_input(desired["metadata"]).apply(lambda _: True)
    steering = (patience, in_place, config_maps.bases, config_maps.reloads, config_maps.key)
    found = pulumi.Output.all(desired, connection, _on_record(child), *steering)
    return pulumi.Output.unsecret(found.apply(wait))


async def _tend(reached: Connection, manifest: Any, values: Sequence[Any], stop: threading.Event, row: Row) -> None:
    """Do what comes once the pods are well; `values` are patience, in_place, and of its ConfigMaps what they keep."""
    seconds, healing, bases, reloads, key = float(values[0]), *values[1:]
    if healing != "off" and manifest["kind"] in kinds.RESIZED:
        with critical_section(row):
            await in_thread(_heal, reached, manifest, seconds, row)
    for each in reloads:
        await in_thread(_reload, reached, manifest, reload.Reload(**each), seconds, stop, row, at_exit="end")
    await in_thread(_keep, reached, manifest, bases, key, row)


def _on_record(child: Any) -> Any:
    """Return the sizes of the containers in the engine's record of a workload; nothing for what is not resized."""

    def listed(spec: Any) -> dict[str, Any]:
        pod = spec.template.spec
        containers = [*(pod.init_containers or []), *(pod.containers or [])]
        return {
            each.name: {
                section: dict(getattr(each.resources, section, None) or {}) for section in ("requests", "limits")
            }
            for each in containers
        }

    return child.spec.apply(listed) if isinstance(child, Deployment | StatefulSet) else {}


def _recover(reached: Connection, desired: dict[str, Any], row: Row, *, report_only: bool) -> None:
    kind, metadata = desired["kind"], desired["metadata"]
    namespace, name = metadata["namespace"], metadata["name"]
    # A report looks at the same objects several times, and changes none.
    with reached.client(remember=report_only) as client:
        if kind == "StatefulSet" and not report_only:
            resize.refuse_replacement(client, desired)
        left = resize.unfinished(client, namespace, name, kind)
        if left and report_only:
            row.warn(f"an earlier resize was interrupted and will be brought to its end first: {left}")
        elif left:
            row.info(resize.finish(client, left, row.progress, desired=desired))
        tried = rollout.abandoned(client, desired) if not left else ""
        if tried and report_only:
            row.warn(f"an earlier rollout was interrupted and will be taken back first: {tried}")
        elif tried:
            row.info(rollout.take_back(client, desired, progress=row.progress))
        if report_only and not left:
            _tell_drift(client, kind, namespace, name, row)


def _tell_drift(client: Client, kind: resize.Kind, namespace: str, name: str, row: Row) -> None:
    try:
        for text in resize.drifted(client, namespace, name, kind):
            row.warn(f"changed by hand, which the next update puts back in place: {text}")
    except ApiError as problem:  # a preview may run with fewer rights than the update
        row.warn(f"whether sizes were changed by hand is unknown: {problem.message}")


def _wait(reached: Connection, manifest: dict[str, Any], patience: float, stop: threading.Event, row: Row) -> None:
    expires = manifest.get("expiresAfter")
    with reached.client() as client:
        live, notes = waiting.wait_well(
            *(client, manifest),
            patience=patience,
            expires_after=None if expires is None else int(expires),
            stop=stop,
            progress=row.progress,
        )
        for note in notes:
            row.warn(note)
        if live is not None and manifest["kind"] in kinds.RESIZED:
            rollout.conclude(client, live)


def _heal(reached: Connection, desired: dict[str, Any], patience: float, row: Row) -> None:
    uid = desired["metadata"]["uid"]
    try:
        with reached.client() as client:
            for done in resize.heal(client, desired, uid, progress=row.progress, timeout=patience):
                row.warn(f"not as the program has it: {done}")
    except ActionError as problem:
        row.warn(f"the pods are well, but sizes that are not the program's could not be put back: {problem}")


def _reload(
    reached: Connection,
    manifest: dict[str, Any],
    wanted: reload.Reload,
    patience: float,
    stop: threading.Event,
    row: Row,
) -> None:
    metadata = manifest["metadata"]
    with reached.client() as client:
        live = client.get(keeper_path(manifest["kind"], metadata["namespace"], metadata["name"]))
        told = reload.reload_pods(client, live, wanted, patience=patience, stop=stop, progress=row.progress)
    if told:
        row.info(f"{wanted.volume}: {told} pods see the new content and have run {wanted.command[0]!r}")


def _keep(reached: Connection, manifest: dict[str, Any], bases: Sequence[str], key: str, row: Row) -> None:
    try:
        with reached.client() as client:
            for base in bases:
                generations.own_and_prune(client, manifest, base, key)
    except ActionError as problem:
        row.warn(f"the pods are well, but earlier configuration could not be cleaned up: {problem}")
