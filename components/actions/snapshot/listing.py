"""The objects of a type, page by page, at one resource version of the cluster.

A list at an exact resource version shows the cluster as it was then, for as long as etcd keeps that revision: five
minutes by default, then the server answers 410. Every type that lies in the cluster's own etcd has the same
resource versions, so that one number is one moment for all of them. Source: kubernetes.io, API concepts, resource
versions (KEP-2523).
"""

from collections.abc import Iterator

from components.actions.client import Client, Json, path_of
from components.actions.errors import ActionError, ApiError
from components.model.archive import Type

PAGE = 500
# An exact list that is refused: by a store of its own, which does not know this number, or by a server that takes none.
_NOT_EXACT = {400, 500, 504}


class Expired(ActionError):  # noqa: N818 - it is answered by another attempt
    """The server does not have the resource version of the list any more (410)."""


def cut_of(client: Client) -> str:
    """Return the cluster's resource version of this moment."""
    return str(client.get(path_of("v1", "namespaces"), limit="1")["metadata"]["resourceVersion"])


def pages(
    client: Client, listed: Type, namespace: str, cut: str, *, labels: str = "", fields: str = ""
) -> Iterator[tuple[str, list[Json]]]:
    """Yield the resource version and objects of each page; a `cut` of "" is whichever moment the server is at.

    Where the server takes no exact resource version for this type the list is of a moment of its own, which shows in
    what is yielded. Raises `Expired` when the list cannot be brought to its end.
    """
    path = path_of(listed.api_version, listed.resource, namespace)
    query = {"limit": str(PAGE)}
    if labels:
        query["labelSelector"] = labels
    if fields:
        query["fieldSelector"] = fields
    exact = {"resourceVersion": cut, "resourceVersionMatch": "Exact"} if cut else {}
    try:
        page = _page(client, path, query | exact)
    except ApiError as error:
        if not exact or error.status not in _NOT_EXACT:
            raise
        page = _page(client, path, query)
    while True:
        yield str(page["metadata"].get("resourceVersion", "")), [_whole(each, listed) for each in page["items"] or []]
        following = page["metadata"].get("continue")
        if not following:
            return
        page = _page(client, path, query | {"continue": following})


def _page(client: Client, path: str, query: dict[str, str]) -> Json:
    try:
        return client.get(path, **query)
    except ApiError as error:
        if error.status == 410:
            raise Expired(f"{path}: the server does not have the resource version any more") from None
        raise


def _whole(item: Json, listed: Type) -> Json:
    """Return an object as a GET gives it: those in lists do not say what they are."""
    return {"apiVersion": listed.api_version, "kind": listed.kind} | item
