"""The workload that somebody asks about on a command line: a manifest, or the live one with other sizes."""

import copy
import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from components.actions.client import Json
from components.actions.errors import ActionError
from components.actions.resize.kinds import kind_of
from components.actions.resize.resources import containers
from components.model import quantity

_SIZE = re.compile(r"(?P<container>[a-z0-9-]+)\.(?P<section>requests|limits)\.(?P<resource>cpu|memory)=(?P<amount>.+)")
_WRITE = "write CONTAINER.requests|limits.cpu|memory=QUANTITY, such as nginx.requests.cpu=200m"


def with_sizes(live: Json, sizes: Sequence[str]) -> Json:
    """Return the live workload with these sizes. ActionError has every one that means nothing, at once."""
    wanted: Json = copy.deepcopy({key: live[key] for key in ("apiVersion", "kind", "metadata", "spec") if key in live})
    named = {each["name"]: each for _kind, each in containers(wanted["spec"]["template"]["spec"])}
    problems = []
    for size in sizes:
        found = _SIZE.fullmatch(size)
        if found is None:
            problems.append(f"{size!r} is no size; {_WRITE}")
            continue
        container = named.get(found["container"])
        complaint = quantity.complaint(found["resource"], found["amount"])
        if container is None:
            problems.append(f"there is no container {found['container']!r}; the containers are {', '.join(named)}")
        elif complaint:
            problems.append(f"{size}: {complaint[0]}; {complaint[1]}")
        else:
            amounts = container.setdefault("resources", {}).setdefault(found["section"], {})
            amounts[found["resource"]] = found["amount"]
    if problems:
        raise ActionError("\n".join(problems))
    return wanted


def manifest_of(path: Path, live: Json) -> Json:
    """Return the workload in a file, YAML or JSON; it has to be the live one's. ActionError for what it is not."""
    kind = kind_of(live)
    try:
        documents = [each for each in yaml.safe_load_all(path.read_text(encoding="utf-8")) if each]
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or "it is not YAML"
        raise ActionError(f"{path} cannot be read ({why}): give a {kind}'s manifest") from None
    name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
    for document in documents:
        metadata = document.get("metadata") or {} if isinstance(document, dict) else {}
        ours = (document.get("kind"), metadata.get("name")) == (kind, name) if metadata else False
        if ours and metadata.get("namespace", namespace) == namespace:
            manifest: Json = {**document, "metadata": {**metadata, "namespace": namespace}}
            return manifest
    raise ActionError(f"{path} has no {kind} {namespace}/{name}: give the manifest that it is to have")
