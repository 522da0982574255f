"""Whether each node's container runtime and cgroups suit its kubelet, now and one Kubernetes minor later. Pure.

1. `no` takes proof: a kubelet of that minor does not start, or does not register its node, with what the node has.
   That are a runtime without CRI v1 (required since 1.26), one without its RuntimeConfig (KEP-4033, from the minor that
   the table of platforms names), and cgroup v1 (refused by default since 1.35, KEP-5573).
2. A pair that the runtime's own project does not test is `unknown`, as is a node that tells nothing sensible.
3. A joined node's cgroup driver is not changed in place: every remedy is another node.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from components.model.facts import Node
from components.model.finding import Answer, worst
from components.model.node_features import CGROUP_V1_REFUSED, cgroup_of, minor_of, text_of
from components.model.platforms import table
from components.model.runtimes import runtime_support
from components.model.versions import number_of, numbers_of


@dataclass(frozen=True)
class NodeVerdict:
    """What is to be said of one node: `now` for its kubelet's own minor, `following` for the next one."""

    node: str
    kubelet: str
    runtime: str
    cgroup: str
    now: Answer
    following: Answer
    evidence: tuple[str, ...]
    remedy: str = ""


def judge_nodes(nodes: Iterable[Node]) -> tuple[NodeVerdict, ...]:
    """Return a verdict for each node, in their order; never raises, whatever a node says of itself."""
    return tuple(_judge(node) for node in nodes)


def _judge(node: Node) -> NodeVerdict:
    major, minor = minor_of(node.kubelet)
    if node.simulated or (major, minor) == (0, 0):
        why = "simulated: there is no container runtime" if node.simulated else f"its version {node.kubelet!r} is none"
        cgroup = f"v{node.cgroup}" if node.cgroup else "unknown"
        return NodeVerdict(node.name, node.kubelet, node.runtime, cgroup, "unknown", "unknown", (why,))
    runtime = runtime_support(text_of((major, minor)), node.runtime)
    cgroup_number, cgroup = cgroup_of(node)
    now: list[Answer] = ["no" if runtime.cri_v1 == "no" else runtime.answer]
    following: list[Answer] = [runtime.next_minor]
    evidence, remedies = [runtime.reason], [runtime.remedy]
    if not cgroup_number:
        # It settles nothing before the first minor that cares.
        evidence.append(f"cgroup {cgroup}")
        following += ["unknown"] if (major, minor + 1) >= CGROUP_V1_REFUSED else []
    elif cgroup_number == 1 and (major, minor + 1) >= CGROUP_V1_REFUSED:
        # A kubelet that is up on cgroup v1 has been told to be; the next one may have been as well.
        already = (major, minor) >= CGROUP_V1_REFUSED
        evidence.append("a kubelet refuses cgroup v1 by default since 1.35")
        following.append("unknown" if already else "no")
        remedies.append("move to nodes with cgroup v2, or set failCgroupV1: false in the kubelet's configuration")
    for words, answers in _runtime_config(node, minor):
        evidence.append(words)
        now.append(answers[0])
        following.append(answers[1])
        remedies.append(f"move to nodes with containerd {table().containerd.runtime_config} or later")
    if worst(now) == "no":
        following.append("no")
    return NodeVerdict(
        node.name,
        node.kubelet,
        node.runtime,
        cgroup,
        worst(now),
        worst(following),
        tuple(evidence),
        "; ".join(dict.fromkeys(filter(None, remedies))),
    )


def _runtime_config(node: Node, minor: int) -> Iterator[tuple[str, tuple[Answer, Answer]]]:
    """Yield what a runtime without RuntimeConfig means: by its version, and by what the kubelet says of it.

    Older kubelets name a minor that was deferred since, so that their word alone is no proof.
    """
    containerd = table().containerd
    name, _, version = node.runtime.partition("://")
    numbers, required = numbers_of(version), number_of(containerd.runtime_config_required)
    if name == "containerd" and numbers and numbers < (numbers_of(containerd.runtime_config) or ()):
        yield (
            f"containerd {version} lacks RuntimeConfig, required since Kubernetes {containerd.runtime_config_required}",
            ("no" if minor >= required else "yes", "no" if minor + 1 >= required else "yes"),
        )
    if node.losing_support:
        said = numbers_of(node.losing_support)
        soon = not said or said[:2] <= (1, minor + 1)
        yield (
            f"the kubelet says that it loses support for this runtime in Kubernetes {node.losing_support[:40]}",
            ("yes", "unknown" if soon else "yes"),
        )
