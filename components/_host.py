"""Serves the components to every Pulumi language, with what the SDK's own host loses on the way put back.

The SDK's mapping drops unknown keys, turns an Output of a whole object into an empty one and fails on an Output of an
int; it leaves inherited fields without their text, and shows a component's refusal as an unexpected exception. Here
arguments are mapped at every depth by the same shapes that check them, and a refusal names its properties.
"""

import ast
import inspect
import json
import sys
import typing
from typing import Any

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.schema import generate_schema
from pulumi.provider.provider import Provider
from pulumi.provider.server import ComponentInitError

from components._errors import InvalidArgs
from components._shape import camel, camel_path, snake


class _Documented(Analyzer):
    """An Analyzer that finds the text of inherited fields too, where the SDK's own looks at one class only."""

    def get_docstring(self, typ: type, name: str) -> str | None:
        found = super().get_docstring(typ, name)
        return found or next(filter(None, (self.get_docstring(base, name) for base in _bases(typ))), None)


def _bases(typ: type) -> list[type]:
    """Return the bases as the source names them: before Python 3.12 a TypedDict forgets its own."""
    try:
        (definition, *_) = ast.parse(inspect.getsource(typ)).body
    except (OSError, TypeError, SyntaxError):
        return []
    names = [base.id for base in getattr(definition, "bases", []) if isinstance(base, ast.Name)]
    found = [getattr(sys.modules[typ.__module__], name, None) for name in names]
    return [base for base in found if isinstance(base, type)]


class Host(ComponentProvider):
    """A ComponentProvider that loses nothing between a caller of another language and a component."""

    def __init__(
        self, components: list[type[pulumi.ComponentResource]], name: str, namespace: str, version: str
    ) -> None:
        self._name = name
        self.analyzer = _Documented(name)
        found = self.analyzer.analyze(components)
        self._components = {component.__name__: component for component in components}
        self._component_defs = found["component_definitions"]
        self._type_defs = found["type_definitions"]
        self._external_enum_types = found["external_enum_types"]
        self._dependencies = sorted(found["dependencies"], key=lambda needed: f"{needed.name}{needed.version}")
        schema = generate_schema(name, version, namespace, self._component_defs, self._type_defs, self._dependencies)
        Provider.__init__(self, version, json.dumps(schema.to_json()))

    def map_inputs(self, inputs: Any, component_def: Any) -> Any:
        """Return what the caller sent as the component's arguments."""
        return snake(inputs, self._args(component_def.name))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: Any,
        options: pulumi.ResourceOptions | None = None,
    ) -> Any:
        """Make the component; its refusals are reported property by property."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if not isinstance(error.inner, InvalidArgs):
                raise
            hint = self._args(resource_type.rsplit(":", maxsplit=1)[-1])
            raise InputPropertiesError(
                str(error.inner),
                [
                    {"property_path": camel_path(p.path, hint), "reason": f"{p.message}; {p.remedy}"}
                    for p in error.inner.problems
                ],
            ) from None

    def _args(self, component: str) -> Any:
        return typing.get_type_hints(self._components[component].__init__)["args"]

    def get_state(self, instance: pulumi.ComponentResource, component_def: Any) -> dict[str, Any]:
        """Return the component's outputs with the keys that other languages expect."""
        hints: dict[str, Any] = {}
        for cls in reversed(type(instance).__mro__):
            hints |= inspect.get_annotations(cls)
        state = {}
        for schema_name, python_name in component_def.outputs_mapping.items():
            value = getattr(instance, python_name, None)
            if value is not None:
                (hint,) = typing.get_args(hints[python_name]) or (Any,)
                state[schema_name] = camel(value, hint)
        return state
