"""What the workload components register, and what they refuse; mocks prove no more than that."""

from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import settings

from components import InvalidArgs, ResizableDeployment, ResizableDeploymentArgs, SidecarWorkload, SidecarWorkloadArgs
from components.model import patch
from components.model.volume import config_name, workload_key
from components.testing import CONNECTION, ClusterMocks
from tests import corpus

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
SECRET_MARK = "4dabf18193072939515e22adb298388d"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SIZE = {"requests": {"cpu": "100m"}}


def sidecar_args(**more: Any) -> SidecarWorkloadArgs:
    """Return small correct arguments, with fields replaced."""
    args = {
        "connection": CONNECTION,
        "namespace": "shop",
        "containers": [{"name": "web", "image": "nginx:1", "ports": [{"name": "http", "container_port": 8080}]}],
        "sidecars": [
            {
                "name": "proxy",
                "image": "proxy:1",
                "startup_probe": {"tcp_socket": {"port": "15000"}},
                "ports": [{"name": "metrics", "container_port": 9090, "protocol": "UDP"}],
            }
        ],
    }
    return cast(SidecarWorkloadArgs, {**args, **more})


def resizable_args(**more: Any) -> ResizableDeploymentArgs:
    """Return small correct arguments, with fields replaced."""
    container = {"name": "web", "image": "nginx:1", "resources": SIZE}
    args = {"connection": CONNECTION, "namespace": "shop", "containers": [container]}
    return cast(ResizableDeploymentArgs, {**args, **more})


@pulumi.runtime.test
async def test_a_sidecar_is_an_init_container_that_always_restarts(mocks: ClusterMocks) -> None:
    """Sidecars come after plain init containers and carry exactly restartPolicy Always; nothing else does."""
    workload = SidecarWorkload("app", sidecar_args(init_containers=[{"name": "migrate", "image": "migrate:1"}]))
    await workload.ready.future()

    spec = mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]["spec"]
    assert [("migrate", None), ("proxy", "Always")] == [
        (each["name"], each.get("restartPolicy")) for each in spec["initContainers"]
    ]
    assert [None] == [each.get("restartPolicy") for each in spec["containers"]]


@pulumi.runtime.test
async def test_pods_are_restricted_by_default(mocks: ClusterMocks) -> None:
    """Every container carries what the restricted Pod Security level asks for, and a read-only root."""
    await SidecarWorkload("app", sidecar_args()).ready.future()

    spec = mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]["spec"]
    assert {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}} == spec["securityContext"]
    assert not spec["automountServiceAccountToken"]
    for container in spec["containers"] + spec["initContainers"]:
        assert {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        } == container["securityContext"]


@pulumi.runtime.test
async def test_outputs_are_what_a_service_takes(mocks: ClusterMocks) -> None:
    """Name, namespace, labels and ports come out, with the ports of the sidecars."""
    workload = SidecarWorkload("app", sidecar_args())

    assert "app" == await workload.name.future()
    assert "shop" == await workload.namespace.future()
    assert {"app.kubernetes.io/name": "app"} == await workload.match_labels.future()
    ports = await workload.container_ports.future()
    assert ["http", "metrics"] == [port["name"] for port in ports or []]
    assert mocks.inputs(DEPLOYMENT, "app")["spec"]["selector"] == {"matchLabels": {"app.kubernetes.io/name": "app"}}


@pulumi.runtime.test
async def test_configuration_is_named_after_its_content(mocks: ClusterMocks) -> None:
    """A config volume becomes an immutable ConfigMap that outlives its replacement; no two workloads share one."""
    names = set()
    for name, content in (("a", "one"), ("b", "two"), ("c", "one")):
        volume = {"name": "conf", "config": {"name": "base", "data": {"file": content}}}
        await ResizableDeployment(name, resizable_args(volumes=[volume])).ready.future()
        config_map = mocks.inputs(CONFIG_MAP, f"{name}/conf")
        mounted = mocks.inputs(DEPLOYMENT, name)["spec"]["template"]["spec"]["volumes"]

        assert config_map["immutable"]
        assert {"file": content} == config_map["data"]
        assert "base" == config_map["metadata"]["labels"]["kubernetes-emerging/config-of"]
        assert [{"name": "conf", "configMap": {"name": config_map["metadata"]["name"]}}] == mounted
        names.add(config_map["metadata"]["name"])
    assert 3 == len(names)
    assert config_name("base", {"x": "1", "y": "2"}, "k") == config_name("base", {"y": "2", "x": "1"}, "k")
    assert config_name("base", {"x": "1"}, "k") != config_name("base", {"x": "2"}, "k")
    request = cast(Any, settings.get_monitor()).requests[f"{CONFIG_MAP} a/conf"]
    assert request.retainOnDelete
    assert 1 == len(request.hooks.before_create)


@pulumi.runtime.test
async def test_live_configuration_stays_in_one_config_map(mocks: ClusterMocks) -> None:
    """Its name does not depend on its content, and a provider of its own changes it in place."""
    names = set()
    for name, content in (("a", "one"), ("a2", "two")):
        config = {"name": "base", "data": {"file": content}, "on_change": "live"}
        await ResizableDeployment(name, resizable_args(volumes=[{"name": "conf", "config": config}])).ready.future()
        config_map = mocks.inputs(CONFIG_MAP, f"{name}/conf")
        mounted = mocks.inputs(DEPLOYMENT, name)["spec"]["template"]["spec"]["volumes"]

        assert "immutable" not in config_map
        assert config_map["metadata"]["name"] == f"base-{workload_key('ResizableDeployment', name)}"
        assert [{"name": "conf", "configMap": {"name": config_map["metadata"]["name"]}}] == mounted
        assert mocks.inputs("pulumi:providers:kubernetes", f"{name}-live")["enableConfigMapMutable"] in (True, "true")
        request = cast(Any, settings.get_monitor()).requests[f"{CONFIG_MAP} {name}/conf"]
        assert f"::{name}-live::" in request.provider
        names.add(config_map["metadata"]["name"])
    assert 2 == len(names)


@pulumi.runtime.test
async def test_children_carry_their_hooks_and_their_wait(mocks: ClusterMocks) -> None:
    """It is checked before each change, asked of admission, and resized before updates; it has no delete hooks."""
    await ResizableDeployment("app", resizable_args()).ready.future()

    hooks = cast(Any, settings.get_monitor()).requests[f"{DEPLOYMENT} app"].hooks
    assert (3, 3, 0, 0) == (
        len(hooks.before_create),
        len(hooks.before_update),
        len(hooks.before_delete),
        len(hooks.after_delete),
    )
    annotations = mocks.inputs(DEPLOYMENT, "app")["metadata"]["annotations"]
    assert {"pulumi.com/waitFor": "jsonpath={.status.observedGeneration}"} == annotations


@pulumi.runtime.test
async def test_components_register_with_no_inputs(mocks: ClusterMocks) -> None:
    """A component's own inputs are empty, so unrelated children do not wait for every argument."""
    await ResizableDeployment("app", resizable_args()).ready.future()

    assert {} == mocks.inputs("kubernetes-emerging:index:ResizableDeployment", "app")


@pulumi.runtime.test
async def test_values_may_come_later_at_every_depth(mocks: ClusterMocks) -> None:
    """Outputs in the place of a value, an object, a list or all the labels arrive in the manifest."""
    args = resizable_args(
        namespace=pulumi.Output.from_input("late"),
        labels=pulumi.Output.from_input({"team": "a"}),
        containers=pulumi.Output.from_input(
            [{"name": "web", "image": "nginx:1", "resources": pulumi.Output.from_input({"limits": {"cpu": "1"}})}]
        ),
    )
    await ResizableDeployment("app", args).ready.future()

    inputs = mocks.inputs(DEPLOYMENT, "app")
    assert "late" == inputs["metadata"]["namespace"]
    assert "a" == inputs["spec"]["template"]["metadata"]["labels"]["team"]
    assert {"limits": {"cpu": "1"}} == inputs["spec"]["template"]["spec"]["containers"][0]["resources"]


@pulumi.runtime.test
async def test_a_secret_stays_one_and_the_rest_does_not_become_one(mocks: ClusterMocks) -> None:
    """A secret variable is a secret input; a secret connection makes nothing else secret."""
    env = [{"name": "KEY", "value": pulumi.Output.secret("hush")}]
    container = {"name": "web", "image": "i", "env": env, "resources": SIZE}
    connection = pulumi.Output.secret(CONNECTION)
    workload = ResizableDeployment("app", resizable_args(containers=[container], connection=connection))

    assert not await workload.name.is_secret()
    assert not await workload.ready.is_secret()
    await workload.ready.future()
    inputs = mocks.inputs(DEPLOYMENT, "app")
    assert "app" == inputs["metadata"]["name"]
    assert SECRET_MARK in inputs["spec"], "mocks are told of a secret leaf at the top of its property"
    assert "hush" == inputs["spec"]["value"]["template"]["spec"]["containers"][0]["env"][0]["value"]


def test_a_secret_of_the_wrong_type_is_not_told(mocks: ClusterMocks) -> None:
    """The error names the place and the type, never the value."""
    del mocks
    container = {"name": "web", "image": "i", "env": [{"name": "PIN", "value": 4711}]}
    with pytest.raises(InvalidArgs) as caught:
        ResizableDeployment("app", resizable_args(containers=[container]))

    assert "containers[0].env[0].value: it is a number" in str(caught.value)
    assert "4711" not in str(caught.value)


@pulumi.runtime.test
async def test_what_fits_is_not_refused(mocks: ClusterMocks) -> None:
    """Volumes from the patch may be mounted, no sidecars are fine, and late permissions are believed."""
    args = resizable_args(
        sidecars=[],
        allow_host_path=pulumi.Output.from_input(True),
        volumes=[{"name": "host", "host_path": {"path": "/srv", "type": "Directory"}}],
        pod_spec_patch={"volumes": [{"name": "csi", "csi": {"driver": "d"}}]},
        strategy={"rolling_update": {"max_surge": "1", "max_unavailable": "0"}},
        patience_seconds=1800,
        containers=[
            {
                "name": "web",
                "image": "i",
                "resources": SIZE,
                "startup_probe": {"grpc": {"port": 9000}},
                "volume_mounts": [{"name": "csi", "mount_path": "/csi"}],
            }
        ],
    )
    await ResizableDeployment("app", args).ready.future()

    spec = mocks.inputs(DEPLOYMENT, "app")["spec"]
    assert {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}} == spec["strategy"]
    assert 1800 == spec["progressDeadlineSeconds"]
    assert ["host", "csi"] == [each["name"] for each in spec["template"]["spec"]["volumes"]]


def test_the_patch_keeps_what_it_does_not_name() -> None:
    """Volume mounts merge by their path, for one volume may be mounted twice; lists without a key are replaced."""
    base = {
        "volumeMounts": [{"name": "tmp", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/run"}],
        "args": ["a"],
    }
    changes = {"volumeMounts": [{"name": "tmp", "mountPath": "/cache"}], "args": ["b"]}

    merged = patch.merge(base, changes)

    assert ["/data", "/run", "/cache"] == [mount["mountPath"] for mount in merged["volumeMounts"]]
    assert ["b"] == merged["args"]


@pulumi.runtime.test
async def test_replicas_may_be_absent(mocks: ClusterMocks) -> None:
    """Without replicas the field is left to an autoscaler."""
    await ResizableDeployment("app", resizable_args()).ready.future()

    assert "replicas" not in mocks.inputs(DEPLOYMENT, "app")["spec"]


@pulumi.runtime.test
async def test_what_steers_an_update(mocks: ClusterMocks) -> None:
    """The text of a restart is an annotation of the pods, and the seconds of being ready are the Deployment's."""
    more = resizable_args(restart="2026-11-26", min_ready_seconds=5, annotations={"team": "a"})
    await ResizableDeployment("app", more).ready.future()

    spec = mocks.inputs(DEPLOYMENT, "app")["spec"]
    assert {"team": "a", "kubernetes-emerging/restart": "2026-11-26"} == spec["template"]["metadata"]["annotations"]
    assert 5 == spec["minReadySeconds"]


@pytest.mark.parametrize(
    ("expected", "seconds", "more"),
    [(None, None, {}), (50, 20, {}), (50, "late", {}), (35, 20, {"termination_grace_period_seconds": 35})],
)
@pulumi.runtime.test
async def test_the_grace_period_leaves_room_for_pauses(
    mocks: ClusterMocks, expected: Any, seconds: Any, more: Any
) -> None:
    """Without a word of the user it is 30 s after the longest sleep before SIGTERM; without a sleep Kubernetes' own."""
    sleep = {"seconds": pulumi.Output.from_input(20) if seconds == "late" else seconds}
    container = {"name": "web", "image": "nginx:1", "lifecycle": {"pre_stop": {"sleep": sleep}} if seconds else {}}
    await ResizableDeployment("app", resizable_args(containers=[container], in_place="off", **more)).ready.future()

    spec = mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]["spec"]
    assert expected == spec.get("terminationGracePeriodSeconds")


@pulumi.runtime.test
async def test_a_plain_deployment_that_moves_in_is_an_alias(mocks: ClusterMocks) -> None:
    """By its name it stood in the stack itself; a URN says where it stood."""
    del mocks
    urn = "urn:pulumi:dev::shop::my:Component$kubernetes:apps/v1:Deployment::web"
    for name, former in (("a", "web"), ("b", urn)):
        await ResizableDeployment(name, resizable_args(moved_from=former)).ready.future()

    requests = cast(Any, settings.get_monitor()).requests
    assert ("web", True) in [(each.spec.name, each.spec.noParent) for each in requests[f"{DEPLOYMENT} a"].aliases]
    assert urn in [each.urn for each in requests[f"{DEPLOYMENT} b"].aliases]


@pulumi.runtime.test
async def test_the_patch_merges_lists_by_name(mocks: ClusterMocks) -> None:
    """pod_spec_patch reaches one container without touching the others, and null removes."""
    patch = {
        "hostname": "fixed",
        "automountServiceAccountToken": None,
        "containers": [{"name": "web", "stdin": True}, {"name": "debug", "image": "d:1"}],
    }
    await ResizableDeployment("app", resizable_args(pod_spec_patch=patch)).ready.future()

    spec = mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]["spec"]
    assert "fixed" == spec["hostname"]
    assert "automountServiceAccountToken" not in spec
    assert [("web", "nginx:1", True), ("debug", "d:1", None)] == [
        (each["name"], each["image"], each.get("stdin")) for each in spec["containers"]
    ]


BAD = [
    ({"namespace": None}, "namespace", "it is required"),
    ({"namespce": "x"}, "namespce", "write 'namespace'"),
    ({"replicas": -1}, "replicas", "out of range"),
    ({"replicas": "two"}, "replicas", "write a whole number"),
    ({"containers": []}, "containers", "it is empty"),
    ({"sidecars": []}, "sidecars", "it is empty"),
    ({"name": "Not_A_Name"}, "name", "is not a valid name"),
    ({"match_labels": {"a b": "c"}}, "match_labels['a b']", "not a label key"),
    ({"labels": {"app.kubernetes.io/name": "other"}}, "labels['app.kubernetes.io/name']", "the selector wants"),
    ({"in_place": "always"}, "in_place", "write preferred (the default), required, off"),
    ({"volumes": [{"name": "a", "host_path": {"path": "/x"}}]}, "volumes[0].host_path", "allow_host_path"),
    ({"volumes": [{"name": "a"}]}, "volumes[0]", "nothing is chosen"),
    (
        {"volumes": [{"name": "a", "config": {"name": "c", "data": {"f": ""}, "on_change": "reload"}}]},
        "volumes[0].config.on_change",
        "write roll (the default), live",
    ),
    (
        {
            "volumes": [{"name": "a", "config": {"name": "c", "data": {"f": ""}, "on_change": "live"}}],
            "containers": [
                {"name": "web", "image": "i", "volume_mounts": [{"name": "a", "mount_path": "/f", "sub_path": "f"}]}
            ],
        },
        "containers[0].volume_mounts[0].sub_path",
        "never sees what changes",
    ),
    (
        {
            "volumes": [
                {
                    "name": "a",
                    "config": {"name": "c", "data": {"f": ""}, "reload": {"container": "web", "command": ["true"]}},
                }
            ]
        },
        "volumes[0].config.reload",
        "write on_change: live",
    ),
    (
        {
            "volumes": [
                {
                    "name": "a",
                    "config": {
                        "name": "c",
                        "data": {"f": ""},
                        "on_change": "live",
                        "reload": {"container": "wbe", "command": ["true"]},
                    },
                }
            ]
        },
        "volumes[0].config.reload.container",
        "name a main container or a sidecar that mounts it",
    ),
    ({"connection": {"kubeconfig": "~/.kube/config"}}, "connection.kubeconfig", "which reads files"),
    ({"strategy": {"type": "Rolling"}}, "strategy.type", "RollingUpdate (the default), Recreate"),
    ({"strategy": {"rolling_update": {"max_surge": "one"}}}, "strategy.rolling_update.max_surge", "'25%'"),
    (
        {"strategy": {"rolling_update": {"max_surge": "0", "max_unavailable": "0%"}}},
        "strategy.rolling_update",
        "nothing could move",
    ),
    ({"resize_failure_policy": "retry"}, "resize_failure_policy", "write rollback (the default), rollout, wait"),
    (
        {"resize_failure_policy": "rollout", "in_place": "required"},
        "resize_failure_policy",
        "a rollout is what in_place: required rules out",
    ),
    ({"min_ready_seconds": -1}, "min_ready_seconds", "out of range"),
    ({"moved_from": ""}, "moved_from", "write the Pulumi name or the URN"),
    ({"rollback_on_failure": "yes"}, "rollback_on_failure", "write true or false"),
    ({"tolerations": [{"operator": "Exist"}]}, "tolerations[0].operator", "Exists"),
    ({"image_pull_secrets": ["No"]}, "image_pull_secrets[0]", "is not a valid name"),
    ({"fs_group": -1}, "fs_group", "out of range"),
    ({"name": ["a"]}, "name", "it is a list"),
    ({"replicas": float("nan")}, "replicas", "write a whole number"),
    ({"labels": {1: "a"}}, "labels", "write names as strings"),
    ({"volumes": [{"name": "a", "config": {"name": "c", "data": {"..": ""}}}]}, "volumes[0].config.data['..']", "file"),
]


@pytest.mark.parametrize(("more", "path", "words"), BAD)
def test_bad_workloads(mocks: ClusterMocks, more: dict[str, Any], path: str, words: str) -> None:
    """Each is refused before anything is registered, with the field's path and what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        SidecarWorkload("app", sidecar_args(**more))

    assert [path] == [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


BAD_CONTAINERS = [
    ({"image": ""}, "image", "not an image reference"),
    ({"name": "Web"}, "name", "is not a valid name"),
    ({"image_pull_policy": "Sometimes"}, "image_pull_policy", "IfNotPresent"),
    ({"ports": [{"name": "http", "container_port": 70000}]}, "ports[0].container_port", "1 to 65535"),
    ({"ports": [{"name": "far-too-long-a-name", "container_port": 1}]}, "ports[0].name", "at most 15"),
    ({"ports": [{"name": "http", "container_port": 80, "protocol": "udp"}]}, "ports[0].protocol", "UDP"),
    ({"resources": {"requests": {"memory": "128m"}}}, "resources.requests.memory", "write '128Mi'"),
    ({"resources": {"limits": {"cpu": "100M"}}}, "resources.limits.cpu", "write '100m'"),
    (
        {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
        "resources.requests.cpu",
        "more than the limit",
    ),
    (
        {"resize_policy": [{"resource_name": "disk", "restart_policy": "NotRequired"}]},
        "resize_policy[0].resource_name",
        "cpu, memory",
    ),
    (
        {"ports": [{"name": "a", "container_port": 80}, {"name": "b", "container_port": 80.0}]},
        "ports[1].container_port",
        "'80/TCP' is already",
    ),
    ({"env": [{"name": "A"}, {"name": "A"}]}, "env[1].name", "already the name"),
    ({"resources": {"limits": {"memroy": "1Gi"}}}, "resources.limits.memroy", "there is no such resource"),
    ({"resources": {"limits": {"cpu": "1e99999999999999999999"}}}, "resources.limits.cpu", "beyond what"),
    ({"lifecycle": {"pre_stop": {}}}, "lifecycle.pre_stop", "nothing is chosen"),
    (
        {"readiness_probe": {"http_get": {"port": "80", "scheme": "https"}}},
        "readiness_probe.http_get.scheme",
        "HTTPS",
    ),
    ({"security_context": {"run_as_user": 0}}, "security_context.run_as_user", "run_as_non_root"),
    ({"env": [{"name": "A=B"}]}, "env[0].name", "not a variable's name"),
    ({"env": [{"name": "A", "value": "x", "value_from": {}}]}, "env[0]", "value and value_from"),
    ({"volume_mounts": [{"name": "no", "mount_path": "/x"}]}, "volume_mounts[0].name", "there is no volume 'no'"),
    ({"readiness_probe": {"http_get": {"port": "htp"}}}, "readiness_probe.http_get.port", "no port 'htp'"),
    ({"readiness_probe": {}}, "readiness_probe", "nothing is chosen"),
    (
        {"liveness_probe": {"tcp_socket": {"port": "1"}, "success_threshold": 2}},
        "liveness_probe.success_threshold",
        "to be 1",
    ),
]


@pytest.mark.parametrize(("more", "path", "words"), BAD_CONTAINERS)
def test_bad_containers(mocks: ClusterMocks, more: dict[str, Any], path: str, words: str) -> None:
    """Each is refused with the path inside its container."""
    container = {"name": "web", "image": "nginx:1", "resources": SIZE, **more}
    with pytest.raises(InvalidArgs, match=r"nothing|has \d+ problem") as caught:
        ResizableDeployment("app", resizable_args(containers=[container]))

    assert f"containers[0].{path}" in [problem.path for problem in caught.value.problems]
    assert words in str(caught.value)
    assert [] == mocks.resources


def test_every_problem_is_told_at_once(mocks: ClusterMocks) -> None:
    """One error carries them all, and reads as a list."""
    args = sidecar_args(replicas=-1, namespace="No")
    cast(Any, args)["sidecars"][0].pop("startup_probe")
    with pytest.raises(InvalidArgs) as caught:
        SidecarWorkload("app", args)

    assert {"replicas", "namespace", "sidecars[0].startup_probe"} == {p.path for p in caught.value.problems}
    assert str(caught.value).startswith("SidecarWorkload 'app' has 3 problems in its arguments:\n  ")
    assert [] == mocks.resources


def test_a_plain_init_container_has_no_probes(mocks: ClusterMocks) -> None:
    """What only sidecars may have is refused on containers that run to their end."""
    del mocks
    init = {"name": "once", "image": "i", "readiness_probe": {"tcp_socket": {"port": "1"}}}
    with pytest.raises(InvalidArgs, match="make the container a sidecar"):
        ResizableDeployment("app", resizable_args(init_containers=[init]))


def test_the_error_is_one_that_pulumi_shows_without_a_traceback(mocks: ClusterMocks) -> None:
    """It is a ValueError for Python and a RunError for Pulumi."""
    del mocks
    with pytest.raises(pulumi.RunError) as caught:
        ResizableDeployment("app", resizable_args(containers=[]))

    assert isinstance(caught.value, ValueError)


def test_volumes_must_be_known(mocks: ClusterMocks) -> None:
    """The list of volumes decides which ConfigMaps exist, so it cannot come later."""
    del mocks
    late = pulumi.Output.from_input([{"name": "a", "empty_dir": {}}])
    with pytest.raises(InvalidArgs, match="not known before the deployment"):
        ResizableDeployment("app", resizable_args(volumes=late))


@pulumi.runtime.test
async def test_the_corpus_renders_what_is_registered(mocks: ClusterMocks) -> None:
    """What tests/corpus.py makes of arguments, to ask an API server, is what the component registers."""
    args = resizable_args(
        replicas=2.0,
        labels={"team": "a"},
        annotations={"note": "b"},
        strategy={"rolling_update": {"max_surge": "1"}},
        patience_seconds=1800,
        volumes=[{"name": "files", "config": {"name": "base", "data": {"file": "content"}}}],
        pod_spec_patch={"hostname": "fixed"},
    )
    await ResizableDeployment(corpus.NAME, args).ready.future()

    config_map, deployment = corpus.manifests(cast(Any, args))
    assert mocks.inputs(CONFIG_MAP, f"{corpus.NAME}/files") == config_map
    assert mocks.inputs(DEPLOYMENT, corpus.NAME) == deployment
