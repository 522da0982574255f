"""The wait for whatever keeps a workload's pods: until they are ready, or have done their work.

A kind has its own module for what that means: `readiness` (with `stateful` and `daemons`), `jobs`, `cron_jobs`.
"""

import threading
from collections.abc import Callable

from components.actions import cron_jobs, daemons, jobs, readiness
from components.actions.client import Client, Json
from components.actions.keepers import keeper_kind


def wait_well(
    client: Client,
    manifest: Json,
    *,
    patience: float,
    expires_after: int | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> tuple[Json | None, list[str]]:
    """Return the live object of a manifest when it is well, with what is to be said of it; raise `NotReady` otherwise.

    Of the manifest kind, namespace and name count, and the sidecars of its template where it has one. The other
    arguments are those of `readiness.wait_ready` and `jobs.wait_complete`; None is returned for a Job that is gone as
    it was to be.
    """
    kind, metadata = keeper_kind(manifest), manifest["metadata"]
    asked = manifest if "spec" in manifest else None
    namespace, name = metadata["namespace"], metadata["name"]
    if kind == "CronJob":
        return cron_jobs.look(client, namespace, name)
    if kind == "Job":
        found, note = jobs.wait_complete(
            *(client, namespace, name),
            patience=patience,
            expires_after=expires_after,
            stop=stop,
            progress=progress,
            asked=asked,
        )
        return found, [note] if note else []
    live = readiness.wait_ready(
        client, namespace, name, kind, patience=patience, stop=stop, progress=progress, asked=asked
    )
    note = daemons.nowhere(live) if kind == "DaemonSet" else ""
    return live, [f"DaemonSet {namespace}/{name}: {note}"] if note else []
