"""What MixedProtocolService does beside Pulumi's own: asks about load balancers, says what updates mean, and waits."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pulumi
from pulumi import ResourceHook, ResourceHookArgs

from components._errors import InvalidArgs
from components._gate import observed
from components._hooks import connect, has_unknown, hook
from components._live import Row, critical_sections_done, in_thread, is_off, mocked
from components._shape import resolve
from components.actions import service_readiness
from components.actions.client import path_of
from components.actions.connection import Connection
from components.actions.errors import ActionError
from components.model import balancing, service, service_change, service_fields
from components.model.container import PROTOCOLS
from components.model.facts import Balancer, Unseen
from components.model.problem import Problem, entries

DEFAULT_PATIENCE = 120
BALANCER_PATIENCE = 300
WAIT_FOR_ADDRESS = {"pulumi.com/waitFor": "jsonpath={.spec.clusterIP}"}
"""Ends the provider's own await at once, also for a headless Service, whose cluster IP reads `None`."""
_CLIENT_SIDE = ("0", "false", "f")


_DECIDING = (
    *("namespace", "name", "type", "mode", "load_balancer", "ports", "container_ports", "internal", "target_type"),
    *("load_balancer_ip", "load_balancer_class", "health_check_port", "allocate_load_balancer_node_ports"),
    *("external_traffic_policy", "traffic_distribution", "session_affinity", "ip_families", "ip_family_policy"),
    "annotations",
)


class Chosen:
    """What its load balancer makes of a Service, and its cluster's version: by the arguments, and the live cluster."""

    def __init__(self, name: str, args: Mapping[str, Any], component: pulumi.Resource, *, split: bool) -> None:
        self._name = name
        self._split = split
        self._args = args
        self._component = component

    def output(self) -> pulumi.Output[Any]:
        """Return the choice as an output; not known in a preview that lacks a value that decides, or the cluster.

        A load balancer that is named needs no look at the cluster, so that every preview shows what comes.
        """
        values = {field: self._args.get(field) for field in _DECIDING}
        connection, named = self._args.get("connection"), self._args.get("load_balancer")
        asks = connection is not None and not mocked() and (not named or values["traffic_distribution"] is not None)
        seen: pulumi.Output[Any] = pulumi.Output.from_input(None)
        if asks:
            live: pulumi.Output[Any] = pulumi.Output.all(connection).apply(lambda _: self._look())
            seen = pulumi.Output.unsecret(live)
        elif not named:
            return seen
        both: pulumi.Output[Any] = pulumi.Output.all(seen, values)
        return both.apply(lambda found: self._told(asked=asks, seen=found[0], values=found[1]))

    async def balancer(self) -> str:
        """Return which load balancer serves, "" where that is not known."""
        named = self._args.get("load_balancer")
        if named:
            return balancing.parse(named).implementation
        seen = None if mocked() or self._args.get("connection") is None else await self._look()
        there = [Balancer(*each) for each in seen["there"]] if seen else []
        found = balancing.pick(there, await resolve(self._args.get("load_balancer_class")))
        return found.implementation if found else ""

    async def _look(self) -> dict[str, Any] | None:
        """Return what the live cluster shows; it is asked once in a run."""
        row, reached = Row(self._component.urn), await connect(self._args.get("connection"))
        balanced = await resolve(self._args.get("type")) == "LoadBalancer"
        cluster = None if reached is None else await observed(reached, row, balancers=balanced)
        if cluster is None:
            return None
        there = () if isinstance(cluster.balancers, Unseen) else cluster.balancers
        return {"there": [[each.implementation, each.version] for each in there], "minor": list(cluster.minor)}

    def _told(self, *, asked: bool, seen: Any, values: Mapping[str, Any]) -> dict[str, Any] | None:
        if asked and seen is None and not values.get("load_balancer"):
            return None  # a preview that cannot reach the cluster
        minor = (int(seen["minor"][0]), int(seen["minor"][1])) if seen else None
        return self._decide([Balancer(*each) for each in seen["there"]] if seen else [], minor, values)

    def _decide(
        self, there: Sequence[Balancer], minor: tuple[int, int] | None, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        args = {"name": self._name} | {field: value for field, value in values.items() if value is not None}
        wrong: list[Problem] = list(service_fields.distribution(args.get("traffic_distribution"), minor))
        balancer, choice = None, balancing.Choice()
        if args.get("type") == "LoadBalancer":
            named = args.get("load_balancer")
            balancer = balancing.parse(named) if named else balancing.pick(there, args.get("load_balancer_class"))
            choice, against = balancing.choose(args, balancer)
            wrong += against
            wrong += [] if named or against else balancing.contested(args, there, choice)
            if choice.split and not self._split and not against:
                # How many children there are has to be known before the cluster is asked.
                message = "its load balancer takes one protocol for each Service"
                wrong.append(Problem("mode", message, "write mode: split, or load_balancer with what serves here"))
        if wrong:
            raise InvalidArgs("MixedProtocolService", self._name, wrong)
        return {**asdict(choice), "minor": minor}


def client_side_problems(args: Mapping[str, Any]) -> list[Problem]:
    """Return why a pair of one number is not safe with client-side apply, which merges ports by number alone."""
    setting = pulumi.Config("kubernetes").get("enableServerSideApply")
    if setting is None:
        setting = os.environ.get("PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", "")
    numbers = [port.get("port") for _, port in service.expanded(entries(args.get("ports")))]
    if setting.lower() not in _CLIENT_SIDE or len(numbers) == len(set(map(str, numbers))):
        return []
    remedy = "take enableServerSideApply: false away from the provider's configuration (kubernetes#105610)"
    return [Problem("ports", "client-side apply loses one of two protocols on one number", remedy, "client-side")]


def update_hook(name: str, chosen: Chosen) -> ResourceHook:
    """Return the hook that says what an update interrupts, and refuses what the API server lets nobody change."""

    async def before_update(given: ResourceHookArgs) -> None:
        old, new = await resolve(given.old_outputs), await resolve(given.new_inputs)
        row = Row(given.urn)
        if has_unknown(new.get("spec")):
            row.info("what this changes for the Service's clients is not known before the deployment")
            return
        live, desired = (old or {}).get("spec") or {}, new.get("spec") or {}
        balancer = await chosen.balancer() if desired.get("type") == "LoadBalancer" else ""
        if refused := list(service_change.refusals(live, desired)):
            raise pulumi.RunError("\n".join(["this cannot become of the Service; nothing was changed:", *refused]))
        for text in service_change.effects(live, desired, balancer):
            row.warn(text)

    return hook(f"{name}-change", before_update)


def place_hook(name: str, base: Any, connection: Any, *, split: bool) -> ResourceHook:
    """Return the hook that says what a new Service interrupts: those of the other mode, or the one that it replaces."""

    async def before_create(given: ResourceHookArgs) -> None:
        reached, new = await connect(connection) if connection is not None else None, await resolve(given.new_inputs)
        if mocked() or reached is None or has_unknown(new):
            return
        whole = await resolve(base)
        others = [whole] if split else [f"{whole}-{each.lower()}" for each in PROTOCOLS]
        metadata, row = new["metadata"], Row(given.urn)
        try:
            live = await in_thread(_there, reached, metadata["namespace"], metadata["name"], others)
        except ActionError:
            return  # a preview may not reach it, and the update says so itself
        for text in (each for found in live for each in _displaced(found, new, metadata["name"])):
            row.warn(text)

    return hook(f"{name}-place", before_create)


def _displaced(live: Mapping[str, Any], new: Mapping[str, Any], name: str) -> Iterator[str]:
    called = live["metadata"]["name"]
    if called == name:
        yield from service_change.replacement(live["spec"], new["spec"])
    elif live["spec"].get("selector") == new["spec"].get("selector"):
        yield (
            f"it takes the place of Service {called}, which goes: the address may be another one, and a load "
            "balancer's pauses until the old one has let go of it"
        )


def _there(reached: Connection, namespace: str, name: str, others: Sequence[str]) -> list[dict[str, Any]]:
    with reached.client() as client:
        found = [client.find(path_of("v1", "services", namespace, each)) for each in (name, *others)]
    return [each for each in found if each is not None]


class Watch:
    """Watches the Services of a component once, for all outputs that need it."""

    def __init__(self, children: Sequence[pulumi.CustomResource], args: Mapping[str, Any]) -> None:
        self._children = children
        self._args = args

    def outputs(self) -> tuple[pulumi.Output[bool], pulumi.Output[Any], pulumi.Output[Any]]:
        """Return ready, addresses and port errors. The first raises RunError with the cause, on every run."""
        connection = self._args.get("connection")
        metadata = [child.metadata for child in self._children]  # type: ignore[attr-defined]
        if mocked() or pulumi.runtime.is_dry_run() or connection is None or is_off():
            done = pulumi.Output.all(*metadata).apply(lambda _: True)
            told: pulumi.Output[Any] = pulumi.Output.all(
                *(child.status.apply(_addresses) for child in self._children)  # type: ignore[attr-defined]
            )
            return (
                done,
                told.apply(lambda each: [*dict.fromkeys(ip for part in each for ip in part)]),
                told.apply(lambda _: []),
            )
        args = {name: self._args.get(name) for name in ("type", "patience_seconds", "wait_for_pods")}
        places = [each.apply(lambda found: [found.namespace, found.name]) for each in metadata]
        # What the Service asks for is part of it, so that every change is waited for.
        specs = [child.spec for child in self._children]  # type: ignore[attr-defined]

        async def wait(values: Sequence[Any]) -> dict[str, Any]:
            return await self._wait(values[0], values[1], values[2])

        everything: pulumi.Output[Any] = pulumi.Output.all(connection, args, places, specs)
        found: pulumi.Output[dict[str, Any]] = pulumi.Output.unsecret(everything.apply(wait))
        ready: pulumi.Output[bool] = found.apply(_raise)
        return (
            ready,
            found.apply(lambda seen: seen["addresses"]),
            found.apply(lambda seen: seen["port_errors"]),
        )

    async def _wait(self, connection: Any, args: Mapping[str, Any], places: Sequence[Any]) -> dict[str, Any]:
        reached = await connect(connection)
        assert reached is not None  # noqa: S101  # an update knows it
        balanced = args.get("type") == "LoadBalancer"
        patience = float(args.get("patience_seconds") or (BALANCER_PATIENCE if balanced else DEFAULT_PATIENCE))
        row, stop = Row(self._children[0].urn), threading.Event()

        def wait() -> dict[str, Any]:
            return _watch(reached, places, patience, args.get("wait_for_pods") is not False, stop, row.progress)

        try:
            return await in_thread(wait, at_exit="end")
        except ActionError as problem:
            await critical_sections_done()
            raise pulumi.RunError(str(problem)) from None
        finally:
            stop.set()


def _watch(
    reached: Connection,
    places: Sequence[Any],
    patience: float,
    pods: bool,  # private
    stop: threading.Event,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    addresses: list[str] = []
    errors: list[str] = []
    failures: list[str] = []
    with reached.client() as client:
        for namespace, name in places:
            try:
                seen = service_readiness.wait_ready(
                    client, namespace, name, patience=patience, pods=pods, stop=stop, progress=progress
                )
            except service_readiness.ServiceNotReady as problem:
                failures.append(str(problem))
                seen = service_readiness.look(client, namespace, name)
            addresses += seen.addresses
            errors += seen.port_errors
    return {"addresses": list(dict.fromkeys(addresses)), "port_errors": errors, "failures": failures}


async def _raise(seen: Mapping[str, Any]) -> bool:
    if seen["failures"]:
        await critical_sections_done()
        raise pulumi.RunError("\n".join(seen["failures"]))
    return True


def _addresses(status: Any) -> list[str]:
    ingress = getattr(getattr(status, "load_balancer", None), "ingress", None) or []
    return [each.ip or each.hostname for each in ingress if each.ip or each.hostname]
