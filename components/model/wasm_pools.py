"""Whether the nodes that a class chooses have its handler, pool by pool: yes, no, or unknown until a pod proves it.

Read from a node: the handlers that it lists, else its architecture, its operating system, and why it may list none. A
pool of which some nodes have the handler and others do not is unknown: a pod may land on any of them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from components.model import wasm_presets
from components.model.facts import Node
from components.model.finding import Answer, Finding, count, worst
from components.model.handlers import some, support
from components.model.pools import Pool, pools_of
from components.model.versions import numbers_of

Against = Callable[[Node], tuple[Answer, str] | None]
"""Tells what is known against a handler on such nodes, which none of them lists."""
_RELEASED = frozenset(each for preset in wasm_presets.PRESETS.values() for each in preset.architectures)
_ADD = "add a pool of nodes on which a handler can be installed, see docs/platforms.md"
_LISTING_KUBELET, _LISTING_CONTAINERD = (1, 31), (2, 0)


@dataclass(frozen=True)
class PoolAnswer:
    """Whether a pool has a handler, and by which signs."""

    pool: Pool
    answer: Answer
    reason: str

    def __str__(self) -> str:
        return f"{self.pool.name}: {self.answer}, {self.reason}"


def answers(nodes: Iterable[Node], handler: str, against: Against) -> tuple[PoolAnswer, ...]:
    """Return for each pool of the nodes whether it has the handler."""
    return tuple(_of_pool(pool, handler, against) for pool in pools_of(nodes))


def judged(nodes: Sequence[Node], handler: str, against: Against) -> Finding:
    """Return whether pods that may go to any of these nodes find the handler there.

    Nodes that no pod goes to without a toleration count only where they have it: they may belong to something else.
    """
    found, listed = support({node.name: node.handlers for node in nodes}, handler), answers(nodes, handler, against)
    counted = [each.answer for each in listed if each.answer == "yes" or not each.pool.tainted]
    counted = counted or [each.answer for each in listed]
    lacks = [lack[1] for node in nodes if found.answer != "yes" and (lack := against(node)) and lack[0] == "no"]
    evidence = (found.reason, *(_lines(listed) or dict.fromkeys(lacks)))
    if found.answer == "yes" and worst(counted) != "yes":
        remedy = "let the class's scheduling choose the pools that have it, or prove the others by a canary"
        return Finding("", "unknown", evidence, remedy)
    if counted and found.answer != "yes" and set(counted) == {"no"}:
        possible = any(node.handlers and against(node) is None for node in nodes)
        remedy = found.remedy if possible and found.remedy else _ADD
        return Finding("", "no", evidence, remedy)
    return Finding("", found.answer, evidence, found.remedy)


def _of_pool(pool: Pool, handler: str, against: Against) -> PoolAnswer:
    found = [_of_node(node, handler, against) for node in pool.nodes]
    kinds = {answer for answer, _ in found}
    if len(kinds) == 1:
        return PoolAnswer(pool, found[0][0], "; ".join(dict.fromkeys(reason for _, reason in found)))
    having = sum(answer == "yes" for answer, _ in found)
    return PoolAnswer(pool, "unknown", f"{having} of {count(len(found), 'node')} have it")


def _of_node(node: Node, handler: str, against: Against) -> tuple[Answer, str]:
    if handler in node.handlers:
        return "yes", "it is configured there"
    lack = against(node)
    if node.handlers or (lack and lack[0] == "no"):
        listed = f"it has {', '.join(sorted(node.handlers))}" if node.handlers else ""
        return "no", "; ".join(filter(None, [listed, lack[1] if lack else ""]))
    if node.os != "linux":
        return "no", f"no WASM runtime is released for {node.os}"
    if node.architecture and node.architecture not in _RELEASED:
        return "unknown", f"it lists no handlers, and no WASM runtime is released for {node.architecture}"
    return "unknown", _silence(node)


def _silence(node: Node) -> str:
    """Return why a node lists no handlers."""
    name, _, version = node.runtime.partition("://")
    if name == "containerd" and (numbers_of(version) or _LISTING_CONTAINERD)[:2] < _LISTING_CONTAINERD:
        return f"containerd {version} lists no handlers, 2.0 does"
    kubelet = numbers_of(node.kubelet.removeprefix("v").partition("-")[0])
    if kubelet and kubelet[:2] < _LISTING_KUBELET:
        return f"kubelet {node.kubelet} lists no handlers, 1.31 does"
    return "it lists no handlers"


def _lines(listed: Sequence[PoolAnswer]) -> list[str]:
    """Return a line for each pool, and one for all nodes of no pool that are alike; none where one line says it all."""
    if len(listed) < 2 and all(each.pool.alone for each in listed):
        return []
    alone: dict[tuple[Answer, str], list[str]] = {}
    for each in listed:
        if each.pool.alone:
            alone.setdefault((each.answer, each.reason), []).append(each.pool.nodes[0].name)
    told = [str(each) for each in listed if not each.pool.alone]
    return told + [f"{some(names)}: {answer}, {reason}" for (answer, reason), names in alone.items()]
