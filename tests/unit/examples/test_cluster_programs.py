"""What holds for all programs that make a cluster, and how their tests run them under mocks."""

import json
import re
import runpy
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
import yaml
from pulumi.runtime import MockCallArgs, MockResourceArgs, settings

from components._where import connection_from_outputs
from components.testing import ClusterMocks
from tests.unit.conftest import RecordingMonitor

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = ("03-cluster-kind", "04-cluster-eks", "05-cluster-aks", "06-cluster-gke")

WRITE_NETWORKS = 'write a list of networks such as ["203.0.113.7/32"], or [] for the cluster\'s own network only'
"""What to write for `authorizedNetworks`, as every program says it."""


class CloudMocks(ClusterMocks):
    """Answers like a cloud: `outputs` adds what it would compute, by type; `answers` is what a function returns."""

    def __init__(self, outputs: Mapping[str, Mapping[str, Any]], answers: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__()
        self._outputs = outputs
        self._answers = answers

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Record a registration and return its id and outputs."""
        made, outputs = super().new_resource(args)
        computed = self._outputs.get(args.typ, {})
        # A component of another language returns its outputs alone, and some are named like an input.
        return made, {**outputs, **computed} if args.custom else dict(computed)

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Return the answer to a function; raise KeyError for one that was not expected."""
        return dict(self._answers[args.token]), []

    def of(self, typ: str) -> dict[str, dict[str, Any]]:
        """Return the inputs of all resources of a type, by Pulumi name."""
        return {resource.name: dict(resource.inputs) for resource in self.resources if resource.typ == typ}


@dataclass(frozen=True)
class Export:
    """A stack output: its value, and whether it is a secret."""

    value: Any
    secret: bool


@dataclass(frozen=True)
class Program:
    """One of the programs, to be run with config keys on mocks; see the fixture `cluster_program`."""

    folder: str
    mocks: CloudMocks
    exports: dict[str, Export]

    def deploy(self, **config: Any) -> None:
        """Run the program with these keys, `aws__region` for `aws:region`; its registrations are waited for."""

        @pulumi.runtime.test
        def program() -> pulumi.Output[None]:
            own = f"{pulumi.get_project()}:"
            pulumi.runtime.set_all_config(
                {
                    key.replace("__", ":") if "__" in key else own + key: value
                    if isinstance(value, str)
                    else json.dumps(value)
                    for key, value in config.items()
                }
            )
            outputs: dict[str, Any] = {}
            with pytest.MonkeyPatch.context() as patch:
                # The SDK's mocks have no stack, without which an export is dropped.
                patch.setattr(pulumi, "export", outputs.__setitem__)
                runpy.run_path(str(ROOT / "examples" / self.folder), run_name="__main__")

            async def resolve() -> None:
                for name, value in outputs.items():
                    output = pulumi.Output.from_input(value)
                    self.exports[name] = Export(await output.future(), await output.is_secret())

            return pulumi.Output.from_input(resolve())

        try:
            program()
        finally:
            pulumi.runtime.set_all_config({})
            forget_modules_below(ROOT / "examples" / self.folder)
        # The SDK translates the names that it knows; one that is written wrong would be dropped by the cloud.
        assert [] == sorted({key for made in self.mocks.resources for key in snake_case_keys(made.inputs)})

    def refusal(self, **config: Any) -> list[str]:
        """Return the problems that the program finds in this config; it has to register nothing."""
        with pytest.raises(pulumi.RunError) as caught:
            self.deploy(**config)
        assert [] == self.mocks.resources
        assert {} == self.exports
        first, *problems = str(caught.value).splitlines()
        assert re.fullmatch(rf"the config of stack unit has {len(problems)} problems?; nothing was changed:", first), (
            first
        )
        return [problem.strip() for problem in problems]

    def request(self, typ: str, name: str) -> Any:
        """Return the raw registration, which holds the resource's options."""
        return cast(Any, settings.get_monitor()).requests[f"{typ} {name}"]

    def kubeconfig(self) -> dict[str, Any]:
        """Return the kubeconfig that the main program's Target takes from the outputs; it alone has to be a secret."""
        assert ["kubeconfig"] == [name for name, export in self.exports.items() if export.secret]
        outputs = {name: export.value for name, export in self.exports.items()}
        connection = connection_from_outputs(f"organization/{self.folder[3:]}/unit", outputs)
        assert outputs["context"] == connection["context"]
        return dict(yaml.safe_load(connection["kubeconfig"]))


def snake_case_keys(value: Any) -> list[str]:
    """Return the keys in Python's spelling, at any depth."""
    if isinstance(value, Mapping):
        own = [key for key in value if re.fullmatch("[a-z0-9]+(_[a-z0-9]+)+", key)]
        return own + [key for inner in value.values() for key in snake_case_keys(inner)]
    return [key for inner in value for key in snake_case_keys(inner)] if isinstance(value, list) else []


def forget_modules_below(folder: Path) -> None:
    """Let the next program import its own `settings` and the like, and not this folder's."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}/"):
            del sys.modules[name]


def module_of(folder: str, name: str) -> dict[str, Any]:
    """Return what a module of a program defines, without its program."""
    return runpy.run_path(str(ROOT / "examples" / folder / f"{name}.py"))


def start(
    folder: str,
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    answers: Mapping[str, Mapping[str, Any]] | None = None,
) -> Program:
    """Put mocks in the place of the engine and return the program, not yet run."""
    mocks = CloudMocks(outputs or {}, answers or {})
    pulumi.runtime.set_mocks(mocks, project=folder[3:], stack="unit", monitor=RecordingMonitor(mocks))
    return Program(folder, mocks, {})


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> None:
    """Write these shell scripts and put them first on PATH; a name is written with `_` for `-`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in programs.items():
        program = folder / name.replace("_", "-")
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.parametrize("folder", PROGRAMS)
def test_every_requirement_is_exact(folder: str) -> None:
    """A stack comes out the same tomorrow; what the main program has too is of the main program's version."""
    pins, main = pins_in(ROOT / "examples" / folder), pins_in(ROOT)

    assert "pulumi" in pins
    assert [] == [name for name, version in pins.items() if not re.fullmatch(r"[\d.]+", version)]
    assert {name: main[name] for name in pins if name in main} == {name: pins[name] for name in pins if name in main}


def pins_in(folder: Path) -> dict[str, str]:
    """Return the versions in a folder's requirements, by name; empty for one that is not exact."""
    lines = [line.split("#")[0].strip() for line in (folder / "requirements.txt").read_text().splitlines()]
    return {name: version for name, _, version in (line.partition("==") for line in lines if line)}


@pytest.mark.parametrize("folder", PROGRAMS)
def test_the_config_is_typed_and_explained(folder: str) -> None:
    """Each key in Pulumi.yaml has a type and a description, and is one that the program reads."""
    project = yaml.safe_load((ROOT / "examples" / folder / "Pulumi.yaml").read_text())
    read = set(re.findall(r'checks\.\w+\(\s*"(\w+)"', (ROOT / "examples" / folder / "settings.py").read_text()))

    assert folder[3:] == project["name"]
    assert read == set(project["config"])
    assert [] == [key for key, entry in project["config"].items() if not {"type", "description"} <= set(entry)]


@pytest.mark.parametrize("folder", PROGRAMS)
def test_the_readme_explains_every_key_and_output(folder: str) -> None:
    """A platform team finds each config key and each output in the folder's README."""
    text = (ROOT / "examples" / folder / "README.md").read_text()
    project = yaml.safe_load((ROOT / "examples" / folder / "Pulumi.yaml").read_text())

    assert [] == [key for key in (*project["config"], "kubeconfig", "context", "platform") if f"`{key}`" not in text]
