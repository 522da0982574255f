"""Environment variables: one by one, and from whole ConfigMaps and Secrets.

Source: ValidateEnv and ValidateEnvFrom in k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

from components.model import names, references
from components.model.problem import UNKNOWN, Problem, entries, exactly_one, unique

_VARIABLE = re.compile(r"[ -<>-~]+")  # printable ASCII without '='
_SOURCES = ("config_map_key_ref", "secret_key_ref", "field_ref", "resource_field_ref")
_WHOLE = ("config_map_ref", "secret_ref")


def problems(path: str, variables: Any, containers: Collection[str] | None) -> Iterator[Problem]:
    """Yield what is wrong with a list of variables; `containers` are the pod's, or None when not all are known."""
    places = []
    for index, variable in entries(variables):
        place = f"{path}[{index}]"
        name = variable.get("name")
        if isinstance(name, str) and not _VARIABLE.fullmatch(name):
            yield Problem(f"{place}.name", f"{name!r} is not a variable's name", "write printable ASCII without '='")
        source = variable.get("value_from")
        if source is not None and variable.get("value") not in (None, "", UNKNOWN):
            yield Problem(place, "it has value and value_from", "write one of them")
        if isinstance(source, dict):
            yield from _source(f"{place}.value_from", source, containers)
        places.append((f"{place}.name", name))
    # Accepted once, and refused by every later server-side apply, which knows variables by their name.
    yield from unique(places, "name")


def whole_problems(path: str, sources: Any) -> Iterator[Problem]:
    """Yield what is wrong with the ConfigMaps and Secrets all of whose keys become variables."""
    for index, source in entries(sources):
        place = f"{path}[{index}]"
        yield from exactly_one(place, source, _WHOLE)
        for field in _WHOLE:
            reference = source.get(field)
            if isinstance(reference, dict):
                yield from names.reference(f"{place}.{field}.name", reference.get("name"))
        prefix = source.get("prefix")
        if isinstance(prefix, str) and prefix and not _VARIABLE.fullmatch(prefix):
            message = f"{prefix!r} cannot begin a variable's name"
            yield Problem(f"{place}.prefix", message, "write printable ASCII without '='")


def _source(path: str, source: dict[str, Any], containers: Collection[str] | None) -> Iterator[Problem]:
    yield from exactly_one(path, source, _SOURCES)
    for field in _SOURCES[:2]:
        reference = source.get(field)
        if isinstance(reference, dict):
            yield from names.dns_subdomain(f"{path}.{field}.name", reference.get("name"))
            yield from names.data_key(f"{path}.{field}.key", reference.get("key"))
    yield from references.field_problems(f"{path}.field_ref", source.get("field_ref"))
    yield from references.resource_problems(f"{path}.resource_field_ref", source.get("resource_field_ref"), containers)
