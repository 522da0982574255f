"""What a StatefulSet does not let change, and what is said instead."""

import copy
from typing import Any

import pytest

from components.model.immutable import immutable_changes

Json = dict[str, Any]

DESIRED: Json = {
    "serviceName": "web",
    "selector": {"matchLabels": {"app": "web"}},
    "replicas": 3.0,
    "volumeClaimTemplates": [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
        }
    ],
}
# As a server returns it.
LIVE: Json = {
    "serviceName": "web",
    "selector": {"matchLabels": {"app": "web"}},
    "replicas": 2,
    "podManagementPolicy": "OrderedReady",
    "revisionHistoryLimit": 10,
    "volumeClaimTemplates": [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "creationTimestamp": None},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "10240Mi"}},
                "storageClassName": "standard",
                "volumeMode": "Filesystem",
            },
            "status": {"phase": "Pending"},
        }
    ],
}


def changes(**desired: Any) -> list[str]:
    """Return the texts for these fields of the spec."""
    return list(immutable_changes(LIVE, {**DESIRED, **desired}))


def claim(**spec: Any) -> list[Json]:
    """Return the claim templates with other fields in the claim's spec."""
    found = copy.deepcopy(DESIRED["volumeClaimTemplates"])
    found[0]["spec"].update(spec)
    return list(found)


def test_what_the_server_filled_in_is_no_difference() -> None:
    """Defaults, status, kind of the claim, storage class, and another way to write a quantity or number."""
    assert [] == changes()
    assert [] == changes(revisionHistoryLimit=10.0, podManagementPolicy="OrderedReady")
    assert [] == changes(volumeClaimTemplates=claim(storageClassName="standard", volumeMode="Filesystem"))
    assert [] == list(immutable_changes({"serviceName": ""}, {}))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (
            "serviceName",
            "other",
            "serviceName cannot change from 'web' to 'other': keep it as before, or `kubectl delete",
        ),
        (
            "podManagementPolicy",
            "Parallel",
            "podManagementPolicy cannot change from 'OrderedReady' to 'Parallel': keep it as before, or `kubectl",
        ),
        (
            "selector",
            {"matchLabels": {"app": "shop"}},
            "selector cannot change from {'matchLabels': {'app': 'web'}} to {'matchLabels': {'app': 'shop'}}: keep it",
        ),
        (
            "revisionHistoryLimit",
            3,
            "revisionHistoryLimit cannot change from 10 to 3: the server would take it, but Pulumi replaces",
        ),
    ],
)
def test_fields_that_cannot_change(field: str, value: Any, expected: str) -> None:
    """Each is named with both values and its own remedy."""
    (text,) = changes(**{field: value})
    assert text.startswith(expected)
    assert "`pulumi up`" in text


def test_a_claim_that_grows_has_its_way() -> None:
    """The remedy is whole: the PVCs, the StatefulSet without its pods, Pulumi's record; or the old number."""
    (text,) = changes(volumeClaimTemplates=claim(resources={"requests": {"storage": "20Gi"}}))
    assert text == (
        "requests.storage of claim 'data' cannot change from 10240Mi to 20Gi: expand each PVC (data-NAME-ORDINAL) with "
        "`kubectl patch pvc`, which its StorageClass has to allow, then `kubectl delete statefulset NAME "
        "--cascade=orphan` (its pods stay), then `pulumi refresh` and `pulumi up`; or keep 10240Mi"
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"resources": {"requests": {"storage": "5Gi"}}}, "from 10240Mi to 5Gi, for a volume only grows"),
        ({"resources": {}}, "from 10240Mi to unset, for a volume only grows"),
        ({"storageClassName": "fast"}, "storageClassName of claim 'data' cannot change from 'standard' to 'fast'"),
        ({"accessModes": ["ReadWriteMany"]}, "accessModes of claim 'data' cannot change from ['ReadWriteOnce'] to"),
        ({"volumeMode": "Block"}, "volumeMode of claim 'data' cannot change from 'Filesystem' to 'Block'"),
    ],
)
def test_other_changes_of_a_claim(spec: Json, expected: str) -> None:
    """The claim and the field are named."""
    (text,) = changes(volumeClaimTemplates=claim(**spec))
    assert expected in text


def test_claims_that_come_go_or_have_other_labels() -> None:
    """The list is frozen as a whole."""
    other = {"metadata": {"name": "logs"}, "spec": {}}
    (gained,) = changes(volumeClaimTemplates=[*claim(), other])
    assert gained.startswith("volumeClaimTemplates cannot gain claim 'logs'")
    (lost,) = changes(volumeClaimTemplates=[])
    assert lost.startswith("volumeClaimTemplates cannot lose claim 'data'")
    labelled = claim()
    labelled[0]["metadata"]["labels"] = {"a": "b"}
    (labels,) = changes(volumeClaimTemplates=labelled)
    assert labels.startswith("the labels of claim 'data' cannot change")
    both = {**DESIRED, "volumeClaimTemplates": [*claim(), other]}
    turned = {**DESIRED, "volumeClaimTemplates": [other, *claim()]}
    (order,) = immutable_changes(both, turned)
    assert order == "volumeClaimTemplates cannot change their order to logs, data: keep it"
