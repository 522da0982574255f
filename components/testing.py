"""For unit tests of programs that use these components: a cluster of Pulumi mocks.

    from components.testing import CONNECTION, ClusterMocks

    mocks = ClusterMocks()
    pulumi.runtime.set_mocks(mocks)

Nothing is reached: no cluster, no kubeconfig, no network. Mocks prove what a program registers and nothing else.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs

from components._args import ConnectionArgs

CONNECTION: ConnectionArgs = {"kubeconfig": "apiVersion: v1\nkind: Config\n", "context": "mocked"}
"""A connection for components under mocks; nobody connects with it."""


class ClusterMocks(pulumi.runtime.Mocks):
    """Answers like an API server that accepts everything: names and the cluster address are filled in.

    `resources` holds what was registered, in order, with inputs in Kubernetes' camelCase. `stacks` are the outputs that
    other stacks have, by full name, for a Target of a `stack`.
    """

    def __init__(self, stacks: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.resources: list[MockResourceArgs] = []
        self.stacks = dict(stacks or {})

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Record a registration and return its id and outputs."""
        self.resources.append(args)
        outputs = dict(args.inputs)
        if args.typ == "pulumi:index:Stash":
            outputs["output"] = outputs.get("input")
        if args.typ == "pulumi:pulumi:StackReference":
            outputs["outputs"] = dict(self.stacks.get(str(outputs["name"]), {}))
        if not args.custom or not args.typ.startswith("kubernetes:"):
            return f"{args.name}-id", outputs
        metadata = {"name": args.name, **(outputs.get("metadata") or {})}
        outputs["metadata"] = metadata
        if args.typ == "kubernetes:core/v1:Service":
            outputs["spec"] = {"clusterIP": "10.96.0.99", "clusterIPs": ["10.96.0.99"], **(outputs.get("spec") or {})}
        namespace = metadata.get("namespace")
        return f"{namespace}/{metadata['name']}" if namespace else metadata["name"], outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Return nothing: the components call no functions."""
        del args
        return {}, []

    def inputs(self, typ: str, name: str) -> dict[str, Any]:
        """Return the inputs of the one resource of this type and Pulumi name; raise LookupError when there is none."""
        found = [resource.inputs for resource in self.resources if (resource.typ, resource.name) == (typ, name)]
        if len(found) != 1:
            registered = ", ".join(f"{resource.typ} {resource.name}" for resource in self.resources) or "nothing"
            raise LookupError(f"{len(found)} resources {typ} {name}; registered: {registered}")
        return dict(found[0])
