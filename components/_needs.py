"""The features that components need, from their arguments: the one place where each names its own. Pure.

Arguments come plain, with `UNKNOWN` in the place of what only the deployment knows; that part then needs nothing yet.
"""

from collections.abc import Mapping
from typing import Any

from components.model import kinds, service
from components.model.feature import Feature
from components.model.problem import UNKNOWN, entries, known


def of_workload(args: Mapping[str, Any]) -> list[str]:
    """Return what a workload needs: sidecars where it has any, its runtime's handler, and resizing if it may.

    Resizing is optional, unless `in_place` is required: where the cluster cannot, changes of size roll. Pods of some
    kinds are never resized.
    """
    features = [Feature("sidecars")] if any(True for _ in entries(args.get("sidecars"))) else []
    kind = args.get("kind")
    if args.get("in_place") != "off" and (kind is None or kind is UNKNOWN or kind in kinds.RESIZED):
        features.append(Feature("resize", optional=args.get("in_place") != "required"))
    runtime = args.get("runtime")
    return [*(of_runtime(runtime) if isinstance(runtime, dict) else ()), *map(str, features)]


def of_runtime(args: Mapping[str, Any]) -> list[str]:
    """Return what a RuntimeClass needs: its handler, on a node that its scheduling chooses."""
    handler, scheduling = args.get("handler"), args.get("scheduling")
    if not isinstance(handler, str):
        return []
    selector = scheduling.get("node_selector") if isinstance(scheduling, dict) else None
    labels = sorted((str(k), str(v)) for k, v in selector.items() if known(v)) if isinstance(selector, dict) else []
    return [str(Feature("wasm", handler, tuple(labels)))]


def of_service(args: Mapping[str, Any]) -> list[str]:
    """Return what a Service needs: its protocols together, and a load balancer for them where it asks for one.

    A load balancer that the arguments name is taken at their word.
    """
    ports = [port for _, port in service.expanded(entries(args.get("ports")))]
    protocols = {port.get("protocol") or "TCP" for port in ports if known(port.get("protocol") or "TCP")}
    mixed = len(protocols) > 1
    features = [Feature("mixed-protocol")] if mixed else []
    if args.get("type") == "LoadBalancer" and args.get("load_balancer") is None:
        numbers = [port.get("port") for port in ports if known(port.get("port"))]
        same = len(numbers) > len(set(numbers))
        name = "same-port-load-balancer" if mixed and same else "mixed-protocol-load-balancer"
        split = args.get("mode") == "split"
        features.append(Feature(name if mixed and not split else "load-balancer"))
    return [str(feature) for feature in features]
