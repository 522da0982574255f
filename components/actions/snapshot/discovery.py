"""Which types a cluster serves. A group that does not answer is a failure: nothing may be missing unsaid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError
from components.actions.parallel import at_once
from components.model.archive import Type

_TWICE = {"events.events.k8s.io": "the same objects as events"}
_VIEW = "computed when asked: it can be listed and not created"
_EXCLUDED = "excluded by --without"


@dataclass(frozen=True)
class Served:
    """The types of a snapshot; `left_out` has the others with the reasons; `apart` the types of other API servers.

    Those are aggregated: their resource versions are numbers of their own, and cannot be compared with the cluster's.
    """

    types: tuple[Type, ...]
    left_out: Mapping[str, str]
    apart: frozenset[str]


def served(client: Client, without: Sequence[str] = ()) -> Served:
    """Return the types that a cluster serves, each in its preferred version.

    Raises `ActionError` that names every API group which does not answer and is not left out by a pattern such as
    `*.metrics.k8s.io`.
    """
    groups = _groups(client)
    versions = [version for group in groups for version in group]
    found = at_once(lambda version: _resources(client, version), versions)
    failures = [each for each in found if isinstance(each, Failure) and not _excluded(f"*.{each.group}", without)]
    answered = {v: each for v, each in zip(versions, found, strict=True) if not isinstance(each, Failure)}
    aggregated, unavailable = _aggregated(client)
    failures += [Failure(*each) for each in unavailable if not _excluded(f"*.{each[0]}", without)]
    if failures:
        told = "\n".join(f"  {each.group or 'the core API'}: {each.why}" for each in dict.fromkeys(failures))
        raise ActionError(
            f"not every API group answers, so that the snapshot would lack objects:\n{told}\n"
            "repair them (kubectl get apiservices), or leave them out by name: --without '*.GROUP'"
        )
    types: dict[str, Type] = {}
    for group in groups:
        for version in group:
            for each in _types(version, answered.get(version, [])):
                types.setdefault(each.name, each)
    left_out = {name: reason for name in types if (reason := _why_not(name, types, without, answered))}
    kept = tuple(sorted((each for name, each in types.items() if name not in left_out), key=lambda each: each.name))
    return Served(kept, left_out, frozenset(each.name for each in kept if each.api_version in aggregated))


@dataclass(frozen=True)
class Failure:
    """An API group that did not answer."""

    group: str
    why: str


def _groups(client: Client) -> list[list[str]]:
    """Return the versions of each group, the preferred one first; the core group is the first."""
    groups = [list(client.get("/api")["versions"])]
    for group in client.get("/apis").get("groups") or []:
        preferred = group["preferredVersion"]["groupVersion"]
        versions = [each["groupVersion"] for each in group["versions"]]
        groups.append([preferred, *(each for each in versions if each != preferred)])
    return groups


def _resources(client: Client, version: str) -> list[Json] | Failure:
    try:
        return list(client.get(f"/apis/{version}" if "/" in version else f"/api/{version}").get("resources") or [])
    except ApiError as error:
        return Failure(version.rpartition("/")[0], error.message)


def _types(version: str, resources: Sequence[Json]) -> Iterator[Type]:
    for each in resources:
        if "/" not in each["name"] and "list" in each.get("verbs", ()):
            yield Type(version, each["kind"], each["name"], bool(each["namespaced"]))


def _why_not(
    name: str, types: Mapping[str, Type], without: Sequence[str], answered: Mapping[str, Sequence[Json]]
) -> str:
    if _excluded(name, without):
        return _EXCLUDED
    found = types[name]
    verbs = next(each["verbs"] for each in answered[found.api_version] if each["name"] == found.resource)
    return _VIEW if "create" not in verbs else _TWICE.get(name, "")


def _excluded(name: str, without: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in without)


def _aggregated(client: Client) -> tuple[set[str], list[tuple[str, str]]]:
    """Return the versions that another API server serves, and of these which are said to be unavailable, and why."""
    versions, unavailable = set(), []
    for each in client.list(path_of("apiregistration.k8s.io/v1", "apiservices")):
        spec = each.get("spec") or {}
        if not spec.get("service"):
            continue
        versions.add(f"{spec['group']}/{spec['version']}")
        unavailable += [
            (str(spec["group"]), str(condition.get("message") or condition.get("reason")))
            for condition in each.get("status", {}).get("conditions") or []
            if condition.get("type") == "Available" and condition.get("status") != "True"
        ]
    return versions, unavailable
