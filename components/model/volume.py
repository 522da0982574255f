"""Volumes, and configuration whose name is a hash of its content."""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.model import claim, file_mode, names, quantity, sources
from components.model.problem import UNKNOWN, Problem, entries, entry_path, exactly_one, known, one_of, unique

_SOURCES = (
    *("empty_dir", "config", "config_map", "secret", "persistent_volume_claim", "projected", "downward_api"),
    *("csi", "ephemeral", "nfs", "host_path"),
)
_HOST_PATH_TYPES = (
    *("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File"),
    *("Socket", "CharDevice", "BlockDevice"),
)
ON_CHANGE = ("roll", "live")
_MEDIUM = re.compile(r"(Memory|HugePages(-.+)?)?")
_HASH_LENGTH = 10
_LONGEST_BASE = 63  # it is a label value, too
_LARGEST_CONFIG_MAP = 1024 * 1024


def problems(volumes: Any, *, allow_host_path: bool, containers: Collection[str] | None = None) -> Iterator[Problem]:
    """Yield what is wrong with a pod's volumes; `containers` are its own, or None when they are not all known."""
    places, bases = [], []
    for index, volume in entries(volumes):
        place = f"volumes[{index}]"
        places.append((f"{place}.name", volume.get("name")))
        config = volume.get("config")
        bases.append((f"{place}.config.name", config.get("name") if isinstance(config, dict) else None))
        yield from names.dns_label(f"{place}.name", volume.get("name"))
        yield from exactly_one(place, volume, _SOURCES, "volume-source")
        yield from _host_path(place, volume.get("host_path"), allow_host_path=allow_host_path)
        yield from _empty_dir(place, volume.get("empty_dir"))
        yield from _config(f"{place}.config", config)
        yield from sources.problems(place, volume, containers)
        claimed = volume.get("persistent_volume_claim")
        if isinstance(claimed, dict):
            yield from names.reference(f"{place}.persistent_volume_claim.claim_name", claimed.get("claim_name"))
    yield from unique(places, "name")
    # The same content twice would be one ConfigMap, registered twice; and the generations are kept by this name.
    yield from unique(bases, "name", "config-name")


def workload_key(kind: str, name: str) -> str:
    """Return what tells a component's configuration from that of others in the namespace: ten hex digits."""
    return hashlib.sha256(f"{kind}/{name}".encode()).hexdigest()[:_HASH_LENGTH]


def config_name(base: str, data: Mapping[str, str], key: str) -> str:
    """Return the name of the ConfigMap that holds this content: the base, a dash and ten hex digits.

    The same content of the same workload always gives the same name, whatever the order of the files.
    """
    canonical = json.dumps([key, dict(data)], sort_keys=True, separators=(",", ":")).encode()
    return f"{base}-{hashlib.sha256(canonical).hexdigest()[:_HASH_LENGTH]}"


def is_live(config: Mapping[str, Any]) -> bool:
    """Tell whether a config (camelCase) changes in place, in one ConfigMap that stays."""
    return config.get("onChange") == "live"


def live_name(base: str, key: str) -> str:
    """Return the name of the ConfigMap of a live config, which does not depend on its content."""
    return f"{base}-{key}"


def manifest(volume: Mapping[str, Any], config_map: Any = None) -> dict[str, Any]:
    """Return a volume (camelCase) as Kubernetes takes it; `config_map` is the name that stands for its `config`."""
    plain = dict(volume)
    config, ephemeral = plain.pop("config", None), plain.get("ephemeral")
    if config is not None:
        mode = {field: config[field] for field in ("defaultMode",) if config.get(field) is not None}
        plain["configMap"] = {"name": config_map, **mode}
    if ephemeral is not None:
        plain["ephemeral"] = {"volumeClaimTemplate": {"spec": claim.spec(ephemeral)}}
    return plain


def _host_path(place: str, host_path: Any, *, allow_host_path: bool) -> Iterator[Problem]:
    if not isinstance(host_path, dict):
        return
    if not allow_host_path:
        yield Problem(
            f"{place}.host_path",
            "it opens the node's own files to the pod",
            "use another volume, or set allow_host_path to true",
            "host-path",
        )
    path = host_path.get("path")
    if isinstance(path, str) and (not path.startswith("/") or ".." in path.split("/")):
        message, remedy = f"{path!r} is not an absolute path without '..'", "start it with '/'"
        yield Problem(f"{place}.host_path.path", message, remedy, "host-path")
    yield from one_of(f"{place}.host_path.type", host_path.get("type"), _HOST_PATH_TYPES, "")


def _empty_dir(place: str, empty_dir: Any) -> Iterator[Problem]:
    if not isinstance(empty_dir, dict):
        return
    medium = empty_dir.get("medium")
    if isinstance(medium, str) and not _MEDIUM.fullmatch(medium):
        remedy = "write Memory, HugePages-2Mi or another size, or leave it out for the node's disk"
        yield Problem(f"{place}.empty_dir.medium", f"{medium!r} is not one of its values", remedy, "medium")
    limit = empty_dir.get("size_limit")
    complaint = quantity.complaint("memory", limit) if isinstance(limit, str) else None
    if complaint:
        yield Problem(f"{place}.empty_dir.size_limit", *complaint)


def _config(place: str, config: Any) -> Iterator[Problem]:
    if not isinstance(config, dict):
        return
    yield from names.dns_subdomain(f"{place}.name", config.get("name"), _LONGEST_BASE)
    yield from one_of(f"{place}.on_change", config.get("on_change"), ON_CHANGE, "roll", "own")
    if config.get("on_change") is UNKNOWN:
        yield Problem(f"{place}.on_change", "it is not known before the deployment", "write roll or live")
    if config.get("reload") is not None and config.get("on_change") in {None, "roll"}:
        remedy = "write on_change: live, or leave it out"
        yield Problem(f"{place}.reload", "a config that rolls is never seen to change", remedy, "own")
    yield from file_mode.problems(f"{place}.default_mode", config.get("default_mode"))
    data = config.get("data")
    if not isinstance(data, dict):
        return
    if not data:
        yield Problem(f"{place}.data", "it is empty", "write at least one file", "empty")
    for key in data:
        yield from names.data_key(entry_path(f"{place}.data", key), key)
    size = sum(len(content.encode()) for content in data.values() if known(content) and isinstance(content, str))
    if size > _LARGEST_CONFIG_MAP:
        yield Problem(f"{place}.data", f"it has {size} bytes", f"a ConfigMap holds {_LARGEST_CONFIG_MAP}")
