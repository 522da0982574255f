"""The second example, run under mocks; docs/wasm.md shows what it gives."""

import re
import runpy
from pathlib import Path
from typing import Any

import pulumi
import yaml

from components.testing import ClusterMocks
from tests.unit.components.test_target import KUBECONFIG

ROOT = Path(__file__).resolve().parents[3]
CONFIG = {"kubeconfig": KUBECONFIG, "image": "registry.example.com/hello:1"}


@pulumi.runtime.test
def deploy() -> None:
    """Run the example's program; its registrations are waited for."""
    pulumi.runtime.set_all_config({f"{pulumi.get_project()}:{key}": value for key, value in CONFIG.items()})
    try:
        runpy.run_path(str(ROOT / "examples" / "02-wasm-module" / "__main__.py"), run_name="__main__")
    finally:
        pulumi.runtime.set_all_config({})


def shown(kind: str) -> dict[str, Any]:
    """Return the manifest of this kind that the documentation shows for the example."""
    text = (ROOT / "docs" / "wasm.md").read_text()
    blocks = [
        document for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) for document in block.split("---")
    ]
    (found,) = [each for each in map(yaml.safe_load, blocks) if each["kind"] == kind]
    return dict(found)


def test_the_documentation_shows_what_is_registered(mocks: ClusterMocks) -> None:
    """RuntimeClass and Deployment of the example are, field by field, those in docs/wasm.md."""
    deploy()

    made = shown("RuntimeClass")
    assert "wasm-module/dev/wasm" == made["metadata"]["annotations"].pop("kubernetes-emerging/owner")
    given = mocks.inputs("kubernetes:node.k8s.io/v1:RuntimeClass", "wasm")
    assert "tests/unit/wasm" == given["metadata"]["annotations"].pop("kubernetes-emerging/owner")
    assert made == given
    assert shown("Deployment") == mocks.inputs("kubernetes:apps/v1:Deployment", "hello")
