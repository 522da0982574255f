"""What a run consists of, for the modules that plan, run and show it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.engine import values
from lab.engine.values import Object

STACK = "pulumi:pulumi:Stack"
Action = Literal["up", "preview", "refresh", "destroy"]
Op = Literal["create", "update", "replace", "delete", "same"]
Severity = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A message for people. `urn` is "" for the stack; an ephemeral one is worth showing only while it is new."""

    severity: Severity
    message: str
    urn: str = ""
    ephemeral: bool = False


@dataclass(slots=True)
class Row:
    """What the display knows of one resource.

    `phase` is empty before a step begins, then `running`, `done` or `failed`; `details` are changed properties as
    text, secrets hidden; `seconds` is how long the step took.
    """

    urn: str
    type: str
    name: str
    parent: str
    op: Op = "same"
    phase: Literal["", "running", "done", "failed"] = ""
    step: str = ""
    details: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Summary:
    """What a run did, or in a preview would do.

    `counts` are resources by operation; `outputs` and `old_outputs` are the stack's outputs with secrets still
    marked (`values.hide` makes them fit for people); `ok` is False when anything failed or the run was cancelled,
    which `cancelled` tells: a signal stopped it.
    """

    action: Action
    counts: Counter[str] = field(default_factory=Counter)
    ok: bool = True
    cancelled: bool = False
    diagnostics: list[Diagnostic] = field(default_factory=list)
    outputs: Object = field(default_factory=dict)
    old_outputs: Object = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether any resource was, or would be, touched."""
        return any(count for op, count in self.counts.items() if op != "same")


@dataclass(frozen=True, slots=True)
class Alias:
    """Another identity that a resource may have had; empty parts are as now, a parent of None too."""

    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str | None = None
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """One registration of the program, as plain data: what it wants of one resource."""

    type: str
    name: str
    parent: str
    custom: bool
    inputs: Object
    dependencies: list[str]
    property_dependencies: dict[str, list[str]]
    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool | None = None
    replace_on_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    hooks: dict[str, list[str]] = field(default_factory=dict)
    timeouts: dict[str, float] = field(default_factory=dict)
    ignore_changes: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)

    def resource(self, urn: str, inputs: Object, outputs: Object, **more: object) -> Object:
        """Return the resource as the state records it, in the shape of the official export."""
        found: dict[str, Any] = {
            "urn": urn,
            "custom": self.custom,
            "type": self.type,
            "inputs": inputs,
            "outputs": outputs,
            "parent": self.parent,
            "dependencies": sorted(self.dependencies),
            "propertyDependencies": {k: sorted(v) for k, v in sorted(self.property_dependencies.items())},
            "provider": self.provider,
            "protect": self.protect,
            "retainOnDelete": self.retain_on_delete,
            "additionalSecretOutputs": sorted(self.additional_secret_outputs),
            "resourceHooks": self.hooks,
            "customTimeouts": self.timeouts,
            "ignoreChanges": self.ignore_changes,
            **more,
        }
        return {key: value for key, value in found.items() if value or key in ("custom", "type", "urn")}


def name_of(urn: str) -> str:
    """Return the resource name in a URN."""
    return urn.split("::", 3)[-1]


def type_of(urn: str) -> str:
    """Return the resource's own type in a URN, without its parents' types."""
    return urn.split("::", 3)[2].rpartition("$")[2]


def needs(resource: Object) -> set[str]:
    """Return the URNs that a resource stands on: dependencies, parent, provider."""
    found = {*resource.get("dependencies", []), resource.get("parent", "")}
    for urns in resource.get("propertyDependencies", {}).values():
        found.update(urns)
    found.add(str(resource.get("provider", "")).rpartition("::")[0])
    return found - {""}


def renamed(resource: Object, old: str, new: str) -> Object:
    """Return the resource with one URN in the place of another in all it refers to; its own URN stays."""

    def one(urn: str) -> str:
        return new if urn == old else urn

    changes: Object = {}
    if resource.get("parent") == old:
        changes["parent"] = new
    if old in resource.get("dependencies", []):
        changes["dependencies"] = sorted(map(one, resource["dependencies"]))
    properties = resource.get("propertyDependencies", {})
    if any(old in urns for urns in properties.values()):
        changes["propertyDependencies"] = {key: sorted(map(one, urns)) for key, urns in properties.items()}
    provider, _, id_ = str(resource.get("provider", "")).rpartition("::")
    if provider == old:
        changes["provider"] = f"{new}::{id_}"
    return {**resource, **changes} if changes else resource


def forgotten(resource: Object, gone: str) -> Object:
    """Return the resource without its dependencies on what is gone; parent and provider stay."""
    if gone not in needs({**resource, "parent": "", "provider": ""}):
        return resource
    properties = resource.get("propertyDependencies", {})
    return {
        **resource,
        "dependencies": [urn for urn in resource.get("dependencies", []) if urn != gone],
        "propertyDependencies": {key: [urn for urn in urns if urn != gone] for key, urns in properties.items()},
    }


def shown(value: object) -> object:
    """Return a value fit for people: secrets hidden, unknowns named."""
    hidden = values.hide(value)
    return "[unknown]" if hidden == values.UNKNOWN else hidden
