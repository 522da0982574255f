"""Outputs that follow from a workload's arguments, and what is told of questionable ones, on mocks."""

from typing import Any

import pulumi
import pytest

from components import ResizableDeployment, SidecarWorkload, WasmWorkload
from components.testing import CONNECTION, ClusterMocks

BOTH = {"cpu": "100m", "memory": "64Mi"}
STARTUP = {"tcp_socket": {"port": "9090"}}


def args(**more: Any) -> Any:
    """Return the arguments of a Guaranteed pod with an init container and two sidecars."""
    made: dict[str, Any] = {
        "connection": CONNECTION,
        "namespace": "shop",
        "init_containers": [{"name": "migrate", "image": "i", "resources": {"limits": BOTH}}],
        "sidecars": [
            {"name": "proxy", "image": "i", "startup_probe": STARTUP, "resources": {"limits": BOTH}},
            {"name": "logs", "image": "i", "gates_start": False, "resources": {"limits": BOTH}},
        ],
        "containers": [{"name": "app", "image": "i", "resources": {"limits": BOTH}}],
    }
    return {**made, **more}


async def facts(workload: Any) -> list[Any]:
    """Return what a workload tells of its pods."""
    found = (workload.effective_requests, workload.qos_class, workload.start_order, workload.stop_order)
    return [await each.future() for each in found]


@pulumi.runtime.test
async def test_facts_follow_from_the_arguments(mocks: ClusterMocks) -> None:
    """What is reserved, the class, and both orders."""
    del mocks
    assert [
        {"cpu": "300m", "memory": "192Mi"},
        "Guaranteed",
        ["migrate", "proxy", "logs", "app"],
        ["app", "logs", "proxy"],
    ] == await facts(SidecarWorkload("app", args()))


@pulumi.runtime.test
async def test_facts_are_those_of_the_patched_pod(mocks: ClusterMocks) -> None:
    """A container and a size that the patch brings count."""
    del mocks
    patch = {
        "containers": [{"name": "app", "resources": {"limits": {"cpu": "1"}}}, {"name": "more", "image": "i"}],
    }

    requests, qos, start, stop = await facts(SidecarWorkload("app", args(pod_spec_patch=patch)))
    assert ({"cpu": "1200m", "memory": "192Mi"}, "Burstable") == (requests, qos)
    assert (["migrate", "proxy", "logs", "app", "more"], ["app", "more", "logs", "proxy"]) == (start, stop)


@pytest.mark.parametrize(
    "group",
    [
        "left to the API server",
        [{"name": "x", "image": "i", "lifecycle": "no", "resources": "no", "restartPolicy": "Always"}],
        [{"name": "x", "image": "i", "lifecycle": {"preStop": {"exec": "kill"}}, "restartPolicy": "Always"}],
    ],
)
@pulumi.runtime.test
async def test_what_is_left_to_the_api_server_is_no_crash(mocks: ClusterMocks, group: Any) -> None:
    """A patch may hold anything in places that only the API server judges."""
    del mocks
    patch = {"initContainers": group, "resources": {"limits": "no"}}

    assert "app" == (await facts(SidecarWorkload("app", args(pod_spec_patch=patch))))[3][0]


@pulumi.runtime.test
async def test_facts_are_known_while_images_and_files_are_not(mocks: ClusterMocks) -> None:
    """In a preview only what decides a fact can make it unknown: an image, a file or a name of a ConfigMap does not."""
    del mocks
    late: Any = pulumi.Output.from_input(pulumi.UNKNOWN)
    volumes = [{"name": "files", "config": {"name": "files", "data": {"a": late}}}]
    container = {"name": "app", "image": late, "resources": {"limits": BOTH}}
    container["volume_mounts"] = [{"name": "files", "mount_path": "/a"}]
    workload: Any = SidecarWorkload("app", args(containers=[container], volumes=volumes))

    for output in (workload.effective_requests, workload.qos_class, workload.start_order, workload.stop_order):
        assert await output.is_known()


@pulumi.runtime.test
async def test_facts_come_with_their_arguments(mocks: ClusterMocks) -> None:
    """A list of sidecars that comes as a whole makes them late, not wrong."""
    del mocks
    sidecars = pulumi.Output.from_input(args()["sidecars"])

    assert ["app", "logs", "proxy"] == (await facts(SidecarWorkload("app", args(sidecars=sidecars))))[3]


@pulumi.runtime.test
async def test_the_overhead_of_the_runtime_counts(mocks: ClusterMocks) -> None:
    """A WasmWorkload knows what its RuntimeClass costs, whether it comes now or later."""
    del mocks
    module = {"name": "app", "image": "i", "resources": {"requests": {"cpu": "50m"}}}
    runtime = {"class_name": "wasm", "overhead": {"cpu": "10m", "memory": "24Mi"}}
    for name, given in (("now", runtime), ("later", pulumi.Output.from_input(runtime))):
        made = args(containers=[module], runtime=given, init_containers=[], sidecars=[])
        assert {"cpu": "60m", "memory": "24Mi"} == (await facts(WasmWorkload(name, made)))[0]


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, str]]:
    """Return the list that warnings go to, each with its resource."""
    found: list[tuple[Any, str]] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, resource=None: found.append((resource, text)))
    return found


@pulumi.runtime.test
def declare(*workloads: tuple[Any, Any]) -> None:
    """Declare workloads and wait for everything that follows from them."""
    for number, (component, given) in enumerate(workloads):
        component(f"app-{number}", given)


def test_questionable_sidecars_are_pointed_out(mocks: ClusterMocks, warned: list[tuple[Any, str]]) -> None:
    """One costs the pods their class, one ends itself too early; both are warnings of the component, once."""
    del mocks
    stopping = {"pre_stop": {"exec": {"command": ["pkill", "envoy"]}}}
    sidecars = [
        {"name": "proxy", "image": "i", "startup_probe": STARTUP, "resources": {"limits": BOTH}, "lifecycle": stopping},
        {"name": "logs", "image": "i", "gates_start": False},
    ]
    declare((SidecarWorkload, args(sidecars=sidecars)))

    assert ["SidecarWorkload", "SidecarWorkload"] == [type(resource).__name__ for resource, _ in warned]
    assert ["sidecar 'logs': for it the pods are Burstable", "sidecar 'proxy': its preStop (pkill)"] == sorted(
        text.partition(" runs" if "pkill" in text else ", while")[0] for _, text in warned
    )


def test_nothing_is_pointed_out_in_sound_arguments(mocks: ClusterMocks, warned: list[tuple[Any, str]]) -> None:
    """Neither a Guaranteed pod nor one that never was."""
    del mocks
    loose = [{"name": "app", "image": "i", "resources": {"requests": {"cpu": "1m"}}}]
    declare((SidecarWorkload, args()), (ResizableDeployment, args(containers=loose)))

    assert [] == warned


@pulumi.runtime.test
async def test_a_late_time_counts_towards_the_grace_period(mocks: ClusterMocks) -> None:
    """It is computed from stop_seconds that come later, too."""
    container = {"name": "app", "image": "i", "stop_seconds": pulumi.Output.from_input(50)}
    sidecars = [{"name": "logs", "image": "i", "gates_start": False, "stop_seconds": 10}]
    await SidecarWorkload("app", args(containers=[container], sidecars=sidecars)).ready.future()

    made = mocks.inputs("kubernetes:apps/v1:Deployment", "app")["spec"]["template"]["spec"]
    assert 60 == made["terminationGracePeriodSeconds"]
    assert "stopSeconds" not in made["containers"][0]
