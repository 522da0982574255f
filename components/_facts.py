"""What follows from a workload's pod template: orders, effective requests and QoS class, known in preview."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components.model import effective, lifecycle
from components.model.problem import entries

_Warnings = Callable[[Mapping[str, Any]], Any]
_GROUPS = ("initContainers", "containers")


class Facts:
    """The facts of one workload's pods, each from those parts of the template alone that decide it.

    So an image that only the deployment will know leaves them known. What is questionable in these parts is told as
    warnings of the component, in preview and in the update.
    """

    def __init__(self, component: pulumi.Resource, template: Any, runtime: Any) -> None:
        """Take the pod template, which may come later as a whole, and the RuntimeClass that the pods ask for."""
        named = _parts(template, "name", "restartPolicy")
        sized = _parts(template, "name", "restartPolicy", "resources")
        overhead = pulumi.Output.from_input(runtime).apply(lambda found: (found or {}).get("overhead"))
        self.start_order: pulumi.Output[list[str]] = named.apply(lifecycle.start_order)
        self.stop_order: pulumi.Output[list[str]] = named.apply(lifecycle.stop_order)
        self.qos_class: pulumi.Output[str] = sized.apply(effective.qos_class)
        self.effective_requests: pulumi.Output[dict[str, str]] = pulumi.Output.all(sized, overhead).apply(
            lambda found: effective.requests(found[0], found[1])
        )
        _tell(component, sized, effective.warnings)
        _tell(component, _parts(template, "name", "restartPolicy", "lifecycle"), lifecycle.warnings)


def _tell(component: pulumi.Resource, parts: pulumi.Output[Any], warnings: _Warnings) -> None:
    def tell(spec: Mapping[str, Any]) -> None:
        for text in warnings(spec):
            pulumi.log.warn(text, resource=component)

    parts.apply(tell)


def _parts(template: Any, *fields: str) -> pulumi.Output[Any]:
    """Return a pod spec with nothing but these fields of its containers, and the sizes of the pod as a whole."""

    def taken(made: Mapping[str, Any]) -> dict[str, Any]:
        spec = made["spec"]
        listed = {group: [_taken(each, fields) for _, each in entries(spec.get(group))] for group in _GROUPS}
        return listed | {field: spec[field] for field in ("resources", "overhead") if field in spec}

    if isinstance(template, pulumi.Output):
        return template.apply(taken)
    return pulumi.Output.from_input(taken(template))


def _taken(each: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: each[field] for field in fields if field in each}
