"""What a reset means, what it loses, and the token that it takes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.model.facts import Node
from components.model.losses import losses
from components.model.reset_means import means
from components.model.reset_token import token_of, wrong

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)
GOOD = {"cluster": "uid", "server": "https://a", "platform": "lab", "snapshot": "digest"}
TOKEN = token_of(**GOOD, expires=NOW + timedelta(minutes=15))

KUBEADM = "python -m components.actions.reset.kubeadm"


def test_a_token_is_good_for_what_it_was_made_for() -> None:
    """Until it expires, to the second."""
    assert "" == wrong(TOKEN, **GOOD, now=NOW)
    assert "" == wrong(TOKEN, **GOOD, now=NOW + timedelta(minutes=14, seconds=59))
    assert "expired at 2026-11-27 06:15:00 UTC" in wrong(TOKEN, **GOOD, now=NOW + timedelta(minutes=15))


@pytest.mark.parametrize("key", list(GOOD))
def test_a_token_is_good_for_nothing_else(key: str) -> None:
    """Another cluster (also the same one after its reset), address, platform or snapshot."""
    assert "another cluster or another snapshot, or was used already" in wrong(TOKEN, **GOOD | {key: "other"}, now=NOW)


def test_a_later_end_cannot_be_written_into_it() -> None:
    """The moment is part of what is signed."""
    later = TOKEN.replace("T061500Z", "T071500Z")

    assert later != TOKEN
    assert "another cluster or another snapshot" in wrong(later, **GOOD, now=NOW)


@given(st.text(max_size=60))
def test_no_text_is_a_token(text: str) -> None:
    """Whatever somebody writes is refused with a sentence."""
    assert "plan" in wrong(text, **GOOD, now=NOW)


def pod(*volumes: dict[str, Any], phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    """Return a pod with volumes, named in turn."""
    named = [{"name": f"v{number}", **volume} for number, volume in enumerate(volumes)]
    return {
        "metadata": {"name": "p", "namespace": "shop", **metadata},
        "spec": {"volumes": named},
        "status": {"phase": phase},
    }


def volume(policy: str = "Retain", **source: Any) -> dict[str, Any]:
    """Return a bound PersistentVolume."""
    claim = {"namespace": "shop", "name": "data"}
    spec = {"persistentVolumeReclaimPolicy": policy, "claimRef": claim, **source}
    return {"metadata": {"name": "pv"}, "spec": spec}


def test_what_lies_on_nodes_is_lost() -> None:
    """Scratch space, paths of nodes and volumes that go with their claims; what lies elsewhere stays."""
    mirror: dict[str, Any] = {"annotations": {"kubernetes.io/config.mirror": "x"}}
    pods = [
        pod({"emptyDir": {}}, {"hostPath": {"path": "/data"}}, {"ephemeral": {}}, {"configMap": {}}),
        pod({"emptyDir": None}),
        pod({"emptyDir": {"medium": "Memory"}}, {"persistentVolumeClaim": {}}),
        pod({"emptyDir": {}}, phase="Succeeded"),
        pod({"hostPath": {"path": "/etc"}}, **mirror),
    ]
    volumes = [volume(local={}), volume(hostPath={}), volume("Delete", csi={}), volume(csi={})]

    assert [
        "pod shop/p, volume v0: emptyDir, which ends with the pod",
        "pod shop/p, volume v1: hostPath /data of its node",
        "pod shop/p, volume v2: an ephemeral volume, which ends with the pod",
        "pod shop/p, volume v0: emptyDir, which ends with the pod",
        "PersistentVolume pv of claim shop/data: it lies on a node",
        "PersistentVolume pv of claim shop/data: it lies on a node",
        "PersistentVolume pv of claim shop/data: its reclaim policy is Delete; with Retain it would stay",
    ] == list(losses(pods, volumes))


@pytest.mark.parametrize(
    ("platform", "kubeadm", "executed", "command"),
    [
        ("lab", False, True, "python -m lab.cluster reset --name NAME --expect $RESET_CLUSTER"),
        ("kind", True, True, "python -m components.actions.reset.kind --name mine --config YOUR-KIND-CONFIG.yaml"),
        ("", True, True, f"{KUBEADM} --control-plane root@NODE --worker root@NODE --config FILE --context NAME"),
        ("", False, True, "YOUR-COMMAND              # with $RESET_CLUSTER, the UID of kube-system, and $KUBECONFIG"),
        ("eks", False, False, "aws eks update-nodegroup-version --cluster-name CLUSTER --nodegroup-name GROUP"),
        ("gke", False, False, "gcloud container clusters upgrade CLUSTER --node-pool POOL"),
    ],
)
def test_what_a_reset_means(platform: str, kubeadm: bool, executed: bool, command: str) -> None:
    """One's own cluster is made anew; a cloud's keeps its control plane, and nothing is run there."""
    nodes = [replace(Node("n"), provider_id=f"{platform}://docker/mine/mine-control-plane")]
    found = means(platform, nodes, kubeadm=kubeadm)

    assert (executed, command) == (found.executed, found.commands[0])
    assert ("keeps the control plane" in found.text) == (not executed)
