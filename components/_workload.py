"""What every workload component is made of: what keeps its pods, the configuration it brings along, and their truth."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi

from components._admission import admission_hook
from components._args import ContainerPortArgs
from components._config import ConfigMaps
from components._disruption import budget
from components._errors import raise_for
from components._facts import Facts
from components._gate import gated, require
from components._hooks import awaited, check_hook, hold_hook, replace_hook
from components._kept import DEPLOYMENT, JOB, STATEFUL_SET, KeptBy
from components._live import Row
from components._meaning import meaning_hook, rerun_hook
from components._needs import of_objects, of_workload
from components._ready import ready, recovered
from components._shape import camel, has_late_structure, judged, later, plain, resolve, top_field
from components._update import update_hook
from components._where import provider_for
from components.actions.kubeconfig import is_content
from components.model import pod_security, volume, workload
from components.model.problem import Problem, known_part

# The arguments that decide which features of the cluster a workload needs.
_DECISIVE = ("sidecars", "runtime", "in_place", "kind")
Rules = Callable[[Mapping[str, Any]], Iterable[Problem]]


class Workload(pulumi.ComponentResource):
    """Pods that are watched until they are ready and resized in place, and what keeps them; the base of public ones."""

    name: pulumi.Output[str]
    """Name of the Deployment, or of what else keeps the pods."""
    namespace: pulumi.Output[str]
    """Its namespace."""
    match_labels: pulumi.Output[dict[str, str]]
    """Labels of its pods: what a Service takes as its selector."""
    container_ports: pulumi.Output[list[ContainerPortArgs]]
    """Ports of its containers and sidecars: what a Service checks its targets against."""
    effective_requests: pulumi.Output[dict[str, str]]
    """What the scheduler reserves for one pod, by resource: the most that may run at the same time, init containers
    and sidecars included. A LimitRange's defaults are not in it, nor the overhead of a class known by name alone."""
    qos_class: pulumi.Output[str]
    """Guaranteed, Burstable or BestEffort: how the kubelet ranks its pods when memory runs out."""
    start_order: pulumi.Output[list[str]]
    """Names of init containers, sidecars and main containers as they start."""
    stop_order: pulumi.Output[list[str]]
    """Names of main containers, which stop together, and of the sidecars, one after another."""
    ready: pulumi.Output[bool]
    """True once every pod is up to date and available, or a Job complete; else the deployment fails with a diagnosis.
    What must not start earlier takes this output: `depends_on` does not wait for it."""

    def __init__(
        self,
        kind: str,
        name: str,
        args: Mapping[str, Any],
        hint: Any,
        opts: pulumi.ResourceOptions | None,
        *,
        rules: Rules = workload.problems,
        template: Callable[..., dict[str, Any]] | None = None,
        kept_by: KeptBy = DEPLOYMENT,
    ) -> None:
        """Check the arguments by the rules, all at once, then register the children; `template` makes the pods'."""
        raise_for(kind, name, _problems(name, args, hint, rules))
        template = template or kept_by.template
        super().__init__(f"kubernetes-emerging:index:{kind}", name, {}, opts)

        who = f"{kind} {name!r}"

        async def needs() -> list[str]:
            return of_workload(await resolve({field: args.get(field) for field in _DECISIVE}))

        async def check_late() -> None:
            raise_for(kind, name, _problems(name, await resolve(args), hint, rules))
            await require(args["connection"], needs, Row(self.urn), who)

        connection = args["connection"]  # a secret, which nothing that it does not reach may become
        shown = {field: value for field, value in args.items() if field != "connection"}
        fields = camel(shown, hint)
        patience = args.get("patience_seconds") or kept_by.patience
        object_name = args.get("name") or name
        key = volume.workload_key(kind, name)
        provider = provider_for(self, name, connection)
        namespace = gated(args["namespace"], connection, needs, self, who)
        config_maps = ConfigMaps(self, name, {**fields, "namespace": namespace}, key, connection, provider)
        late = has_late_structure(shown, hint) or any(later(value) for value in workload.deciding(fields))

        def built(part: Callable[..., Any], **values: Any) -> Any:
            return pulumi.Output.from_input(values).apply(lambda known: part(**known)) if late else part(**values)

        # Selector and labels are built apart: an unknown value elsewhere must not preview as another selector.
        labelled = {"name": object_name, "labels": fields.get("labels"), "match_labels": fields.get("matchLabels")}
        selector = workload.selector(object_name, fields.get("matchLabels"))
        spec: Any = kept_by.spec(
            fields,
            selector=selector,
            template=built(template, name=object_name, args=fields, config_maps=config_maps.names),
            deadline=pulumi.Output.from_input(patience).apply(workload.progress_deadline),
        )
        checked = check_hook(f"{kind}-{name}", check_late)
        admitted = admission_hook(f"{kind}-{name}", kept_by.kind, connection)
        held = hold_hook(f"{kind}-{name}", connection, config_maps.kept)
        manifest = {"kind": kept_by.kind, "metadata": {"namespace": namespace, "name": object_name}, "spec": spec}
        waits = awaited(shown)
        child = kept_by.resource(
            name,
            metadata={
                "name": recovered(connection, manifest, self) if kept_by.resized else object_name,
                "namespace": namespace,
                "labels": built(workload.labels, **labelled),
                "annotations": kept_by.wait_for,
            },
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=provider,
                depends_on=waits,
                aliases=former(args.get("moved_from")),
                replace_on_changes=list(kept_by.replaced_for),
                delete_before_replace=True if kept_by.replaced_for else None,
                hooks=pulumi.ResourceHookBinding(
                    before_create=[checked, admitted, *_created(f"{kind}-{name}", kept_by, connection), held],
                    before_update=[checked, admitted, _updated(f"{kind}-{name}", kept_by, connection, args, patience)],
                ),
            ),
        )
        budget_of = {"namespace": namespace, "name": object_name, "labels": built(workload.labels, **labelled)}
        of_budget = pulumi.ResourceHookBinding(before_create=[checked], before_update=[checked])
        budget_opts = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=waits, hooks=of_budget)
        budget(self, name, fields, budget_of, selector, budget_opts)
        metadata = child.metadata
        self.name = metadata.apply(lambda found: found.name or "")
        self.namespace = metadata.apply(lambda found: found.namespace or "")
        self.match_labels = pulumi.Output.from_input(workload.selector(object_name, args.get("match_labels")))
        listed: Any = {field: args.get(field) for field in ("containers", "sidecars")}
        ports: pulumi.Output[Any] = pulumi.Output.from_input(listed).apply(workload.container_ports)
        self.container_ports = ports
        facts = Facts(self, built(template, name=object_name, args=fields, config_maps={}), fields.get("runtime"))
        self.effective_requests, self.qos_class = facts.effective_requests, facts.qos_class
        self.start_order, self.stop_order = facts.start_order, facts.stop_order
        identity = {"namespace": self.namespace, "name": self.name, "uid": metadata.apply(lambda found: found.uid)}
        desired = {"kind": kept_by.kind, "metadata": identity, "spec": spec}
        if kept_by is JOB:
            desired["expiresAfter"] = (fields.get("job") or {}).get("ttlSecondsAfterFinished")
        self.ready = ready(child, desired, connection, patience, args.get("in_place"), config_maps)
        self.register_outputs(
            {
                "name": self.name,
                "namespace": self.namespace,
                "matchLabels": self.match_labels,
                "containerPorts": self.container_ports,
                "effectiveRequests": self.effective_requests,
                "qosClass": self.qos_class,
                "startOrder": self.start_order,
                "stopOrder": self.stop_order,
                "ready": self.ready,
            }
        )

    @staticmethod
    def needs(args: Mapping[str, Any]) -> list[str]:
        """Return the features that a component with these arguments needs, as a Preflight takes them."""
        return needs_of(args, "Deployment")


def needs_of(args: Mapping[str, Any], kind: str) -> list[str]:
    """Return the features that a workload needs which an object of this kind keeps, unless its arguments name one."""
    return [*of_workload(plain(args)), *of_objects(plain(args), kind)]


def _created(name: str, kept_by: KeptBy, connection: Any) -> list[pulumi.ResourceHook]:
    """Return the hooks that tell what the making of an object of this kind would mean for one that is there."""
    if kept_by is STATEFUL_SET:
        return [replace_hook(name, connection)]
    return [rerun_hook(name, connection)] if kept_by is JOB else []


def _updated(
    name: str, kept_by: KeptBy, connection: Any, args: Mapping[str, Any], patience: Any
) -> pulumi.ResourceHook:
    """Return the hook that resizes running pods before an update, or that says what it means for them."""
    if kept_by.resized:
        return update_hook(name, connection, args, patience)
    return meaning_hook(name, kept_by.kind)


def former(moved_from: str | None) -> list[str | pulumi.Alias] | None:
    """Return the alias of the plain resource that moves into a component; None where there is none."""
    if moved_from is None:
        return None
    if moved_from.startswith("urn:pulumi:"):
        return [moved_from]
    return [pulumi.Alias(name=moved_from, parent=pulumi.ROOT_STACK_RESOURCE)]


def _problems(name: str, args: Any, hint: Any, rules: Rules) -> list[Problem]:
    shape, known = judged(args, hint)
    if "sidecars" in hint.__required_keys__ and known.get("sidecars") == []:
        shape.append(Problem("sidecars", "it is empty", "write at least one, or take a ResizableDeployment"))
    if known.get("connection") is None:
        shape = [problem for problem in shape if problem.path != "connection"]
    named = known if known.get("name") is not None else {**known, "name": name}
    # A field of the wrong shape is UNKNOWN to the rules, and nothing more is told of it.
    told = {top_field(problem.path) for problem in shape}

    def finished() -> dict[str, Any]:
        part = known_part({field: value for field, value in named.items() if field != "connection"})
        return workload.template(part.get("name"), camel(part, hint), {})

    judged_by = (*rules(named), *pod_security.problems(named, finished))
    judgement = [problem for problem in judged_by if top_field(problem.path) not in told]
    return list(dict.fromkeys([*shape, *_connection(known), *judgement]))


def _connection(args: Mapping[str, Any]) -> list[Problem]:
    connection = args.get("connection")
    if connection is None:
        # A provider alone cannot be asked where it deploys, so it is no target for live work.
        remedy = "write the connection of a Target; a provider alone does not tell which cluster it is for"
        return [Problem("connection", "it is required for watching and resizing what runs", remedy, "own")]
    content = connection.get("kubeconfig") if isinstance(connection, dict) else None
    if not isinstance(content, str) or is_content(content):
        return []
    remedy = "write its content, or take the connection of a Target, which reads files"
    return [Problem("connection.kubeconfig", "this is not the content of a kubeconfig", remedy, "own")]
