"""What a Preflight gates, tells and refuses, with the facts of a cluster that a test makes up."""

from typing import Any, cast

import pulumi
import pytest

from components import (
    InvalidArgs,
    MixedProtocolService,
    Preflight,
    ResizableDeployment,
    ResizableStatefulSet,
    SidecarWorkload,
    WasmRuntime,
    WasmWorkload,
)
from components._gate import gated, require
from components._live import Row
from components.actions.errors import ConnectionProblem
from components.model.facts import Cluster
from components.preflight import PreflightArgs
from components.testing import CONNECTION, ClusterMocks
from tests.unit.model.clusters import CORE, cluster, lab_node

NO_RESIZE = cluster(core_resources=CORE - {"pods/resize"})
ARGS: PreflightArgs = {"connection": CONNECTION, "features": ["resize"], "namespaces": ["shop"]}


class Live:
    """A cluster that is looked at although Pulumi is played by mocks: it tells what a test sets, or does not answer."""

    def __init__(self) -> None:
        self.facts: Cluster | Exception = cluster()
        self.looks: list[tuple[str, ...]] = []
        self.said: list[tuple[str, str]] = []

    def observe(self, _client: object, features: Any, namespaces: Any) -> Cluster:
        """Tell the facts."""
        self.looks.append((*map(str, features), *namespaces))
        if isinstance(self.facts, Exception):
            raise self.facts
        return self.facts


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, mocks: ClusterMocks) -> Live:
    """Put such a cluster behind every connection, and keep what is logged."""
    del mocks
    found = Live()
    for module in ("_gate", "preflight"):
        monkeypatch.setattr(f"components.{module}.mocked", lambda: False)
    monkeypatch.setattr("components.actions.connection.Connection.client", lambda *_args, **_options: object())
    monkeypatch.setattr("components.actions.preflight.checking.observe", found.observe)
    for level in ("info", "warn"):
        monkeypatch.setattr(
            pulumi.log, level, lambda text, _level=level, **_options: found.said.append((_level, str(text)))
        )
    return found


def warnings(live: Live) -> list[str]:
    """Return what was warned of."""
    return [text for level, text in live.said if level == "warn"]


@pulumi.runtime.test
async def test_what_passes_is_given_on(live: Live) -> None:
    """The connection stays a secret; the answers are no secret; one look was enough."""
    made = Preflight("p", ARGS)

    assert await made.passed.future()
    assert CONNECTION == await made.connection.future()
    assert await made.connection.is_secret()
    assert not await made.findings.is_secret()
    answers = {each["subject"]: each["answer"] for each in await made.findings.future() or []}
    assert "yes" == answers["resize"]
    assert [("resize", "shop")] == live.looks


@pytest.mark.parametrize("preview", [True, False])
def test_a_no_gives_nothing_on(live: Live, monkeypatch: pytest.MonkeyPatch, preview: bool) -> None:
    """Neither in a preview nor in an update; what depends on it is never registered."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: preview)
    live.facts = NO_RESIZE
    reached: list[bool] = []

    @pulumi.runtime.test
    async def program() -> None:
        made = Preflight("p", ARGS)
        with pytest.raises(pulumi.RunError, match=r"cannot do what this stack uses(?s:.*)resize: no: the API server"):
            await made.passed.apply(reached.append).future()

    with pytest.raises(Exception, match="cannot do what this stack uses"):
        program()
    assert not reached


@pulumi.runtime.test
async def test_what_can_be_done_without_warns(live: Live) -> None:
    """A no to something optional, and every unknown, is a warning with its remedy."""
    live.facts = cluster(core_resources=CORE - {"pods/resize"}, nodes=(lab_node(handlers=frozenset()),))
    made = Preflight("p", {**ARGS, "features": ["resize?", "wasm=spin"]})

    assert await made.passed.future()
    said = "\n".join(warnings(live))
    assert "resize: no: the API server does not serve pods/resize -> turn the feature gate" in said
    assert "wasm=spin: unknown: whether node lab has the handler 'spin' is unknown" in said


@pulumi.runtime.test
async def test_a_preview_that_reaches_nobody_warns_and_passes(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names that pass through it are known all the same."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    live.facts = ConnectionProblem("https://x does not answer", "check it")
    made = Preflight("p", ARGS)

    assert "name" == await made.passed.apply(lambda _: "name").future()
    assert ["this preview cannot tell what the cluster can do: https://x does not answer: check it"] == warnings(live)


def test_an_update_that_reaches_nobody_fails(live: Live) -> None:
    """Nothing is deployed on a guess."""
    live.facts = ConnectionProblem("https://x does not answer", "check it")

    @pulumi.runtime.test
    async def program() -> None:
        await Preflight("p", ARGS).passed.future()

    with pytest.raises(pulumi.RunError, match="https://x does not answer: check it"):
        program()


@pulumi.runtime.test
async def test_unfinished_work_is_told(live: Live) -> None:
    """Whatever the program changes."""
    live.facts = cluster(unfinished=("Deployment shop/web is paused in a resize",))
    assert await Preflight("p", ARGS).passed.future()
    (said,) = warnings(live)
    assert "an earlier run left work unfinished" in said
    assert said.endswith("Deployment shop/web is paused in a resize")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"connection": CONNECTION, "features": ["resise"]}, "features[0]: 'resise' is no feature; write resize"),
        ({"connection": CONNECTION, "features": ["wasm"]}, "features[0]: it names no handler; write wasm=<handler>"),
        ({"features": ["resize"]}, "connection: it is required"),
        ({"connection": CONNECTION}, "features: it is required; write a list"),
        ({"connection": CONNECTION, "features": [], "namespaces": ["A"]}, "namespaces[0]: 'A' is not"),
        ({"connection": CONNECTION, "features": [], "namespace": "a"}, "namespace: there is no such field"),
    ],
)
def test_bad_arguments(mocks: ClusterMocks, args: dict[str, Any], words: str) -> None:
    """Each is refused before anything is registered."""
    with pytest.raises(InvalidArgs) as caught:
        Preflight("p", cast(PreflightArgs, args))
    assert words in str(caught.value)
    assert [] == mocks.resources


async def _needs_resize() -> list[str]:
    return ["resize"]


@pulumi.runtime.test
async def test_a_component_is_released_by_its_own_needs(live: Live) -> None:
    """Its inputs are known once the cluster can."""
    component = pulumi.ComponentResource("tests:index:Any", "any", {}, None)
    value: Any = gated("shop", CONNECTION, _needs_resize, component, "Any 'any'")

    assert "shop" == await value.future()
    assert [("resize",)] == live.looks


def test_a_component_is_held_by_its_own_needs(live: Live) -> None:
    """What passes through the gate is never known."""
    live.facts = NO_RESIZE
    reached: list[str] = []

    @pulumi.runtime.test
    async def program() -> None:
        component = pulumi.ComponentResource("tests:index:Any", "any", {}, None)
        held: Any = gated("shop", CONNECTION, _needs_resize, component, "Any 'any'")
        held.apply(reached.append)

    with pytest.raises(pulumi.RunError, match="Any 'any' needs what this cluster cannot do; nothing of it was chan"):
        program()
    assert not reached


@pulumi.runtime.test
async def test_a_preview_leaves_values_as_they_are(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the hooks ask: an input that waited could become unknown."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    live.facts = NO_RESIZE
    component = pulumi.ComponentResource("tests:index:Any", "any", {}, None)

    assert "shop" == gated("shop", CONNECTION, _needs_resize, component, "Any 'any'")
    row: Any = None
    with pytest.raises(pulumi.RunError, match="resize: no"):
        await require(CONNECTION, _needs_resize, row, "Any 'any'")


@pytest.mark.parametrize(("settled", "preview", "warned"), [(True, False, 0), (True, True, 1), (False, False, 1)])
def test_what_the_update_settles_itself_is_warned_of_in_a_preview_alone(
    live: Live, monkeypatch: pytest.MonkeyPatch, settled: bool, preview: bool, warned: int
) -> None:
    """A canary tells whether a handler works where the nodes tell nothing."""
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: preview)
    live.facts = cluster(nodes=(lab_node(handlers=frozenset()),))

    async def needs() -> list[str]:
        return ["wasm=spin"]

    @pulumi.runtime.test
    async def program() -> None:
        component = pulumi.ComponentResource("tests:index:Any", "any", {}, None)
        await require(CONNECTION, needs, Row(component.urn), "Any 'any'", settled=settled)

    program()
    assert warned == len(warnings(live))


CONTAINER = {"name": "c", "image": "i"}
BROUGHT = {
    "volumes": [{"name": "v", "config": {"name": "c"}}],
    "disruption_budget": {"min_available": "1"},
    "pod_security": "baseline",
}
TCP = {"port": 1}


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        (SidecarWorkload.needs({"sidecars": [CONTAINER]}), ["sidecars", "resize?", "kind=Deployment"]),
        (ResizableDeployment.needs({"containers": [CONTAINER]}), ["resize?", "kind=Deployment"]),
        (ResizableStatefulSet.needs({"containers": [CONTAINER]}), ["resize?", "kind=StatefulSet"]),
        (ResizableDeployment.needs({"in_place": "off"}), ["kind=Deployment"]),
        (ResizableDeployment.needs({"in_place": "off", "sidecars": [CONTAINER]}), ["sidecars", "kind=Deployment"]),
        (
            ResizableDeployment.needs({**BROUGHT, "in_place": "off"}),
            ["kind=Deployment", "kind=ConfigMap", "kind=PodDisruptionBudget", "pod-security=baseline"],
        ),
        (
            ResizableDeployment.needs(
                {"in_place": "off", "volumes": [{"name": "v", "host_path": {}}], "allow_host_path": True}
            ),
            ["kind=Deployment", "pod-security=privileged"],
        ),
        (WasmWorkload.needs({"in_place": "off", "runtime": {"class_name": "c"}}), ["kind=Deployment"]),
        (
            WasmWorkload.needs({"in_place": "off", "runtime": {"class_name": "c", "handler": "spin"}}),
            ["wasm=spin", "kind=Deployment"],
        ),
        (
            WasmRuntime.needs({"handler": "spin", "scheduling": {"node_selector": {"pool": "w", "a/b": "c"}}}),
            ["wasm=spin@a/b=c,pool=w"],
        ),
        (
            WasmWorkload.needs({"in_place": "off", "runtime": {"class_name": "c", "handler": "spin", "proved": True}}),
            ["kind=Deployment"],
        ),
        (MixedProtocolService.needs({"ports": [{"name": "a", "port": 1}]}), []),
        (
            MixedProtocolService.needs({"ports": [{"port": 1}, {"port": 2, "protocol": "UDP"}]}),
            ["mixed-protocol"],
        ),
        (MixedProtocolService.needs({"type": "LoadBalancer", "ports": [{"port": 1}]}), ["load-balancer"]),
        (
            MixedProtocolService.needs(
                {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 2, "protocol": "UDP"}]}
            ),
            ["mixed-protocol", "mixed-protocol-load-balancer"],
        ),
        (
            MixedProtocolService.needs(
                {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 1, "protocol": "UDP"}]}
            ),
            ["mixed-protocol", "same-port-load-balancer"],
        ),
    ],
)
def test_components_name_what_they_need(needs: list[str], expected: list[str]) -> None:
    """By their arguments; what the deployment decides later needs nothing yet."""
    assert expected == needs


@pytest.mark.parametrize("component", [SidecarWorkload, ResizableDeployment, WasmWorkload])
def test_a_provider_without_a_target_is_no_cluster(mocks: ClusterMocks, component: Any) -> None:
    """A component that watches and resizes says that it needs a connection, and does not quietly do less."""
    args = {"namespace": "shop", "containers": [CONTAINER]}
    with pytest.raises(InvalidArgs, match=r"connection: it is required for watching and resizing what runs; write the"):
        component("web", args, pulumi.ResourceOptions())
    assert [] == mocks.resources


def test_a_load_balancer_is_not_taken_on_trust(mocks: ClusterMocks) -> None:
    """Without a connection nobody could ask what it takes."""
    with pytest.raises(InvalidArgs, match="connection: it is required to ask what the cluster's load balancer takes"):
        MixedProtocolService(
            "s", {"namespace": "n", "selector": {"a": "b"}, "type": "LoadBalancer", "ports": [{"name": "a", "port": 1}]}
        )
    assert [] == mocks.resources
