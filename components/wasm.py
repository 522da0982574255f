"""WasmRuntime and WasmWorkload: WASM modules as pods, through a RuntimeClass (KEP-585)."""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input
from pulumi_kubernetes.node.v1 import RuntimeClass

from components._args import ConnectionArgs, DeploymentWorkloadArgs, SidecarArgs, TolerationArgs
from components._errors import raise_for
from components._gate import gated, require
from components._hooks import check_hook
from components._live import Row
from components._needs import of_runtime
from components._shape import camel, judged, plain, resolve
from components._workload import Workload
from components.model import wasm
from components.model.problem import Problem


class OverheadArgs(TypedDict, total=False):
    """What a pod costs its node beside its containers (node/v1 Overhead); the scheduler and quotas count it."""

    cpu: Input[str]
    """CPU of the pod beside its containers; 10m by default."""
    memory: Input[str]
    """Memory of the pod beside its containers; 24Mi by default, which is measured: containerd's shim for runc and crun
    has 17 MB resident (6 of its own), the pause container 1 MB. The shims of runwasi have more: their project counts
    from 16 MB (wamr) to 67 MB (wasmedge)."""


class SchedulingArgs(TypedDict, total=False):
    """Which nodes have the handler (node/v1 Scheduling); the API server adds both to every pod of the class."""

    node_selector: Input[Mapping[str, Input[str]]]
    """Labels of the nodes that have it; any node by default."""
    tolerations: Input[Sequence[Input[TolerationArgs]]]
    """Taints of those nodes that the pods tolerate."""


class WasmRuntimeArgs(TypedDict, total=False):
    """Arguments of WasmRuntime."""

    handler: Required[Input[str]]
    """Name under which the nodes' container runtime knows the WASM runtime, such as `wasmedge` or `spin`. Installers
    differ in it: `kubectl get nodes -o jsonpath='{.items[*].status.runtimeHandlers[*].name}'` lists what there is."""
    name: Input[str]
    """Name of the RuntimeClass, one for the whole cluster; `<project>-<stack>-<component's name>` by default."""
    overhead: Input[OverheadArgs]
    """What each pod costs beside its containers."""
    scheduling: Input[SchedulingArgs]
    """Which nodes have the handler; all of them by default."""
    connection: Input[ConnectionArgs]
    """The cluster, `Target.connection`. Given, it is asked whether a node has the handler before the class is made or
    changed; without it, only a workload of the class finds that out."""


class RuntimeArgs(TypedDict, total=False):
    """The RuntimeClass that a workload runs under: a WasmRuntime's `runtime`, or one that is there already."""

    class_name: Required[Input[str]]
    """Name of the RuntimeClass."""
    handler: Input[str]
    """Its handler. Given, another one rolls the pods."""
    overhead: Input[OverheadArgs]
    """Its overhead, to check the workload against."""
    scheduling: Input[SchedulingArgs]
    """Its scheduling, to check the workload against."""


class WasmWorkloadArgs(DeploymentWorkloadArgs, total=False):
    """Arguments of WasmWorkload; `termination_grace_period_seconds` is 2 and `run_as_user` 65532 by default."""

    runtime: Required[Input[RuntimeArgs]]
    """What runs the modules: `WasmRuntime.runtime`, or `{"class_name": ...}` for a class that is there already."""
    sidecars: Input[Sequence[Input[SidecarArgs]]]
    """Native sidecars that are WASM modules too; none by default. Each writes its module's path as `command`."""


class WasmRuntime(pulumi.ComponentResource):
    """A RuntimeClass: the name under which pods ask for a WASM runtime of their nodes.

    1. Creates: one RuntimeClass, which belongs to the whole cluster, with handler, overhead and scheduling. It installs
       nothing on the nodes.
    2. Ready when it is there. That says nothing about the nodes: a workload's `ready` tells when none has the handler.
    3. Refuses, all at once: names and handlers that the API server would refuse, quantities that mean nothing. With a
       `connection`, a handler that no node has stops the run, in preview too, before the class is touched; one of which
       the nodes tell nothing warns.
    4. On change: another overhead or scheduling is an update and counts for new pods; another handler, which the API
       server keeps as it is, or another name replaces the class. It is deleted first, for its name is taken; pods that
       run go on, and a WasmWorkload rolls its pods to the new handler.
    5. Leaves behind on delete: nothing. Pods of the class that run go on, and new ones are refused.
    """

    name: pulumi.Output[str]
    """Name of the RuntimeClass."""
    handler: pulumi.Output[str]
    """Its handler."""
    runtime: pulumi.Output[RuntimeArgs]
    """What a WasmWorkload takes as `runtime`."""

    def __init__(self, name: str, args: WasmRuntimeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the RuntimeClass."""
        default = f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}"
        raise_for("WasmRuntime", name, _problems(default, args))
        super().__init__("kubernetes-emerging:index:WasmRuntime", name, {}, opts)

        connection, who = args.get("connection"), f"WasmRuntime {name!r}"
        object_name = args.get("name") or default

        async def needs() -> list[str]:
            return of_runtime(await resolve({field: args.get(field) for field in ("handler", "scheduling")}))

        async def check_late() -> None:
            raise_for("WasmRuntime", name, _problems(default, await resolve(args)))
            await require(connection, needs, Row(self.urn), who)

        checked = check_hook(f"WasmRuntime-{name}", check_late)
        fields = camel({field: value for field, value in args.items() if field != "connection"}, WasmRuntimeArgs)
        overhead = pulumi.Output.from_input(args.get("overhead") or {}).apply(wasm.overhead)
        child = RuntimeClass(
            name,
            metadata={"name": gated(object_name, connection, needs, self, who)},
            handler=fields["handler"],
            overhead={"pod_fixed": overhead},
            scheduling=fields.get("scheduling"),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The API server keeps the handler as it is, and the provider does not know that.
                replace_on_changes=["handler"],
                delete_before_replace=True,
                hooks=pulumi.ResourceHookBinding(before_create=[checked], before_update=[checked]),
            ),
        )
        self.name = child.metadata.apply(lambda found: found.name or "")
        self.handler = child.handler
        described: dict[str, Any] = {
            "class_name": object_name,
            "handler": args["handler"],
            "overhead": overhead,
        }
        if args.get("scheduling"):
            described["scheduling"] = args["scheduling"]
        # The arguments, for they are known in every preview; the URN makes what takes them wait for the class.
        self.runtime = pulumi.Output.all(child.urn, described).apply(lambda found: found[1])
        self.register_outputs({"name": self.name, "handler": self.handler, "runtime": self.runtime})

    @staticmethod
    def needs(args: Mapping[str, Any]) -> list[str]:
        """Return the features that a component with these arguments needs, as a Preflight takes them."""
        return of_runtime(plain(args))


class WasmWorkload(Workload):
    """A Deployment whose containers are WASM modules.

    1. Creates: one Deployment whose pods ask for the runtime's RuntimeClass, and an immutable ConfigMap for each
       `config` volume. Images are ordinary ones whose entry point is the module.
    2. Ready when every pod of the current template is up to date and available: output `ready`. Within seconds it
       names a RuntimeClass that is not there, a node without the handler or without the handler's program, and a
       module that was run as an ordinary program.
    3. Refuses, all at once: what a module cannot do (exec probes and exec lifecycle handlers, tty and stdin), ordinary
       sidecars and init containers, which the runtime would take for modules, and a node selector or overhead that
       contradicts the runtime's. And what every workload refuses.
    4. What is different for a module: SIGTERM is ignored, so the grace period is 2 seconds; its exit code is lost under
       crun (always 0), so a log tells more than a status; nobody can exec into it. It sees the container's whole file
       system and network: the sandbox is the container's, not the module's.
    5. On change: CPU and memory are resized in place (see ResizableDeployment); anything else in the pods, and another
       handler, rolls. Another overhead or scheduling of the runtime counts for new pods only.
    6. Secure by default: the `restricted` Pod Security level, user 65532 (images made from scratch name none), a
       read-only root filesystem, no API token.
    7. Leaves behind on delete: nothing, once it has been ready.
    """

    def __init__(self, name: str, args: WasmWorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the children."""
        super().__init__(
            *("WasmWorkload", name, args, WasmWorkloadArgs, opts), rules=wasm.workload_problems, template=wasm.template
        )


def _problems(default: str, args: object) -> list[Problem]:
    shape, known = judged(args, WasmRuntimeArgs)
    return list(dict.fromkeys([*shape, *wasm.runtime_problems({"name": default} | known)]))
