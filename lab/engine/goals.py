"""Registrations of the SDK as plain data, and what of them this engine does not do."""

import re

from pulumi.runtime.proto import alias_pb2, resource_pb2

from lab.engine.errors import StepError, Unsupported
from lab.engine.hooks import ON_ERROR
from lab.engine.model import Alias, Goal
from lab.engine.values import Object, from_struct

_HOOKS = {
    "BeforeCreate": "before_create",
    "AfterCreate": "after_create",
    "BeforeUpdate": "before_update",
    "AfterUpdate": "after_update",
    ON_ERROR: "on_error",
}


def read_goal(request: resource_pb2.RegisterResourceRequest) -> Goal:
    """Turn a registration into plain data. Unsupported for options that the engine does not honour."""
    _require_supported(request)
    found = {name: list(getattr(request.hooks, field)) for name, field in _HOOKS.items()}
    timeouts = {key: getattr(request.customTimeouts, key) for key in ("create", "update", "delete", "read")}
    return Goal(
        type=request.type,
        name=request.name,
        parent=request.parent,
        custom=request.custom,
        inputs=_inputs(request),
        dependencies=list(request.dependencies),
        property_dependencies={key: list(value.urns) for key, value in request.propertyDependencies.items()},
        provider=request.provider,
        protect=request.protect,
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        replace_on_changes=list(request.replaceOnChanges),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        hooks={name: names for name, names in found.items() if names},
        timeouts={key: seconds(text) for key, text in timeouts.items() if text},
        ignore_changes=list(request.ignoreChanges),
        aliases=[_alias(alias) for alias in request.aliases],
    )


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.urn:
        return Alias(urn=alias.urn)
    spec = alias.spec
    parent = "" if spec.noParent else spec.parentUrn or None
    return Alias(spec.name, spec.type, spec.stack, spec.project, parent)


def _inputs(request: resource_pb2.RegisterResourceRequest) -> Object:
    inputs = from_struct(request.object)
    if request.type.startswith("pulumi:providers:") and request.version:
        inputs.setdefault("version", request.version)
    return inputs


def _require_supported(request: resource_pb2.RegisterResourceRequest) -> None:
    asked = {
        "importing existing resources": request.importId,
        "the deleted_with option": request.deletedWith,
        "the replace_with option": request.replace_with,
        "the replacement_trigger option": request.HasField("replacement_trigger"),
        "resource transforms": request.transforms,
        "state migrations": request.state_migrations,
        "remote components": request.remote,
        "parameterized packages": request.packageRef,
        "the hide_diffs option": request.hideDiffs,
        "the env_var_mappings option": request.envVarMappings,
        "delete hooks": [*request.hooks.before_delete, *request.hooks.after_delete],
    }
    for feature, value in asked.items():
        if value:
            raise Unsupported(feature)


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """Read a duration as the SDK writes it: `90s`, `5m`, `1h30m`. StepError names a malformed one."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise StepError(f"custom timeout {text!r} is no duration such as 90s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
