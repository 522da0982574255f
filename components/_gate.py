"""Whether the cluster can do what a component needs: asked once in a run, before the component's children are touched.

Children take their inputs through the answer, so that a `no` stops an update before the first change of that component
(a whole stack is stopped by a Preflight). A preview asks in the children's hooks: there an input that waited for an
answer could make a known value unknown.
"""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import pulumi

from components._hooks import connect, unreached
from components._live import Row, in_thread, is_off, mocked
from components.actions import preflight
from components.actions.client import Client
from components.actions.connection import Connection
from components.actions.errors import ActionError
from components.model.facts import Cluster
from components.model.feature import Feature, parse
from components.model.finding import Finding, Report

_R = TypeVar("_R")
Needs = Callable[[], Awaitable[Sequence[str]]]
"""Gives the features that a component needs, once its arguments are there."""


class _Asked:
    """What was asked in one run, by its event loop: a client for each cluster, and which warnings were given."""

    def __init__(self) -> None:
        self.clients: dict[Connection, Client] = {}
        self.told: set[tuple[Connection, Finding]] = set()

    def client(self, reached: Connection) -> Client:
        """Return the client of this cluster; it asks each question once."""
        if reached not in self.clients:
            self.clients[reached] = reached.client(remember=True)
        return self.clients[reached]


_asked: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Asked] = weakref.WeakKeyDictionary()


async def ask(
    reached: Connection, features: Sequence[Feature], row: Row, namespaces: Sequence[str] = ()
) -> Report | None:
    """Return what this cluster can do of the features; None, with a warning, in a preview that cannot reach it.

    Raises RunError when an update cannot reach the cluster, and for whatever else keeps it from answering.
    """
    deploying = not pulumi.runtime.is_dry_run()
    return await look(reached, row, lambda client: preflight.check(client, features, namespaces, deploying=deploying))


def warn_once(reached: Connection, report: Report, row: Row) -> None:
    """Warn of every answer that is not yes and stops nothing, unless another component has warned of it in this run."""
    asked = _asked.setdefault(asyncio.get_running_loop(), _Asked())
    for finding in report.warnings:
        if (reached, finding) not in asked.told:
            asked.told.add((reached, finding))
            row.warn(str(finding))


async def observed(reached: Connection, row: Row, *, balancers: bool) -> Cluster | None:
    """Return what this cluster tells of itself; None, with a warning, in a preview that cannot reach it.

    Its load balancers are looked for where asked. What other components asked in this run is not asked again.
    """
    wanted = [Feature("load-balancer" if balancers else "mixed-protocol")]
    return await look(reached, row, lambda client: preflight.observe(client, wanted))


async def look(
    reached: Connection, row: Row, question: Callable[[Client], _R], what: str = "what the cluster can do"
) -> _R | None:
    """Ask this run's client of the cluster; None, with a warning of `what` is unknown, in a preview without it."""
    asked = _asked.setdefault(asyncio.get_running_loop(), _Asked())
    try:
        with unreached(row, f"tell {what}"):
            return await in_thread(lambda: question(asked.client(reached)), at_exit="end")
    except ActionError as problem:
        raise pulumi.RunError(str(problem)) from None
    return None


async def require(connection: Any, needs: Needs, row: Row, who: str, *, settled: bool = False) -> None:
    """Raise RunError where the cluster cannot do a feature that `who` needs; warn of what is not known.

    `settled` says that an update settles what is not known in another way, so that only a preview warns.
    """
    if connection is None or mocked() or is_off():
        return
    reached, features = await connect(connection), [parse(text) for text in await needs()]
    if reached is None or not features:
        return
    report = await ask(reached, features, row)
    if report is None:
        return
    if report.stops:
        raise pulumi.RunError(refusal(f"{who} needs what this cluster cannot do; nothing of it was changed", report))
    if not settled or pulumi.runtime.is_dry_run():
        warn_once(reached, report, row)


def refusal(head: str, report: Report) -> str:
    """Return what stops a deployment, in words."""
    return "\n".join([f"{head}:", *(f"  {finding}" for finding in report.stops)])


def gated(
    value: Any, connection: Any, needs: Needs, component: pulumi.Resource, who: str, *, settled: bool = False
) -> Any:
    """Return the value once the cluster is known to do what is needed; as it is in a preview, or with nobody to ask."""
    if connection is None or mocked() or pulumi.runtime.is_dry_run():
        return value

    async def release(values: Sequence[Any]) -> Any:
        await require(connection, needs, Row(component.urn), who, settled=settled)
        return values[1]

    both: pulumi.Output[Any] = pulumi.Output.all(connection, value)
    return pulumi.Output.unsecret(both.apply(release))
