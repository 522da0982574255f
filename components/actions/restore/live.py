"""What a cluster has of the types of a snapshot."""

from collections.abc import Iterable, Sequence
from functools import partial

from components.actions.client import Client, Json
from components.actions.errors import ApiError
from components.actions.parallel import at_once
from components.actions.restore.wanted import Key, key_of
from components.actions.snapshot.listing import pages
from components.model.archive import Type


def live_objects(
    client: Client, types: Iterable[Type], namespaces: Sequence[str] = (), labels: str = ""
) -> dict[Key, Json]:
    """Return the objects of these types, of these namespaces or all; a type that is not served has none.

    Objects that are being deleted do not count. Of types without a namespace all are returned, or with namespaces those
    Namespaces alone. Raises `ApiError` for a type that may not be listed.
    """
    places = [(listed, place) for listed in types for place in _places(listed, namespaces)]
    found = at_once(partial(_list, client, labels), places)
    return {key_of(listed.name, item): item for (listed, _), items in zip(places, found, strict=True) for item in items}


def _places(listed: Type, namespaces: Sequence[str]) -> list[tuple[str, str]]:
    if not namespaces:
        return [("", "")]
    if listed.namespaced:
        return [(name, "") for name in namespaces]
    return [("", f"metadata.name={name}") for name in namespaces] if listed.name == "namespaces" else []


def _list(client: Client, labels: str, wanted: tuple[Type, tuple[str, str]]) -> list[Json]:
    listed, (namespace, fields) = wanted
    try:
        listing = pages(client, listed, namespace, "", labels="" if fields else labels, fields=fields)
        found = [item for _, page in listing for item in page]
    except ApiError as error:
        if error.not_found:
            return []
        raise
    return [item for item in found if not item["metadata"].get("deletionTimestamp")]
