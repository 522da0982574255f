"""Volumes, and configuration whose name is a hash of its content."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.model import names, quantity
from components.model.problem import UNKNOWN, Problem, entries, entry_path, exactly_one, known, one_of, unique

_SOURCES = ("empty_dir", "config", "config_map", "secret", "persistent_volume_claim", "host_path")
_HOST_PATH_TYPES = (
    *("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File"),
    *("Socket", "CharDevice", "BlockDevice"),
)
ON_CHANGE = ("roll", "live")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_HASH_LENGTH = 10
_LONGEST_BASE = 63  # it is a label value, too
_LARGEST_CONFIG_MAP = 1024 * 1024


def problems(volumes: Any, *, allow_host_path: bool) -> Iterator[Problem]:
    """Yield what is wrong with a pod's volumes."""
    places = []
    for index, volume in entries(volumes):
        place = f"volumes[{index}]"
        places.append((f"{place}.name", volume.get("name")))
        yield from names.dns_label(f"{place}.name", volume.get("name"))
        yield from exactly_one(place, volume, _SOURCES)
        yield from _host_path(place, volume.get("host_path"), allow_host_path=allow_host_path)
        yield from _empty_dir(place, volume.get("empty_dir"))
        yield from _config(f"{place}.config", volume.get("config"))
    yield from unique(places, "name")


def workload_key(kind: str, name: str) -> str:
    """Return what tells a component's configuration from that of others in the namespace: ten hex digits."""
    return hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()[:_HASH_LENGTH]


def config_name(base: str, data: Mapping[str, str], key: str) -> str:
    """Return the name of the ConfigMap that holds this content: the base, a dash and ten hex digits.

    The same content of the same workload always gives the same name, whatever the order of the files.
    """
    canonical = json.dumps([key, dict(data)], sort_keys=True, separators=(",", ":")).encode()
    return f"{base}-{hashlib.sha256(canonical).hexdigest()[:_HASH_LENGTH]}"


def manifest(volume: Mapping[str, Any], config_map: Any = None) -> dict[str, Any]:
    """Return a volume (camelCase) as Kubernetes takes it; `config_map` is the name that stands for its `config`."""
    plain = dict(volume)
    if plain.pop("config", None) is not None:
        plain["configMap"] = {"name": config_map}
    return plain


def _host_path(place: str, host_path: Any, *, allow_host_path: bool) -> Iterator[Problem]:
    if not isinstance(host_path, dict):
        return
    if not allow_host_path:
        yield Problem(
            f"{place}.host_path",
            "it opens the node's own files to the pod",
            "use another volume, or set allow_host_path to true",
        )
    path = host_path.get("path")
    if isinstance(path, str) and (not path.startswith("/") or ".." in path.split("/")):
        yield Problem(f"{place}.host_path.path", f"{path!r} is not an absolute path", "start it with '/'")
    yield from one_of(f"{place}.host_path.type", host_path.get("type"), _HOST_PATH_TYPES, "")


def _empty_dir(place: str, empty_dir: Any) -> Iterator[Problem]:
    if not isinstance(empty_dir, dict):
        return
    yield from one_of(f"{place}.empty_dir.medium", empty_dir.get("medium"), ("", "Memory"))
    limit = empty_dir.get("size_limit")
    complaint = quantity.complaint("memory", limit) if isinstance(limit, str) else None
    if complaint:
        yield Problem(f"{place}.empty_dir.size_limit", *complaint)


def _config(place: str, config: Any) -> Iterator[Problem]:
    if not isinstance(config, dict):
        return
    yield from names.dns_subdomain(f"{place}.name", config.get("name"), _LONGEST_BASE)
    yield from one_of(f"{place}.on_change", config.get("on_change"), ON_CHANGE, "roll")
    if config.get("on_change") is UNKNOWN:
        yield Problem(f"{place}.on_change", "it is not known before the deployment", "write roll or live")
    data = config.get("data")
    if not isinstance(data, dict):
        return
    if not data:
        yield Problem(f"{place}.data", "it is empty", "write at least one file")
    for key in data:
        if not _KEY.fullmatch(key) or key.startswith(".."):
            yield Problem(
                entry_path(f"{place}.data", key),
                "this is not a file name",
                "write letters, digits, '-', '_' and '.'; a folder is a volume of its own",
            )
    size = sum(len(content.encode()) for content in data.values() if known(content) and isinstance(content, str))
    if size > _LARGEST_CONFIG_MAP:
        yield Problem(f"{place}.data", f"it has {size} bytes", f"a ConfigMap holds {_LARGEST_CONFIG_MAP}")
