"""The documented roles, under which `diagnose` sees all that it looks at."""

from collections.abc import Callable
from pathlib import Path

import pytest

from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from components.actions.diagnose import diagnose, every_namespace
from tests.api.actions.live import SMALL, create, eventually, manifest


@pytest.mark.parametrize("file", ["preview.yaml", "apply.yaml"])
def test_nothing_is_unknown_to_the_documented_roles(
    identity: Callable[[str], Path], client: Client, namespace: str, file: str
) -> None:
    """Every list and the namespaces for `--all`, on a real API server; what is wrong is found, with its logs."""
    crash = {"command": ["sh", "-c", "echo no database >&2; exit 3"]}
    create(client, manifest(namespace, SMALL))
    broken = {**manifest(namespace, SMALL, container=crash, replicas=1), "metadata": {"name": "broken"}}
    broken["spec"]["selector"]["matchLabels"] = broken["spec"]["template"]["metadata"]["labels"] = {"app": "broken"}
    client.create(path_of("apps/v1", "deployments", namespace), broken)
    with load_kubeconfig(str(identity(file))).client() as limited:
        assert namespace in every_namespace(limited)
        eventually(lambda: any("no database" in each.problem for each in diagnose(limited, [namespace]).troubles))
        found = diagnose(limited, [namespace])

    assert () == found.unknown
    assert {f"Deployment {namespace}/broken"} == {each.subject for each in found.troubles}
