"""The features that components need, from their arguments: the one place where each names its own. Pure.

Arguments come plain, with `UNKNOWN` in the place of what only the deployment knows; that part then needs nothing yet.
"""

from collections.abc import Mapping
from typing import Any

from components.model import kinds, pod_security, service
from components.model.balancer_ways import CLASSES
from components.model.feature import KINDS, Feature
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


def of_objects(args: Mapping[str, Any], kind: str) -> list[str]:
    """Return what a workload makes, `kind` and what it brings along, and its pods' level where that is not restricted.

    No component stops for these: they tell a Preflight which rights to ask for, and what namespaces have to take.
    """
    volumes = [volume for _, volume in entries(args.get("volumes"))]
    made = [kind if args.get("kind") in (None, UNKNOWN) else args["kind"]]
    made += ["ConfigMap"] if any(volume.get("config") is not None for volume in volumes) else []
    made += ["PodDisruptionBudget"] if args.get("disruption_budget") is not None else []
    wanted, strictest = args.get("pod_security"), pod_security.LEVELS[0]
    level = str(wanted) if wanted in pod_security.LEVELS else strictest
    if args.get("allow_host_path") is True and any(volume.get("host_path") is not None for volume in volumes):
        level = "privileged"
    below = [Feature("pod-security", level)] if level != strictest else []
    return [*(str(Feature("kind", each)) for each in made if each in KINDS), *map(str, below)]


def of_runtime(args: Mapping[str, Any]) -> list[str]:
    """Return what a RuntimeClass needs: its handler, on a node that its scheduling chooses, unless that is proved."""
    handler, scheduling = args.get("handler"), args.get("scheduling")
    if not isinstance(handler, str) or args.get("proved") is True:
        return []
    selector = scheduling.get("node_selector") if isinstance(scheduling, dict) else None
    labels = sorted((str(k), str(v)) for k, v in selector.items() if known(v)) if isinstance(selector, dict) else []
    return [str(Feature("wasm", handler, tuple(labels)))]


def of_service(args: Mapping[str, Any]) -> list[str]:
    """Return what a Service needs: its protocols together, and a load balancer for them where it asks for one.

    A load balancer that the arguments name is taken at their word, and of somebody else's class nothing can be asked.
    """
    ports = [port for _, port in service.expanded(entries(args.get("ports")))]
    protocols = {port.get("protocol") or "TCP" for port in ports if known(port.get("protocol") or "TCP")}
    mixed = len(protocols) > 1
    features = [Feature("mixed-protocol")] if mixed else []
    foreign = known(args.get("load_balancer_class") or UNKNOWN) and args["load_balancer_class"] not in CLASSES
    if args.get("type") == "LoadBalancer" and args.get("load_balancer") is None and not foreign:
        numbers = [port.get("port") for port in ports if known(port.get("port"))]
        same = len(numbers) > len(set(numbers))
        name = "same-port-load-balancer" if mixed and same else "mixed-protocol-load-balancer"
        split = args.get("mode") == "split"
        features.append(Feature(name if mixed and not split else "load-balancer"))
    return [str(feature) for feature in features]
