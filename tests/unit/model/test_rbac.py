"""The ClusterRoles that the docs give, held against the rights that the features take."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.actions.diagnose.snapshot import OF_CLUSTER, RESOURCES
from components.model.feature import KINDS, NAMES, Feature, Right, rights

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "rbac"
EVERY = rights([*map(Feature, {*NAMES} - {"kind"}), *(Feature("kind", kind) for kind in KINDS)])


def documents(name: str) -> list[dict[str, Any]]:
    """Return the objects in a file."""
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def allows(role: dict[str, Any], right: Right) -> bool:
    """Tell whether a ClusterRole has a right."""
    return any(
        right.group in rule.get("apiGroups", ())
        and right.resource in rule.get("resources", ())
        and right.verb in rule["verbs"]
        for rule in role["rules"]
    )


def test_the_role_for_apply_has_every_right_that_a_feature_takes() -> None:
    """Nothing that preflight asks about lacks in it."""
    (role,) = [each for each in documents("apply.yaml") if each["kind"] == "ClusterRole"]

    assert [] == [str(right) for right in EVERY if not allows(role, right)]


def test_the_role_for_preview_has_all_but_deleting() -> None:
    """A preview deletes nothing, and records no Event; every write that it may do is under the dry-run policy."""
    (role,) = [each for each in documents("preview.yaml") if each["kind"] == "ClusterRole"]
    (policy,) = [each for each in documents("preview.yaml") if each["kind"] == "ValidatingAdmissionPolicy"]

    assert {"delete", "create events"} == {
        "delete" if right.verb == "delete" else str(right) for right in EVERY if not allows(role, right)
    }
    writes = [rule for rule in role["rules"] if {"create", "patch"} & set(rule["verbs"])]
    (covered,) = policy["spec"]["matchConstraints"]["resourceRules"]
    for rule in writes:
        assert set(rule["apiGroups"]) <= set(covered["apiGroups"])
        assert all("/" not in resource or resource in covered["resources"] for resource in rule["resources"])


@pytest.mark.parametrize("name", ["preview.yaml", "apply.yaml"])
def test_diagnose_may_read_all_that_it_looks_at(name: str) -> None:
    """Every list of its picture, the logs, and the namespaces for `--all`; a lacking one would be unknown."""
    (role,) = [each for each in documents(name) if each["kind"] == "ClusterRole"]
    lists = {**RESOURCES, **OF_CLUSTER}
    looked_at = [Right("list", resource, version.rpartition("/")[0]) for resource, (version, _) in lists.items()]

    wanted = [*looked_at, Right("get", "pods/log"), Right("get", "namespaces"), Right("list", "namespaces")]
    assert [] == [str(right) for right in wanted if not allows(role, right)]


@pytest.mark.parametrize("name", ["preview.yaml", "apply.yaml"])
def test_no_role_reaches_secrets_or_kubelets(name: str) -> None:
    """Neither Secrets, nor exec, nor the nodes' proxy, nor anything by a wildcard."""
    (role,) = [each for each in documents(name) if each["kind"] == "ClusterRole"]
    reached = {resource for rule in role["rules"] for resource in rule.get("resources", ())}

    assert not reached & {"secrets", "pods/exec", "nodes/proxy", "*"}
    assert not any("*" in rule["verbs"] for rule in role["rules"])
