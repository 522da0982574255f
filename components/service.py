"""MixedProtocolService: TCP and UDP in one Service (KEP-1435)."""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input
from pulumi_kubernetes.core.v1 import Service

from components._args import ConnectionArgs, ContainerPortArgs, EnvVarArgs
from components._errors import raise_for
from components._gate import gated, require
from components._hooks import awaited, check_hook
from components._live import Row
from components._needs import of_service
from components._service import WAIT_FOR_ADDRESS, Chosen, Watch, client_side_problems, place_hook, update_hook
from components._shape import camel, has_late_structure, judged, later, plain, resolve
from components._where import provider_for
from components.model import balancing, service
from components.model.problem import Problem, known


class ServicePortArgs(TypedDict, total=False):
    """A port of a Service (core/v1 ServicePort)."""

    name: Required[Input[str]]
    """Name of the port, unique in the Service; DNS gives it an SRV record."""
    port: Required[Input[int]]
    """Number on which the Service listens, 1 to 65535; TCP and UDP may share it."""
    protocol: Input[str]
    """TCP (the default), UDP or SCTP; TCP_UDP stands for two ports, `<name>-tcp` and `<name>-udp`, of one number."""
    target_port: Input[str]
    """Number or name of the pods' port; the port of the same name by default. With TCP_UDP a name stands for the pods'
    ports `<name>-tcp` and `<name>-udp`."""
    node_port: Input[int]
    """Number on every node, for NodePort and LoadBalancer; chosen by the API server by default. What one protocol of a
    number has, the others have too, unless they say otherwise."""
    app_protocol: Input[str]
    """Hint for load balancers, such as `http`; none by default. On AKS it changes the health probe."""


class MixedProtocolServiceArgs(TypedDict, total=False):
    """Arguments of MixedProtocolService."""

    namespace: Required[Input[str]]
    """Namespace of the Service: a workload's `namespace`."""
    name: Input[str]
    """Name of the Service; the component's own name by default."""
    selector: Required[Input[Mapping[str, Input[str]]]]
    """Labels of the pods behind it: a workload's `match_labels`."""
    ports: Required[Input[Sequence[Input[ServicePortArgs]]]]
    """The ports, in the order in which they are written; a headless Service may have none."""
    container_ports: Input[Sequence[Input[ContainerPortArgs]]]
    """The pods' ports: a workload's `container_ports`. Given, every target is checked against them."""
    type: Input[str]
    """ClusterIP (the default), NodePort or LoadBalancer."""
    cluster_ip: Input[str]
    """None makes it headless: its DNS name leads to the pods themselves. Or an address of the service range; the API
    server chooses one by default. Another one replaces the Service."""
    publish_not_ready_addresses: Input[bool]
    """True: DNS and load balancing have pods that are not ready, too; false by default."""
    external_traffic_policy: Input[str]
    """Cluster (the default) or Local, which keeps the client's address and goes to pods of the same node only."""
    internal_traffic_policy: Input[str]
    """Cluster (the default) or Local, which drops traffic on nodes without a pod."""
    traffic_distribution: Input[str]
    """PreferClose or PreferSameZone (one thing, written as the cluster's version calls it where there is a
    `connection`), or PreferSameNode, which takes Kubernetes 1.34; by default pods anywhere are alike."""
    ip_families: Input[Sequence[Input[str]]]
    """IPv4, IPv6 or both, the first one for good; the cluster's default by default."""
    ip_family_policy: Input[str]
    """SingleStack (the default), PreferDualStack or RequireDualStack."""
    session_affinity: Input[str]
    """None (the default) or ClientIP, which leads a client to the same pod."""
    session_affinity_timeout_seconds: Input[int]
    """Seconds for which ClientIP remembers a client, 1 to 86400; 10800 by default."""
    load_balancer: str
    """What gives type LoadBalancer its address, with the version where that matters, such as `aws-lbc 2.13.4`,
    `gke 1.36.2-gke.1498000` or `metallb`; docs/service.md has them all. What the live cluster shows by default. It is
    needed where that shows nothing, as with cloud-provider-kind, and has to be known before the deployment."""
    mode: str
    """single: all protocols in one Service. split: one Service for each, `<name>-tcp` and so on, that share an address
    where the load balancer can. auto (the default): single where it works, else split where `load_balancer` says what
    serves, else refused, also where nothing is known of the load balancer. It has to be known before the deployment;
    another one interrupts. For LoadBalancer only."""
    internal: Input[bool]
    """True: the load balancer is reached from the inside of the cloud's network only; false by default."""
    load_balancer_ip: Input[str]
    """Static address of the load balancer, as its cloud names it: an address, or on AWS the allocations of Elastic IPs
    with commas between; chosen by the load balancer by default."""
    load_balancer_class: Input[str]
    """Class of the load balancer; that of the one that serves by default. Nobody can change it afterwards."""
    load_balancer_source_ranges: Input[Sequence[Input[str]]]
    """Ranges of addresses that may reach the load balancer, such as 10.0.0.0/8; all by default."""
    allocate_load_balancer_node_ports: Input[bool]
    """False: the load balancer gets no node ports, for those that reach pods directly; true by default."""
    target_type: Input[str]
    """What AWS sends to: `instance` (the default; node ports) or `ip` (pods)."""
    health_check_port: Input[int]
    """Port that AWS and AKS ask over TCP whether a target is well; each port itself by default. AWS needs it
    for UDP."""
    health_check_node_port: Input[int]
    """Number on every node for health checks, with external_traffic_policy Local; chosen by the API server by
    default."""
    wait_for_pods: Input[bool]
    """False: `ready` does not wait for a ready pod behind every port, such as for a workload scaled to zero; true by
    default."""
    patience_seconds: Input[int]
    """Seconds that it may take to become ready before the deployment fails with the cause, pods included, so no fewer
    than their workload has; 120 by default, 300 for a load balancer."""
    connection: Input[ConnectionArgs]
    """The cluster, `Target.connection`: it is asked what its load balancer takes, and watched until the Service is
    well. Required for type LoadBalancer; without it `ready` says only that the Service was made."""
    labels: Input[Mapping[str, Input[str]]]
    """Labels on the Service."""
    annotations: Input[Mapping[str, Input[str]]]
    """Annotations on the Service, such as external-dns reads; they go before those of the load balancer's table."""


class MixedProtocolService(pulumi.ComponentResource):
    """One Service for several protocols.

    1. Creates: one Service whose ports are all named and carry their protocol and target, in a stable order; in mode
       split one for each protocol. A load balancer's class and annotations come from a table (docs/service.md).
    2. Ready when behind every port stands a ready pod and a load balancer has an address and says nothing against any
       port. `ready` watches that on every run, and fails in seconds for what cannot come to be well: errors of ports,
       events, no controller, a target name that no pod has. The provider's own wait of ten seconds is left out.
    3. Refuses, all at once: what the API server refuses; two ports of one number and protocol or of one name; a target
       that the pods do not have, or of another protocol, which then carries nothing; a load balancer that is known not
       to take the protocols, or not known to, or of which nothing is known, unless `mode` is single. That stops a
       preview, too, before the Service is touched.
    4. On change: ports are changed in place, those that stay lose nothing, and the cluster address stays. What clients
       of the others notice is said in preview. Another name, or cluster IP, replaces the Service; a change of class,
       first family or health-check port is refused, for nobody can make it.
    5. Leaves behind on delete: nothing.
    """

    name: pulumi.Output[str]
    """Name of the Service; of the first one in mode split."""
    namespace: pulumi.Output[str]
    """Namespace of the Service."""
    cluster_ip: pulumi.Output[str]
    """Its address inside the cluster, one for all ports and protocols; `None` when it is headless."""
    cluster_ips: pulumi.Output[list[str]]
    """All addresses inside the cluster: of both families, and of every Service in mode split."""
    dns_name: pulumi.Output[str]
    """The name under which pods of every namespace find it."""
    srv_names: pulumi.Output[Mapping[str, str]]
    """Of each port, by its name, the name of its SRV record."""
    node_ports: pulumi.Output[Mapping[str, int]]
    """Of each port, by its name, its number on every node; empty for a ClusterIP Service."""
    addresses: pulumi.Output[list[str]]
    """Addresses and host names of its load balancer."""
    port_errors: pulumi.Output[list[str]]
    """What the load balancer says against ports; empty when all are served."""
    env: pulumi.Output[list[EnvVarArgs]]
    """Variables for a client's container, as its `env` takes them: `<NAME>_HOST`, and for each port
    `<NAME>_PORT_<PORT>`."""
    ready: pulumi.Output[bool]
    """True once the Service is well, and at once where there is no `connection`."""

    def __init__(self, name: str, args: MixedProtocolServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the Service."""
        raise_for("MixedProtocolService", name, [*_problems(name, args), *_unsafe(args)])
        super().__init__("kubernetes-emerging:index:MixedProtocolService", name, {}, opts)

        connection, who = args.get("connection"), f"MixedProtocolService {name!r}"
        parts = _parts(args)
        chosen = Chosen(name, args, self, split=len(parts) > 1)

        async def needs() -> list[str]:
            fields = ("type", "ports", "mode", "load_balancer", "load_balancer_class")
            return of_service(await resolve({field: args.get(field) for field in fields}))

        async def check_late() -> None:
            raise_for("MixedProtocolService", name, _problems(name, await resolve(args)))
            await require(connection, needs, Row(self.urn), who)

        provider = provider_for(self, name, connection)
        base = args.get("name") or name
        fields = {field: value for field, value in args.items() if field not in {"connection", "container_ports"}}
        choice = chosen.output() if _asks(args) else None
        spec = _spec(camel(fields, MixedProtocolServiceArgs), choice, late=_is_late(args["ports"]))
        metadata: Any = {
            "namespace": gated(args["namespace"], connection, needs, self, who),
            "annotations": pulumi.Output.all(args.get("annotations") or {}, choice).apply(_annotations),
        }
        if args.get("labels"):
            metadata["labels"] = args["labels"]
        waits = awaited({field: value for field, value in args.items() if field != "connection"})
        children = []
        for part, protocol in parts.items():
            hook = f"MixedProtocolService-{name}{part}"
            checked = check_hook(hook, check_late)
            placed = place_hook(hook, base, connection, split=bool(part))
            updated = update_hook(hook, chosen)
            hooks = pulumi.ResourceHookBinding(before_create=[checked, placed], before_update=[checked, updated])
            called, own = (_ended(base, part), _part(spec, protocol)) if part else (base, spec)
            described: Any = {**metadata, "name": called}
            children.append(
                Service(
                    f"{name}{part}",
                    metadata=described,
                    spec=own,
                    opts=pulumi.ResourceOptions(parent=self, provider=provider, depends_on=waits, hooks=hooks),
                )
            )
        self._outputs(children, args)

    def _outputs(self, children: Sequence[Service], args: MixedProtocolServiceArgs) -> None:
        made: pulumi.Output[Any] = pulumi.Output.all(*(_seen(child) for child in children))
        self.name = made.apply(lambda found: str(found[0]["name"]))
        self.namespace = made.apply(lambda found: str(found[0]["namespace"]))
        self.cluster_ip = made.apply(lambda found: str(found[0]["cluster_ip"]))
        self.cluster_ips = made.apply(lambda found: [ip for each in found for ip in each["cluster_ips"]])
        self.dns_name = made.apply(lambda found: service.dns_name(found[0]["name"], found[0]["namespace"]))
        self.srv_names = made.apply(
            lambda found: {
                port["name"]: service.srv_name(port, each["name"], each["namespace"])
                for each in found
                for port in each["ports"]
            }
        )
        self.node_ports = made.apply(
            lambda found: {
                port["name"]: int(port["node_port"])
                for each in found
                for port in each["ports"]
                if port.get("node_port")
            }
        )
        self.env = made.apply(_environment)
        self.ready, self.addresses, self.port_errors = Watch(children, args).outputs()
        self.register_outputs(
            {
                "name": self.name,
                "namespace": self.namespace,
                "clusterIp": self.cluster_ip,
                "clusterIps": self.cluster_ips,
                "dnsName": self.dns_name,
                "srvNames": self.srv_names,
                "nodePorts": self.node_ports,
                "addresses": self.addresses,
                "portErrors": self.port_errors,
                "env": self.env,
                "ready": self.ready,
            }
        )

    @staticmethod
    def needs(args: Mapping[str, Any]) -> list[str]:
        """Return the features that a component with these arguments needs, as a Preflight takes them."""
        return of_service(plain(args))


def _problems(name: str, args: object) -> list[Problem]:
    shape, given = judged(args, MixedProtocolServiceArgs)
    if given.get("type") == "LoadBalancer" and given.get("connection") is None:
        remedy = "write the connection of a Target; a provider alone does not tell which cluster it is for"
        message = "it is required to ask what the cluster's load balancer takes"
        shape.append(Problem("connection", message, remedy, "own"))
    for field in ("load_balancer", "mode"):
        if isinstance(args, Mapping) and later(args.get(field)):
            message = "it is known only during the deployment"
            shape.append(
                Problem(field, message, "write it as plain text: it decides how many Services there are", "own")
            )
    values = {"name": name} | {field: value for field, value in given.items() if value is not None}
    choice, against = _balanced(values)
    if isinstance(values.get("annotations"), dict):
        # Their size is limited, and ours count.
        values["annotations"] = {**WAIT_FOR_ADDRESS, **choice.annotations, **values["annotations"]}
    return list(dict.fromkeys([*shape, *service.problems(values), *against]))


def _balanced(args: Mapping[str, Any]) -> tuple[balancing.Choice, list[Problem]]:
    """Return what the load balancer that the arguments name makes of them, and what it says against them."""
    named = args.get("load_balancer")
    if not isinstance(named, str) or args.get("type") != "LoadBalancer":
        return balancing.Choice(), []
    try:
        balancer = balancing.parse(named)
    except ValueError as problem:
        message, _, remedy = str(problem).partition("; ")
        return balancing.Choice(), [Problem("load_balancer", message, remedy, "own")]
    return balancing.choose(args, balancer)


def _unsafe(args: object) -> list[Problem]:
    return client_side_problems(plain(args)) if isinstance(args, Mapping) else []


def _parts(args: MixedProtocolServiceArgs) -> dict[str, str]:
    """Return the Services that there are: what each name ends in, with its protocol; one without an end for all."""
    values: dict[str, Any] = plain(args)
    if values.get("type") != "LoadBalancer":
        return {"": ""}
    named = values.get("load_balancer")
    balancer = balancing.parse(named) if named else None
    split = balancing.choose(values, balancer)[0].split if balancer else values.get("mode") == "split"
    protocols = service.protocols(values)
    return {f"-{each.lower()}": each for each in protocols} if split and len(protocols) > 1 else {"": ""}


def _asks(args: MixedProtocolServiceArgs) -> bool:
    """Tell whether the manifest depends on what the cluster is."""
    balanced = later(args.get("type")) or args.get("type") == "LoadBalancer"
    return balanced or (known(args.get("traffic_distribution")) and args.get("connection") is not None)


def _is_late(ports: Any) -> bool:
    """Tell whether how the ports are written out depends on what only the deployment knows."""
    if has_late_structure(ports, Sequence[ServicePortArgs]):
        return True
    fields = ("name", "port", "protocol", "node_port", "target_port")
    return any(later(port.get(field)) for port in ports for field in fields)


def _spec(fields: Any, choice: pulumi.Output[Any] | None, *, late: bool) -> Any:
    if choice is None and not late:
        return service.manifest(fields)

    def made(values: Sequence[Any]) -> dict[str, Any]:
        found, made_of = values[1] or {}, dict(values[0])
        for field, key in (("loadBalancerClass", "load_balancer_class"), ("loadBalancerIp", "load_balancer_ip")):
            if values[1] is not None:
                made_of.pop(field, None)
            if found.get(key):
                made_of[field] = found[key]
        minor = found.get("minor")
        return service.manifest(made_of, (int(minor[0]), int(minor[1])) if minor else None)

    both: pulumi.Output[Any] = pulumi.Output.all(fields, choice)
    return both.apply(made)


def _ended(name: Any, part: str) -> pulumi.Output[str]:
    return pulumi.Output.from_input(name).apply(lambda given: f"{given}{part}")


def _part(spec: Any, protocol: str) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(spec).apply(lambda whole: service.one_protocol(whole, protocol))


def _annotations(values: Sequence[Any]) -> dict[str, str]:
    given, choice = values
    return {**WAIT_FOR_ADDRESS, **((choice or {}).get("annotations") or {}), **given}


def _seen(child: Service) -> pulumi.Output[Any]:
    """Return what outputs tell of one Service, as plain values."""

    def told(metadata: Any, spec: Any) -> dict[str, Any]:
        ips = spec.cluster_ips or [spec.cluster_ip]
        return {
            "name": metadata.name or "",
            "namespace": metadata.namespace or "",
            "cluster_ip": spec.cluster_ip or "",
            "cluster_ips": [ip for ip in ips if ip and ip != service.HEADLESS],
            "ports": [dict(port) for port in spec.ports or []],
        }

    # Output.all would make plain dicts of both.
    found: pulumi.Output[Any] = child.metadata.apply(
        lambda metadata: child.spec.apply(lambda spec: told(metadata, spec))
    )
    return found


def _environment(found: Sequence[Any]) -> list[EnvVarArgs]:
    listed: list[Any] = []
    for each in found:
        host = service.dns_name(each["name"], each["namespace"])
        listed += service.environment(each["name"], host, each["ports"])
    return listed
