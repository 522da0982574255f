"""What is refused in the arguments of workloads, field by field, and which rules are stricter than the API server's."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from components._workload import _problems
from components.model import kinds, workload
from components.model.problem import Problem
from components.resize import ResizableDeploymentArgs
from components.sidecar import SidecarWorkloadArgs
from components.testing import CONNECTION
from tests import corpus, validation_page

SIZE = {"requests": {"cpu": "100m"}}
STARTUP = {"startup_probe": {"tcp_socket": {"port": "1"}}}
DAILY = {"schedule": "@daily"}
RELOAD = {"container": "web", "command": ["reload"]}
READER = {"name": "web", "image": "nginx:1", "volume_mounts": [{"name": "a", "mount_path": "/a"}]}
LIVE = {"name": "a", "config": {"name": "a", "data": {"f": ""}, "on_change": "live", "reload": RELOAD}}


def found(container: dict[str, Any] | None = None, **more: Any) -> list[Problem]:
    """Return the problems of small correct arguments with fields of their container, or of their own, replaced."""
    web = {"name": "web", "image": "nginx:1", "resources": SIZE, **(container or {})}
    args = {"connection": CONNECTION, "namespace": "shop", "containers": [web], **more}
    return _problems("app", args, ResizableDeploymentArgs, workload.resizable_problems)


def of_kind(kind: str, **more: Any) -> list[Problem]:
    """Return the problems of small correct arguments of a SidecarWorkload of this kind, with fields added."""
    side = {"name": "side", "image": "side:1", **STARTUP}
    args = {"connection": CONNECTION, "namespace": "shop", "containers": [{"name": "web", "image": "nginx:1"}]}
    return _problems("app", {**args, "sidecars": [side], "kind": kind, **more}, SidecarWorkloadArgs, kinds.problems)


def told(problems: list[Problem]) -> list[tuple[str, str]]:
    """Return path and rule of each problem."""
    return [(problem.path, problem.rule) for problem in problems]


REQUIRED = "required_during_scheduling_ignored_during_execution"
PREFERRED = "preferred_during_scheduling_ignored_during_execution"
TERM = f"affinity.node_affinity.{REQUIRED}.node_selector_terms[0]"
SPREAD = "topology_spread_constraints[0]"
POD_TERM: dict[str, Any] = {"topology_key": "kubernetes.io/hostname", "label_selector": {"match_labels": {"app": "a"}}}


def volume_of(**source: Any) -> dict[str, Any]:
    """Return arguments with a volume of this source."""
    return {"volumes": [{"name": "v", **source}]}


def node_term(**conditions: Any) -> dict[str, Any]:
    """Return arguments with nodes that the pods need."""
    return {"affinity": {"node_affinity": {REQUIRED: {"node_selector_terms": [conditions]}}}}


def spread(**more: Any) -> dict[str, Any]:
    """Return arguments with a constraint on how the pods are spread."""
    base = {"max_skew": 1, "topology_key": "zone", "when_unsatisfiable": "DoNotSchedule"}
    return {"topology_spread_constraints": [{**base, **more}]}


AS_THE_SERVER: list[tuple[dict[str, Any], str, str]] = [
    ({"annotations": {"a b": "c"}}, "annotations['a b']", "not a label key"),
    ({"annotations": {"a": "x" * 262144}}, "annotations", "annotations hold 262144"),
    (
        {
            "annotations": {"a": "x" * 262143},
            "container": {"security_context": {"app_armor_profile": {"type": "RuntimeDefault"}}},
        },
        "annotations",
        "annotations hold 262144",
    ),
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
    (
        {"pod_spec_patch": {"containers": [{"name": "web", "terminationGracePeriodSeconds": 5}]}},
        "pod_spec_patch.containers[0].terminationGracePeriodSeconds",
        "no grace period of its own",
    ),
    (
        {"pod_spec_patch": {"initContainers": [{"name": "x", "image": "i", "terminationGracePeriodSeconds": 5}]}},
        "pod_spec_patch.initContainers[0].terminationGracePeriodSeconds",
        "termination_grace_period_seconds",
    ),
    (volume_of(config_map={"name": "a", "default_mode": "440"}), "volumes[0].config_map.default_mode", "'0440'"),
    (volume_of(config={"name": "a", "data": {"f": ""}, "default_mode": "0o555"}), "volumes[0].config.default_mode", ""),
    (
        volume_of(secret={"secret_name": "a", "items": [{"key": "k", "path": "../k", "mode": "01777"}]}),
        "volumes[0].secret.items[0].path volumes[0].secret.items[0].mode",
        "not a path inside",
    ),
    (volume_of(secret={"secret_name": "a", "items": [{"key": "", "path": "k"}]}), "volumes[0].secret.items[0].key", ""),
    (volume_of(downward_api={"items": [{"path": "a"}]}), "volumes[0].downward_api.items[0]", "nothing is chosen"),
    (
        volume_of(downward_api={"items": [{"path": "a", "field_ref": {"field_path": "status.podIP"}}]}),
        "volumes[0].downward_api.items[0].field_ref.field_path",
        "a file cannot take 'status.podIP'",
    ),
    (
        volume_of(downward_api={"items": [{"path": "a", "resource_field_ref": {"resource": "limits.cpu"}}]}),
        "volumes[0].downward_api.items[0].resource_field_ref.container_name",
        "name one of the pod's",
    ),
    (
        volume_of(projected={"sources": [{"service_account_token": {"path": "t", "expiration_seconds": 599}}]}),
        "volumes[0].projected.sources[0].service_account_token.expiration_seconds",
        "from 600",
    ),
    (
        volume_of(projected={"sources": [{"secret": {"name": "a"}, "config_map": {"name": "a"}}]}),
        "volumes[0].projected.sources[0]",
        "it has config_map and secret",
    ),
    (volume_of(csi={"driver": "a_b"}), "volumes[0].csi.driver", "not a valid name"),
    (volume_of(csi={"driver": "a" * 64}), "volumes[0].csi.driver", "at most 63"),
    (volume_of(ephemeral={"storage": "0"}), "volumes[0].ephemeral.storage", "no room"),
    (
        volume_of(ephemeral={"storage": "1Gi", "access_modes": ["ReadWriteOncePod", "ReadWriteMany"]}),
        "volumes[0].ephemeral.access_modes",
        "write it alone",
    ),
    (
        {"pod_security": "baseline", **volume_of(nfs={"server": "", "path": "srv"})},
        "volumes[0].nfs.server volumes[0].nfs.path",
        "it is empty",
    ),
    (
        {"affinity": {"node_affinity": {REQUIRED: {"node_selector_terms": []}}}},
        f"affinity.node_affinity.{REQUIRED}.node_selector_terms",
        "write at least one",
    ),
    (
        node_term(
            match_expressions=[{"key": "a b", "operator": "In"}, {"key": "a", "operator": "Gt", "values": ["1", "2"]}]
        ),
        f"{TERM}.match_expressions[0].key {TERM}.match_expressions[0].values {TERM}.match_expressions[1].values",
        "not a label key",
    ),
    (
        node_term(match_expressions=[{"key": "a", "operator": "Exists", "values": ["b"]}]),
        f"{TERM}.match_expressions[0].values",
        "leave it out",
    ),
    (
        node_term(match_fields=[{"key": "metadata.namespace", "operator": "Exists"}]),
        f"{TERM}.match_fields[0].key {TERM}.match_fields[0].operator {TERM}.match_fields[0].values",
        "write metadata.name",
    ),
    (
        {"affinity": {"pod_affinity": {PREFERRED: [{"weight": 0, "pod_affinity_term": POD_TERM}]}}},
        f"affinity.pod_affinity.{PREFERRED}[0].weight",
        "from 1 to 100",
    ),
    (
        {
            "affinity": {
                "pod_anti_affinity": {
                    REQUIRED: [
                        {
                            **POD_TERM,
                            "topology_key": "",
                            "namespaces": ["A"],
                            "match_label_keys": ["a"],
                            "mismatch_label_keys": ["a"],
                        }
                    ]
                }
            }
        },
        " ".join(
            f"affinity.pod_anti_affinity.{REQUIRED}[0].{field}"
            for field in ("topology_key", "namespaces[0]", "mismatch_label_keys[0]")
        ),
        "kubernetes.io/hostname",
    ),
    (
        {"affinity": {"pod_affinity": {REQUIRED: [{"topology_key": "a"}]}}},
        f"affinity.pod_affinity.{REQUIRED}[0].label_selector",
        "",
    ),
    (spread(max_skew=0, when_unsatisfiable="Wait"), f"{SPREAD}.max_skew {SPREAD}.when_unsatisfiable", "from 1"),
    (spread(when_unsatisfiable="ScheduleAnyway", min_domains=2), f"{SPREAD}.min_domains", "leave it out"),
    (spread(node_taints_policy="honor"), f"{SPREAD}.node_taints_policy", "Ignore (the default)"),
    (
        {"topology_spread_constraints": spread()["topology_spread_constraints"] * 2},
        "topology_spread_constraints[1]",
        "has a constraint with DoNotSchedule already",
    ),
    ({"disruption_budget": {"min_available": "1", "max_unavailable": "1"}}, "disruption_budget", "exactly one of"),
    ({"disruption_budget": {"min_available": "101%"}}, "disruption_budget.min_available", "at most 100%"),
    ({"disruption_budget": {"max_unavailable": "one"}}, "disruption_budget.max_unavailable", "'50%'"),
    (
        {"disruption_budget": {"max_unavailable": "1", "unhealthy_pod_eviction_policy": "Never"}},
        "disruption_budget.unhealthy_pod_eviction_policy",
        "IfHealthyBudget (the default), AlwaysAllow",
    ),
]


@pytest.mark.parametrize(("more", "path", "words"), AS_THE_SERVER)
def test_workloads(more: dict[str, Any], path: str, words: str) -> None:
    """What the API server would refuse is refused with its path and what to write instead."""
    problems = found(**more)

    assert path == " ".join(problem.path for problem in problems)
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
    ({"env": [{"name": "A", "value_from": {"resource_field_ref": {"resource": "cpu"}}}]}, "env[0]", "limits.memory"),
    ({"env_from": [{}]}, "env_from[0]", "nothing is chosen"),
    ({"env_from": [{"secret_ref": {"name": "No"}}]}, "env_from[0].secret_ref.name", "not a valid name"),
    ({"env_from": [{"secret_ref": {"name": "a"}, "prefix": "A="}]}, "env_from[0].prefix", "printable ASCII"),
    (
        {"security_context": {"privileged": True, "allow_privilege_escalation": False}},
        "security_context.allow_privilege_escalation",
        "leave it out",
    ),
    ({"security_context": {"seccomp_profile": {"type": "None"}}}, "security_context.seccomp_profile.type", "Localhost"),
    (
        {"security_context": {"seccomp_profile": {"type": "Localhost"}}},
        "security_context.seccomp_profile.localhost_profile",
        "required for the type Localhost",
    ),
    (
        {"security_context": {"seccomp_profile": {"type": "Localhost", "localhost_profile": "../a"}}},
        "security_context.seccomp_profile.localhost_profile",
        "leaves the kubelet's folder",
    ),
    (
        {"security_context": {"app_armor_profile": {"type": "RuntimeDefault", "localhost_profile": "a"}}},
        "security_context.app_armor_profile.localhost_profile",
        "write the type Localhost",
    ),
    (
        {"security_context": {"app_armor_profile": {"type": "Localhost", "localhost_profile": " a"}}},
        "security_context.app_armor_profile.localhost_profile",
        "without blanks",
    ),
]


@pytest.mark.parametrize(("fields", "path", "words"), OF_A_CONTAINER)
def test_containers(fields: dict[str, Any], path: str, words: str) -> None:
    """The same inside a container."""
    problems = [problem for problem in found(fields, pod_security="privileged") if problem.rule != "best-effort"]

    assert [True] == [problem.path.startswith(f"containers[0].{path}") for problem in problems]
    assert words in str(problems[0])


RESTARTED: dict[str, Any] = {
    "init_containers": [{"name": "i", "image": "i"}],
    "sidecars": [{"name": "s", "image": "i", **STARTUP}],
}
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
    ("own", {}, {"pod_security": "Baseline"}, "pod_security"),
    ("own", {}, {"init_containers": [{"name": "i", "image": "i", "after": "web"}]}, "init_containers[0].after"),
    ("empty", {}, volume_of(projected={"sources": []}), "volumes[0].projected.sources"),
    ("empty", {}, volume_of(downward_api={"items": []}), "volumes[0].downward_api.items"),
    ("empty", {}, node_term(), TERM),
    ("volume-source", {}, volume_of(projected={"sources": [{}]}), "volumes[0].projected.sources[0]"),
    (
        "reference",
        {},
        volume_of(config_map={"name": "a", "items": [{"key": "a b", "path": "c"}]}),
        "volumes[0].config_map.items[0].key",
    ),
    (
        "pod-security",
        {"security_context": {"run_as_non_root": False}},
        {},
        "containers[0].security_context.run_as_non_root",
    ),
    (
        "capability",
        {"security_context": {"capabilities": {"drop": ["ALL", "CAP_KILL"]}}},
        {},
        "containers[0].security_context.capabilities.drop[1]",
    ),
    ("disruption-budget", {}, {"disruption_budget": {}}, "disruption_budget"),
    (
        "resource-container",
        {
            "env": [
                {"name": "A", "value_from": {"resource_field_ref": {"resource": "limits.cpu", "container_name": "x"}}}
            ]
        },
        {},
        "containers[0].env[0].value_from.resource_field_ref.container_name",
    ),
    (
        "divisor",
        {"env": [{"name": "A", "value_from": {"resource_field_ref": {"resource": "limits.cpu", "divisor": "1000m"}}}]},
        {},
        "containers[0].env[0].value_from.resource_field_ref.divisor",
    ),
    ("label", {}, spread(topology_key="a b"), f"{SPREAD}.topology_key"),
    ("label", {}, spread(match_label_keys=["app.kubernetes.io/name"]), f"{SPREAD}.match_label_keys[0]"),
    (
        "label",
        {},
        node_term(match_expressions=[{"key": "a", "operator": "Gt", "values": ["1.5"]}]),
        f"{TERM}.match_expressions[0].values[0]",
    ),
    (
        "projected-path",
        {},
        volume_of(
            projected={
                "sources": [
                    {"service_account_token": {"path": "a"}},
                    {"secret": {"name": "s", "items": [{"key": "k", "path": "a"}]}},
                ]
            }
        ),
        "volumes[0].projected.sources[1].secret.items[0].path",
    ),
    (
        "container-restart",
        {},
        {**RESTARTED, "pod_spec_patch": {"initContainers": None}},
        "pod_spec_patch.initContainers",
    ),
    ("container-restart", {}, {**RESTARTED, "pod_spec_patch": {"initContainers": []}}, "pod_spec_patch.initContainers"),
    *(
        (
            "container-restart",
            {},
            {**RESTARTED, "pod_spec_patch": {group: [entry]}},
            f"pod_spec_patch.{group}[0].{field}",
        )
        for group, entry, field in (
            ("containers", {"name": "web", "restartPolicy": "Always"}, "restartPolicy"),
            ("containers", {"name": "x", "image": "i", "restartPolicy": "Never"}, "restartPolicy"),
            ("containers", {"name": "web", "restartPolicyRules": [{"action": "Restart"}]}, "restartPolicyRules"),
            ("initContainers", {"name": "x", "image": "i", "restartPolicy": "OnFailure"}, "restartPolicy"),
            ("initContainers", {"name": "s", "restartPolicy": "Never"}, "restartPolicy"),
            ("initContainers", {"name": "s", "restartPolicy": None}, "restartPolicy"),
            ("initContainers", {"name": "i", "restartPolicy": "Always"}, "restartPolicy"),
        )
    ),
]


@pytest.mark.parametrize(("rule", "container", "more", "path"), STRICTER)
def test_what_is_stricter_says_so(rule: str, container: dict[str, Any], more: dict[str, Any], path: str) -> None:
    """What the API server accepts carries the rule by which it is refused here."""
    assert [(path, rule)] == told(found(container, **more))


# The same for a SidecarWorkload of some kind: (rule, kind, of the workload, path).
STRICTER_BY_KIND: list[tuple[str, str, dict[str, Any], str]] = [
    ("own", "ReplicaSet", {}, "kind"),
    ("empty", "", {}, "kind"),
    ("kind", "Deployment", {"job": {"backoff_limit": 0}}, "job"),
    ("kind", "StatefulSet", {"strategy": {"type": "Recreate"}}, "strategy"),
    ("kind", "DaemonSet", {"rollback_on_failure": True}, "rollback_on_failure"),
    ("kind", "DaemonSet", {"replicas": 2}, "replicas"),
    ("kind", "DaemonSet", {"in_place": "required"}, "in_place"),
    ("kind", "DaemonSet", {"resize_failure_policy": "wait"}, "resize_failure_policy"),
    ("own", "DaemonSet", {"disruption_budget": {"max_unavailable": "1"}}, "disruption_budget"),
    ("kind", "Job", {"min_ready_seconds": 1}, "min_ready_seconds"),
    ("kind", "Job", {"match_labels": {"a": "b"}}, "match_labels"),
    ("kind", "Job", {"moved_from": "old"}, "moved_from"),
    ("kind", "Job", {"cron_job": DAILY}, "cron_job"),
    ("kind", "Job", {"pod_spec_patch": {"restartPolicy": "Never"}}, "pod_spec_patch.restartPolicy"),
    ("kind", "Job", {"volumes": [LIVE], "containers": [READER]}, "volumes[0].config.reload"),
    ("kind", "CronJob", {}, "cron_job"),
    ("kind", "CronJob", {"cron_job": DAILY, "restart": "now"}, "restart"),
    ("kind", "CronJob", {"cron_job": DAILY, "job": {"suspend": True}}, "job.suspend"),
    ("cron-never", "CronJob", {"cron_job": {"schedule": "0 0 30 2 *"}}, "cron_job.schedule"),
    (
        "cron-deadline",
        "CronJob",
        {"cron_job": {**DAILY, "starting_deadline_seconds": 9}},
        "cron_job.starting_deadline_seconds",
    ),
    ("time-zone", "CronJob", {"cron_job": {**DAILY, "time_zone": "Europe/Atlantis"}}, "cron_job.time_zone"),
]


@pytest.mark.parametrize(("rule", "kind", "more", "path"), STRICTER_BY_KIND)
def test_what_is_stricter_for_a_kind_says_so(rule: str, kind: str, more: dict[str, Any], path: str) -> None:
    """A field that means nothing for the kind is refused by its name, and a Job that never comes by its reason."""
    assert [(path, rule)] == told(of_kind(kind, **more))


def test_the_page_lists_the_rules_that_there_are() -> None:
    """Every rule of docs/validation.md has an example here, but the one about patches, and no other has."""
    examples = {rule for rule, *_ in STRICTER} | {rule for rule, *_ in STRICTER_BY_KIND}
    assert validation_page.rules() - {"patch"} == examples


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
        ({}, {**RESTARTED, "pod_spec_patch": {"initContainers": [{"name": "s", "restartPolicy": "Always"}]}}),
        ({}, {**RESTARTED, "pod_spec_patch": {"initContainers": [{"name": "i", "restartPolicy": None}]}}),
        ({}, {"pod_spec_patch": {"initContainers": [{"name": "x", "image": "i", "restartPolicy": "Always"}]}}),
        (
            {},
            {
                "pod_spec_patch": {
                    "containers": [{"name": "web", "livenessProbe": {"terminationGracePeriodSeconds": 5}}]
                }
            },
        ),
        ({}, {"disruption_budget": {"min_available": "100%", "unhealthy_pod_eviction_policy": "AlwaysAllow"}}),
        ({}, spread(match_label_keys=["pod-template-hash"], label_selector={})),
        ({}, node_term(match_fields=[{"key": "metadata.name", "operator": "NotIn", "values": ["n"]}])),
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
