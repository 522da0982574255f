"""What the official engine does and the lab's does not: default providers, previews without cluster, --run-program."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pulumi
import pytest

from components import MixedProtocolService, Preflight, ResizableDeployment, Target, WasmRuntime
from components._update import update_hook
from components.actions import resize
from components.actions.errors import ConnectionProblem
from components.testing import CONNECTION, ClusterMocks
from tests.unit.components.test_target import KUBECONFIG
from tests.unit.components.test_workloads import resizable_args
from tests.unit.conftest import RecordingMonitor

PROVIDER = "pulumi:providers:kubernetes"
# Nobody listens there.
GONE = KUBECONFIG.replace("6443", "1")


@pulumi.runtime.test
async def test_a_component_without_provider_deploys_to_its_connection(mocks: ClusterMocks) -> None:
    """Else Pulumi would take the caller's own kubeconfig; every child has the provider that the component makes."""
    volumes = [{"name": "c", "config": {"name": "c", "data": {"a": "b"}}}]
    web = ResizableDeployment("web", resizable_args(volumes=volumes, disruption_budget={"max_unavailable": "1"}))
    service = MixedProtocolService(
        "dns",
        {"connection": CONNECTION, "namespace": "shop", "selector": {"a": "b"}, "ports": [{"name": "dns", "port": 53}]},
    )
    runtime = WasmRuntime("wasm", {"preset": "spin", "connection": CONNECTION})
    await web.ready.future()
    await service.ready.future()
    await runtime.name.future()

    assert CONNECTION["context"] == mocks.inputs(PROVIDER, "web")["context"]
    used = {f"{each.typ} {each.name}": each.provider for each in mocks.resources if each.typ.startswith("kubernetes:")}
    assert 5 == len(used)
    assert {key: key.split()[1].partition("/")[0] for key in used} == {
        key: str(provider).partition(f"{PROVIDER}::")[2].partition("::")[0] for key, provider in used.items()
    }


@pulumi.runtime.test
async def test_a_provider_that_is_given_is_taken(mocks: ClusterMocks) -> None:
    """By the component or by one above it; no other is made."""
    target = Target("target", {"kubeconfig": KUBECONFIG})
    on_target = pulumi.ResourceOptions(provider=target.provider)
    above = pulumi.ComponentResource("test:index:Above", "above", {}, on_target)
    ResizableDeployment("given", resizable_args(), on_target)
    web = ResizableDeployment("inherited", resizable_args(), pulumi.ResourceOptions(parent=above))
    await web.ready.future()

    assert ["target"] == [each.name for each in mocks.resources if each.typ == PROVIDER]


@pytest.mark.usefixtures("loop")
@pulumi.runtime.test
async def test_other_teams_mocks_need_no_outputs_of_a_cluster_stack() -> None:
    """The mocks of Pulumi's own documentation echo inputs, and a StackReference has no outputs among them."""

    class Echo(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
            return f"{args.name}_id", dict(args.inputs)

        def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
            del args
            return {}, []

    pulumi.runtime.set_mocks(Echo(), monitor=RecordingMonitor(Echo()))
    target = Target("target", {"stack": "acme/eks/prod"})
    connection = await target.connection.future()
    assert connection is not None
    assert "kubeconfig" in connection


@pytest.fixture
def unreached(mocks: ClusterMocks, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let components ask a cluster that does not answer, although Pulumi is played by mocks; give what is warned of."""
    del mocks
    for module in ("_ready", "_gate", "_service", "preflight", "target"):
        monkeypatch.setattr(f"components.{module}.mocked", lambda: False)
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, **_options: said.append(str(text)))
    return said


@pulumi.runtime.test
async def test_a_preview_goes_on_without_the_cluster(unreached: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is shown, with warnings of what it cannot tell."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    target = Target("target", {"kubeconfig": GONE})
    checked = Preflight("preflight", {"connection": target.connection, "features": ["resize"]})
    web = ResizableDeployment("web", resizable_args(connection=target.connection))

    assert await checked.passed.future()
    assert await web.ready.future()
    assert any("cannot tell whether this is the cluster that is meant" in text for text in unreached)
    # It is told by what runs beside the registrations.
    while not any("cannot tell whether an earlier run left work" in text for text in unreached):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pulumi.runtime.test
async def test_a_hook_goes_on_without_the_cluster_in_a_preview_only(
    unreached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an update would do to pods that nobody can see is unknown; an update that cannot see them fails."""
    hook = update_hook("web", {"kubeconfig": GONE}, {"rollback_on_failure": True}, 120)
    inputs = {"kind": "Deployment", "metadata": {"namespace": "shop", "name": "web"}, "spec": {}}
    given: Any = SimpleNamespace(
        urn="urn", new_inputs=inputs, old_inputs=inputs, old_outputs={"metadata": {"uid": "u"}}
    )
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    await cast(Any, hook.callback(given))
    await asyncio.sleep(0)  # it is written by the loop
    assert ["this preview cannot tell how this changes the running pods"] == [
        text.partition(":")[0] for text in unreached
    ]
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: False)
    with pytest.raises(ConnectionProblem):
        await cast(Any, hook.callback(given))


def test_an_update_without_the_cluster_fails(unreached: list[str]) -> None:
    """What a preview lets be stops an update."""
    del unreached

    @pulumi.runtime.test
    async def program() -> None:
        web = ResizableDeployment("web", resizable_args(connection={"kubeconfig": GONE}))
        await web.ready.future()

    with pytest.raises(Exception, match="does not answer"):
        program()


@pulumi.runtime.test
async def test_a_run_for_a_destroy_may_look_away(unreached: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With `--run-program` a broken workload would be in the way of its own removal."""
    del unreached
    monkeypatch.setenv("KUBERNETES_EMERGING_READY", "off")
    asked: list[object] = []
    monkeypatch.setattr("components.actions.connection.Connection.client", lambda *args, **_options: asked.append(args))
    checked = Preflight("preflight", {"connection": {"kubeconfig": GONE}, "features": ["resize"]})
    web = ResizableDeployment("web", resizable_args(connection={"kubeconfig": GONE}))

    assert await checked.passed.future()
    assert await web.ready.future()
    assert [] == asked


SMALL = {"requests": {"cpu": "100m"}, "limits": {}}


@pytest.mark.parametrize(
    ("recorded", "wanted", "expected"),
    [
        ({}, "200m", True),
        ({"web": SMALL}, "0.1", True),
        ({"web": {"requests": {"cpu": "100m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}}}, "100m", True),
        ({"web": SMALL}, "200m", False),
        ({"other": SMALL}, "100m", False),
    ],
)
def test_what_is_on_record_is_told_from_what_a_program_wants(recorded: Any, wanted: str, expected: bool) -> None:
    """An engine that was told of other targets leaves a workload as it is on record."""
    spec = {"template": {"spec": {"containers": [{"name": "web", "resources": {"requests": {"cpu": wanted}}}]}}}
    assert expected == resize.is_recorded(recorded, {"kind": "Deployment", "spec": spec})
