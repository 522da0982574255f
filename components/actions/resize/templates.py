"""Pod templates of workloads: what differs, and templates with other sizes. Pure."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from components.actions.client import Json
from components.actions.resize.resources import Resources, containers, plain, same

HASH_LABEL = "pod-template-hash"


def without_none(value: Any) -> Any:
    """Return JSON without null members and with whole floats as integers.

    Pulumi hands numbers over as floats, which the API server does not read as integers; servers before 1.34
    write `creationTimestamp: null` into templates.
    """
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_none(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def sizes(template: Json) -> dict[str, Resources]:
    """Return the written resources of every container by its name (names are unique across the lists)."""
    return {container["name"]: plain(container) for _kind, container in containers(template["spec"])}


def resized(template: Json, new: dict[str, Resources]) -> Json:
    """Return a merge patch for `spec.template` that gives the named containers other resources.

    A merge patch replaces lists whole, so both lists come complete; nothing else in them changes.
    """
    patch: Json = {}
    for key in ("initContainers", "containers"):
        listed = template["spec"].get(key)
        if listed and any(container["name"] in new for container in listed):
            patch[key] = [
                container
                | ({"resources": _written(container, new[container["name"]])} if container["name"] in new else {})
                for container in listed
            ]
    return {"spec": patch}


def has_sizes(template: Json, expected: dict[str, Resources]) -> bool:
    """Tell whether the named containers have these resources."""
    found = sizes(template)
    return all(name in found and same(found[name], wanted) for name, wanted in expected.items())


def equal_ignoring_hash(left: Json, right: Json) -> bool:
    """Tell whether the Deployment controller takes two templates for the same one (EqualIgnoreHash)."""
    return not any(template_differences(left, right)) and _all_same_sizes(left, right)


def digest(template: Json) -> str:
    """Return what tells a template from others, sizes aside: a hash of everything but its containers' resources."""
    return hashlib.sha256(json.dumps(_comparable(template), sort_keys=True).encode()).hexdigest()[:16]


def template_differences(left: Json, right: Json) -> Iterator[str]:
    """Yield the paths at which two templates differ, apart from container resources and the hash label."""
    yield from _walk(_comparable(left), _comparable(right), "spec.template")


def _all_same_sizes(left: Json, right: Json) -> bool:
    ours, theirs = sizes(left), sizes(right)
    return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)


def _written(container: Json, new: Resources) -> Json:
    """Return a container's `resources` with other requests and limits; absent sections stay absent."""
    rest = {k: v for k, v in (container.get("resources") or {}).items() if k not in new}
    return rest | {section: quantities for section, quantities in new.items() if quantities}


def _comparable(template: Json) -> Json:
    plain_template: Json = without_none(template)
    metadata = dict(plain_template.get("metadata") or {})
    metadata["labels"] = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    spec = dict(plain_template["spec"])
    for key in ("initContainers", "containers"):
        if key in spec:
            spec[key] = [_without_sizes(container) for container in spec[key]]
    return plain_template | {"metadata": metadata, "spec": spec}


def _without_sizes(container: Json) -> Json:
    """Drop requests and limits only: other members of `resources`, such as claims, are no resize."""
    rest = {k: v for k, v in (container.get("resources") or {}).items() if k not in ("requests", "limits")}
    return {k: v for k, v in container.items() if k != "resources"} | ({"resources": rest} if rest else {})


def _walk(left: Any, right: Any, path: str) -> Iterator[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted(left.keys() | right.keys()):
            if key in left and key in right:
                yield from _walk(left[key], right[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (ours, theirs) in enumerate(zip(left, right, strict=True)):
            name = ours.get("name", index) if isinstance(ours, dict) else index
            yield from _walk(ours, theirs, f"{path}[{name}]")
    elif left != right:
        yield path
