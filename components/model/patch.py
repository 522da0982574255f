"""The patch on the pod spec: how it is applied, and what of its effect is judged before the API server does.

Judged are the lists that merge by name, the sizes of containers, and what a Deployment's pods can never have. The
rest of what a patch can write is Kubernetes' own, in its own spelling: the API server judges it, in preview too.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.model import container, resources, restarts
from components.model.problem import UNKNOWN, Problem, entries

_FIELD = "pod_spec_patch"
# The groups of a pod's containers, and the arguments that make them.
GROUPS = {"containers": ("containers",), "initContainers": ("init_containers", "sidecars")}


def merge(base: Any, patch: Any, field: str = "") -> Any:
    """Return `base` with a merge patch (RFC 7386) applied, where lists of objects with a key merge by it.

    The key is `name`, of volume mounts `mountPath`; a list in which it is missing or comes twice is replaced.
    """
    if isinstance(base, dict) and isinstance(patch, Mapping):
        merged = {key: value for key, value in base.items() if patch.get(key, value) is not None}
        return merged | {key: merge(base.get(key), value, key) for key, value in patch.items() if value is not None}
    key = "mountPath" if field == "volumeMounts" else "name"
    if _keyed(base, key) and _keyed(patch, key):
        changes = {entry[key]: entry for entry in patch}
        kept = [merge(entry, changes.pop(entry[key], {})) for entry in base]
        return kept + list(changes.values())
    return patch


def applied(spec: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """Return a pod spec with the patch applied; the containers that it adds have the secure defaults, too."""
    patched = dict(merge(spec, patch))
    for group in GROUPS:
        own = {entry.get("name") for _, entry in entries(spec.get(group))}
        if isinstance(patched.get(group), list):
            patched[group] = [
                container.with_defaults(each) if isinstance(each, dict) and each.get("name") not in own else each
                for each in patched[group]
            ]
    return patched


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the effect of a workload's patch on its pods."""
    patch = args.get(_FIELD)
    if not isinstance(patch, dict):
        return
    policy = patch.get("restartPolicy")
    if args.get("kind") in {"Job", "CronJob"}:
        if "restartPolicy" in patch:
            yield Problem(f"{_FIELD}.restartPolicy", "job.restart_policy says it", "leave it out here", "kind")
    elif policy not in (None, "Always", UNKNOWN):
        remedy = "leave it out; what ends by itself is a Job"
        yield Problem(f"{_FIELD}.restartPolicy", f"{policy!r} is nothing for a Deployment, whose pods go on", remedy)
        yield from _restarting(args, policy)
    if "containers" in patch and not patch["containers"]:
        yield Problem(f"{_FIELD}.containers", "it takes all containers away", "leave it out")
    for group, fields in GROUPS.items():
        own = {entry.get("name"): entry for field in fields for _, entry in entries(args.get(field))}
        whole = all(isinstance(args.get(field), list | None) for field in fields) and UNKNOWN not in own
        if group in patch:
            yield from restarts.problems(f"{_FIELD}.{group}", patch[group], args)
        yield from _group(f"{_FIELD}.{group}", patch.get(group), own, whole=whole)


def container_resources(args: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the requests and limits of every container with the patch applied, UNKNOWN for what is not known yet."""
    patch = args.get(_FIELD)
    for group, fields in GROUPS.items():
        listed = _applied(args, group, fields)
        for entry in [UNKNOWN] if listed is None else listed:
            yield entry.get("resources") if isinstance(entry, dict) else UNKNOWN
    if isinstance(patch, dict) and patch.get("resources") is not None:
        yield UNKNOWN  # of the pod as a whole


def names_of(args: Mapping[str, Any], field: str, *own: str) -> set[str] | None:
    """Return the names in a list of the pod spec, made from the arguments `own`, or None when not all are known."""
    listed = _applied(args, field, own)
    found = None if listed is None or UNKNOWN in listed else {entry.get("name") for _, entry in entries(listed)}
    return None if found is None or UNKNOWN in found else {name for name in found if isinstance(name, str)}


def _applied(args: Mapping[str, Any], field: str, own: Sequence[str]) -> list[Any] | None:
    """Return a list of the pod spec, made from the arguments `own`, with the patch applied; None when not known."""
    patch = args.get(_FIELD)
    if patch is UNKNOWN or any(args.get(each) is UNKNOWN for each in own):
        return None
    written = [entry for each in own for entry in args.get(each) or []]
    changes = {field: patch[field]} if isinstance(patch, dict) and field in patch else {}
    if changes and (UNKNOWN in written or UNKNOWN in (entry.get("name") for _, entry in entries(written))):
        return None
    listed = merge({field: written}, changes).get(field, [])
    return listed if isinstance(listed, list) else None


def _keyed(value: Any, key: str) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    keys = [entry.get(key) if isinstance(entry, Mapping) else None for entry in value]
    return None not in keys and all(isinstance(each, str) for each in keys) and len(set(keys)) == len(keys)


def _restarting(args: Mapping[str, Any], policy: Any) -> Iterator[Problem]:
    for field in ("containers", "sidecars"):
        for index, entry in entries(args.get(field)):
            for place, asked in entries(entry.get("resize_policy")):
                if policy == "Never" and asked.get("restart_policy") == "RestartContainer":
                    yield Problem(
                        f"{field}[{index}].resize_policy[{place}].restart_policy",
                        "RestartContainer is nothing for a pod that never restarts its containers",
                        f"leave {_FIELD}.restartPolicy out, or write NotRequired",
                    )


def _group(path: str, patched: Any, own: Mapping[Any, dict[str, Any]], *, whole: bool) -> Iterator[Problem]:
    """Check the patch of a list of containers; `own` are those of the arguments, all of them if `whole`."""
    if not isinstance(patched, list) or UNKNOWN in patched:
        return
    known_names = [entry.get("name") if isinstance(entry, dict) else None for entry in patched]
    if UNKNOWN in known_names:
        return
    if patched and not _keyed(patched, "name"):
        yield Problem(path, "an entry without a name, or two with one, would replace the whole list", "name each once")
        return
    for index, entry in entries(patched):
        name = entry["name"]
        if name in own:
            yield from _resources(f"{path}[{index}].resources", entry.get("resources"), own[name].get("resources"))
            continue
        yield from resources.problems(f"{path}[{index}].resources", entry.get("resources"))
        if whole and entry.get("image") is None:
            listed = ", ".join(str(each) for each in own) or "none"
            remedy = f"name one of: {listed}; a container that the patch adds needs an image"
            yield Problem(f"{path}[{index}].name", f"there is no container {name!r}", remedy)


def _resources(path: str, patched: Any, own: Any) -> Iterator[Problem]:
    """Check the sizes that a patch makes out of those of the arguments; what these say themselves is told there."""
    if not isinstance(patched, dict):
        return
    told = {(problem.message, problem.rule) for problem in resources.problems("", own)}
    for problem in resources.problems(path, merge(own if isinstance(own, dict) else {}, patched)):
        if (problem.message, problem.rule) not in told:
            yield problem
