"""The order of a pod's init containers, sidecars among them: it is the order in which they start (KEP-753)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.model.problem import UNKNOWN, Problem, entries


def problems(init_containers: Any, sidecars: Any) -> Iterator[Problem]:
    """Yield the init containers that would start after a sidecar that is not there (snake_case)."""
    listed = sidecars if isinstance(sidecars, list) else []
    found = [entry.get("name") for _, entry in entries(listed)]
    if sidecars is UNKNOWN or UNKNOWN in listed or UNKNOWN in found:
        return
    for index, container in entries(init_containers):
        after = container.get("after")
        if isinstance(after, str) and after not in found:
            names = ", ".join(str(name) for name in found) or "none"
            remedy = f"name one of: {names}; or leave it out, to start before them"
            yield Problem(f"init_containers[{index}].after", f"there is no sidecar {after!r}", remedy, "own")


def arranged(
    init_containers: Sequence[Mapping[str, Any]], sidecars: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return all init containers in their order: each right after its sidecar, without one before all of them."""
    order = [_plain(each) for each in init_containers if each.get("after") is None]
    placed = {id(each) for each in init_containers if each.get("after") is None}
    for sidecar in sidecars:
        behind = [
            each for each in init_containers if each.get("after") == sidecar.get("name") and id(each) not in placed
        ]
        placed |= {id(each) for each in behind}
        order += [dict(sidecar), *map(_plain, behind)]
    # A name that no sidecar has is refused before; nothing gets lost all the same.
    return order + [_plain(each) for each in init_containers if id(each) not in placed]


def deciding(args: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values by which the order is made (camelCase); without any `after` it is that of the lists."""
    wanted = [entry["after"] for _, entry in entries(args.get("initContainers")) if entry.get("after") is not None]
    yield from wanted
    if wanted:
        yield from (entry.get("name") for _, entry in entries(args.get("sidecars")))


def _plain(container: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in container.items() if field != "after"}
