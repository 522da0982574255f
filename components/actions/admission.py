"""What admission makes of a workload's pods, asked by dry run and by reading, before its object is touched."""

from collections.abc import Iterator

from components.actions import dropped
from components.actions.client import Client, Json, path_of
from components.actions.diagnosis import Finding
from components.actions.errors import ApiError
from components.actions.keepers import api_version, keeper_kind, keeper_path, pod_template
from components.model import enforced
from components.model.pod_security import LEVELS

# A CronJob's name may have 52 characters, and the API server adds five to a name of its own making.
_LONGEST = 40


def losses(client: Client, manifest: Json, *, exists: bool) -> list[Finding]:
    """Return the sidecars that the cluster would make ordinary init containers, by a dry run of the manifest.

    `exists` asks under another name. What cannot be asked gives nothing: missing rights, a namespace that is not there
    yet, a webhook that takes no dry runs; and what else is refused is told by the write itself.
    """
    metadata, kind = manifest["metadata"], keeper_kind(manifest)
    name = {"generateName": f"{metadata['name'][:_LONGEST]}-"} if exists else {"name": metadata["name"]}
    asked = {
        "apiVersion": api_version(kind),
        "kind": kind,
        "metadata": {"labels": metadata.get("labels") or {}, **name},
        "spec": manifest["spec"],
    }
    try:
        made = client.create(keeper_path(kind, metadata["namespace"]), asked, dry_run=True)
    except ApiError as error:
        return list(dropped.of_refusal(manifest, error.message))
    return list(dropped.of_workload(manifest, {**made, "kind": kind, "metadata": metadata}))


def below_enforced(client: Client, manifest: Json) -> Iterator[str]:
    """Yield what the Pod Security level that the namespace enforces means for the pods, where they are below it."""
    name, template = manifest["metadata"]["namespace"], pod_template(manifest)
    refused = list(enforced.refusals(LEVELS[0], template))
    if not refused:
        return
    try:
        found = client.find(path_of("v1", "namespaces", name=name))
    except ApiError as error:
        yield f"whether namespace {name} takes these pods is unknown: its Pod Security level cannot be read: {error}"
        return
    level = ((found or {}).get("metadata", {}).get("labels") or {}).get(enforced.LABEL, "")
    refused = list(enforced.refusals(level, template))
    if refused:
        needed = max((each for _, each in refused), key=LEVELS.index)
        what = "; ".join(text for text, _ in refused)
        yield f"namespace {name} enforces the Pod Security level {level}, which refuses these pods for {what} -> " + (
            enforced.remedy(needed)
        )
