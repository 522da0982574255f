"""What of an object is restored and compared, what is left to the cluster, in which order, and under which names."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.model.mapping import Names, mapped
from components.model.normal import differences, merge_patch, normal
from components.model.restorable import Context, context_of, why_not
from components.model.restore_order import wave_of

NONE = Context()
ENDPOINTS = "endpoints.kubernetes.io/managed-by"
SET = {
    "uid": "u",
    "resourceVersion": "7",
    "generation": 3,
    "creationTimestamp": "2026-01-01T00:00:00Z",
    "managedFields": [{}],
    "selfLink": "/x",
}


def made(**fields: Any) -> dict[str, Any]:
    """Return an object as a server gives it."""
    metadata = {"name": "x", "namespace": "shop", **SET, **fields.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "K", "metadata": metadata, "status": {"seen": True}, **fields}


def written(kind: str, context: Context = NONE, **fields: Any) -> dict[str, Any]:
    """Return what of an object is written, but for its kind, name and namespace."""
    found = normal(kind, made(**fields), context)
    metadata = {k: v for k, v in found["metadata"].items() if k not in ("name", "namespace")}
    return {k: v for k, v in found.items() if k not in ("apiVersion", "kind", "metadata")} | (
        {"metadata": metadata} if metadata else {}
    )


def test_only_what_the_cluster_gave_is_left_out() -> None:
    """Finalizers, labels, annotations, a name's prefix and every other field stay."""
    metadata = {"finalizers": ["f"], "labels": {"l": "1"}, "annotations": {"a": "1"}, "generateName": "x-"}

    assert {"metadata": metadata, "data": {"a": None}} == written("configmaps", metadata=metadata, data={"a": None})


def test_the_object_itself_is_not_changed() -> None:
    """A snapshot's object is normalised more than once."""
    item = made(spec={"clusterIP": "10.0.0.1"})
    before = copy.deepcopy(item)
    normal("services", item, NONE)

    assert before == item


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("services", {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "x": 1}, {"x": 1}),
        ("services", {"clusterIP": "None", "clusterIPs": ["None"]}, {"clusterIP": "None", "clusterIPs": ["None"]}),
        ("services", {"ports": [{"nodePort": 30001}]}, {"ports": [{"nodePort": 30001}]}),
        (
            "persistentvolumes",
            {"claimRef": {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": "1"}},
            {"claimRef": {"name": "c", "namespace": "n"}},
        ),
        ("persistentvolumeclaims", {"volumeName": "gone", "volumeMode": "Block"}, {"volumeMode": "Block"}),
        ("persistentvolumeclaims", {"volumeName": "kept"}, {"volumeName": "kept"}),
        ("jobs.batch", {"selector": {"matchLabels": {"controller-uid": "u"}}, "template": {}}, {"template": {}}),
        ("jobs.batch", {"manualSelector": True, "selector": {}}, {"manualSelector": True, "selector": {}}),
        (
            "jobs.batch",
            {"template": {"metadata": {"labels": {"batch.kubernetes.io/controller-uid": "u", "a": "b"}}}},
            {"template": {"metadata": {"labels": {"a": "b"}}}},
        ),
        (
            "pods",
            {
                "nodeName": "n",
                "priority": 7,
                "volumes": [{"name": "kube-api-access-x"}, {"name": "own"}],
                "containers": [{"name": "a", "volumeMounts": [{"name": "kube-api-access-x"}]}],
            },
            {"volumes": [{"name": "own"}], "containers": [{"name": "a"}]},
        ),
        ("deployments.apps", {"clusterIP": "x", "nodeName": "y"}, {"clusterIP": "x", "nodeName": "y"}),
    ],
)  # fmt: skip
def test_what_of_each_kind_is_left_out(kind: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
    """The fields that belong to the old cluster, and no field of another kind."""
    assert {"spec": expected} == written(kind, Context(frozenset({"kept"})), spec=given)


def test_a_namespace_has_no_spec_and_a_token_no_content() -> None:
    """The API server and the token's controller fill them in."""
    token: dict[str, Any] = {
        "type": "kubernetes.io/service-account-token",
        "data": {"token": "t", "ca.crt": "c", "namespace": "n"},
    }

    assert {} == written("namespaces", spec={"finalizers": ["kubernetes"]})
    assert {"type": token["type"]} == written("secrets", **token)
    assert {"type": "Opaque", "data": {"token": "t"}} == written("secrets", type="Opaque", data={"token": "t"})


def test_a_status_that_is_no_subresource_is_a_field() -> None:
    """A CRD says which its kinds have; a status is restored where nobody else would write it."""
    crd = "customresourcedefinitions.apiextensions.k8s.io"

    def definition(name: str, *versions: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return crd, {"metadata": {"name": name}, "spec": {"versions": list(versions)}}

    has: dict[str, Any] = {"subresources": {"status": {}}}
    other: dict[str, Any] = {"subresources": {"scale": {}}}
    context = context_of([definition("as.x", has), definition("bs.x", has, {}), definition("cs.x", other)])

    assert frozenset({"bs.x", "cs.x"}) == context.stateful_status
    assert {"status": {"seen": True}} == written("bs.x", context)
    assert {} == written("as.x", context)


def test_owners_lose_their_uid_only() -> None:
    """What they are stays, in an order of its own."""
    owners = [{"kind": "B", "name": "b", "uid": "1", "controller": True}, {"kind": "A", "name": "a", "uid": "2"}]

    expected = [{"kind": "A", "name": "a"}, {"kind": "B", "name": "b", "controller": True}]

    assert {"metadata": {"ownerReferences": expected}} == written("x", metadata={"ownerReferences": owners})


@pytest.mark.parametrize(
    ("words", "kind", "fields"),
    [
        ("past", "events", {}),
        ("register", "nodes", {}),
        ("being deleted", "configmaps", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        ("controller makes it", "pods", {"metadata": {"ownerReferences": [{"kind": "X", "controller": True}]}}),
        ("node makes it", "pods", {"metadata": {"ownerReferences": [{"kind": "Node", "controller": False}]}}),
        ("has ended", "pods", {"status": {"phase": "Succeeded"}}),
        ("run again", "jobs.batch", {"status": {"conditions": [{"type": "Failed", "status": "True"}]}}),
        ("publishes", "configmaps", {"metadata": {"name": "kube-root-ca.crt"}}),
        ("publishes", "configmaps", {"metadata": {"name": "cluster-info", "namespace": "kube-public"}}),
        ("", "configmaps", {"metadata": {"name": "cluster-info", "namespace": "shop"}}),
        ("nodes join", "secrets", {"type": "bootstrap.kubernetes.io/token"}),
        ("API server", "services", {"metadata": {"name": "kubernetes", "namespace": "default"}}),
        ("for Services", "endpoints", {"metadata": {"labels": {ENDPOINTS: "endpoint-controller"}}}),
        (
            "empty one",
            "persistentvolumes",
            {
                "metadata": {"annotations": {"pv.kubernetes.io/provisioned-by": "csi"}},
                "spec": {"persistentVolumeReclaimPolicy": "Delete"},
            },
        ),
        ("", "persistentvolumes", {"spec": {"persistentVolumeReclaimPolicy": "Retain"}}),
        ("", "persistentvolumes", {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}),
        ("", "pods", {"metadata": {"ownerReferences": [{"kind": "Thing"}]}, "status": {"phase": "Pending"}}),
        ("", "jobs.batch", {"status": {"conditions": [{"type": "Suspended", "status": "True"}]}}),
        ("", "endpointslices.discovery.k8s.io", {"metadata": {"labels": {"kubernetes.io/service-name": "x"}}}),
        ("", "services", {"metadata": {"name": "kubernetes", "namespace": "shop"}}),
        ("", "things.example.com", {}),
    ],
)  # fmt: skip
def test_what_is_not_restored_has_a_reason(words: str, kind: str, fields: dict[str, Any]) -> None:
    """Controllers' objects and those of a moment; everything else is restored."""
    reason = why_not(kind, made(**fields))

    assert words in reason
    assert bool(words) == bool(reason)


def test_the_order() -> None:
    """What is needed comes before who needs it, and webhooks come last of all."""
    order = [
        "customresourcedefinitions.apiextensions.k8s.io",
        "namespaces",
        "storageclasses.storage.k8s.io",
        "serviceaccounts",
        "rolebindings.rbac.authorization.k8s.io",
        "secrets",
        "persistentvolumes",
        "persistentvolumeclaims",
        "services",
        "replicasets.apps",
        "pods",
        "deployments.apps",
        "things.example.com",
        "resourcequotas",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
    ]
    waves = [wave_of(kind) for kind in order]

    assert sorted(set(waves)) == waves
    assert wave_of("things.example.com") == wave_of("ingresses.networking.k8s.io")


NAMES = Names({"shop": "new"}, {"fast": "slow"})
SERVICE = {"namespace": "shop", "name": "s"}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("rolebindings.rbac.authorization.k8s.io", {"subjects": [{"namespace": "shop"}, {"namespace": "else"}]}),
        ("persistentvolumes", {"spec": {"claimRef": {"namespace": "shop"}, "storageClassName": "fast"}}),
        ("persistentvolumeclaims", {"spec": {"storageClassName": "fast"}}),
        ("statefulsets.apps", {"spec": {"volumeClaimTemplates": [{"spec": {"storageClassName": "fast"}}, {}]}}),
        ("apiservices.apiregistration.k8s.io", {"spec": {"service": SERVICE}}),
        (
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
            {"webhooks": [{"clientConfig": {"service": SERVICE}}]},
        ),
        (
            "customresourcedefinitions.apiextensions.k8s.io",
            {"spec": {"conversion": {"webhook": {"clientConfig": {"service": SERVICE}}}}},
        ),
        ("endpointslices.discovery.k8s.io", {"endpoints": [{"targetRef": SERVICE}, {}]}),
        ("configmaps", {}),
    ],
)  # fmt: skip
def test_new_names(kind: str, fields: dict[str, Any]) -> None:
    """Wherever Kubernetes' own kinds name a namespace or a class, and nowhere else."""
    item = made(**fields, data={"text": "shop.svc fast"})
    text = str(item).replace("'shop'", "'new'").replace("'fast'", "'slow'")

    assert text == str(mapped(kind, item, NAMES))
    assert item is mapped(kind, item, Names())


def test_a_namespace_itself_has_its_new_name() -> None:
    """In the label by which selectors find it, too."""
    label = "kubernetes.io/metadata.name"
    found = mapped("namespaces", {"metadata": {"name": "shop", "labels": {label: "shop"}}}, NAMES)

    assert {"name": "new", "labels": {label: "new"}} == found["metadata"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def without_nulls(value: Any) -> Any:
    """Return a value as an API server keeps it: fields of objects are never null."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_makes_the_one_of_the_other(left: dict[str, Any], right: dict[str, Any]) -> None:
    """By RFC 7396; between equal objects it is empty, and no difference is found."""
    old, new = without_nulls(left), without_nulls(right)

    assert new == rfc7396(old, merge_patch(old, new))
    assert ({} == merge_patch(old, new)) == (old == new)
    assert ([] == list(differences(old, new))) == (old == new)


def rfc7396(target: Any, patch: Any) -> Any:
    """Apply a merge patch, word by word as the RFC has it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = rfc7396(result.get(key), value)
    return result


def test_differences_are_paths_and_no_values() -> None:
    """A value may be a secret."""
    left = {"data": {"password": "secret-1", "same": 1}, "list": [{"a": 1}, 2], "gone": 1}
    right = {"data": {"password": "secret-2", "same": 1}, "list": [{"a": 2}, 2], "new": [1]}

    assert ["data.password", "gone", "list[0].a", "new"] == list(differences(left, right))
    assert ["a"] == list(differences({"a": 1}, {"a": True}))
