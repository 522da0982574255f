"""The fields of the shared pod model together in one program: what a container sees of them, and that it is resized."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes.client import PolicyV1Api

from lab.cluster import images
from lab.engine import Engine
from tests.programs import living_pods, pod_uids, told

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap, Secret
from components import ResizableDeployment, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
space, on_target = config.require("space"), pulumi.ResourceOptions(provider=target.provider)
content = {{"colour": "blue", "site": "x"}}
settings = ConfigMap("settings", metadata={{"namespace": space, "name": "settings"}}, data=content, opts=on_target)
keys = Secret("keys", metadata={{"namespace": space, "name": "keys"}}, string_data={{"pin": "4711"}}, opts=on_target)
settings_name = settings.metadata.apply(lambda found: found.name)
keys_name = keys.metadata.apply(lambda found: found.name)
labels = {{"path": "labels", "field_ref": {{"field_path": "metadata.labels"}}}}
cpu = {{"resource": "requests.cpu", "container_name": "main", "divisor": "1m"}}
files = [
    ("settings", {{"config_map": {{"name": settings_name, "items": [{{"key": "site", "path": "conf/site"}}]}}}}),
    ("keys", {{"secret": {{"secret_name": keys_name, "default_mode": "0440"}}}}),
    ("tools", {{"config": {{"name": "tools", "data": {{"hello": "#!/bin/sh"}}, "default_mode": "0555"}}}}),
    (
        "all",
        {{
            "projected": {{
                "default_mode": "0444",
                "sources": [
                    {{"service_account_token": {{"path": "token", "audience": "vault", "expiration_seconds": 600}}}},
                    {{"downward_api": {{"items": [labels]}}}},
                    {{"secret": {{"name": keys_name, "items": [{{"key": "pin", "path": "pin", "mode": "0400"}}]}}}},
                ],
            }}
        }},
    ),
    ("sizes", {{"downward_api": {{"items": [{{"path": "cpu", "resource_field_ref": cpu}}]}}}}),
    ("work", {{"empty_dir": {{}}}}),
]
size = {{"cpu": config.get("cpu") or "20m", "memory": "16Mi"}}
main = {{
    "name": "main",
    "image": {images.NGINX_1_22!r},
    "command": ["sleep", "infinity"],
    "resources": {{"requests": size, "limits": size}},
    "security_context": {{
        "run_as_user": {images.USER},
        "capabilities": {{"add": ["NET_BIND_SERVICE"]}},
        "seccomp_profile": {{"type": "RuntimeDefault"}},
    }},
    "env_from": [
        {{"config_map_ref": {{"name": settings_name}}, "prefix": "APP_"}},
        {{"secret_ref": {{"name": keys_name}}}},
    ],
    "env": [
        {{"name": "POD", "value_from": {{"field_ref": {{"field_path": "metadata.name"}}}}}},
        {{"name": "MEMORY", "value_from": {{"resource_field_ref": {{"resource": "limits.memory", "divisor": "1Mi"}}}}}},
    ],
    "volume_mounts": [
        *({{"name": name, "mount_path": "/" + name, "read_only": True}} for name, _ in files[:-1]),
        {{"name": "work", "mount_path": "/work", "sub_path_expr": "$(POD)", "mount_propagation": "HostToContainer"}},
    ],
}}
if config.get("late"):
    main["security_context"]["run_as_non_root"] = settings.id.apply(lambda _: False)
here = {{"topology_key": "kubernetes.io/hostname", "label_selector": {{"match_labels": {{"app": "none"}}}}}}
web = ResizableDeployment(
    "web",
    {{
        "connection": target.connection,
        "namespace": space,
        "replicas": 1,
        "in_place": "required",
        "termination_grace_period_seconds": 1,
        "fs_group": {images.USER},
        "share_process_namespace": True,
        "containers": [main],
        "volumes": [{{"name": name, **source}} for name, source in files],
        "affinity": {{
            "node_affinity": {{
                "required_during_scheduling_ignored_during_execution": {{
                    "node_selector_terms": [
                        {{"match_expressions": [{{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}}]}}
                    ]
                }}
            }},
            "pod_anti_affinity": {{"required_during_scheduling_ignored_during_execution": [here]}},
        }},
        "topology_spread_constraints": [
            {{
                "max_skew": 1,
                "topology_key": "kubernetes.io/hostname",
                "when_unsatisfiable": "DoNotSchedule",
                "match_label_keys": ["pod-template-hash"],
            }}
        ],
        "disruption_budget": {{config.get("budget") or "max_unavailable": "1"}},
    }},
    on_target,
)
pulumi.export("ready", web.ready)
"""
Run = Callable[..., Engine]
LOOK = """
echo $APP_colour $pin $MEMORY $(test "$POD" = "$HOSTNAME" && echo itself)
cat /settings/conf/site /all/pin; echo
cat /sizes/cpu; echo
grep -c pod-template-hash /all/labels
for file in /keys/pin /tools/hello /all/token /all/labels /all/pin; do stat -L -c %a $file; done
ls /settings
cat /proc/1/comm
"""


def test_a_container_sees_what_its_fields_say(lab_cluster: "Cluster", kube: Any, namespace: str, run: Run) -> None:
    """Variables, files and modes are there; the pod is resized in place with all of them; the budget changes its kind.

    Where there is an `fs_group`, the kubelet lets that group read every file, and a token whatever the mode says.
    """
    made = run().up()
    assert made.ok, told(made)
    (pod,) = living_pods(kube, namespace)
    command = [str(lab_cluster.kubectl), "--kubeconfig", str(lab_cluster.kubeconfig), "-n", namespace]
    shell = [*command, "exec", pod.metadata.name, "-c", "main", "--", "sh", "-c", LOOK]
    said = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.splitlines()

    assert ["blue 4711 16 itself", "x4711", "20", "1"] == said[:4]
    assert ["440", "555", "640", "444", "440"] == said[4:9]
    assert ["conf", "pause"] == said[9:]
    assert not run().up().changes

    before = pod_uids(kube, namespace)
    grown = run(cpu="30m").up()
    assert grown.ok, told(grown)
    assert before == pod_uids(kube, namespace)

    changed = run(cpu="30m", budget="min_available").up()
    assert changed.ok, told(changed)
    budget: Any = PolicyV1Api(kube).read_namespaced_pod_disruption_budget("web", namespace)
    assert (1, None) == (budget.spec.min_available, budget.spec.max_unavailable)
    assert before == pod_uids(kube, namespace)
    assert "min_available keeps 1 of 1 pods" in told(changed)


def test_a_late_argument_of_the_wrong_level_touches_nothing(kube: Any, namespace: str, run: Run) -> None:
    """What only the deployment knows is judged before the Deployment and the budget are made."""
    refused = run(late="yes").up()
    assert not refused.ok
    assert "is below the Pod Security level restricted" in told(refused)
    assert [] == living_pods(kube, namespace)
    assert [] == PolicyV1Api(kube).list_namespaced_pod_disruption_budget(namespace).items
