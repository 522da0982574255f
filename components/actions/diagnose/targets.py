"""Which object a diagnosis is about, as `kubectl` writes it: KIND/NAME. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from components.actions.diagnose.snapshot import RESOURCES

_SHORT: Mapping[str, str] = {
    "po": "pods",
    "svc": "services",
    "deploy": "deployments",
    "rs": "replicasets",
    "sts": "statefulsets",
    "ds": "daemonsets",
    "cj": "cronjobs",
}


@dataclass(frozen=True)
class Target:
    """An object by its resource, kind and name."""

    resource: str
    kind: str
    name: str


def parse_target(text: str) -> Target:
    """Return what `KIND/NAME` means, or `NAME` of a Deployment. ValueError for a kind that is not looked at."""
    written, slash, name = text.rpartition("/")
    word = (written if slash else "deployments").lower().partition(".")[0]
    word = _SHORT.get(word, word)
    for resource, (_version, kind) in RESOURCES.items():
        if resource != "events" and name and word in (resource, kind.lower()):
            return Target(resource, kind, name)
    kinds = ", ".join(sorted(kind.lower() for resource, (_, kind) in RESOURCES.items() if resource != "events"))
    raise ValueError(f"{text!r} is nothing to look at: write KIND/NAME, where KIND is one of {kinds}")
