"""Pods that a kubelet would leave with their old limits."""

from typing import Any

import pytest

from components.actions.client import Json
from components.actions.resize import stranded
from components.actions.resize.pods import resize_patch
from tests.unit.actions.doubles import container, double_client, pod, template

SMALL: Json = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "100m", "memory": "128Mi"}}
LARGE: Json = {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "200m", "memory": "256Mi"}}
MORE_CPU: Json = {"requests": {"cpu": "200m", "memory": "128Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}
BACKING_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


def two_containers(**states: Json) -> Json:
    """Return a pod of containers a and b, which run unless a state is given, and the sidecar s."""
    side = container("s", **SMALL, restartPolicy="Always")
    made = pod("web-1", template(container("a", **SMALL), container("b", **SMALL), init=[side]))
    for status in [*made["status"]["containerStatuses"], *made["status"]["initContainerStatuses"]]:
        status["state"] = states.get(status["name"], status["state"])
    return made


def patched(made: Json, **sizes: Json) -> Json:
    """Return the patch for a pod."""
    patch = resize_patch(made, sizes)
    assert patch is not None
    return patch


def node(**info: str) -> Json:
    """Return a Node that reports this of itself."""
    return {"metadata": {"name": "node-1"}, "status": {"nodeInfo": info}}


def asked(made: Json, names: list[str], answer: tuple[int, Any]) -> str:
    """Return what is left behind, where the API server answers this when it is asked for the node."""
    client, _ = double_client(lambda _method, _path, _body: answer)
    return stranded.left(client, made, names)


@pytest.mark.parametrize(
    ("states", "sizes", "expected"),
    [
        ({}, {"a": LARGE}, []),
        ({"a": BACKING_OFF}, {"a": LARGE}, ["a"]),
        ({"a": {"waiting": {"reason": "PodInitializing"}}}, {"a": LARGE}, ["a"]),
        ({"a": BACKING_OFF}, {"b": LARGE}, []),
        ({"a": BACKING_OFF}, {"a": LARGE, "b": LARGE}, []),
        ({"a": BACKING_OFF}, {"a": LARGE, "b": MORE_CPU}, ["a"]),
        ({"s": BACKING_OFF}, {"s": LARGE}, ["s"]),
    ],
)
def test_a_container_that_does_not_run_is_idle(states: Json, sizes: Json, expected: list[str]) -> None:
    """Unless a running one gets another amount of the same resources, by which the kubelet looks at the pod, too."""
    made = two_containers(**states)
    assert expected == stranded.idle(made, patched(made, **sizes))


@pytest.mark.parametrize(
    ("status", "asked_for", "expected"),
    [
        ({}, [], []),
        ({"restartCount": 1}, [], ["a"]),
        ({"restartCount": 1}, ["a"], []),
        ({"state": BACKING_OFF}, [], ["a"]),
        ({"state": {"terminated": {"exitCode": 137}}}, [], ["a"]),
    ],
)
def test_a_container_that_ended_meanwhile_may_have_been_missed(
    status: Json, asked_for: list[str], expected: list[str]
) -> None:
    """A restart that the resize asked for is none of that."""
    made = two_containers()
    made["metadata"]["generation"] = 2
    made["status"]["containerStatuses"][0].update(status)
    assert expected == stranded.ended(made, {"a": 0, "b": 0, "s": 0}, asked_for)


def test_a_pod_that_was_made_with_its_size_is_left_alone() -> None:
    """Else the new pod would be replaced as well, for as long as it starts."""
    assert [] == stranded.ended(two_containers(a=BACKING_OFF), {}, [])


def test_a_restart_that_an_earlier_run_asked_for_is_not_taken_for_a_crash() -> None:
    """A container whose resizePolicy restarts it is between two runs for a moment."""
    policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    made = pod("web-1", template(container("a", **SMALL, resizePolicy=policy)))
    made["metadata"]["generation"] = 2
    made["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 137}}
    assert [] == stranded.ended(made, {"a": 0}, [])


@pytest.mark.parametrize(
    ("version", "names", "expected"),
    [
        ("v1.33.13", ["a"], "a"),
        ("v1.36.3", ["a"], "a"),
        ("v1.36.4-gke.1000", ["a"], ""),
        ("v1.37.0", ["a"], ""),
        ("v1.37.0", ["a", "s"], "s"),
        ("nonsense", ["a"], "a"),
    ],
)
def test_the_kubelet_decides(version: str, names: list[str], expected: str) -> None:
    """It sets the pod's cgroup for main containers since 1.36.4, for sidecars in no version."""
    assert expected == asked(two_containers(), names, (200, node(kubeletVersion=version)))


def test_a_node_that_may_not_be_read_counts_as_an_old_one() -> None:
    """The pod is replaced then, which is right for every kubelet."""
    assert "a" == asked(two_containers(), ["a"], (403, {"kind": "Status", "reason": "Forbidden", "message": "no"}))


def test_a_simulated_node_has_no_cgroups() -> None:
    """Nothing is kept there, so nothing is replaced."""
    simulated = node(kubeletVersion="v1.33.0", containerRuntimeVersion="kwok://0.7.0")
    assert "" == asked(two_containers(), ["a"], (200, simulated))


def test_a_pod_without_node_has_no_cgroup_yet() -> None:
    """No node is asked for."""
    made = two_containers()
    made["spec"].pop("nodeName")
    assert "" == asked(made, ["a"], (500, {}))
