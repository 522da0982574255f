"""The lab's engine beside the official one: the same programs, step by step, on a real API server.

The expectations in `conformance/` are what the official engine was seen to do with such programs: operations of each
step in preview and up, what changed, what ended before what began, exit codes, what hooks were told, and the recorded
state. Every knowing difference of the two engines:

| where | official | here |
|---|---|---|
| state | a checkpoint; has `created`, `modified`, `sourcePosition`, `__internal` | SQLite, without these |
| secrets in the state | under the stack's passphrase or service | AES-256-GCM under `state.key` |
| providers | default ones from ambient settings, too | explicit ones; a Command needs none |
| display of a replacement | `replacing` and `replaced` beside the real steps | the real steps |
| deletes | level by level | each as soon as nothing stands on it |
| retain_on_delete | counted as discarded | counted as deleted; the object stays in both |
| a Service without waitFor | takes 10 s at least | is ready with its first endpoint |
| Ingress, PersistentVolume, ReplicationController, ResourceQuota | awaited | not awaited |
| waits, and refresh of what is not well | the provider's own texts | own texts, same verdict |
| on_error, for an object that is not ready | the retry meets it; it leaves the state | it stays in the state |
| on_error in a preview | not documented | not called |
| an interrupted create; a 5xx for it | recorded as pending | looked up and taken up |
| an interrupted update | nothing if the program goes back | updated again |
| ignore_changes with a malformed path | passed over | an error |
| Command: literal secrets in an error | shown | masked |
| Command whose engine was killed | nobody knows of it | the next run waits for it |
| Command: asset_paths, archive_paths; function run | there | refused by name |
| refresh | preview, `--run-program` | neither |
| everything else that is not here | there | refused by name |
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.engine import Engine, Summary
from lab.engine.display import QuietDisplay
from lab.engine.model import Row
from lab.engine.state import State
from lab.engine.values import is_secret

if TYPE_CHECKING:
    from lab.cluster import Cluster

FOLDER = Path(__file__).parent / "conformance"
RESERVED = {"__inputs", "__initialApiVersion", "__fieldManager"}
PAST = {"creating": "created", "updating": "updated", "deleting": "deleted"}
Expected = dict[str, Any]
Make = Callable[..., "tuple[Engine, Watch]"]


class Watch(QuietDisplay):
    """Writes down what began and what ended, in order, and what changed."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.changed: dict[str, list[str]] = {}

    def row(self, row: Row) -> None:
        """Take a row."""
        if row.details:
            self.changed[row.name] = row.details
        if row.phase == "running":
            self.events.append(f"{row.step} {row.name}")
        elif row.phase == "done":
            verb, _, rest = row.step.partition(" ")
            self.events.append(" ".join(filter(None, [PAST[verb], rest, row.name])))


@pytest.fixture
def make(lab_cluster: "Cluster", namespace: str, tmp_path: Path) -> Make:
    """Give a function that makes an engine for one of the programs, and what watches it."""

    def made(program: str, config: dict[str, str]) -> tuple[Engine, Watch]:
        (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        (tmp_path / "__main__.py").write_text((FOLDER / f"{program}.py").read_text())
        given = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace, **config}
        watch = Watch()
        return Engine(tmp_path, "dev", tmp_path / "state", watch, config=given), watch

    return made


@pytest.mark.parametrize("program", ["objects", "hooks"])
def test_as_the_official_engine(make: Make, namespace: str, tmp_path: Path, program: str) -> None:
    """Every step does what the official engine did, and leaves the state that it left."""
    expected: Expected = yaml.safe_load((FOLDER / f"{program}.yaml").read_text())
    for step in expected["steps"]:
        config = step.get("config", {})
        for action in ("preview", "up"):
            engine, watch = make(program, config)
            summary = engine.preview() if action == "preview" else engine.up()
            wanted = {**step, **step.get("preview", {})} if action == "preview" else step
            _compare(summary, watch, wanted, f"{action}: {step['name']}")
            if action == "up":
                _in_order(watch, step.get("order", []))
        if "text" in step:
            first = _resources(tmp_path)["first"]
            assert {step["text"]} == {first["inputs"]["data"]["text"], first["outputs"]["data"]["text"]}, step["name"]
    _compare_state(tmp_path, expected["state"], namespace)
    engine, watch = make(program, {})
    destroyed = engine.destroy()
    assert destroyed.ok
    assert expected["destroy"]["counts"] == dict(destroyed.counts)
    _in_order(watch, expected["destroy"]["order"])
    assert {} == _resources(tmp_path)


def _compare(summary: Summary, watch: Watch, wanted: Expected, where: str) -> None:
    messages = [found.message for found in summary.diagnostics]
    assert wanted.get("exit", 0) == int(not summary.ok), (where, messages)
    assert wanted["counts"] == dict(summary.counts), where
    assert wanted.get("says", "") in "\n".join(messages), where
    if "changed" in wanted:
        assert wanted["changed"] == watch.changed, where
    if "hooks" in wanted:
        told = [text.removeprefix("hook ") for text in messages if text.startswith("hook ")]
        assert wanted["hooks"] == told, where


def _in_order(watch: Watch, order: list[list[str]]) -> None:
    for earlier, later in order:
        assert watch.events.index(earlier) < watch.events.index(later), watch.events


def _resources(folder: Path) -> dict[str, Any]:
    state = State(folder / "state", readonly=True)
    assert {} == state.operations
    return {resource["urn"].split("::")[-1]: resource for resource in state.resources.values()}


def _compare_state(folder: Path, wanted: dict[str, Expected], space: str) -> None:
    found = _resources(folder)
    assert set(wanted) == set(found)
    urns = {name: resource["urn"] for name, resource in found.items()}
    provider = f"{urns['cluster']}::{found['cluster']['id']}"
    drawn = found["drawn"]["inputs"]["metadata"]["name"] if "drawn" in found else ""
    for name, resource in found.items():
        mine = wanted[name]
        assert (mine["type"], mine.get("custom", True)) == (resource["type"], resource["custom"]), name
        assert urns.get(mine.get("parent", ""), "") == resource.get("parent", ""), name
        assert sorted(urns[need] for need in mine.get("needs", [])) == resource.get("dependencies", []), name
        if "id" in mine:
            assert mine["id"].format(space=space, drawn=drawn) == resource["id"]
            assert provider == resource["provider"], name
            assert resource["inputs"] == resource["outputs"]["__inputs"], name
            assert set(resource["outputs"]) >= RESERVED, name
        came_from = {key: [urns[need] for need in needs] for key, needs in mine.get("inputs", {}).items()}
        assert came_from == resource.get("propertyDependencies", {}), name
        recorded = mine.get("recorded", list(mine.get("inputs", {})))
        assert set(recorded) == set(resource.get("inputs", {})) - {"version"}, name
        assert set(mine.get("outputs", [])) == set(resource.get("outputs", {})) - RESERVED, name
        assert mine.get("secret", []) == resource.get("additionalSecretOutputs", []), name
        assert mine.get("hooks", {}) == resource.get("resourceHooks", {}), name
    assert is_secret(found["cluster"]["inputs"]["kubeconfig"])
    assert is_secret(found["cluster"]["outputs"]["kubeconfig"])
    if "hidden" in found:
        assert is_secret(found["hidden"]["outputs"]["data"])
        assert is_secret(found["demo-dev"]["outputs"]["word"])
