"""What in a pod is below a Pod Security level, and how a workload that has it is told."""

import json
from typing import Any

import pytest

from components._workload import _problems
from components.model import pod_security, workload
from components.model.pod_security import LEVELS, violations
from components.model.problem import UNKNOWN
from components.resize import ResizableDeploymentArgs
from tests.pod_security_cases import ARGS, CASES, template


def told(**more: Any) -> list[tuple[str, str]]:
    """Return path and remedy of what arguments with other fields are refused for."""
    found = _problems("app", {**ARGS, **more}, ResizableDeploymentArgs, workload.resizable_problems)
    assert {"pod-security"} >= {problem.rule for problem in found}
    return [(problem.path, problem.remedy) for problem in found]


def web(**context: Any) -> list[dict[str, Any]]:
    """Return the main container with a security context."""
    return [{**ARGS["containers"][0], "security_context": context}]


@pytest.mark.parametrize(("change", "level"), CASES, ids=[json.dumps(change) for change, _ in CASES])
def test_each_is_taken_by_its_level_alone(change: dict[str, Any], level: str) -> None:
    """The least strict level among what is found is the strictest that takes the pod."""
    found = [each.level for each in violations(template(change))]

    assert level == max(found, key=LEVELS.index, default="restricted")


def test_the_secure_defaults_are_restricted_and_privilege_is_not_lost() -> None:
    """A container that is privileged says so to the server in every field that has to agree."""
    assert [] == list(violations(template()))
    (made,) = template(containers=web(privileged=True))["spec"]["containers"]
    assert made["securityContext"]["allowPrivilegeEscalation"]
    (made,) = template(containers=web(capabilities={"add": ["NET_BIND_SERVICE"]}))["spec"]["containers"]
    assert {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]} == made["securityContext"]["capabilities"]
    assert not made["securityContext"]["allowPrivilegeEscalation"]


@pytest.mark.parametrize(
    ("more", "path", "level"),
    [
        ({"containers": web(run_as_non_root=False)}, "containers[0].security_context.run_as_non_root", "baseline"),
        (
            {"containers": web(run_as_non_root=False, run_as_user=0)},
            "containers[0].security_context.run_as_non_root",
            "baseline",
        ),
        (
            {"containers": web(capabilities={"add": ["NET_ADMIN"]})},
            "containers[0].security_context.capabilities.add",
            "privileged",
        ),
        (
            {"containers": web(allow_privilege_escalation=True)},
            "containers[0].security_context.allow_privilege_escalation",
            "baseline",
        ),
        (
            {"containers": web(app_armor_profile={"type": "Unconfined"})},
            "containers[0].security_context.app_armor_profile.type",
            "privileged",
        ),
        (
            {"sidecars": [{**ARGS["sidecars"][0], "security_context": {"capabilities": {"drop": ["KILL"]}}}]},
            "sidecars[0].security_context.capabilities.drop",
            "baseline",
        ),
        (
            {"init_containers": [{"name": "e", "image": "i", "security_context": {"run_as_non_root": False}}]},
            "init_containers[0].security_context.run_as_non_root",
            "baseline",
        ),
        ({"volumes": [{"name": "n", "nfs": {"server": "s", "path": "/"}}]}, "volumes[0].nfs", "baseline"),
        (
            {"annotations": {"container.apparmor.security.beta.kubernetes.io/web": "unconfined"}},
            "annotations['container.apparmor.security.beta.kubernetes.io/web']",
            "privileged",
        ),
        ({"pod_spec_patch": {"hostNetwork": True}}, "pod_spec_patch.hostNetwork", "privileged"),
        (
            {"pod_spec_patch": {"securityContext": {"runAsUser": 0}}},
            "pod_spec_patch.securityContext.runAsUser",
            "baseline",
        ),
        (
            {"pod_spec_patch": {"volumes": [{"name": "h", "hostPath": {"path": "/"}}]}},
            "pod_spec_patch.volumes[0].hostPath",
            "privileged",
        ),
        (
            {"pod_spec_patch": {"containers": [{"name": "web", "securityContext": {"privileged": True}}]}},
            "pod_spec_patch.containers[0].securityContext.privileged",
            "privileged",
        ),
        (
            {"pod_spec_patch": {"initContainers": [{"name": "proxy", "securityContext": {"runAsNonRoot": False}}]}},
            "pod_spec_patch.initContainers[0].securityContext.runAsNonRoot",
            "baseline",
        ),
    ],
)
def test_an_exception_needs_its_level(more: dict[str, Any], path: str, level: str) -> None:
    """It is refused with its place and the level that it needs, and with that level it is not."""
    assert [(path, f"leave it out, or set pod_security to {level}")] == told(**more)
    for lower in LEVELS[LEVELS.index(level) :]:
        assert [] == told(**more, pod_security=lower)


def test_a_path_of_the_node_has_an_opt_in_of_its_own() -> None:
    """`allow_host_path` lets it in and nothing else; so does the level privileged."""
    volumes = [{"name": "h", "host_path": {"path": "/srv"}}]

    assert [] == told(volumes=volumes, allow_host_path=True)
    assert [] == told(volumes=volumes, pod_security="privileged")
    assert 1 == len(told(volumes=volumes, allow_host_path=True, containers=web(privileged=True)))
    for level in ("restricted", "baseline"):
        found = _problems(
            "app",
            {**ARGS, "volumes": volumes, "pod_security": level},
            ResizableDeploymentArgs,
            workload.resizable_problems,
        )
        assert [("volumes[0].host_path", "host-path")] == [(problem.path, problem.rule) for problem in found]


def test_what_is_not_known_yet_is_not_judged() -> None:
    """Values, objects and lists that come later are passed over; the level itself, too."""
    for later in (
        web(privileged=UNKNOWN, run_as_non_root=UNKNOWN),
        [{**ARGS["containers"][0], "security_context": UNKNOWN}],
        [UNKNOWN],
        UNKNOWN,
    ):
        args = {**ARGS, "containers": later}
        assert [] == list(pod_security.problems(args, lambda: template(containers=[{"name": UNKNOWN, "image": "i"}])))
        assert [] == _problems("app", args, ResizableDeploymentArgs, workload.problems)
    assert [] == told(containers=web(privileged=True), pod_security=UNKNOWN)
    assert [] == told(containers=web(privileged=True), pod_spec_patch=UNKNOWN)
    assert [] == list(
        violations(template({"containers": [{"name": "web", "securityContext": {"privileged": UNKNOWN}}]}))
    )


def test_what_the_patch_adds_has_the_secure_defaults() -> None:
    """A container that is only in the patch is restricted, too, unless it says otherwise there."""
    added = {"name": "debug", "image": "d"}

    assert [] == told(pod_spec_patch={"containers": [added]})
    refused = told(pod_spec_patch={"containers": [{**added, "securityContext": {"allowPrivilegeEscalation": True}}]})
    assert ["pod_spec_patch.containers[0].securityContext.allowPrivilegeEscalation"] == [path for path, _ in refused]
