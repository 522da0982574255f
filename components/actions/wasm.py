"""Asks a cluster which of its nodes have a runtime handler; `components.model.handlers` says what that means."""

from components.actions.client import Client, path_of
from components.actions.errors import ApiError
from components.actions.node_facts import handlers_of
from components.model.handlers import Handlers, Support, support


def handlers(client: Client) -> Handlers:
    """Return for each node the names of its runtime handlers; empty where the node tells none.

    Raises `ApiError` (403) when nodes may not be listed, and `ConnectionProblem` when there is no answer.
    """
    return {node["metadata"]["name"]: handlers_of(node) for node in client.list(path_of("v1", "nodes"))}


def find_support(client: Client, handler: str) -> Support:
    """Ask the cluster whether any node has the handler; unknown when nodes may not be listed.

    Raises `ConnectionProblem` when there is no answer, and `ApiError` for one that means something else.
    """
    try:
        return support(handlers(client), handler)
    except ApiError as error:
        if not error.forbidden:
            raise
        return Support("unknown", f"nodes may not be listed, so whether they have the handler {handler!r} is unknown")
