"""What volumes are made of beyond a directory or a claim: keys as files, several sources in one, CSI drivers, NFS.

Source: validateVolumeSource and what it calls in k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from components.model import claim, file_mode, names, references
from components.model.problem import Problem, entries, exactly_one, in_range, known, unique

_PROJECTIONS = ("config_map", "secret", "downward_api", "service_account_token")
_LONGEST_DRIVER = 63
_SHORTEST_TOKEN = 600
Containers = Collection[str] | None


def problems(place: str, volume: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    """Yield what is wrong with the source of a volume; `containers` are the pod's, or None when not all are known."""
    for kind, check in _KINDS.items():
        given = volume.get(kind)
        if isinstance(given, dict):
            yield from check(f"{place}.{kind}", given, containers)


def _keys(place: str, source: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    del containers
    yield from names.reference(f"{place}.name", source.get("name"))
    yield from names.reference(f"{place}.secret_name", source.get("secret_name"))
    yield from file_mode.problems(f"{place}.default_mode", source.get("default_mode"))
    for index, item in entries(source.get("items")):
        where = f"{place}.items[{index}]"
        # The API server takes any text; no ConfigMap or Secret has such a key.
        yield from names.data_key(f"{where}.key", item.get("key"), "reference" if item.get("key") else "")
        yield from _path(f"{where}.path", item.get("path"))
        yield from file_mode.problems(f"{where}.mode", item.get("mode"))


def _downward(place: str, source: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    yield from file_mode.problems(f"{place}.default_mode", source.get("default_mode"))
    if source.get("items") == []:
        yield Problem(f"{place}.items", "it is empty", "write at least one file", "empty")
    for index, item in entries(source.get("items")):
        where = f"{place}.items[{index}]"
        yield from exactly_one(where, item, ("field_ref", "resource_field_ref"))
        yield from _path(f"{where}.path", item.get("path"))
        yield from file_mode.problems(f"{where}.mode", item.get("mode"))
        yield from references.field_problems(f"{where}.field_ref", item.get("field_ref"), in_file=True)
        size = item.get("resource_field_ref")
        yield from references.resource_problems(f"{where}.resource_field_ref", size, containers, in_file=True)


def _token(place: str, source: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    del containers
    yield from _path(f"{place}.path", source.get("path"))
    yield from in_range(f"{place}.expiration_seconds", source.get("expiration_seconds"), _SHORTEST_TOKEN, 2**32)


def _projected(place: str, source: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    yield from file_mode.problems(f"{place}.default_mode", source.get("default_mode"))
    if source.get("sources") == []:
        yield Problem(f"{place}.sources", "it is empty", "write at least one", "empty")
    paths = []
    for index, projection in entries(source.get("sources")):
        where = f"{place}.sources[{index}]"
        yield from exactly_one(where, projection, _PROJECTIONS, "volume-source")
        yield from problems(where, projection, containers)
        for kind in _PROJECTIONS:
            given = projection.get(kind)
            listed = entries(given.get("items")) if isinstance(given, dict) else ()
            paths += [(f"{where}.{kind}.items[{i}].path", item.get("path")) for i, item in listed]
            if kind == "service_account_token" and isinstance(given, dict):
                paths.append((f"{where}.{kind}.path", given.get("path")))
    yield from unique(paths, "path", "projected-path")


def _csi(place: str, source: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    del containers
    driver = source.get("driver")
    if isinstance(driver, str):
        yield from names.dns_subdomain(f"{place}.driver", driver.lower(), _LONGEST_DRIVER)
    secret = source.get("node_publish_secret_ref")
    if isinstance(secret, dict):
        yield from names.dns_subdomain(f"{place}.node_publish_secret_ref.name", secret.get("name"))


def _ephemeral(place: str, source: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    del containers
    yield from claim.problems(place, source)


def _nfs(place: str, source: Mapping[str, Any], containers: Containers) -> Iterator[Problem]:
    del containers
    server, path = source.get("server"), source.get("path")
    if server == "":
        yield Problem(f"{place}.server", "it is empty", "write the name or the address of the server")
    if isinstance(path, str) and not path.startswith("/"):
        yield Problem(f"{place}.path", f"{path!r} is not an absolute path", "start it with '/'")


def _path(place: str, path: Any) -> Iterator[Problem]:
    """Check the path of a file in a volume; what begins with two dots is the kubelet's own there."""
    if not known(path) or not isinstance(path, str):
        return
    if not path or path.startswith(("/", "..")) or ".." in path.split("/"):
        yield Problem(place, f"{path!r} is not a path inside the volume", "write one such as 'conf/app.yaml'")


_KINDS: dict[str, Callable[[str, Mapping[str, Any], Containers], Iterator[Problem]]] = {
    "config_map": _keys,
    "secret": _keys,
    "downward_api": _downward,
    "service_account_token": _token,
    "projected": _projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "nfs": _nfs,
}
