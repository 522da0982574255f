"""The kinds of workload whose running pods are resized: how each is found and written. Pure."""

from typing import Literal, get_args

from components.actions.client import Json
from components.actions.keepers import keeper_path

Kind = Literal["Deployment", "StatefulSet"]
KINDS: tuple[Kind, ...] = get_args(Kind)
APPS = "apps/v1"
# As `kubectl` takes them, with or without the API group.
_WRITTEN: dict[str, Kind] = {
    **dict.fromkeys(("deployment", "deployments", "deploy"), "Deployment"),
    **dict.fromkeys(("statefulset", "statefulsets", "sts"), "StatefulSet"),
}


def kind_of(manifest: Json) -> Kind:
    """Return the kind of a manifest, which is a Deployment where it does not say. Raises `ValueError` for others."""
    written = manifest.get("kind", "Deployment")
    for kind in KINDS:
        if kind == written:
            return kind
    raise ValueError(f"a {written} is not resized in place: only a {' or a '.join(KINDS)}")


def is_observed(workload: Json) -> bool:
    """Tell whether the controller has seen the latest spec, so that the status speaks of that."""
    return bool(workload.get("status", {}).get("observedGeneration", 0) >= workload["metadata"]["generation"])


def workload_path(kind: Kind, namespace: str, name: str = "") -> str:
    """Return the API path of a workload, or of all of its kind in the namespace."""
    return keeper_path(kind, namespace, name)


def argument(kind: Kind, name: str) -> str:
    """Return how a workload is written on the command line."""
    return name if kind == "Deployment" else f"{kind.lower()}/{name}"


def parse_argument(text: str) -> tuple[Kind, str]:
    """Return what `NAME`, `deployment/NAME` or `statefulset/NAME` means. Raises `ValueError` for other kinds."""
    written, slash, name = text.rpartition("/")
    kind = _WRITTEN.get(written.lower().removesuffix(".apps")) if slash else "Deployment"
    if kind is None or not name:
        raise ValueError(f"{text!r} is no workload: write NAME, deployment/NAME or statefulset/NAME")
    return kind, name
