"""What a WasmWorkload may ask for under each preset, as a Deployment and as a Job."""

from typing import Any, cast

import pulumi
import pytest

from components import InvalidArgs, WasmRuntime, WasmWorkload, WasmWorkloadArgs
from components.model import wasm_workload
from components.model.problem import UNKNOWN
from components.model.wasm_presets import PRESETS
from components.testing import CONNECTION, ClusterMocks

DEPLOYMENT, JOB = "kubernetes:apps/v1:Deployment", "kubernetes:batch/v1:Job"
EXEC = {"exec": {"command": ["true"]}}
MODULE: dict[str, Any] = {"name": "hello", "image": "hello:1"}
LINUX: dict[str, Any] = {"name": "proxy", "image": "envoy:1", "startup_probe": {"tcp_socket": {"port": "1"}}}
BESIDE = [name for name, preset in PRESETS.items() if preset.beside]
ALONE = [name for name, preset in PRESETS.items() if not preset.beside]


def args(preset: str | None = None, **more: Any) -> dict[str, Any]:
    """Return small correct arguments under a class of this preset, with fields replaced."""
    runtime = {"class_name": "wasm"} | ({"preset": preset} if preset else {})
    given = {"connection": CONNECTION, "namespace": "shop", "runtime": runtime, "containers": [MODULE]}
    return {**given, **more}


def told(given: dict[str, Any]) -> list[str]:
    """Return the paths of everything that is wrong with arguments."""
    return [problem.path for problem in wasm_workload.problems({"name": "app", **given})]


def made(mocks: ClusterMocks, kind: str = DEPLOYMENT) -> dict[str, Any]:
    """Return the pod template that was registered."""
    return dict(mocks.inputs(kind, "app")["spec"]["template"])


def register(**given: Any) -> WasmWorkload:
    """Register a workload with these arguments."""
    return WasmWorkload("app", cast(WasmWorkloadArgs, args(**given)))


@pytest.mark.parametrize("preset", BESIDE)
def test_ordinary_sidecars_run_beside_modules_where_the_runtime_runs_them(preset: str) -> None:
    """An ordinary main container and an init container, too, if they say that they are none by their command."""
    main = {"name": "web", "image": "nginx:1", "command": ["nginx"]}
    once = {"name": "once", "image": "busybox:1"}

    assert [] == told(args(preset, sidecars=[LINUX], containers=[MODULE, main], init_containers=[once]))


@pytest.mark.parametrize("preset", [*ALONE, None])
def test_ordinary_sidecars_are_refused_where_every_container_is_a_module(preset: str | None) -> None:
    """Unless their command names a module; what is not known yet is left to its time."""
    assert ["sidecars[0]"] == told(args(preset, sidecars=[LINUX]))
    assert [] == told(args(preset, sidecars=[{**LINUX, "command": ["/proxy.wasm#start"]}]))
    assert [] == told(args(preset, sidecars=[{**LINUX, "command": [UNKNOWN]}]))
    assert [] == told(args(runtime=UNKNOWN, sidecars=[LINUX]))


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_is_run_inside_a_module(preset: str) -> None:
    """Under no runtime; nor while it is not known which one it will be."""
    probed = [{**MODULE, "readiness_probe": EXEC}]
    assert ["containers[0].readiness_probe.exec"] == told(args(preset, containers=probed))
    assert ["containers[0].readiness_probe.exec"] == told(args(runtime=UNKNOWN, containers=probed))


@pytest.mark.parametrize("preset", BESIDE)
def test_something_is_run_inside_an_ordinary_sidecar_where_the_runtime_can(preset: str) -> None:
    """Under crun, which runs them as any OCI runtime does; the shims of runwasi cannot."""
    probed = args(preset, sidecars=[{**LINUX, "startup_probe": EXEC}])
    patched = args(
        preset, sidecars=[LINUX], pod_spec_patch={"initContainers": [{"name": "proxy", "livenessProbe": EXEC}]}
    )
    able = PRESETS[preset].exec_beside

    assert ([] if able else ["sidecars[0].startup_probe.exec"]) == told(probed)
    assert ([] if able else ["pod_spec_patch.initContainers[0].livenessProbe.exec"]) == told(patched)


@pytest.mark.parametrize("preset", BESIDE)
def test_a_terminal_is_for_ordinary_containers_where_the_runtime_gives_one(preset: str) -> None:
    """Never for a module."""
    patch = {"containers": [{"name": "hello", "tty": True}], "initContainers": [{"name": "proxy", "stdin": True}]}
    module = "pod_spec_patch.containers[0].tty"
    sidecar = [] if PRESETS[preset].exec_beside else ["pod_spec_patch.initContainers[0].stdin"]

    assert [*sidecar, module] == told(args(preset, sidecars=[LINUX], pod_spec_patch=patch))


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"runtime": {"class_name": "w", "preset": "spinn"}}, "runtime.preset"),
        ({"annotations": {"module.wasm.image/variant": "compat"}}, "annotations['module.wasm.image/variant']"),
        ({"node_selector": {"kubernetes.io/arch": "s390x"}}, "node_selector['kubernetes.io/arch']"),
        ({"node_selector": {"kubernetes.io/os": "windows"}}, "node_selector['kubernetes.io/os']"),
        (
            {"pod_spec_patch": {"nodeSelector": {"kubernetes.io/arch": "riscv64"}}},
            "pod_spec_patch.nodeSelector['kubernetes.io/arch']",
        ),
        ({"kind": "DaemonSet"}, "kind"),
        ({"kind": "CronJob"}, "kind"),
        ({"kind": UNKNOWN}, "kind"),
        ({"kind": "Job", "replicas": 2}, "replicas"),
        ({"kind": "Job", "in_place": "required"}, "in_place"),
        ({"job": {"completions": 2}}, "job"),
        ({"kind": "Job", "job": {"backoff_limit": -1}}, "job.backoff_limit"),
    ],
)
def test_what_contradicts_the_runtime_or_the_kind_is_refused(more: dict[str, Any], path: str) -> None:
    """Each by its own path."""
    assert [path] == told(args("crun", **more))


def test_a_remedy_names_no_kind_that_the_workload_cannot_be() -> None:
    """A StatefulSet is none of its kinds."""
    problems = wasm_workload.problems({"name": "app", **args("crun", kind="Job", rollback_on_failure=True)})
    (remedy,) = [problem.remedy for problem in problems]

    assert "leave it out, or write kind: Deployment" == remedy


@pytest.mark.parametrize("architecture", ["amd64", "arm64", "s390x"])
def test_a_build_of_ones_own_runs_where_it_was_built_for(architecture: str) -> None:
    """Of a custom runtime nothing is known, so nothing is refused."""
    assert [] == told(args("custom", node_selector={"kubernetes.io/arch": architecture}))


@pulumi.runtime.test
async def test_a_job_of_modules(mocks: ClusterMocks) -> None:
    """The pods are as those of a Deployment, and run to their end."""
    workload = register(preset="wasmer", kind="Job", job={"completions": 3, "backoff_limit": 2})
    assert await workload.ready.future()

    spec = mocks.inputs(JOB, "app")["spec"]
    assert (3, 2) == (spec["completions"], spec["backoffLimit"])
    pod = made(mocks, JOB)["spec"]
    assert ("wasm", "Never", 2) == (pod["runtimeClassName"], pod["restartPolicy"], pod["terminationGracePeriodSeconds"])
    assert 65532 == pod["containers"][0]["securityContext"]["runAsUser"]


@pulumi.runtime.test
async def test_crun_gets_its_annotation_and_ordinary_sidecars_their_own_user(mocks: ClusterMocks) -> None:
    """The sidecar's image names its user, and its end takes the grace period of any other pod."""
    await register(preset="crun", sidecars=[LINUX], annotations={"team": "a"}).ready.future()

    template = made(mocks)
    assert {"module.wasm.image/variant": "compat-smart", "team": "a"} == template["metadata"]["annotations"]
    (sidecar,), (module,) = template["spec"]["initContainers"], template["spec"]["containers"]
    assert ("Always", 65532) == (sidecar["restartPolicy"], module["securityContext"]["runAsUser"])
    assert "runAsUser" not in sidecar["securityContext"]
    assert "terminationGracePeriodSeconds" not in template["spec"]


@pulumi.runtime.test
async def test_spin_gets_its_command(mocks: ClusterMocks) -> None:
    """An application's image has no program; an ordinary sidecar keeps its own."""
    await register(preset="spin", sidecars=[LINUX]).ready.future()

    spec = made(mocks)["spec"]
    assert ["/"] == spec["containers"][0]["command"]
    assert "command" not in spec["initContainers"][0]


@pytest.mark.parametrize(("preset", "seconds"), [("crun-wasm", 2), ("wamr", 2), ("wasmtime", None), (None, 2)])
def test_the_grace_period_is_short_where_nobody_heeds_sigterm(preset: str | None, seconds: int | None) -> None:
    """A component under wasmtime heeds it, so that its pods get Kubernetes' own."""
    fields = {"containers": [MODULE], "runtime": {"className": "wasm", "preset": preset}}
    spec = wasm_workload.template("app", fields, {})["spec"]

    assert seconds == spec.get("terminationGracePeriodSeconds")


@pulumi.runtime.test
async def test_the_class_s_overhead_is_part_of_what_a_pod_takes(mocks: ClusterMocks) -> None:
    """It is the preset's, which the scheduler reserves beside the containers."""
    runtime = WasmRuntime("web", {"preset": "wasmedge"})
    sized = [{**MODULE, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]
    workload = WasmWorkload("app", cast(WasmWorkloadArgs, args(runtime=runtime.runtime, containers=sized)))

    assert {"cpu": "110m", "memory": "144Mi"} == await workload.effective_requests.future()
    assert {"wasmedge"} == {mocks.inputs("kubernetes:node.k8s.io/v1:RuntimeClass", "web")["handler"]}


LOST = "is lost under"
FILES = {"name": "files", "config": {"name": "files", "data": {"a": "b"}}}
READER = {**MODULE, "volume_mounts": [{"name": "files", "mount_path": "/files"}]}


@pytest.mark.parametrize(
    ("preset", "more", "words"),
    [
        ("crun-wasm", {"kind": "Job"}, "0 unless it trapped or was killed"),
        ("crun", {"kind": "Job", "sidecars": [LINUX]}, LOST),
        ("spin", {"kind": "Job"}, "0 or 137"),
        ("wasmtime", {"kind": "Job"}, ""),
        (None, {"kind": "Job"}, ""),
        ("crun-wasm", {}, ""),
        ("crun", {"kind": "Job", "containers": [{**MODULE, "command": ["sh"]}]}, ""),
        ("crun-wasm", {"containers": [READER], "volumes": [FILES]}, "a module in Go cannot read files"),
        ("wasmtime", {"containers": [READER], "volumes": [FILES]}, ""),
        ("crun-wasm", {"containers": [READER], "volumes": [{"name": "files", "empty_dir": {}}]}, ""),
    ],
)
def test_what_a_runtime_does_only_in_part_is_warned_of(preset: str | None, more: dict[str, Any], words: str) -> None:
    """And nothing else is."""
    found = list(wasm_workload.warnings(args(preset, **more)))

    assert (1 if words else 0) == len(found)
    assert words in "".join(found)


@pulumi.runtime.test
async def test_a_warning_is_told_in_the_run(mocks: ClusterMocks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the image is only known during the deployment."""
    found: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, **_: found.append(text))
    await register(preset="crun-wasm", kind="Job").ready.future()

    assert [True] == [LOST in text for text in found]
    assert mocks.inputs(JOB, "app")


def test_a_late_runtime_is_judged_when_it_is_known(mocks: ClusterMocks) -> None:
    """Before that its workload is registered with what no runtime refuses."""
    given = args(sidecars=[LINUX])
    assert ["sidecars[0]"] == told(given)

    with pytest.raises(InvalidArgs, match=r"sidecars\[0\]"):
        WasmWorkload("app", cast(WasmWorkloadArgs, given))
    assert [] == mocks.resources
