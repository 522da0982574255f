"""MixedProtocolService: TCP and UDP in one Service (KEP-1435)."""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input
from pulumi_kubernetes.core.v1 import Service

from components._args import ConnectionArgs, ContainerPortArgs
from components._errors import raise_for
from components._gate import gated, require
from components._hooks import check_hook
from components._live import Row
from components._needs import of_service
from components._shape import camel, has_late_structure, judged, plain, resolve
from components.model import service
from components.model.problem import Problem

# The provider's own await costs every Service ten seconds and learns nothing from them.
_WAIT_FOR_ADDRESS = {"pulumi.com/waitFor": "jsonpath={.spec.clusterIP}"}


class ServicePortArgs(TypedDict, total=False):
    """A port of a Service (core/v1 ServicePort)."""

    name: Required[Input[str]]
    """Name of the port, unique in the Service; DNS gives it an SRV record."""
    port: Required[Input[int]]
    """Number on which the Service listens, 1 to 65535; TCP and UDP may share it."""
    protocol: Input[str]
    """TCP (the default), UDP or SCTP."""
    target_port: Input[str]
    """Number or name of the pods' port; the port of the same name by default."""
    node_port: Input[int]
    """Number on every node, for NodePort and LoadBalancer; chosen by the API server by default."""
    app_protocol: Input[str]
    """Hint for load balancers, such as `http`; none by default."""


class MixedProtocolServiceArgs(TypedDict, total=False):
    """Arguments of MixedProtocolService."""

    namespace: Required[Input[str]]
    """Namespace of the Service: a workload's `namespace`."""
    name: Input[str]
    """Name of the Service; the component's own name by default."""
    selector: Required[Input[Mapping[str, Input[str]]]]
    """Labels of the pods behind it: a workload's `match_labels`."""
    ports: Required[Input[Sequence[Input[ServicePortArgs]]]]
    """The ports, in the order in which they are written."""
    container_ports: Input[Sequence[Input[ContainerPortArgs]]]
    """The pods' ports: a workload's `container_ports`. Given, every target is checked against them."""
    type: Input[str]
    """ClusterIP (the default), NodePort or LoadBalancer."""
    connection: Input[ConnectionArgs]
    """The cluster, `Target.connection`: it is asked whether its load balancer takes what the ports ask for. Required
    for type LoadBalancer, and used for nothing else."""
    labels: Input[Mapping[str, Input[str]]]
    """Labels on the Service."""
    annotations: Input[Mapping[str, Input[str]]]
    """Annotations on the Service; load balancers read theirs here."""


class MixedProtocolService(pulumi.ComponentResource):
    """One Service for several protocols.

    1. Creates: one Service whose ports are all named and carry their protocol and target, in a stable order.
    2. Ready when it has its cluster address; the provider's wait for endpoints is left out. The address of a load
       balancer is neither waited for nor an output yet: read it from the Service's status.
    3. Refuses, all at once: two ports of one number and protocol or of one name, a target that the pods do not have,
       and a target of another protocol, which Kubernetes accepts and which then carries nothing. A load balancer that
       is known not to take the protocols stops the run, in preview too, before the Service is touched; one of which
       that is not known warns.
    4. On change: ports are changed in place and the cluster address stays; another name replaces the Service.
    5. Leaves behind on delete: nothing.
    """

    name: pulumi.Output[str]
    """Name of the Service."""
    namespace: pulumi.Output[str]
    """Namespace of the Service."""
    cluster_ip: pulumi.Output[str]
    """Its address inside the cluster, one for all ports and protocols."""
    dns_name: pulumi.Output[str]
    """The name under which pods of every namespace find it."""

    def __init__(self, name: str, args: MixedProtocolServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the Service."""
        raise_for("MixedProtocolService", name, _problems(name, args))
        super().__init__("kubernetes-emerging:index:MixedProtocolService", name, {}, opts)

        connection, who = args.get("connection"), f"MixedProtocolService {name!r}"

        async def needs() -> list[str]:
            return of_service(await resolve({field: args.get(field) for field in ("type", "ports")}))

        async def check_late() -> None:
            raise_for("MixedProtocolService", name, _problems(name, await resolve(args)))
            await require(connection, needs, Row(self.urn), who)

        checked = check_hook(f"MixedProtocolService-{name}", check_late)
        shown = {field: value for field, value in args.items() if field != "connection"}
        fields = camel(shown, MixedProtocolServiceArgs)
        namespace = gated(args["namespace"], connection, needs, self, who)
        late = has_late_structure(args["ports"], Sequence[ServicePortArgs])
        spec: Any = pulumi.Output.from_input(fields).apply(service.manifest) if late else service.manifest(fields)
        annotations = pulumi.Output.from_input(args.get("annotations") or {})
        metadata: Any = {
            "name": args.get("name") or name,
            "namespace": namespace,
            "annotations": annotations.apply(lambda given: {**_WAIT_FOR_ADDRESS, **given}),
        }
        if args.get("labels"):
            metadata["labels"] = args["labels"]
        child = Service(
            name,
            metadata=metadata,
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=pulumi.ResourceHookBinding(before_create=[checked], before_update=[checked]),
            ),
        )
        self.name = child.metadata.apply(lambda found: found.name or "")
        self.namespace = child.metadata.apply(lambda found: found.namespace or "")
        self.cluster_ip = child.spec.apply(lambda found: found.cluster_ip or "")
        self.dns_name = pulumi.Output.all(self.name, self.namespace).apply(
            lambda found: service.dns_name(found[0], found[1])
        )
        self.register_outputs(
            {
                "name": self.name,
                "namespace": self.namespace,
                "clusterIp": self.cluster_ip,
                "dnsName": self.dns_name,
            }
        )

    @staticmethod
    def needs(args: Mapping[str, Any]) -> list[str]:
        """Return the features that a component with these arguments needs, as a Preflight takes them."""
        return of_service(plain(args))


def _problems(name: str, args: object) -> list[Problem]:
    shape, known = judged(args, MixedProtocolServiceArgs)
    if known.get("type") == "LoadBalancer" and known.get("connection") is None:
        remedy = "write the connection of a Target; a provider alone does not tell which cluster it is for"
        shape.append(Problem("connection", "it is required to ask what the cluster's load balancer takes", remedy))
    return list(dict.fromkeys([*shape, *service.problems({"name": name} | known)]))
