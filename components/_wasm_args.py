"""The arguments of WASM runtimes: what a class is made of, what a workload takes of it, and what proves it."""

from collections.abc import Mapping, Sequence
from typing import Required, TypedDict

from pulumi import Input

from components._args import TolerationArgs


class OverheadArgs(TypedDict, total=False):
    """What a pod costs its node beside its containers (node/v1 Overhead); the scheduler and quotas count it."""

    cpu: Input[str]
    """CPU of the pod beside its containers; the preset's by default, 10m without one."""
    memory: Input[str]
    """Memory of the pod beside its containers; the preset's by default. Without one 24Mi, which is measured:
    containerd's shim for runc and crun has 17 MB resident (6 of its own), the pause container 1 MB."""


class SchedulingArgs(TypedDict, total=False):
    """Which nodes have the handler (node/v1 Scheduling); the API server adds both to every pod of the class."""

    node_selector: Input[Mapping[str, Input[str]]]
    """Labels of the nodes that have it; any node by default."""
    tolerations: Input[Sequence[Input[TolerationArgs]]]
    """Taints of those nodes that the pods tolerate."""


class CanaryArgs(TypedDict, total=False):
    """A small pod that proves the class in each pool of nodes, at every `up` and never in a preview."""

    image: Required[Input[str]]
    """Image of a small module, which ends without an error or goes on; this library ships none."""
    command: Input[Sequence[Input[str]]]
    """Its command; the image's entry point by default, and what the preset needs."""
    namespace: Input[str]
    """Namespace that is there already; `default` by default. Jobs are made and deleted in it."""
    image_pull_secrets: Input[Sequence[Input[str]]]
    """Secrets of that namespace with the credentials of the image's registry."""
    pools: Input[Sequence[Input[Mapping[str, Input[str]]]]]
    """Node selectors of further pools, which have no node now: {"karpenter.sh/nodepool": "wasm"}. Those that have nodes
    are found by the labels of EKS, GKE, AKS and Karpenter, else node by node."""
    patience_seconds: Input[int]
    """Seconds that a canary may take, the pull of its image and a new node included; 120 by default."""


class RuntimeArgs(TypedDict, total=False):
    """The RuntimeClass that a workload runs under: a WasmRuntime's `runtime`, or one that is there already."""

    class_name: Required[Input[str]]
    """Name of the RuntimeClass."""
    preset: Input[str]
    """What its runtime can do, as in WasmRuntime; custom by default, which takes every container for a module."""
    handler: Input[str]
    """Its handler. Given, another one rolls the pods."""
    overhead: Input[OverheadArgs]
    """Its overhead, to check the workload against."""
    scheduling: Input[SchedulingArgs]
    """Its scheduling, to check the workload against."""
    proved: Input[bool]
    """True: a canary has run in every pool of it, so its nodes are not asked for the handler. False by default."""
