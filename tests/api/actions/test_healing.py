"""Sizes that were changed by hand, on a real cluster: found, said by whom, and put back in place."""

from components.actions.client import Client, Json, path_of
from components.actions.readiness import wait_ready
from components.actions.resize import adopt, all_drifted, drifted, heal, plan
from components.actions.resize.live import deployment_path
from tests.api.actions.live import (
    CPU,
    LARGE,
    OTHER_IMAGE,
    PULUMI,
    SMALL,
    Snapshot,
    assert_whole,
    create,
    manifest,
)

KUBECTL = "kubectl-patch"


def resize_by_hand(client: Client, namespace: str, pod: str, size: dict[str, str], manager: str = KUBECTL) -> None:
    """Do what `kubectl patch pod --subresource resize` does."""
    body: Json = {"spec": {"containers": [{"name": "app", "resources": {"requests": size, "limits": size}}]}}
    path = path_of("v1", "pods", namespace, pod, "resize")
    client.patch(path, body, kind="strategic", field_manager=manager)


def healed(client: Client, body: Json) -> list[str]:
    """Heal the Deployment towards this manifest."""
    uid = Snapshot(client, body["metadata"]["namespace"]).deployment["metadata"]["uid"]
    return heal(client, body, uid, progress=print, timeout=60)


def test_a_pod_that_was_resized_by_hand_is_put_back(client: Client, namespace: str) -> None:
    """The pod is named, with who did it; afterwards it has its template's size, in the same containers."""
    create(client, manifest(namespace, SMALL))
    assert [] == drifted(client, namespace, "web")
    before = Snapshot(client, namespace)
    pod = before.pods[0]["metadata"]["name"]
    resize_by_hand(client, namespace, pod, CPU)
    (found, _) = all_drifted(client, namespace)
    assert f"pod {pod}, container app: requests.cpu is 30m, the template says 20m (changed by {KUBECTL})" in found
    (done,) = healed(client, manifest(namespace, SMALL))
    assert done.endswith("put back in place")
    assert before.identities == assert_whole(client, namespace, SMALL).identities
    assert [] == healed(client, manifest(namespace, SMALL))


def test_a_template_that_was_changed_by_hand_is_put_back(client: Client, namespace: str) -> None:
    """`kubectl set resources` has rolled pods of its size out; they get the program's size back in place."""
    create(client, manifest(namespace, SMALL))
    by_hand = {"spec": {"template": manifest(namespace, CPU)["spec"]["template"]}}
    client.patch(deployment_path(namespace, "web"), by_hand, kind="strategic", field_manager="kubectl-set")
    wait_ready(client, namespace, "web", patience=60)
    before = assert_whole(client, namespace, CPU)
    assert ["the template's sizes of container app were changed by kubectl-set"] == drifted(client, namespace, "web")
    (done,) = healed(client, manifest(namespace, SMALL))
    assert done.endswith("changed by kubectl-set; put back in place")
    assert before.identities == assert_whole(client, namespace, SMALL).identities
    assert [] == drifted(client, namespace, "web")


def test_what_would_take_new_pods_is_said_and_left(client: Client, namespace: str) -> None:
    """An image that was changed with the size is none of this: nothing rolls behind the user's back."""
    create(client, manifest(namespace, SMALL))
    by_hand = {"spec": {"template": manifest(namespace, CPU, image=OTHER_IMAGE)["spec"]["template"]}}
    client.patch(deployment_path(namespace, "web"), by_hand, kind="strategic", field_manager="kubectl-edit")
    wait_ready(client, namespace, "web", patience=60)
    before = Snapshot(client, namespace)
    (said,) = healed(client, manifest(namespace, SMALL))
    assert "left as it is, because it cannot be put back in place: more than sizes changes" in said
    after = Snapshot(client, namespace)
    assert (before.identities, before.deployment["metadata"]["generation"]) == (
        after.identities,
        after.deployment["metadata"]["generation"],
    )


def test_a_resize_that_no_record_knows_is_taken_back(client: Client, namespace: str) -> None:
    """An update that is killed right after the resize, and whose program is then reverted, leaves no diff to Pulumi."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    adopt(client, plan(client, manifest(namespace, CPU)), progress=print, timeout=60)
    (done,) = healed(client, manifest(namespace, SMALL))
    assert "an update that was cut off; put back in place" in done
    assert before.identities == assert_whole(client, namespace, SMALL).identities


def test_our_own_resizes_are_no_drift(client: Client, namespace: str) -> None:
    """After an ordinary resize nothing was changed by hand, nor for an object of another UID."""
    create(client, manifest(namespace, SMALL))
    adopt(client, plan(client, manifest(namespace, LARGE)), progress=print, timeout=60)
    assert [] == all_drifted(client, namespace)
    pod = Snapshot(client, namespace).pods[0]["metadata"]["name"]
    resize_by_hand(client, namespace, pod, {"cpu": "50m", "memory": "64Mi"})
    assert [] == heal(client, manifest(namespace, LARGE), "another", progress=print, timeout=60)


def test_pods_of_an_autoscaler_are_left_to_it(client: Client, namespace: str, vpa: object) -> None:
    """A VerticalPodAutoscaler gives pods sizes that their template does not have, on purpose."""
    create(client, manifest(namespace, SMALL))
    pod = Snapshot(client, namespace).pods[0]["metadata"]["name"]
    resize_by_hand(client, namespace, pod, CPU, manager="vpa-updater")
    assert 2 == len(drifted(client, namespace, "web"))
    vpa(namespace, "InPlaceOrRecreate")  # type: ignore[operator]
    assert [] == drifted(client, namespace, "web")
    assert PULUMI in str(Snapshot(client, namespace).deployment["metadata"]["managedFields"])
