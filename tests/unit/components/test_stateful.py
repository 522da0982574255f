"""What a ResizableStatefulSet registers and refuses; mocks prove no more than that."""

from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import settings

from components import InvalidArgs, ResizableStatefulSet, ResizableStatefulSetArgs
from components.testing import CONNECTION, ClusterMocks

STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
RESOURCES = {"requests": {"cpu": "100m", "memory": "128Mi"}}


def args_of(**more: Any) -> ResizableStatefulSetArgs:
    """Return small correct arguments, with fields replaced."""
    mount = {"name": "data", "mount_path": "/data"}
    args = {
        "connection": CONNECTION,
        "namespace": "shop",
        "containers": [{"name": "db", "image": "db:1", "resources": RESOURCES, "volume_mounts": [mount]}],
        "volume_claim_templates": [{"name": "data", "storage": "10Gi"}],
    }
    return cast(ResizableStatefulSetArgs, {**args, **more})


@pulumi.runtime.test
async def test_a_stateful_set_with_its_claims(mocks: ClusterMocks) -> None:
    """Claims, Service and policies are its own; the pods are those of every workload."""
    made = ResizableStatefulSet(
        "db",
        args_of(
            service_name="db-headless",
            replicas=3,
            pod_management_policy="Parallel",
            persistent_volume_claim_retention_policy={"when_scaled": "Delete"},
        ),
    )
    await made.ready.future()

    spec = mocks.inputs(STATEFUL_SET, "db")["spec"]
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    assert [{"metadata": {"name": "data"}, "spec": claim}] == spec["volumeClaimTemplates"]
    assert ("db-headless", 3, "Parallel") == (spec["serviceName"], spec["replicas"], spec["podManagementPolicy"])
    assert {"whenScaled": "Delete"} == spec["persistentVolumeClaimRetentionPolicy"]
    assert "progressDeadlineSeconds" not in spec
    assert "volumes" not in spec["template"]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    assert "db" == await made.name.future()
    hooks = cast(Any, settings.get_monitor()).requests[f"{STATEFUL_SET} db"].hooks
    assert (4, 3, 0) == (len(hooks.before_create), len(hooks.before_update), len(hooks.before_delete))


@pytest.mark.parametrize(
    ("more", "path", "words"),
    [
        ({"strategy": {}}, "strategy", "no such field"),
        ({"name": "n" * 53}, "name", "write 52 at most"),
        ({"service_name": "No"}, "service_name", "is not a valid name"),
        ({"pod_management_policy": "Ordered"}, "pod_management_policy", "write OrderedReady (the default), Parallel"),
        ({"volume_claim_templates": [{"name": "data"}]}, "volume_claim_templates[0].storage", "it is required"),
        (
            {"volume_claim_templates": [{"name": "data", "storage": "10"}]},
            "volume_claim_templates[0].storage",
            "write",
        ),
        (
            {"volume_claim_templates": [{"name": "data", "storage": "0Gi"}]},
            "volume_claim_templates[0].storage",
            "is no room",
        ),
        (
            {"volume_claim_templates": [{"name": "data", "storage": "1Gi", "access_modes": ["RWO"]}]},
            "volume_claim_templates[0].access_modes[0]",
            "ReadWriteOnce (the default)",
        ),
        ({"volumes": [{"name": "data", "empty_dir": {}}]}, "volume_claim_templates[0].name", "data"),
        ({"volume_claim_templates": []}, "containers[0].volume_mounts[0].name", "there is no volume 'data'"),
        (
            {"persistent_volume_claim_retention_policy": {"when_deleted": "Keep"}},
            "persistent_volume_claim_retention_policy.when_deleted",
            "Retain (the default), Delete",
        ),
        ({"containers": [{"name": "db", "image": "db:1"}]}, "containers", "BestEffort"),
    ],
)
def test_bad_arguments(mocks: ClusterMocks, more: dict[str, Any], path: str, words: str) -> None:
    """Each is refused before anything is registered, with the field's path and what to write instead."""
    with pytest.raises(InvalidArgs) as caught:
        ResizableStatefulSet("db", args_of(**more))

    told = [f"{problem.path}: {problem}" for problem in caught.value.problems]
    assert any(each.startswith(f"{path}: ") and words in each for each in told), told
    assert [] == mocks.resources


def test_claims_must_be_known(mocks: ClusterMocks) -> None:
    """What can never change cannot come later."""
    del mocks
    late: Any = pulumi.Output.from_input([{"name": "data", "storage": "1Gi"}])
    with pytest.raises(InvalidArgs, match="volume_claim_templates: it is not known before the deployment"):
        ResizableStatefulSet("db", args_of(volume_claim_templates=late))
