"""Takes pictures of namespaces, asks every check, and keeps what concerns the target."""

from collections import Counter
from collections.abc import Sequence

from components.actions.client import Client, path_of
from components.actions.diagnose.checks import CHECKS
from components.actions.diagnose.report import Diagnosis, Trouble, merged
from components.actions.diagnose.snapshot import RESOURCES, Snapshot, take, take_of_cluster
from components.actions.diagnose.targets import Target
from components.actions.errors import ActionError
from components.actions.preflight.reading import seen
from components.model.facts import Unseen


def diagnose(
    client: Client, namespaces: Sequence[str], target: Target | None = None, *, may_be_gone: bool = False
) -> Diagnosis:
    """Return what is wrong in the namespaces, or with one object of the only one.

    `may_be_gone` is for namespaces that were listed a moment ago. A lacking right makes a part of it unknown. Raises
    `ActionError` where nothing may be read at all, or the object or namespace does not exist, and `ConnectionProblem`
    when the cluster does not answer.
    """
    troubles: list[Trouble] = []
    unknown: list[Unseen] = []
    count: Counter[str] = Counter()
    of_cluster = take_of_cluster(client)
    for namespace in namespaces:
        snapshot = take(client, namespace, of_cluster)
        if not may_be_gone:
            _require(snapshot, target)
        unknown += [each for each in snapshot.lists.values() if isinstance(each, Unseen)]
        for check in CHECKS.values():
            for found in check(snapshot):
                if isinstance(found, Unseen):
                    unknown.append(found)
                elif target is None or f"{target.kind} {namespace}/{target.name}" in found.objects:
                    troubles.append(found)
        count.update({resource: len(snapshot.of(resource)) for resource in RESOURCES if resource != "events"})
    return Diagnosis(client.server, tuple(namespaces), merged(troubles), tuple(dict.fromkeys(unknown)), dict(count))


def every_namespace(client: Client) -> list[str]:
    """Return the names of all namespaces. Raises `ApiError` (403) where they may not be listed."""
    return sorted(str(each["metadata"]["name"]) for each in client.list(path_of("v1", "namespaces")))


def _require(snapshot: Snapshot, target: Target | None) -> None:
    """Raise ActionError where there is nothing to look at: a mistyped name must not read as good news."""
    namespace = snapshot.namespace
    if not any(snapshot.sees(resource) for resource in RESOURCES):
        raise ActionError(f"nothing may be read in namespace {namespace}: allow `list` on pods, events and workloads")
    if not any(snapshot.of(resource) for resource in RESOURCES):
        path = path_of("v1", "namespaces", name=namespace)
        if seen("the namespace", lambda: snapshot.client.find(path)) is None:
            raise ActionError(
                f"namespace {namespace} does not exist: nothing is deployed there, or it is another cluster"
            )
    if target is None:
        return
    if not snapshot.sees(target.resource):
        raise ActionError(f"the list of {target.resource} in {namespace} may not be read: allow `list` on it")
    if target.name not in {each["metadata"]["name"] for each in snapshot.of(target.resource)}:
        raise ActionError(f"{target.kind} {namespace}/{target.name} does not exist: check name and --namespace")
