"""What is refused in the arguments of workloads, field by field, and which rules are stricter than the API server's."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from components._workload import _problems
from components.model import workload
from components.model.problem import Problem
from components.resize import ResizableDeploymentArgs
from components.testing import CONNECTION
from tests import corpus, validation_page

SIZE = {"requests": {"cpu": "100m"}}
STARTUP = {"startup_probe": {"tcp_socket": {"port": "1"}}}


def found(container: dict[str, Any] | None = None, **more: Any) -> list[Problem]:
    """Return the problems of small correct arguments with fields of their container, or of their own, replaced."""
    web = {"name": "web", "image": "nginx:1", "resources": SIZE, **(container or {})}
    args = {"connection": CONNECTION, "namespace": "shop", "containers": [web], **more}
    return _problems("app", args, ResizableDeploymentArgs, workload.resizable_problems)


def told(problems: list[Problem]) -> list[tuple[str, str]]:
    """Return path and rule of each problem."""
    return [(problem.path, problem.rule) for problem in problems]


AS_THE_SERVER: list[tuple[dict[str, Any], str, str]] = [
    ({"annotations": {"a b": "c"}}, "annotations['a b']", "not a label key"),
    ({"annotations": {"a": "x" * 262144}}, "annotations", "annotations hold 262144"),
    (
        {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "+1"}},
        "annotations['controller.kubernetes.io/pod-deletion-cost']",
        "'-100'",
    ),
    (
        {"annotations": {"container.apparmor.security.beta.kubernetes.io/wbe": "localhost/x"}},
        "annotations['container.apparmor.security.beta.kubernetes.io/wbe']",
        "name one of: web",
    ),
    (
        {"annotations": {"container.apparmor.security.beta.kubernetes.io/web": "none"}},
        "annotations['container.apparmor.security.beta.kubernetes.io/web']",
        "runtime/default",
    ),
    ({"tolerations": [{"value": "a"}]}, "tolerations[0]", "write its key"),
    ({"tolerations": [{"key": "a b"}]}, "tolerations[0].key", "not a label key"),
    ({"tolerations": [{"key": "a", "value": "b c"}]}, "tolerations[0].value", "not a label value"),
    ({"tolerations": [{"operator": "Exists", "value": "b"}]}, "tolerations[0].value", "leave it out"),
    (
        {"tolerations": [{"key": "a", "effect": "NoSchedule", "toleration_seconds": 1}]},
        "tolerations[0].toleration_seconds",
        "write effect NoExecute",
    ),
    ({"image_pull_secrets": ["a", "a"]}, "image_pull_secrets[1]", "already"),
    (
        {"strategy": {"rolling_update": {"max_unavailable": "101%"}}},
        "strategy.rolling_update.max_unavailable",
        "at most 100%",
    ),
    ({"strategy": {"rolling_update": {"max_surge": "٣"}}}, "strategy.rolling_update.max_surge", "'25%'"),
    ({"strategy": {"rolling_update": {"max_surge": "٣%"}}}, "strategy.rolling_update.max_surge", "'25%'"),
    (
        {"strategy": {"rolling_update": {"max_surge": "00", "max_unavailable": "0%"}}},
        "strategy.rolling_update",
        "nothing could move",
    ),
    ({"volumes": [{"name": "a", "config": {"name": "c", "data": {".": ""}}}]}, "volumes[0].config.data['.']", "file"),
    ({"min_ready_seconds": 600}, "min_ready_seconds", "set patience_seconds higher"),
    ({"restart": "x" * 262144}, "annotations", "annotations hold 262144"),
    ({"volumes": "none"}, "volumes", "write a list"),
    ({"containers": [None]}, "containers[0]", "it is null"),
    ({"pod_spec_patch": {"restartPolicy": "OnFailure"}}, "pod_spec_patch.restartPolicy", "is a Job"),
    ({"pod_spec_patch": {"containers": []}}, "pod_spec_patch.containers", "takes all containers away"),
    (
        {"pod_spec_patch": {"containers": [{"stdin": True, "resources": SIZE}]}},
        "pod_spec_patch.containers",
        "replace the whole list",
    ),
    (
        {"pod_spec_patch": {"containers": [{"name": "wbe", "stdin": True}]}},
        "pod_spec_patch.containers[0].name",
        "name one of: web; a container that the patch adds needs an image",
    ),
    (
        {"pod_spec_patch": {"containers": [{"name": "web", "resources": {"limits": {"cpu": "50m"}}}]}},
        "pod_spec_patch.containers[0].resources.requests.cpu",
        "'100m' is more than the limit '50m'",
    ),
    (
        {"pod_spec_patch": {"containers": [{"name": "x", "image": "i", "resources": {"limits": {"cpu": "-1"}}}]}},
        "pod_spec_patch.containers[0].resources.limits.cpu",
        "negative",
    ),
]


@pytest.mark.parametrize(("more", "path", "words"), AS_THE_SERVER)
def test_workloads(more: dict[str, Any], path: str, words: str) -> None:
    """What the API server would refuse is refused with its path and what to write instead."""
    problems = found(**more)

    assert [path] == [problem.path for problem in problems]
    assert words in str(problems[0])


OF_A_CONTAINER: list[tuple[dict[str, Any], str, str]] = [
    ({"env": [{"name": "é"}]}, "env[0].name", "printable ASCII"),
    ({"env": [{"name": "A", "value_from": {"field_ref": {"field_path": "status.phase"}}}]}, "env[0].", "status.podIP"),
    (
        {"env": [{"name": "A", "value_from": {"field_ref": {"field_path": "metadata.labels['A.b/c']"}}}]},
        "env[0].value_from.field_ref.field_path",
        "cannot take",
    ),
    (
        {"env": [{"name": "A", "value_from": {"secret_key_ref": {"name": "No", "key": "a"}}}]},
        "env[0].value_from.secret_key_ref.name",
        "not a valid name",
    ),
    (
        {"env": [{"name": "A", "value_from": {"config_map_key_ref": {"name": "a", "key": "../b"}}}]},
        "env[0].value_from.config_map_key_ref.key",
        "not a file name",
    ),
    (
        {"resources": {"limits": {"cpu": "1", "hugepages-x": "1"}}},
        "resources.limits.hugepages-x",
        "hugepages-2Mi",
    ),
    ({"resources": {"limits": {"cpu": "1", "hugepages-2Mi": "3Mi"}}}, "resources.limits.hugepages-2Mi", "multiple"),
    ({"resources": {"limits": {"hugepages-2Mi": "4Mi"}}}, "resources", "need cpu or memory"),
    ({"resources": {"limits": {"cpu": "1", "a.b/gpu": "0.5"}}}, "resources.limits['a.b/gpu']", "no part of a device"),
    ({"resources": {"requests": {"cpu": "1", "a.b/gpu": "1"}}}, "resources.requests['a.b/gpu']", "as a limit"),
    (
        {"resources": {"requests": {"cpu": "1", "a.b/gpu": "1"}, "limits": {"a.b/gpu": "2"}}},
        "resources.requests['a.b/gpu']",
        "the same amount",
    ),
    (
        {"resources": {"limits": {"cpu": "1", "requests.a/b": "1"}}},
        "resources.limits['requests.a/b']",
        "example.com/gpu",
    ),
    ({"lifecycle": {"post_start": {"sleep": {"seconds": 31}}}}, "lifecycle.post_start.sleep.", "grace period of 30"),
    ({"lifecycle": {"post_start": {"sleep": {"seconds": -1}}}}, "lifecycle.post_start.sleep.seconds", "from 0"),
    ({"lifecycle": {"post_start": {"http_get": {"port": "0"}}}}, "lifecycle.post_start.http_get.port", "1 to 65535"),
    (
        {"resize_policy": [{"resource_name": "ephemeral-storage", "restart_policy": "NotRequired"}]},
        "resize_policy[0].resource_name",
        "write cpu, memory",
    ),
    ({"lifecycle": {"pre_stop": {"exec": {"command": []}}}}, "lifecycle.pre_stop.exec.command", "it is empty"),
    ({"liveness_probe": {"tcp_socket": {"port": "٣"}}}, "liveness_probe.tcp_socket.port", "write a number"),
    ({"liveness_probe": {"exec": {"command": []}}}, "liveness_probe.exec.command", "it is empty"),
]


@pytest.mark.parametrize(("fields", "path", "words"), OF_A_CONTAINER)
def test_containers(fields: dict[str, Any], path: str, words: str) -> None:
    """The same inside a container."""
    problems = [problem for problem in found(fields) if problem.rule != "best-effort"]

    assert [True] == [problem.path.startswith(f"containers[0].{path}") for problem in problems]
    assert words in str(problems[0])


# An example for each rule that is stricter than the API server's: (of the container, of the workload, path).
STRICTER: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("own", {}, {"in_place": "never"}, "in_place"),
    ("own", {}, {"patience_seconds": 0}, "patience_seconds"),
    ("own", {}, {"connection": {"kubeconfig": "~/.kube/config"}}, "connection.kubeconfig"),
    ("own", {}, {"in_place": "required", "resize_failure_policy": "rollout"}, "resize_failure_policy"),
    ("shape", {"ports": [{"container_port": 80}]}, {}, "containers[0].ports[0].name"),
    ("empty", {"image_pull_policy": ""}, {}, "containers[0].image_pull_policy"),
    ("empty", {}, {"service_account_name": ""}, "service_account_name"),
    ("empty", {}, {"match_labels": {}}, "match_labels"),
    ("empty", {}, {"match_labels": {"a": None}}, "match_labels"),
    ("empty", {}, {"volumes": [{"name": "a", "config": {"name": "c", "data": {}}}]}, "volumes[0].config.data"),
    ("quantity", {"resources": {"limits": {"cpu": " 1"}}}, {}, "containers[0].resources.limits.cpu"),
    ("quantity", {"resources": {"limits": {"cpu": "100u"}}}, {}, "containers[0].resources.limits.cpu"),
    ("quantity", {"resources": {"limits": {"memory": "9Ei"}}}, {}, "containers[0].resources.limits.memory"),
    ("unit", {"resources": {"requests": {"memory": "128"}}}, {}, "containers[0].resources.requests.memory"),
    ("unit", {}, {"volumes": [{"name": "a", "empty_dir": {"size_limit": "1e3"}}]}, "volumes[0].empty_dir.size_limit"),
    ("selector", {}, {"labels": {"app.kubernetes.io/name": "x"}}, "labels['app.kubernetes.io/name']"),
    ("best-effort", {"resources": {}}, {}, "containers"),
    ("best-effort", {"resources": {"requests": {"cpu": "0", "ephemeral-storage": "1Gi"}}}, {}, "containers"),
    ("best-effort", {}, {"pod_spec_patch": {"containers": [{"name": "web", "resources": None}]}}, "containers"),
    (
        "surge",
        {},
        {"strategy": {"rolling_update": {"max_surge": "9" * 5000 + "%"}}},
        "strategy.rolling_update.max_surge",
    ),
    ("startup-probe", {}, {"sidecars": [{"name": "s", "image": "i"}]}, "sidecars[0].startup_probe"),
    (
        "startup-probe",
        {},
        {"sidecars": [{"name": "s", "image": "i", "gates_start": True}]},
        "sidecars[0].startup_probe",
    ),
    (
        "startup-probe",
        {},
        {"sidecars": [{"name": "s", "image": "i", "gates_start": False, **STARTUP}]},
        "sidecars[0].gates_start",
    ),
    ("own", {"stop_seconds": 0}, {}, "containers[0].stop_seconds"),
    (
        "own",
        {},
        {"init_containers": [{"name": "i", "image": "i", "stop_seconds": 1}]},
        "init_containers[0].stop_seconds",
    ),
    ("budget", {"stop_seconds": 31}, {"termination_grace_period_seconds": 30}, "termination_grace_period_seconds"),
    (
        "budget",
        {"stop_seconds": 20, "lifecycle": {"pre_stop": {"sleep": {"seconds": 5}}}},
        {
            "sidecars": [{"name": "s", "image": "i", "stop_seconds": 6, **STARTUP}],
            "pod_spec_patch": {"terminationGracePeriodSeconds": 30},
        },
        "pod_spec_patch.terminationGracePeriodSeconds",
    ),
    (
        "init-restart",
        {},
        {
            "init_containers": [
                {
                    "name": "i",
                    "image": "i",
                    "resize_policy": [{"resource_name": "cpu", "restart_policy": "RestartContainer"}],
                }
            ]
        },
        "init_containers[0].resize_policy[0].restart_policy",
    ),
    (
        "port-name",
        {"ports": [{"name": "a", "container_port": 1}]},
        {"sidecars": [{"name": "s", "image": "i", "ports": [{"name": "a", "container_port": 2}], **STARTUP}]},
        "containers[0].ports[0].name",
    ),
    (
        "probe-port",
        {"lifecycle": {"pre_stop": {"http_get": {"port": "no"}}}},
        {},
        "containers[0].lifecycle.pre_stop.http_get.port",
    ),
    (
        "probe-zero",
        {"liveness_probe": {"grpc": {"port": 1}, "period_seconds": 0}},
        {},
        "containers[0].liveness_probe.period_seconds",
    ),
    (
        "mount-path",
        {"volume_mounts": [{"name": "a", "mount_path": "b"}]},
        {"volumes": [{"name": "a", "empty_dir": {}}]},
        "containers[0].volume_mounts[0].mount_path",
    ),
    (
        "live-sub-path",
        {"volume_mounts": [{"name": "a", "mount_path": "/b", "sub_path": "f"}]},
        {"volumes": [{"name": "a", "config": {"name": "a", "data": {"f": ""}, "on_change": "live"}}]},
        "containers[0].volume_mounts[0].sub_path",
    ),
    ("host-path", {}, {"volumes": [{"name": "a", "host_path": {"path": "/b"}}]}, "volumes[0].host_path"),
    ("volume-source", {}, {"volumes": [{"name": "a"}]}, "volumes[0]"),
    ("medium", {}, {"volumes": [{"name": "a", "empty_dir": {"medium": "Disk"}}]}, "volumes[0].empty_dir.medium"),
    ("root", {"security_context": {"run_as_user": 0}}, {}, "containers[0].security_context.run_as_user"),
    ("image", {"image": "a\tb"}, {}, "containers[0].image"),
    ("reference", {}, {"image_pull_secrets": ["No"]}, "image_pull_secrets[0]"),
    ("reference", {}, {"volumes": [{"name": "a", "secret": {"secret_name": "No"}}]}, "volumes[0].secret.secret_name"),
    ("grace", {}, {"termination_grace_period_seconds": -1}, "termination_grace_period_seconds"),
    (
        "config-name",
        {},
        {"volumes": [{"name": each, "config": {"name": "c", "data": {"f": each}}} for each in ("a", "b")]},
        "volumes[1].config.name",
    ),
    (
        "dead-annotation",
        {},
        {"annotations": {"kubernetes.io/config.mirror": "x"}},
        "annotations['kubernetes.io/config.mirror']",
    ),
    (
        "surge",
        {},
        {"strategy": {"rolling_update": {"max_surge": "2147483648%"}}},
        "strategy.rolling_update.max_surge",
    ),
    ("replica-set-name", {}, {"name": "a" * 243, "match_labels": {"a": "b"}}, "name"),
    ("operator", {}, {"tolerations": [{"key": "a", "operator": "Gt", "value": "1"}]}, "tolerations[0].operator"),
]


@pytest.mark.parametrize(("rule", "container", "more", "path"), STRICTER)
def test_what_is_stricter_says_so(rule: str, container: dict[str, Any], more: dict[str, Any], path: str) -> None:
    """What the API server accepts carries the rule by which it is refused here."""
    assert [(path, rule)] == told(found(container, **more))


def test_the_page_lists_the_rules_that_there_are() -> None:
    """Every rule of docs/validation.md has an example here, but the one about patches, and no other has."""
    assert validation_page.rules() - {"patch"} == {rule for rule, *_ in STRICTER}


@pytest.mark.parametrize(
    ("container", "more"),
    [
        ({}, {"annotations": {"Example.COM/Key": "upper case"}}),
        ({"env": [{"name": "A", "value": "", "value_from": {"field_ref": {"field_path": "status.podIP"}}}]}, {}),
        ({"env": [{"name": "A", "value_from": {"field_ref": {"field_path": "metadata.annotations['A.b/c']"}}}]}, {}),
        ({"resources": {"limits": {"cpu": "1", "hugepages-2Mi": "4Mi", "a.b/gpu": "1"}}}, {}),
        ({"resources": {"requests": {"cpu": "0.5", "kubernetes.io/batch-cpu": "0.5"}}}, {}),
        ({}, {"volumes": [{"name": "a", "empty_dir": {"medium": "HugePages-2Mi"}}]}),
        ({}, {"strategy": {"rolling_update": {"max_surge": "200%", "max_unavailable": "0"}}}),
        ({}, {"tolerations": [{"operator": "Exists"}, {"key": "a", "effect": "NoExecute", "toleration_seconds": -1}]}),
        ({"lifecycle": {"pre_stop": {"sleep": {"seconds": 60}}, "post_start": {"sleep": {"seconds": 90}}}}, {}),
        (
            {"lifecycle": {"pre_stop": {"sleep": {"seconds": 60}}}},
            {"termination_grace_period_seconds": 30, "pod_spec_patch": {"terminationGracePeriodSeconds": 60}},
        ),
        ({}, {"min_ready_seconds": 600, "patience_seconds": 601}),
        ({"resources": {}}, {"in_place": "off"}),
        ({"resources": {}}, {"pod_spec_patch": {"resources": {"requests": {"cpu": "1"}}}}),
        ({"resources": {}}, {"pod_spec_patch": {"containers": "left to the API server"}}),
        ({"resources": {}}, {"pod_spec_patch": {"containers": [{"name": "web", "resources": SIZE}]}}),
        ({"resources": {}}, {"sidecars": [{"name": "s", "image": "i", "resources": SIZE, **STARTUP}]}),
        ({}, {"sidecars": [{"name": "s", "image": "i", "gates_start": False}]}),
        ({"stop_seconds": 30}, {"termination_grace_period_seconds": 30}),
        ({"stop_seconds": 600}, {}),
    ],
)
def test_what_the_server_accepts_is_accepted(container: dict[str, Any], more: dict[str, Any]) -> None:
    """Nothing is refused only because it is rare."""
    assert [] == found(container, **more)


def test_a_policy_of_restarts_needs_pods_that_restart() -> None:
    """A patch that lets the pods never restart is told for itself and for every policy that it makes void."""
    policy = [{"resource_name": "memory", "restart_policy": "RestartContainer"}]

    assert ["pod_spec_patch.restartPolicy", "containers[0].resize_policy[0].restart_policy"] == [
        problem.path for problem in found({"resize_policy": policy}, pod_spec_patch={"restartPolicy": "Never"})
    ]


def test_a_pause_fits_the_grace_period_that_is_written() -> None:
    """A grace period of the arguments or of the patch goes before the one that would follow from the pause."""
    lifecycle = {"pre_stop": {"sleep": {"seconds": 60}}}
    for more in (
        {"termination_grace_period_seconds": 59},
        {"termination_grace_period_seconds": 90, "pod_spec_patch": {"terminationGracePeriodSeconds": 59}},
        {"termination_grace_period_seconds": 90, "pod_spec_patch": {"terminationGracePeriodSeconds": None}},
    ):
        assert ["containers[0].lifecycle.pre_stop.sleep.seconds"] == [
            problem.path for problem in found({"lifecycle": lifecycle}, **more)
        ]


def test_the_components_own_name_counts_where_none_is_given() -> None:
    """A null in the place of the name is no name."""
    args: dict[str, Any] = {"connection": CONNECTION, "namespace": "shop", "name": None, "containers": []}

    assert "name" in [
        problem.path for problem in _problems("Not A Name", args, ResizableDeploymentArgs, workload.problems)
    ]


def test_the_corpus_has_values_for_every_field() -> None:
    """A new field of the arguments gets its valid values and its near-misses in tests/corpus.py."""
    assert [] == corpus.without_values()


@settings(max_examples=50, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(corpus.arguments())
def test_rules_judge_whatever_is_written(args: dict[str, Any]) -> None:
    """They neither raise nor accept what there is no manifest of."""
    if not _problems(corpus.NAME, args, corpus.ROOT, workload.resizable_problems):
        corpus.manifests(args)
