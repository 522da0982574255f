"""What the fields of the shared pod model become in a manifest, and in which order init containers stand."""

import ast
import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
import yaml
from pulumi.runtime import settings

from components import (
    InvalidArgs,
    ResizableDeployment,
    ResizableDeploymentArgs,
    ResizableStatefulSet,
    ResizableStatefulSetArgs,
    SidecarWorkload,
    SidecarWorkloadArgs,
)
from components._shape import camel_path, check, snake
from components.model import disruption, init_order
from components.testing import CONNECTION, ClusterMocks

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
CONTAINER: dict[str, Any] = {"name": "web", "image": "nginx:1", "resources": {"requests": {"cpu": "100m"}}}
SELECTOR = {"matchLabels": {"app.kubernetes.io/name": "app"}}
REQUIRED = "required_during_scheduling_ignored_during_execution"
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "pods.md").read_text()
PREFERRED = "preferred_during_scheduling_ignored_during_execution"


def args_of(container: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return small correct arguments, with more fields of the container and of their own."""
    return {"connection": CONNECTION, "namespace": "shop", "containers": [{**CONTAINER, **(container or {})}], **more}


async def pod_of(mocks: ClusterMocks, container: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return the pod spec that a Deployment with these fields is registered with."""
    await ResizableDeployment("app", cast(ResizableDeploymentArgs, args_of(container, **more))).ready.future()
    spec: dict[str, Any] = mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]["spec"]
    return spec


@pulumi.runtime.test
async def test_variables(mocks: ClusterMocks) -> None:
    """From whole ConfigMaps and Secrets, and from sizes; the divisor keeps its text."""
    spec = await pod_of(
        mocks,
        {
            "env_from": [
                {"config_map_ref": {"name": "conf"}, "prefix": "APP_"},
                {"secret_ref": {"name": "keys", "optional": True}},
            ],
            "env": [
                {
                    "name": "CPUS",
                    "value_from": {
                        "resource_field_ref": {"resource": "limits.cpu", "container_name": "web", "divisor": "1"}
                    },
                }
            ],
        },
    )

    (made,) = spec["containers"]
    assert [
        {"configMapRef": {"name": "conf"}, "prefix": "APP_"},
        {"secretRef": {"name": "keys", "optional": True}},
    ] == made["envFrom"]
    size = {"resource": "limits.cpu", "containerName": "web", "divisor": "1"}
    assert [{"name": "CPUS", "valueFrom": {"resourceFieldRef": size}}] == made["env"]


async def budget_of(mocks: ClusterMocks, name: str) -> dict[str, Any]:
    """Return the inputs of a budget, for which `ready` does not wait."""
    for _ in range(500):
        with contextlib.suppress(LookupError):
            return mocks.inputs(BUDGET, name)
        await asyncio.sleep(0.01)
    return mocks.inputs(BUDGET, name)


VOLUMES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"config_map": {"name": "c", "items": [{"key": "k", "path": "a/b", "mode": "0400"}], "default_mode": "0440"}},
        {"configMap": {"name": "c", "items": [{"key": "k", "path": "a/b", "mode": 0o400}], "defaultMode": 0o440}},
    ),
    (
        {"secret": {"secret_name": "s", "items": [{"key": "k", "path": "p"}], "default_mode": "0000"}},
        {"secret": {"secretName": "s", "items": [{"key": "k", "path": "p"}], "defaultMode": 0}},
    ),
    (
        {
            "projected": {
                "sources": [
                    {"config_map": {"name": "c", "optional": True}},
                    {"secret": {"name": "s", "items": [{"key": "k", "path": "p", "mode": "0777"}]}},
                    {"downward_api": {"items": [{"path": "labels", "field_ref": {"field_path": "metadata.labels"}}]}},
                    {"service_account_token": {"path": "token", "audience": "vault", "expiration_seconds": 600}},
                ],
                "default_mode": "0444",
            }
        },
        {
            "projected": {
                "sources": [
                    {"configMap": {"name": "c", "optional": True}},
                    {"secret": {"name": "s", "items": [{"key": "k", "path": "p", "mode": 0o777}]}},
                    {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
                    {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
                ],
                "defaultMode": 0o444,
            }
        },
    ),
    (
        {
            "downward_api": {
                "items": [
                    {"path": "m", "resource_field_ref": {"resource": "limits.memory", "container_name": "web"}},
                ]
            }
        },
        {
            "downwardAPI": {
                "items": [{"path": "m", "resourceFieldRef": {"resource": "limits.memory", "containerName": "web"}}]
            }
        },
    ),
    (
        {
            "csi": {
                "driver": "secrets-store.csi.k8s.io",
                "read_only": True,
                "fs_type": "ext4",
                "volume_attributes": {"secret_provider_class": "vault"},
                "node_publish_secret_ref": {"name": "s"},
            }
        },
        {
            "csi": {
                "driver": "secrets-store.csi.k8s.io",
                "readOnly": True,
                "fsType": "ext4",
                "volumeAttributes": {"secret_provider_class": "vault"},
                "nodePublishSecretRef": {"name": "s"},
            }
        },
    ),
    (
        {"ephemeral": {"storage": "1Gi", "storage_class_name": "fast"}},
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1Gi"}},
                        "storageClassName": "fast",
                    }
                }
            }
        },
    ),
    (
        {"nfs": {"server": "nfs.example.com", "path": "/srv", "read_only": True}},
        {"nfs": {"server": "nfs.example.com", "path": "/srv", "readOnly": True}},
    ),
]


@pytest.mark.parametrize(("written", "expected"), VOLUMES, ids=[next(iter(written)) for written, _ in VOLUMES])
@pulumi.runtime.test
async def test_volumes(mocks: ClusterMocks, written: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each kind in Kubernetes' own spelling, modes as the numbers that they mean."""
    spec = await pod_of(mocks, volumes=[{"name": "v", **written}], pod_security="baseline")

    assert [{"name": "v", **expected}] == spec["volumes"]


@pulumi.runtime.test
async def test_the_documentation_shows_what_is_registered(mocks: ClusterMocks) -> None:
    """The example of docs/pods.md gives just the manifests that stand there."""
    (written,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    pods, shown = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    args = {**ast.literal_eval(written), "connection": CONNECTION}
    await SidecarWorkload("web", cast(SidecarWorkloadArgs, args)).ready.future()

    assert pods == mocks.inputs(DEPLOYMENT, "web")["spec"]["template"]
    assert shown == await budget_of(mocks, "web")


def test_other_languages_write_names_their_way() -> None:
    """What Kubernetes spells downwardAPI is downwardApi for them, as everywhere in Pulumi."""
    written = {"volumes": [{"downwardApi": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}
    read = snake(written, ResizableDeploymentArgs)

    assert "downward_api" in read["volumes"][0]
    assert [] == check({**args_of(), **read, "volumes": [{"name": "v", **read["volumes"][0]}]}, ResizableDeploymentArgs)
    assert "volumes[0].downwardApi.items[0]" == camel_path("volumes[0].downward_api.items[0]", ResizableDeploymentArgs)


@pulumi.runtime.test
async def test_files_of_ones_own_have_a_mode(mocks: ClusterMocks) -> None:
    """The ConfigMap of a config volume is mounted with it, also when it comes late."""
    config = {"name": "tools", "data": {"run": ""}, "default_mode": pulumi.Output.from_input("0555")}
    spec = await pod_of(mocks, volumes=[{"name": "v", "config": config}])

    assert 0o555 == spec["volumes"][0]["configMap"]["defaultMode"]


@pulumi.runtime.test
async def test_mounts(mocks: ClusterMocks) -> None:
    """With variables in their path, and seen from the node."""
    mount = {"name": "v", "mount_path": "/v", "sub_path_expr": "$(NAME)", "mount_propagation": "HostToContainer"}
    spec = await pod_of(mocks, {"volume_mounts": [mount]}, volumes=[{"name": "v", "empty_dir": {}}])

    expected = {"name": "v", "mountPath": "/v", "subPathExpr": "$(NAME)", "mountPropagation": "HostToContainer"}
    assert [expected] == spec["containers"][0]["volumeMounts"]


@pulumi.runtime.test
async def test_placement(mocks: ClusterMocks) -> None:
    """Affinity as it is written; a constraint without a selector counts the workload's own pods."""
    pods = {"topology_key": "kubernetes.io/hostname", "label_selector": {"match_labels": {"app": "a"}}}
    spec = await pod_of(
        mocks,
        affinity={
            "node_affinity": {
                REQUIRED: {
                    "node_selector_terms": [{"match_expressions": [{"key": "gpu", "operator": "Exists"}]}],
                }
            },
            "pod_anti_affinity": {PREFERRED: [{"weight": 50, "pod_affinity_term": pods}]},
        },
        topology_spread_constraints=[
            {"max_skew": 1, "topology_key": "zone", "when_unsatisfiable": "DoNotSchedule", "min_domains": 2},
            {
                "max_skew": 2,
                "topology_key": "zone",
                "when_unsatisfiable": "ScheduleAnyway",
                "label_selector": {"match_expressions": [{"key": "app", "operator": "In", "values": ["a"]}]},
            },
        ],
        share_process_namespace=True,
    )

    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}}
    assert {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]
            }
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 50, "podAffinityTerm": term}]
        },
    } == spec["affinity"]
    assert [SELECTOR, {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]}] == [
        each["labelSelector"] for each in spec["topologySpreadConstraints"]
    ]
    assert 2 == spec["topologySpreadConstraints"][0]["minDomains"]
    assert spec["shareProcessNamespace"]


@pulumi.runtime.test
async def test_a_security_context(mocks: ClusterMocks) -> None:
    """What is written stands beside the secure defaults, also a privilege that is only known late."""
    context = {
        "privileged": pulumi.Output.from_input(True),
        "capabilities": {"add": ["NET_ADMIN"]},
        "seccomp_profile": {"type": "Localhost", "localhost_profile": "a.json"},
        "app_armor_profile": {"type": "Unconfined"},
    }
    spec = await pod_of(mocks, {"security_context": context}, pod_security="privileged")

    assert {
        "privileged": True,
        "allowPrivilegeEscalation": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
        "seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"},
        "appArmorProfile": {"type": "Unconfined"},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    } == spec["containers"][0]["securityContext"]


@pytest.mark.parametrize("late", [False, True])
@pulumi.runtime.test
async def test_init_containers_stand_where_they_are_wanted(mocks: ClusterMocks, late: bool) -> None:
    """Without a word before the sidecars, else right after theirs, in the order of the list."""
    after = pulumi.Output.from_input("a") if late else "a"
    init = [
        {"name": "i1", "image": "i", "after": after},
        {"name": "i2", "image": "i"},
        {"name": "i3", "image": "i", "after": "b"},
        {"name": "i4", "image": "i", "after": "a"},
        {"name": "i5", "image": "i"},
    ]
    sidecars = [{"name": name, "image": "s", "startup_probe": {"tcp_socket": {"port": "1"}}} for name in "abc"]
    made = SidecarWorkload("app", cast(SidecarWorkloadArgs, args_of(init_containers=init, sidecars=sidecars)))
    await made.ready.future()

    listed = mocks.inputs(DEPLOYMENT, "app")["spec"]["template"]["spec"]["initContainers"]
    assert ["i2", "i5", "a", "i1", "i4", "b", "i3", "c"] == [each["name"] for each in listed]
    assert ["a", "b", "c"] == [each["name"] for each in listed if each.get("restartPolicy") == "Always"]
    assert not [each for each in listed if "after" in each]
    assert [*(each["name"] for each in listed), "web"] == await made.start_order.future()


@pulumi.runtime.test
async def test_a_patch_finds_a_container_whose_name_comes_late(mocks: ClusterMocks) -> None:
    """Its lists merge by name, so it waits for the names."""
    patch = {"containers": [{"name": "web", "stdin": True}]}
    spec = await pod_of(mocks, {"name": pulumi.Output.from_input("web")}, pod_spec_patch=patch)

    assert [("web", "nginx:1", True)] == [(each["name"], each["image"], each["stdin"]) for each in spec["containers"]]


def test_nothing_is_lost_in_the_order() -> None:
    """A name that is refused all the same keeps its place at the end."""
    assert [{"name": "a"}, {"name": "x"}] == init_order.arranged([{"name": "x", "after": "no"}], [{"name": "a"}])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"min_available": "2"}, {"minAvailable": 2}),
        ({"max_unavailable": "25%"}, {"maxUnavailable": "25%"}),
        (
            {"max_unavailable": "1", "unhealthy_pod_eviction_policy": "AlwaysAllow"},
            {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
        ),
        ({"min_available": pulumi.Output.from_input("1")}, {"minAvailable": 1}),
    ],
)
@pulumi.runtime.test
async def test_a_budget_is_a_child(mocks: ClusterMocks, written: Any, expected: dict[str, Any]) -> None:
    """It has the workload's name, selects its pods, and is checked before it is touched."""
    args = cast(ResizableDeploymentArgs, args_of(disruption_budget=written, replicas=3))
    await ResizableDeployment("app", args).ready.future()

    made = await budget_of(mocks, "app")
    assert {"selector": SELECTOR, **expected} == made["spec"]
    assert ("shop", "app") == (made["metadata"]["namespace"], made["metadata"]["name"])
    request = cast(Any, settings.get_monitor()).requests[f"{BUDGET} app"]
    assert (1, 1) == (len(request.hooks.before_create), len(request.hooks.before_update))
    assert request.parent.endswith("ResizableDeployment::app")


@pulumi.runtime.test
async def test_a_stateful_set_has_a_budget_too(mocks: ClusterMocks) -> None:
    """Of its own labels; without the argument there is none."""
    args = args_of(disruption_budget={"max_unavailable": "1"}, match_labels={"db": "main"})
    await ResizableDeployment("plain", cast(ResizableDeploymentArgs, args_of())).ready.future()
    await ResizableStatefulSet("db", cast(ResizableStatefulSetArgs, args)).ready.future()

    assert {"matchLabels": {"db": "main"}} == (await budget_of(mocks, "db"))["spec"]["selector"]
    assert [BUDGET] == [each.typ for each in mocks.resources if each.typ == BUDGET]


def test_a_budget_that_is_not_known_is_refused(mocks: ClusterMocks) -> None:
    """Whether there is one decides which resources there are."""
    del mocks
    with pytest.raises(InvalidArgs, match="disruption_budget: it is not known before the deployment"):
        ResizableDeployment(
            "app", cast(ResizableDeploymentArgs, args_of(disruption_budget=pulumi.Output.from_input({})))
        )


@pytest.mark.parametrize(
    ("why", "budget", "replicas"),
    [
        (None, {"minAvailable": 1}, 2),
        ("min_available keeps 2 of 2 pods", {"minAvailable": 2}, 2),
        ("min_available keeps 3 of 2 pods", {"minAvailable": 3}, 2),
        (None, {"minAvailable": 2}, None),  # an autoscaler owns it
        (None, {"minAvailable": 2}, 0),
        (None, {"minAvailable": "50%"}, 2),
        ("min_available keeps 1 of 1 pods", {"minAvailable": "50%"}, 1),
        ("min_available keeps 2 of 2 pods", {"minAvailable": "51%"}, 2),
        ("min_available is 100%", {"minAvailable": "100%"}, None),
        ("max_unavailable is 0", {"maxUnavailable": 0}, None),
        ("max_unavailable is 0", {"maxUnavailable": "0%"}, 5),
        (None, {"maxUnavailable": "1%"}, 1),
    ],
)
def test_a_budget_that_lets_no_pod_go(why: str | None, budget: dict[str, Any], replicas: int | None) -> None:
    """Percentages are rounded up, as the disruption controller does."""
    assert why == disruption.blocks(budget, replicas)


@pytest.mark.parametrize("kind", ["DaemonSet", "Job", "CronJob"])
def test_kinds_without_a_number_of_pods_have_no_budget(kind: str) -> None:
    """It is refused for them, whatever it says."""
    budget = {"disruption_budget": {"max_unavailable": "1"}}

    assert ["disruption_budget"] == [problem.path for problem in disruption.problems({**budget, "kind": kind})]
    assert [] == list(disruption.problems({**budget, "kind": "StatefulSet"}))
