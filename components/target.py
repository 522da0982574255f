"""Target: the one place that knows where a stack deploys."""

from collections.abc import Mapping
from typing import Any, TypedDict

import pulumi
from pulumi import Input
from pulumi_kubernetes import Provider

from components._args import ConnectionArgs
from components._errors import InvalidArgs
from components._hooks import connect, unreached
from components._live import Row, in_thread, mocked
from components._shape import check
from components._where import from_stack, provider_of, read, without_none
from components.actions.connection import Connection, cluster_id_of
from components.actions.errors import ActionError
from components.model.problem import Problem

_HIDDEN = "this identity may not read the namespace kube-system; allow it `get` there (docs/rbac has the roles)"


class TargetArgs(TypedDict, total=False):
    """Arguments of Target: exactly one of `kubeconfig`, `stack`, `kind` and `record`, and what belongs to it."""

    kubeconfig: Input[str]
    """Path or content of a kubeconfig. It becomes a secret."""
    context: Input[str]
    """The kubeconfig's context; its current one by default, or the output `context` of the stack."""
    stack: Input[str]
    """Name of the stack that made the cluster, `<organization>/<project>/<stack>`: its output `kubeconfig` is deployed
    to, and its outputs `context` and `clusterId` are used where there are any."""
    kind: Input[str]
    """Name of a kind cluster on this machine, as `kind get clusters` lists it."""
    cluster_id: Input[str]
    """UID that the cluster's namespace kube-system must have: any other cluster stops the run before it changes
    anything. By default it is the one of the stack's first deployment; a record brings its own."""
    record: Input[str]
    """Path of the record that `make up` leaves (`.lab/<stack>/record.json`)."""


class Target(pulumi.ComponentResource):
    """The cluster that a stack deploys to.

    1. Creates: one `kubernetes.Provider`, whose `cluster_identifier` is `<project>/<stack>`, so that a rebuilt or moved
       cluster does not replace every object that stands on it; and one `pulumi.Stash`, which remembers in the stack's
       state which cluster it was first deployed to.
    2. Refuses, before anything is registered: a missing or malformed kubeconfig or record, an unknown context, a kind
       cluster that is not there, a login program (exec plugin) that is not installed, with how to get it. What comes
       from another stack is checked once it is there, before anything is done with it.
    3. Guards against the wrong cluster. Provider and connection are released once the live cluster is known to be the
       one that is meant: `cluster_id`, or else the one remembered. Any other stops the run, in preview too, before a
       change. To move a stack on purpose, set `cluster_id` to the new cluster's. A preview that cannot reach the
       cluster, or may not read that namespace, warns and goes on. An update fails then, unless it is the first one and
       nothing is named: that one warns, and remembers nothing.
    4. Changes nothing on the cluster, and reads nothing but the UID of its namespace kube-system.
    5. In Python, `provider` is that provider, for `ResourceOptions(provider=target.provider)`.
    6. The kubeconfig is a secret from its first line on: in state, in outputs and in logs.
    7. On change: another kubeconfig for the same cluster updates the provider. Leaves behind on delete: nothing.
    """

    connection: pulumi.Output[ConnectionArgs]
    """What workload components take as `connection`; a secret."""
    cluster_id: pulumi.Output[str]
    """UID of the cluster's namespace kube-system; empty where it may not be read."""

    def __init__(self, name: str, args: TargetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for a cluster that cannot be meant, else register the provider."""
        problems = check(args, TargetArgs)
        found: dict[str, Any] = {} if problems else read(args, problems)
        if problems:
            raise InvalidArgs("Target", name, problems)
        super().__init__("kubernetes-emerging:index:Target", name, {}, opts)
        meant = found.get("cluster_id")
        connection: pulumi.Output[Any] = pulumi.Output.from_input(found)
        if args.get("stack"):
            cluster = pulumi.StackReference(f"{name}-cluster", str(args["stack"]), _under(self))
            connection = from_stack(cluster, found)
        connection = pulumi.Output.secret(connection)
        self.cluster_id = pulumi.Output.unsecret(connection.apply(self._identity))
        # Its output keeps the first value that it was given. A cluster that is named becomes the new memory.
        memory = pulumi.Stash(
            f"{name}-cluster-id",
            input=self.cluster_id if meant is None else meant,
            opts=_under(
                self, **({"ignore_changes": ["input"]} if meant is None else {"replace_on_changes": ["input"]})
            ),
        )
        guarded: pulumi.Output[Any] = pulumi.Output.all(connection, self.cluster_id, memory.output).apply(self._guard)
        self.connection = pulumi.Output.secret(guarded)
        context: Any = found.get("context")
        if args.get("stack"):
            context = pulumi.Output.unsecret(guarded.apply(lambda known: known.get("context")))
        self.provider: Provider = provider_of(name, self.connection, context, _under(self))
        self.register_outputs({"connection": self.connection, "clusterId": self.cluster_id})

    async def _identity(self, known: Mapping[str, Any]) -> str:
        """Return the UID of the live cluster's kube-system; "" where it may not be read, or a preview cannot ask."""
        if mocked():
            return str(known.get("cluster_id") or "")
        reached = await connect({**known, "cluster_id": None})
        if reached is None:
            return ""
        row = Row(self.urn)
        try:
            with unreached(row, "tell whether this is the cluster that is meant"):
                found = await in_thread(cluster_id_of, reached, at_exit="end")
                if not found:
                    row.warn(f"the guard against a wrong cluster is off: {_HIDDEN}")
                return found
        except ActionError as problem:
            raise pulumi.RunError(str(problem)) from None
        return ""

    async def _guard(self, values: Any) -> dict[str, Any]:
        """Return the connection once the live cluster is the one that is meant."""
        known, live, remembered = dict(values[0]), values[1], values[2]
        named = known.pop("cluster_id", None)
        meant = named or remembered
        if mocked():
            return without_none({**known, "cluster_id": named})
        if live and meant and live != meant:
            raise pulumi.RunError(_another(live, meant, named=bool(named)))
        if live and not meant:
            Row(self.urn).warn(f"this stack remembers no cluster; name it, by its cluster_id {live}")
        if not live and meant and not pulumi.runtime.is_dry_run():
            raise pulumi.RunError(f"whether this is the cluster {meant} cannot be checked: {_HIDDEN}")
        return {**known, "cluster_id": live} if live else known


def connection_of(args: TargetArgs) -> Connection:
    """Return the connection that a Target of these plain arguments has: for a look before anything is registered.

    Raises InvalidArgs where Target would, and for a cluster of another stack, which only a deployment knows. Opens no
    connection.
    """
    problems = check(args, TargetArgs)
    found: dict[str, Any] = {} if problems else read(args, problems)
    if not problems and "kubeconfig" not in found:
        problems.append(Problem("stack", "its outputs are known during a deployment only", "name a kubeconfig"))
    if problems:
        raise InvalidArgs("Target", "connection", problems)
    return Connection(found["kubeconfig"], found.get("context"), found.get("cluster_id"))


def _another(live: str, meant: str, *, named: bool) -> str:
    what = "the one that cluster_id names" if named else "the one that this stack was first deployed to"
    return (
        f"this is another cluster than {what}: its namespace kube-system has the UID {live}, not {meant}. Nothing was "
        "changed. Check kubeconfig and context; to move the stack to this cluster on purpose, set cluster_id (config "
        f"key expectedClusterId of this project's own program) to {live}, then run `pulumi refresh`, which "
        "forgets what the former cluster has, and update"
    )


def _under(parent: pulumi.Resource, **options: Any) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(parent=parent, **options)
