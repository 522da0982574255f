"""Autoscalers that have a say in a workload's pods: by number (HPA) and by size (VPA).

An HPA that aims at a share of the requests reads another share as soon as the requests change, so a resize may be
followed by more or fewer pods: allowed, and said. A VPA that updates pods writes their sizes itself, and would undo a
resize: refused. Sources: autoscaling/v2 MetricSpec; autoscaling.k8s.io/v1 PodUpdatePolicy.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from components.actions.client import Client, Items, Json
from components.actions.errors import ApiError
from components.actions.resize.kinds import Kind
from components.actions.resize.resources import RESIZABLE, containers, effective, total_requests
from components.model.quantity import parse

_HPAS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"
_VPAS = "/apis/autoscaling.k8s.io/v1/namespaces/{}/verticalpodautoscalers"
# Every other mode evicts pods or resizes them; without one it is Auto.
_NOT_UPDATING = ("Off", "Initial")


@dataclass(frozen=True)
class Autoscalers:
    """The autoscalers of one workload; `unknown` says of which kinds it could not be found out."""

    horizontal: tuple[Json, ...] = ()
    vertical: tuple[Json, ...] = ()
    unknown: tuple[str, ...] = ()


def read_autoscalers(client: Client, namespace: str, name: str, kind: Kind = "Deployment") -> Autoscalers:
    """Return the autoscalers that aim at a workload. Raises `ConnectionProblem` when the cluster does not answer."""
    unknown: list[str] = []

    def aimed(path: str, scaler: str, target: str) -> tuple[Json, ...]:
        try:
            listed: Items = client.list(path.format(namespace))
        except ApiError as error:
            if not error.not_found:  # 404: the cluster has no such kind
                unknown.append(f"whether a {scaler} aims at it is unknown: {error.message}")
            return ()
        return tuple(each for each in listed if _aims(each["spec"].get(target) or {}, kind, name))

    horizontal = aimed(_HPAS, "HorizontalPodAutoscaler", "scaleTargetRef")
    vertical = aimed(_VPAS, "VerticalPodAutoscaler", "targetRef")
    return Autoscalers(horizontal, vertical, tuple(unknown))


def sizing(found: Autoscalers) -> bool:
    """Tell whether sizes of pods are, or may be, an autoscaler's: pods then differ from their template on purpose."""
    modes = [(each["spec"].get("updatePolicy") or {}).get("updateMode") or "Auto" for each in found.vertical]
    return any(mode != "Off" for mode in modes) or any("VerticalPodAutoscaler" in text for text in found.unknown)


def updating(found: Autoscalers) -> Iterator[str]:
    """Yield why the sizes of these pods are not ours to change."""
    for each in found.vertical:
        mode = (each["spec"].get("updatePolicy") or {}).get("updateMode") or "Auto"
        if mode not in _NOT_UPDATING:
            yield (
                f"VerticalPodAutoscaler {each['metadata']['name']} (updateMode {mode}) sets the sizes of these pods, "
                "and would undo the change: set its updateMode to Off or Initial first, or leave sizes to it"
            )


def shifts(found: Autoscalers, old: Json, new: Json) -> Iterator[str]:
    """Yield what each HPA reads after a change of the pod spec from `old` to `new`, and what is not known."""
    for each in found.horizontal:
        name = each["metadata"]["name"]
        for metric in each["spec"].get("metrics") or []:
            source = metric.get("resource") or metric.get("containerResource") or {}
            resource, target = source.get("name"), (source.get("target") or {}).get("averageUtilization")
            if resource not in RESIZABLE or target is None:
                continue
            before, after = (_requests(spec, resource, source.get("container")) for spec in (old, new))
            if before == after or not before or not after:
                continue
            factor = before / after
            now = _current(each, source)
            reads = f"from {now} % to about {round(now * factor)} %" if now is not None else f"times {factor:.2f}"
            yield (
                f"HorizontalPodAutoscaler {name} aims at {target} % of the requested {resource}: at the same use, what "
                f"it reads goes {reads}, and it may change the number of pods"
            )
    yield from found.unknown


def _aims(reference: Mapping[str, str], kind: Kind, name: str) -> bool:
    return reference.get("kind") == kind and reference.get("name") == name


def _requests(spec: Json, resource: str, container: str | None) -> Decimal:
    if container is None:
        return total_requests({**spec, "overhead": None})[resource]
    amounts = [
        effective(each)["requests"].get(resource, "0") for _kind, each in containers(spec) if each["name"] == container
    ]
    return parse(amounts[0]) if amounts else Decimal(0)


def _current(hpa: Json, source: Json) -> int | None:
    for metric in (hpa.get("status") or {}).get("currentMetrics") or []:
        read = metric.get("resource") or metric.get("containerResource") or {}
        if (read.get("name"), read.get("container")) == (source.get("name"), source.get("container")):
            utilization = (read.get("current") or {}).get("averageUtilization")
            return int(utilization) if utilization is not None else None
    return None
