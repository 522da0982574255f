"""CriCheck: whether each node's container runtime and cgroups suit its kubelet, now and one Kubernetes minor later."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input

from components._args import ConnectionArgs
from components._errors import raise_for
from components._gate import look
from components._hooks import connect
from components._live import Row, mocked
from components._shape import judged
from components.actions.cri import check_nodes
from components.model import recovery_args
from components.model.cri import NodeVerdict
from components.model.problem import Problem


class CriCheckArgs(TypedDict, total=False):
    """Arguments of CriCheck."""

    connection: Required[Input[ConnectionArgs]]
    """The cluster: `Target.connection`. With the right `nodes/proxy` its identity sees more."""
    fail_for: Input[str]
    """What stops the run: now (the default), a node whose runtime or cgroups do not suit its own kubelet; next, also
    one that would not work with the next Kubernetes minor; never. The rest warns."""


class NodeVerdictArgs(TypedDict, total=False):
    """What is to be said of one node."""

    node: Required[Input[str]]
    """Its name."""
    kubelet: Required[Input[str]]
    """Its kubelet's version."""
    runtime: Required[Input[str]]
    """Its container runtime and version, as it says itself: containerd://2.1.9."""
    cgroup: Required[Input[str]]
    """v1, v2 or unknown."""
    now: Required[Input[str]]
    """Whether they suit its kubelet: yes, no or unknown."""
    following: Required[Input[str]]
    """Whether they would suit a kubelet of the next minor: yes, no or unknown."""
    evidence: Required[Input[Sequence[Input[str]]]]
    """What was seen."""
    remedy: Required[Input[str]]
    """What to do about it; empty where there is nothing to do."""


class CriCheck(pulumi.ComponentResource):
    """Asks every node's container runtime (CRI v1) and cgroups, in preview and in the update.

    1. Creates nothing, and changes nothing on the cluster. It reads what `python -m components.actions cri-check`
       reads, anew in every run: a command that Pulumi runs once would tell an old truth.
    2. Gives each node two verdicts, for its own minor and for the next one: yes, no or unknown, with evidence and
       remedy. `no` takes proof; what a node does not tell, or what makes no sense, is unknown.
    3. Stops the run, in preview too, where `fail_for` says so: `passed` and `nodes` are never given then. Every other
       no warns. Unknown is told in `nodes` alone.
    4. A preview that cannot reach the cluster warns and gives no nodes; an update fails.
    5. Refuses, before anything is registered: a `fail_for` that there is not.
    """

    passed: pulumi.Output[bool]
    """True once nothing stands against it."""
    nodes: pulumi.Output[list[NodeVerdictArgs]]
    """Every node."""

    def __init__(self, name: str, args: CriCheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that mean nothing, else ask the cluster once it is known."""
        raise_for("CriCheck", name, _problems(args))
        super().__init__("kubernetes-emerging:index:CriCheck", name, {}, opts)
        asked = pulumi.Output.all(args["connection"], args.get("fail_for") or "now")
        # The connection is a secret; what was found out about the nodes is not.
        found: pulumi.Output[Any] = pulumi.Output.unsecret(asked.apply(self._ask))
        self.passed = found.apply(lambda _: True)
        self.nodes = found
        self.register_outputs({"passed": self.passed, "nodes": self.nodes})

    async def _ask(self, values: Sequence[Any]) -> list[dict[str, Any]]:
        raise_for("CriCheck", self._name, _problems({"connection": values[0], "fail_for": values[1]}))
        reached = await connect(values[0])
        if reached is None or mocked():
            return []
        row = Row(self.urn)
        found = await look(reached, row, check_nodes, "what the nodes are")
        if found is None:
            return []
        _judge(found, values[1], row)
        return [{**asdict(each), "evidence": list(each.evidence)} for each in found]


def _judge(found: Sequence[NodeVerdict], fail_for: str, row: Row) -> None:
    """Stop the run for what it is to fail for, and warn of every other no."""
    stops = []
    for each in found:
        text = f"{each.node}: {'; '.join(each.evidence)}; {each.remedy}"
        if each.now == "no" and fail_for != "never":
            stops.append(f"  {text}")
        elif each.following == "no" and fail_for == "next":
            stops.append(f"  with the next Kubernetes minor, {text}")
        elif "no" in (each.now, each.following):
            row.warn(text if each.now == "no" else f"with the next Kubernetes minor, {text}")
    if stops:
        raise pulumi.RunError("\n".join(["container runtimes or cgroups do not suit their kubelets:", *stops]))


def _problems(args: Any) -> list[Problem]:
    shape, known = judged(args, CriCheckArgs)
    return [*shape, *recovery_args.check_problems(known)]
