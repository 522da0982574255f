"""Which cluster, with which credentials: a secret kubeconfig, and the guard against the wrong cluster."""

from dataclasses import dataclass, field
from typing import Any

from components.actions import kubeconfig
from components.actions.client import Client, path_of
from components.actions.errors import ApiError, ConnectionProblem
from components.actions.login import log_in


@dataclass(frozen=True)
class Connection:
    """How to reach one cluster.

    `kubeconfig` is the content, not a path, and is kept out of `repr`; `context` defaults to its current
    context; `cluster_id` is the UID that the cluster's namespace `kube-system` must have, None for any.
    """

    kubeconfig: str = field(repr=False)
    context: str | None = None
    cluster_id: str | None = None

    def client(self, *, timeout: float = 30.0, remember: bool = False) -> Client:
        """Return a client; raise `ConnectionProblem` when the kubeconfig is none or means another cluster."""
        if not kubeconfig.is_content(self.kubeconfig):
            raise ConnectionProblem(
                "the kubeconfig is not the content of one", "pass the file's content; `Target` reads files by itself"
            )

        try:
            login = log_in(self.kubeconfig, self.context)
        except ValueError as error:
            what, _, remedy = str(error).partition(": ")
            raise ConnectionProblem(what, remedy or "correct the kubeconfig") from None

        def renew() -> Any:
            nonlocal login
            login = log_in(self.kubeconfig, self.context, refused=login)
            return login.transport()

        client = Client(login.transport(), timeout=timeout, renew=renew, remember=remember)
        if self.cluster_id is not None:
            _verify(client, self.cluster_id)
        return client


def load_kubeconfig(path_or_content: str, context: str | None = None) -> Connection:
    """Make a connection from a kubeconfig's path or content; relative file names in it become absolute.

    Raises `ValueError` with a remedy as `kubeconfig.read` does. Opens no connection.
    """
    return Connection(kubeconfig.read(path_or_content, context), context)


def cluster_id_of(connection: Connection) -> str:
    """Return the UID of the live cluster's namespace kube-system; "" where this identity may not read it.

    Raises `ConnectionProblem` when the cluster does not answer, and `ApiError` for what else it answers.
    """
    with connection.client() as client:
        try:
            return live_cluster_id(client)
        except ApiError as error:
            if error.forbidden:
                return ""
            raise


def live_cluster_id(client: Client) -> str:
    """Return the UID of the namespace kube-system, which tells one cluster from every other."""
    return str(client.get(path_of("v1", "namespaces", name="kube-system"))["metadata"]["uid"])


def _verify(client: Client, cluster_id: str) -> None:
    try:
        found = live_cluster_id(client)
    except ApiError as error:
        raise ConnectionProblem(
            f"the identity of {client.server} cannot be checked ({error.message})",
            "allow `get` on the namespace kube-system",
        ) from None
    if found != cluster_id:
        raise ConnectionProblem(
            f"{client.server} is another cluster than the one meant (kube-system has UID {found}, not {cluster_id})",
            "check kubeconfig and context; if the cluster was rebuilt on purpose, renew the record of it",
        )
