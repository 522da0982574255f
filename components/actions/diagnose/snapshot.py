"""A picture of a namespace: the lists of objects that the checks look at, and who belongs to whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from components.actions.client import Client, Items, Json, path_of
from components.actions.parallel import at_once
from components.actions.preflight.reading import seen
from components.model.facts import Seen, Unseen

# Resources, their API groups and kinds; those of the whole cluster apart.
RESOURCES: Mapping[str, tuple[str, str]] = {
    "pods": ("v1", "Pod"),
    "events": ("v1", "Event"),
    "services": ("v1", "Service"),
    "deployments": ("apps/v1", "Deployment"),
    "replicasets": ("apps/v1", "ReplicaSet"),
    "statefulsets": ("apps/v1", "StatefulSet"),
    "daemonsets": ("apps/v1", "DaemonSet"),
    "jobs": ("batch/v1", "Job"),
    "cronjobs": ("batch/v1", "CronJob"),
}
OF_CLUSTER: Mapping[str, tuple[str, str]] = {
    "nodes": ("v1", "Node"),
    "runtimeclasses": ("node.k8s.io/v1", "RuntimeClass"),
}


@dataclass(frozen=True)
class Snapshot:
    """What a namespace holds, by resource; what may not be read is Unseen. `client` is for what a check has to ask."""

    client: Client
    namespace: str
    lists: Mapping[str, Seen[Items]]

    def of(self, resource: str) -> Items:
        """Return the objects of a resource; none where they may not be read."""
        found = self.lists[resource]
        return [] if isinstance(found, Unseen) else found

    def sees(self, *resources: str) -> bool:
        """Tell whether all these resources could be read."""
        return not any(isinstance(self.lists[each], Unseen) for each in resources)

    @cached_property
    def _by_uid(self) -> Mapping[str, Json]:
        return {each["metadata"]["uid"]: each for name in RESOURCES if name != "events" for each in self.of(name)}

    @cached_property
    def _events(self) -> Mapping[str, Items]:
        found: dict[str, Items] = {}
        for event in self.of("events"):
            found.setdefault(event.get("involvedObject", {}).get("uid", ""), []).append(event)
        return found

    def events_of(self, item: Json) -> Items:
        """Return the events about an object."""
        return self._events.get(item["metadata"]["uid"], [])

    def owner(self, item: Json) -> Json | None:
        """Return the object that controls another one, as far as it may be read."""
        for reference in item["metadata"].get("ownerReferences") or []:
            if reference.get("controller"):
                return self._by_uid.get(reference["uid"])
        return None

    def owners(self, item: Json) -> list[Json]:
        """Return the object, what controls it, what controls that, and so on."""
        found: list[Json] = []
        step: Json | None = item
        while step is not None and step not in found:
            found.append(step)
            step = self.owner(step)
        return found

    def name(self, item: Json) -> str:
        """Return how an object is called: its kind, namespace and name."""
        metadata = item["metadata"]
        return f"{item['kind']} {metadata['namespace']}/{metadata['name']}"

    def subject(self, item: Json) -> tuple[str, tuple[str, ...]]:
        """Return what trouble with an object is told of, and all that it concerns: the object and its owners."""
        names = tuple(self.name(each) for each in self.owners(item))
        return names[-1], names


def take(client: Client, namespace: str, of_cluster: Mapping[str, Seen[Items]]) -> Snapshot:
    """Read a namespace, beside what `take_of_cluster` has read.

    Raises `ConnectionProblem` when there is no answer; a lacking right leaves a list unseen.
    """
    return Snapshot(client, namespace, {**_lists(client, RESOURCES, namespace), **of_cluster})


def take_of_cluster(client: Client) -> Mapping[str, Seen[Items]]:
    """Read what belongs to no namespace, as `take` reads one."""
    return _lists(client, OF_CLUSTER)


def _lists(client: Client, resources: Mapping[str, tuple[str, str]], namespace: str = "") -> dict[str, Seen[Items]]:
    where = f" in {namespace}" if namespace else ""

    def read(resource: str) -> Seen[Items]:
        version, kind = resources[resource]
        path = path_of(version, resource, namespace)
        remedy = f"allow `list` on {resource}{'.' + version.partition('/')[0] if '/' in version else ''}"
        # Lists leave out the kind of their items.
        return seen(f"the list of {resource}{where}", lambda: [{**i, "kind": kind} for i in client.list(path)], remedy)

    return dict(zip(resources, at_once(read, list(resources)), strict=True))
