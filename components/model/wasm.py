"""WASM through a RuntimeClass (node.k8s.io/v1): what is wrong with one, and what of it another one differs in.

Arguments as in `workload`. What a workload under it may ask for is in `wasm_workload`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import container, names, quantity, wasm_presets, workload
from components.model.problem import UNKNOWN, Problem, entries, entry_path, in_range, known

OWNER_ANNOTATION = "kubernetes-emerging/owner"
"""On a class: the project, stack and component that made it. The class is cluster-wide, and its name may be taken."""
SHARED_ANNOTATION = "kubernetes-emerging/shared"
"""On a class that its stack leaves behind when it goes."""
CANARY_PATIENCE = 120
"""Seconds that the pods of a canary may take by default, an image that is pulled included."""
_ARCHITECTURE, _OS = "kubernetes.io/arch", "kubernetes.io/os"
_LONGEST_PATIENCE = 3600
_CONNECTION = "write the connection of a Target"


def runtime_problems(args: Mapping[str, Any], default: str) -> Iterator[Problem]:
    """Yield everything that is wrong with a RuntimeClass's arguments (k8s.io/kubernetes/pkg/apis/node/validation).

    `default` is the name of one that has none of its own.
    """
    yield from names.dns_subdomain("name", default if args.get("name") is None else args["name"])
    yield from names.dns_label("handler", args.get("handler"))
    yield from wasm_presets.problems("preset", args.get("preset"))
    yield from _handler(args)
    yield from overhead_problems("overhead", args.get("overhead"))
    yield from scheduling_problems("scheduling", args.get("scheduling"), args.get("preset"))
    yield from _sharing(args)
    yield from _canary(args)


def handler(args: Mapping[str, Any]) -> Any:
    """Return the handler that the arguments name, else the preset's own; None where there is neither."""
    preset = wasm_presets.preset_of(args.get("preset"))
    return args.get("handler") or (preset.handler if preset else None) or None


def overhead(given: Mapping[str, Any], preset: Any) -> dict[str, Any]:
    """Return what each pod costs beside its containers, with the preset's amounts where nothing is given."""
    found = wasm_presets.preset_of(preset) or wasm_presets.CUSTOM
    return {**found.overhead, **given}


def differences(asked: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a live RuntimeClass is not what was asked for (snake_case); what was not asked for may be anything.

    Amounts are compared as quantities, tolerations in any order.
    """
    wanted = asked.get("handler")
    if known(wanted) and wanted != live.get("handler"):
        yield f"its handler is {live.get('handler')!r}, not {wanted!r}"
    amounts = (live.get("overhead") or {}).get("podFixed") or {}
    for resource, amount in sorted(_known(asked.get("overhead")).items()):
        found = amounts.get(resource)
        if known(amount) and (found is None or quantity.parse(found) != quantity.parse(amount)):
            yield f"its overhead of {resource} is {found or 'none'}, not {amount}"
    scheduling, placed = _known(asked.get("scheduling")), live.get("scheduling") or {}
    selector = scheduling.get("node_selector")
    if known(selector) and selector != (placed.get("nodeSelector") or {}):
        yield f"its node selector is {placed.get('nodeSelector') or 'none'}, not {selector}"
    tolerations = scheduling.get("tolerations")
    if known(tolerations) and _sorted(tolerations) != _sorted(placed.get("tolerations") or []):
        yield f"its tolerations are {placed.get('tolerations') or 'none'}, not those that are written"


def of_live(live: Mapping[str, Any]) -> dict[str, Any]:
    """Return handler, overhead and scheduling of a live RuntimeClass as arguments (snake_case)."""
    described: dict[str, Any] = {"handler": live["handler"]}
    if amounts := (live.get("overhead") or {}).get("podFixed"):
        described["overhead"] = {name: amounts[name] for name in ("cpu", "memory") if name in amounts}
    placed = live.get("scheduling") or {}
    scheduling: dict[str, Any] = {}
    if placed.get("nodeSelector"):
        scheduling["node_selector"] = dict(placed["nodeSelector"])
    if placed.get("tolerations"):
        scheduling["tolerations"] = [_snake(each) for each in placed["tolerations"]]
    return described | ({"scheduling": scheduling} if scheduling else {})


def overhead_problems(path: str, given: Any) -> Iterator[Problem]:
    """Yield what is wrong with an overhead."""
    for resource, amount in given.items() if isinstance(given, dict) else ():
        complaint = quantity.complaint(resource, amount) if isinstance(amount, str) else None
        if complaint:
            yield Problem(f"{path}.{resource}", *complaint)


def scheduling_problems(path: str, scheduling: Any, preset: Any) -> Iterator[Problem]:
    """Yield what is wrong with the nodes that a class chooses."""
    selector = scheduling.get("node_selector") if isinstance(scheduling, dict) else None
    yield from names.labels(f"{path}.node_selector", selector)
    yield from suitable_nodes(f"{path}.node_selector", selector, preset)
    tolerations = scheduling.get("tolerations") if isinstance(scheduling, dict) else None
    yield from workload.tolerations(f"{path}.tolerations", tolerations)


def suitable_nodes(path: str, selector: Any, preset: Any) -> Iterator[Problem]:
    """Yield what in a node selector chooses nodes for which a preset's project releases nothing."""
    found = wasm_presets.preset_of(preset)
    if not isinstance(selector, dict) or found in (None, wasm_presets.CUSTOM):
        return
    architecture, system = selector.get(_ARCHITECTURE), selector.get(_OS)
    if isinstance(architecture, str) and architecture not in found.architectures:
        have = " and ".join(found.architectures)
        yield Problem(
            entry_path(path, _ARCHITECTURE),
            f"{found.name} is released for {have}, not for {architecture!r}",
            "write one of these, or preset: custom for a build of your own",
        )
    if isinstance(system, str) and system != "linux":
        yield Problem(entry_path(path, _OS), f"{found.name} runs on Linux, not on {system!r}", "write linux")


def _handler(args: Mapping[str, Any]) -> Iterator[Problem]:
    preset = args.get("preset")
    if args.get("handler") is not None or args.get("existing") or preset is UNKNOWN:
        return
    if preset is None:
        presets = ", ".join(name for name in wasm_presets.PRESETS if name != "custom")
        yield Problem("handler", "it is required", f"write the name of the nodes' handler, or a preset: {presets}")
    elif preset == "custom":
        yield Problem("handler", "preset custom has none of its own", "write the name of the nodes' handler")


def _sharing(args: Mapping[str, Any]) -> Iterator[Problem]:
    existing, shared = args.get("existing"), args.get("shared")
    for field in ("existing", "shared"):
        if args.get(field) is UNKNOWN:
            message = "it is not known before the deployment, and decides whether there is a class to make"
            yield Problem(field, message, "write true or false")
    if existing is True and shared is True:
        yield Problem("shared", "a class that is there already is neither made nor deleted here", "leave it out")
    if True in (existing, shared) and args.get("name") is None:
        what = "a class that is there already" if existing is True else "a class that others use"
        yield Problem("name", f"{what} has a name of its own", "write the name of the RuntimeClass")
    if True in (existing, shared) and args.get("connection") is None:
        yield Problem("connection", "a class that others use is looked at first", _CONNECTION)


def _canary(args: Mapping[str, Any]) -> Iterator[Problem]:
    found = args.get("canary")
    if not known(found):
        return
    if args.get("connection") is None:
        yield Problem("connection", "a canary runs in the cluster, and is watched there", _CONNECTION)
    if not isinstance(found, dict):
        return
    yield from container.image_problems("canary.image", found.get("image"))
    yield from names.dns_label("canary.namespace", found.get("namespace"))
    yield from in_range("canary.patience_seconds", found.get("patience_seconds"), 1, _LONGEST_PATIENCE, "own")
    for field in ("command", "pools"):
        if found.get(field) == []:
            yield Problem(f"canary.{field}", "it is empty", "write at least one, or leave it out")
    for index, pool in entries(found.get("pools")):
        yield from names.labels(f"canary.pools[{index}]", pool)
        if not pool:
            yield Problem(f"canary.pools[{index}]", "it is empty", "write the labels by which its nodes are known")


def _known(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _sorted(tolerations: Any) -> list[list[tuple[str, Any]]]:
    """Return tolerations in one order and spelling, for comparing; Equal is the operator that is meant by none."""
    spelled = [_snake(each) for each in tolerations]
    filled = [{"operator": "Equal"} | {k: v for k, v in each.items() if v not in (None, "")} for each in spelled]
    return sorted(sorted(each.items()) for each in filled)


def _snake(toleration: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"tolerationSeconds": "toleration_seconds"}
    return {renamed.get(key, key): value for key, value in toleration.items()}
