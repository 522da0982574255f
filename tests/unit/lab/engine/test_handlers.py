"""Who does the steps of a resource."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine.command import Command
from lab.engine.errors import Unsupported
from lab.engine.handlers import Handlers
from lab.engine.model import Goal
from lab.engine.processes import Processes
from lab.engine.providers import Providers
from lab.engine.state import State
from lab.engine.values import Object
from tests.unit.lab.engine.fakes import FakeCluster

PROVIDER = "urn:pulumi:dev::demo::pulumi:providers:kubernetes::cluster"
MAP = {"urn": "urn:pulumi:dev::demo::kubernetes:core/v1:ConfigMap::a", "type": "kubernetes:core/v1:ConfigMap"}


class Register:
    """Stands for the lock."""

    def begun(self, pid: int) -> None:
        """Note nothing."""

    def ended(self, pid: int) -> None:
        """Strike out nothing."""


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> Providers:
    """Give providers of a fake cluster."""
    FakeCluster.reset()
    monkeypatch.setattr("lab.engine.kubernetes.Cluster", FakeCluster)
    return Providers(threading.Event())


@pytest.fixture
def handlers(providers: Providers, tmp_path: Path) -> Iterator[Handlers]:
    """Give handlers for a state that knows one provider."""
    state = State(tmp_path)
    state.put({"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "id": "1", "inputs": {"kubeconfig": "recorded"}})
    yield Handlers(state, providers, Processes(Register()), tmp_path)
    state.close()


def goal(type_: str) -> Goal:
    """Make a registration."""
    return Goal(type_, "n", "", True, {}, [], {})


@pytest.mark.parametrize(
    "type_",
    [
        *("command:remote:Command", "command:remote:CopyToRemote", "random:index:RandomId", "pulumi:providers:aws"),
        *("kubernetes:core/v1:ConfigMapPatch", "kubernetes:core/v1:ConfigMapList"),
    ],
)
def test_unknown_types_are_named(handlers: Handlers, type_: str) -> None:
    """What this engine does not do is refused by its type."""
    with pytest.raises(Unsupported, match=f"resources of type {type_}:"):
        handlers.of_goal(goal(type_))


def test_commands(handlers: Handlers) -> None:
    """A Command needs no provider; the package's own has no settings."""
    assert isinstance(handlers.of_goal(goal("command:local:Command")), Command)
    provider = handlers.of_goal(goal("pulumi:providers:command"))
    assert {"version": "1"} == provider.check("n", {"version": "1"}, None)
    with pytest.raises(Unsupported, match=r"command\.Provider settings host"):
        provider.check("n", {"host": "x"}, None)


def test_a_recorded_provider(handlers: Handlers) -> None:
    """A resource of an earlier run is done with the provider as it is recorded."""
    resource: Object = {**MAP, "provider": f"{PROVIDER}::1"}
    handlers.of_resource(resource)
    assert ["recorded"] == FakeCluster.servers


def test_a_provider_of_this_run(handlers: Handlers, providers: Providers) -> None:
    """What this run registered holds, also in a preview, which does not record it."""
    providers.configure(f"{PROVIDER}::1", {"kubeconfig": "new"})
    handlers.of_resource({**MAP, "provider": f"{PROVIDER}::1"})
    assert ["new"] == FakeCluster.servers
