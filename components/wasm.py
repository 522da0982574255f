"""WasmRuntime and WasmWorkload: WASM modules as pods, through a RuntimeClass (KEP-585)."""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input
from pulumi_kubernetes.node.v1 import RuntimeClass

from components._args import ConnectionArgs, DeploymentWorkloadArgs, SidecarArgs
from components._errors import raise_for
from components._gate import gated, require
from components._hooks import awaited, check_hook
from components._kept import kept_by
from components._kind_args import JobArgs
from components._live import Row, is_off, mocked
from components._needs import of_runtime
from components._shape import camel, judged, later, plain, resolve
from components._wasm_args import CanaryArgs, OverheadArgs, RuntimeArgs, SchedulingArgs
from components._wasm_class import annotations, change_hook, claim_hook, kept, proved, used
from components._where import provider_for
from components._workload import Workload
from components.model import wasm, wasm_workload
from components.model.feature import Feature
from components.model.problem import Problem

_DESCRIBED = ("handler", "overhead", "scheduling")
_LATE = ("image", "env", "env_from", "args", "resources")
_WARNED = ("kind", "runtime", "init_containers", "sidecars", "containers", "volumes")


class WasmRuntimeArgs(TypedDict, total=False):
    """Arguments of WasmRuntime: a `preset`, a `handler`, or both where an installer has given it another name."""

    preset: Input[str]
    """The runtime: spin, wasmtime, wasmedge, wasmer, wamr, crun-wasm, crun (with ordinary containers beside modules) or
    custom. It gives handler and overhead, and what a workload may ask for; docs/wasm.md has the table."""
    handler: Input[str]
    """Name under which the nodes' container runtime knows the WASM runtime; the preset's by default. Installers
    differ in it: `kubectl get nodes -o jsonpath='{.items[*].status.runtimeHandlers[*].name}'` lists what there is."""
    name: Input[str]
    """Name of the RuntimeClass, one for the whole cluster; `<project>-<stack>-<component's name>` by default."""
    overhead: Input[OverheadArgs]
    """What each pod costs beside its containers; the preset's by default."""
    scheduling: Input[SchedulingArgs]
    """Which nodes have the handler; all of them by default."""
    existing: bool
    """True: the class is there already and is another's. It is read and held against what is written here, and neither
    made, changed nor deleted. False by default."""
    shared: bool
    """True: workloads of other stacks use the class, too, so it stays behind when this stack goes, and keeps its
    handler. False by default."""
    canary: Input[CanaryArgs]
    """What proves the class before a workload is made under it; nothing by default."""
    connection: Input[ConnectionArgs]
    """The cluster, `Target.connection`. Given, it is asked whether a node has the handler, and whether the name is
    taken, before the class is made or changed; without it, only a workload of the class finds that out. `existing`,
    `shared` and `canary` need it."""


class WasmWorkloadArgs(DeploymentWorkloadArgs, total=False):
    """Arguments of WasmWorkload; of modules `run_as_user` is 65532 by default."""

    runtime: Required[Input[RuntimeArgs]]
    """What runs the modules: `WasmRuntime.runtime`, or `{"class_name": ...}` for a class that is there already."""
    sidecars: Input[Sequence[Input[SidecarArgs]]]
    """Native sidecars; none by default. One that is a module writes its path as `command`; ordinary ones need a preset
    that runs them beside modules."""
    kind: str
    """What keeps the pods: Deployment (the default) or Job. A field that means nothing for it is refused by name."""
    job: Input[JobArgs]
    """For kind Job only: how the pods run to their end."""


class WasmRuntime(pulumi.ComponentResource):
    """A RuntimeClass: the name under which pods ask for a WASM runtime of their nodes.

    1. Creates: one RuntimeClass, which belongs to the whole cluster, with handler, overhead and scheduling, and an
       annotation that says which stack made it; with `existing`, nothing. It installs nothing on the nodes.
    2. Ready when it is there, which says nothing about the nodes. With a `canary`, `runtime` is there only once a small
       pod of the class has run in every pool that the class chooses; `proved` names the pools. It runs at every `up`,
       never in a preview, and is deleted afterwards; after a kill the cluster ends and deletes it.
    3. Refuses, all at once: names, handlers and presets that there are not, quantities that mean nothing, nodes for
       which a preset's project releases nothing. With a `connection`, a handler that no node has stops the run, in
       preview too, before the class is touched, and so does a name that another stack or tool has taken; what the nodes
       do not tell warns. An `existing` class that is not there, or is not as written here, stops the run, too.
    4. On change: another overhead or scheduling is an update and counts for new pods; another handler, which the API
       server keeps as it is, or another name replaces the class. It is deleted first, for its name is taken; pods that
       run go on, and a WasmWorkload rolls its pods to the new handler. A `shared` class keeps its handler.
    5. Leaves behind on delete: nothing, or a `shared` class. Pods of a deleted class that run go on, and new ones are
       refused.
    """

    name: pulumi.Output[str]
    """Name of the RuntimeClass."""
    handler: pulumi.Output[str]
    """Its handler."""
    runtime: pulumi.Output[RuntimeArgs]
    """What a WasmWorkload takes as `runtime`."""
    proved: pulumi.Output[list[str]]
    """The pools in which the canary has run in this `up`; none without a `canary`, and in a preview."""

    def __init__(self, name: str, args: WasmRuntimeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the RuntimeClass."""
        default = f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}"
        raise_for("WasmRuntime", name, _problems(args, default))
        super().__init__("kubernetes-emerging:index:WasmRuntime", name, {}, opts)

        owner = f"{pulumi.get_project()}/{pulumi.get_stack()}/{name}"
        if args.get("existing"):
            found = self._used(name, args, owner)
        else:
            found = self._made(name, args, args.get("name") or default, owner)
        self.name = found.apply(lambda known: str(known["class_name"]))
        self.handler = found.apply(lambda known: str(known.get("handler") or ""))
        self.proved = self._proved(args, found, owner)
        # Nothing is made under a class before it is proved.
        proofs: pulumi.Output[Any] = pulumi.Output.all(found, self.proved)
        trusted: pulumi.Output[Any] = proofs.apply(lambda both: {**both[0], "proved": True} if both[1] else both[0])
        self.runtime = trusted
        outputs = {"name": self.name, "handler": self.handler, "runtime": self.runtime, "proved": self.proved}
        self.register_outputs(outputs)

    @staticmethod
    def needs(args: Mapping[str, Any]) -> list[str]:
        """Return the features that a component with these arguments needs, as a Preflight takes them."""
        known = plain(args)
        canaries = [str(Feature("kind", "Job"))] if known.get("canary") is not None else []
        return [*of_runtime({**known, "handler": wasm.handler(known)}), *canaries]

    def _made(self, name: str, args: WasmRuntimeArgs, object_name: Any, owner: str) -> pulumi.Output[dict[str, Any]]:
        """Register the class, and return what it is."""
        connection, who, shared = args.get("connection"), f"WasmRuntime {name!r}", args.get("shared") is True
        handler, settled = _handler(args), args.get("canary") is not None
        wanted = {"name": object_name, "handler": handler, "shared": shared}

        async def needs() -> list[str]:
            return of_runtime(await resolve({"handler": handler, "scheduling": args.get("scheduling")}))

        async def check_late() -> None:
            raise_for("WasmRuntime", name, _problems(await resolve(args), str(await resolve(object_name))))
            await require(connection, needs, Row(self.urn), who, settled=settled)

        checked = check_hook(f"WasmRuntime-{name}", check_late)
        claimed = claim_hook(f"WasmRuntime-{name}", connection, wanted, owner)
        overhead: pulumi.Output[Any] = pulumi.Output.all(args.get("overhead") or {}, args.get("preset")).apply(
            lambda both: wasm.overhead(*both)
        )
        asked = {"name": object_name, "overhead": overhead, "scheduling": args.get("scheduling")}
        changed = change_hook(f"WasmRuntime-{name}", connection, asked)
        child = RuntimeClass(
            name,
            metadata={
                "name": gated(kept(wanted, connection, owner), connection, needs, self, who, settled=settled),
                "annotations": annotations(owner, shared=shared),
            },
            handler=handler,
            overhead={"pod_fixed": overhead},
            scheduling=camel({"scheduling": args.get("scheduling")}, WasmRuntimeArgs).get("scheduling"),
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=provider_for(self, name, connection),
                depends_on=awaited({field: value for field, value in args.items() if field != "connection"}),
                # The API server keeps the handler as it is, and the provider does not know that.
                replace_on_changes=["handler"],
                delete_before_replace=True,
                retain_on_delete=shared,
                hooks=pulumi.ResourceHookBinding(before_create=[checked, claimed], before_update=[checked, changed]),
            ),
        )
        described = {"class_name": object_name, "handler": handler, "overhead": overhead}
        described |= {field: args.get(field) for field in ("preset", "scheduling") if args.get(field)}
        # The arguments, for they are known in every preview; the URN makes what takes them wait for the class.
        return pulumi.Output.all(child.urn, described).apply(lambda both: dict(both[1]))

    def _used(self, name: str, args: WasmRuntimeArgs, owner: str) -> pulumi.Output[dict[str, Any]]:
        """Return what a class is that is there already, once it is known to be what the arguments say."""
        connection, who = args.get("connection"), f"WasmRuntime {name!r}"
        asked: dict[str, Any] = {f: args.get(f) for f in ("name", "handler", "overhead", "scheduling", "preset")}

        async def read(values: Sequence[Any]) -> dict[str, Any]:
            known = values[1]
            raise_for("WasmRuntime", name, _problems(await resolve(args), ""))
            row = Row(self.urn)
            live = await used(connection, known, owner, row) or {f: known[f] for f in _DESCRIBED if known.get(f)}

            async def needs() -> list[str]:
                return of_runtime(live)

            await require(connection, needs, row, who, settled=args.get("canary") is not None)
            preset = {"preset": known["preset"]} if known.get("preset") else {}
            return {"class_name": known["name"], **live, **preset}

        both: pulumi.Output[Any] = pulumi.Output.all(connection, asked)
        return pulumi.Output.unsecret(both.apply(read))

    def _proved(self, args: WasmRuntimeArgs, found: pulumi.Output[Any], owner: str) -> pulumi.Output[list[str]]:
        """Return the pools in which the class is proved; none where nothing proves it."""
        canary: Any = args.get("canary")
        if canary is None or mocked() or pulumi.runtime.is_dry_run() or is_off():
            return pulumi.Output.from_input(list[str]())

        async def run(values: Sequence[Any]) -> list[str]:
            return await proved(values[0], values[1], values[2], owner, Row(self.urn))

        given: pulumi.Output[Any] = pulumi.Output.all(args.get("connection"), found, canary)
        return pulumi.Output.unsecret(given.apply(run))


class WasmWorkload(Workload):
    """Pods whose containers are WASM modules, and what keeps them: by `kind` a Deployment or a Job.

    1. Creates: one Deployment or Job whose pods ask for the runtime's RuntimeClass, and an immutable ConfigMap for each
       `config` volume. Images are ordinary ones whose entry point is the module, or what else the preset takes.
    2. Ready when every pod of the current template is up to date and available, a Job when it is complete: output
       `ready`. Within seconds it names a RuntimeClass that is not there, a node without the handler or without the
       handler's program, and a module that was run as an ordinary program.
    3. Refuses, all at once: what a module cannot do (exec probes and exec lifecycle handlers, tty and stdin), what the
       runtime's `preset` cannot (ordinary containers beside modules, exec in those, nodes of an architecture that it
       has no release for), and a node selector, annotation or overhead that contradicts the runtime's. And what every
       workload refuses. What depends on a runtime that comes as an Output is refused before the object is touched, in
       preview, too.
    4. Warns, by the preset, of a Job of modules whose exit codes are lost, which is complete whatever they were, and of
       files that modules cannot read.
    5. Where modules ignore SIGTERM and are alone, the grace period is 2 seconds by default. Modules see the container's
       whole file system, and under some runtimes its network: what keeps them in is the container.
    6. On change: CPU and memory of a Deployment are resized in place (see ResizableDeployment); anything else in the
       pods, and another handler, rolls; what a Job runs never changes, so it runs again as a new one. Another overhead
       or scheduling of the runtime counts for new pods only.
    7. Secure by default: the `restricted` Pod Security level, user 65532 for modules (images made from scratch name
       none), a read-only root filesystem, no API token.
    8. Leaves behind on delete: nothing, once it has been ready.
    """

    def __init__(self, name: str, args: WasmWorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the children."""
        keeper = kept_by(args.get("kind") if isinstance(args, Mapping) else None)
        rules, template = wasm_workload.problems, wasm_workload.template
        super().__init__(
            *("WasmWorkload", name, args, WasmWorkloadArgs, opts), rules=rules, template=template, kept_by=keeper
        )
        told = {field: _parts(args.get(field)) for field in _WARNED}
        pulumi.Output.from_input(told).apply(self._warn)

    def _warn(self, args: Mapping[str, Any]) -> None:
        for text in wasm_workload.warnings(args):
            pulumi.log.warn(text, resource=self)


def _parts(value: Any) -> Any:
    """Return of a list of containers what warnings go by, so that an image that comes later leaves them known."""
    if not isinstance(value, list):
        return value
    return [{f: each[f] for f in each if f not in _LATE} if isinstance(each, Mapping) else each for each in value]


def _handler(args: WasmRuntimeArgs) -> Any:
    named = {"preset": args.get("preset"), "handler": args.get("handler")}
    return (
        pulumi.Output.from_input(named).apply(wasm.handler) if any(map(later, named.values())) else wasm.handler(named)
    )


def _problems(args: object, default: str) -> list[Problem]:
    shape, known = judged(args, WasmRuntimeArgs)
    return list(dict.fromkeys([*shape, *wasm.runtime_problems(known, default)]))
