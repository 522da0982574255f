# ruff: noqa: D102  (what each method stands for is in the protocols)
"""Doubles of the launcher's parts: they remember what was asked of them, and fail where they are told to."""

import io
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from lab.errors import LabError
from lab.official import Backend, Cli, OfficialEngine
from lab.parts import Problem
from lab.progress import Progress, QuietProgress
from lab.stack import Lab


@dataclass(frozen=True)
class ProblemDouble:
    """A host problem."""

    what: str
    remedy: str


@dataclass(frozen=True)
class IdentityDouble:
    """A cluster identity."""

    cluster_id: str


@dataclass(frozen=True)
class SummaryDouble:
    """What an engine's run says of itself."""

    ok: bool = True
    changes: bool = True
    cancelled: bool = False


class ReaderDouble:
    """Answers API paths from a table; without one it is a cluster that does not answer."""

    def __init__(self, answers: Mapping[str, Any] | None) -> None:
        self.answers = answers

    def get(self, path: str) -> dict[str, Any]:
        """Return the answer; an unknown path is an empty list."""
        if self.answers is None:
            raise LabError("the cluster's API server does not answer: double")
        found: dict[str, Any] = self.answers.get(path, {"items": []})
        return found


@dataclass
class WorldDouble:
    """Cluster, engine, host and API server in one, with a diary of what was done."""

    folder: Path
    diary: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    runs: bool = False
    cluster_id: str | None = "uid-1"
    answers: Mapping[str, Any] | None = field(default_factory=dict)
    summary: SummaryDouble = field(default_factory=SummaryDouble)
    interrupt_at: str | None = None
    name: str = ""
    kind: str = ""
    minor: str = ""
    works: tuple[str, ...] = ("node",)
    """The kinds of cluster that this machine can make."""
    cli: Cli | None = None

    # What `Parts` gives.

    def host_problems(self, kind: str, minor: str) -> list[Problem]:  # noqa: ARG002 (protocol)
        self._did(f"check host for {kind}")
        return [ProblemDouble(f"{kind} cannot be had", "take another")] if kind not in self.works else self.problems

    def cluster(self, kind: str, name: str, minor: str) -> "WorldDouble":
        self.kind, self.name, self.minor = kind, name, minor
        return self

    def pulumi(self, root: Path) -> Cli | None:  # noqa: ARG002 (protocol)
        return self.cli

    def lab_engine(self, root: Path, stack: str, state_dir: Path) -> "EngineDouble":  # noqa: ARG002 (protocol)
        return EngineDouble(self, state_dir)

    def official_engine(self, cli: Cli, stack: str, backend: Backend, note: Callable[[str], None]) -> OfficialEngine:
        return OfficialEngine(cli, stack, backend, note)

    def reader(self, kubeconfig: Path, context: str) -> ReaderDouble:  # noqa: ARG002 (protocol)
        return ReaderDouble(self.answers)

    # What a cluster does.

    @property
    def kubeconfig(self) -> Path:
        return self.folder / self.name / "kubeconfig"

    @property
    def context(self) -> str:
        return "lab"

    @property
    def kubectl(self) -> Path:
        return self.folder / "kubectl"

    def running(self) -> bool:
        return self.runs

    def start(self, progress: Progress) -> None:  # noqa: ARG002 (protocol)
        self._did("start cluster" if not self.runs else "look after cluster")
        self.runs = True

    def delete(self) -> None:
        self._did("delete cluster")
        self.runs = False

    def identity(self) -> IdentityDouble | None:
        return IdentityDouble(self.cluster_id) if self.cluster_id else None

    def _did(self, what: str) -> None:
        self.diary.append(what)
        if what == self.interrupt_at:
            raise KeyboardInterrupt


class EngineDouble:
    """An engine whose state is an empty file."""

    def __init__(self, world: WorldDouble, state_dir: Path) -> None:
        self.world = world
        self.state_dir = state_dir

    def up(self) -> SummaryDouble:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        (self.state_dir / "state.db").touch()
        return self._run("engine up")

    def preview(self) -> SummaryDouble:
        return self._run("engine preview")

    def refresh(self) -> SummaryDouble:
        return self._run("engine refresh")

    def destroy(self) -> SummaryDouble:
        return self._run("engine destroy")

    def has_state(self) -> bool:
        return self.state_dir.exists()

    def forget(self) -> None:
        shutil.rmtree(self.state_dir, ignore_errors=True)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        return {"namespace": "kubernetes-emerging-dev", "secrets": show_secrets}

    def _run(self, what: str) -> SummaryDouble:
        self.world._did(what)
        return self.world.summary


def lab_on(world: WorldDouble, stack: str = "dev") -> tuple[Lab, io.StringIO]:
    """Return a launcher on the double, in a project folder of its own, and what it prints."""
    printed = io.StringIO()
    root = world.folder / "project"
    root.mkdir(exist_ok=True)
    console = Console(file=printed, width=100, highlight=False)
    return Lab(stack, root, world, QuietProgress(), console), printed


def diary(world: Path) -> list[str]:
    """Return the calls so far, in order, and begin a new diary."""
    file = world / "diary"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


DEPLOYED: Mapping[str, Any] = {
    "/version": {"gitVersion": "v1.33.13"},
    "/api/v1/nodes": {
        "items": [
            {
                "metadata": {"name": "lab"},
                "status": {
                    "nodeInfo": {"kubeletVersion": "v1.33.13", "containerRuntimeVersion": "containerd://2.1.9"},
                    "conditions": [{"type": "Ready", "status": "True"}],
                },
            }
        ]
    },
    "/apis/apps/v1/namespaces/kubernetes-emerging-dev/deployments": {
        "items": [
            {
                "metadata": {"name": "inplace-update-demo", "generation": 3},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "inplace-update-demo"}},
                    "template": {"spec": {"containers": [{"name": "nginx"}]}},
                },
                "status": {"observedGeneration": 3, "readyReplicas": 1, "updatedReplicas": 2},
            },
            {
                "metadata": {"name": "sidecar-demo", "generation": 1},
                "spec": {
                    "replicas": 2,
                    "selector": {"matchLabels": {"app": "sidecar-demo"}},
                    "template": {
                        "spec": {
                            "containers": [{"name": "nginx"}],
                            "initContainers": [
                                {"name": "setup"},
                                {"name": "log-shipper", "restartPolicy": "Always"},
                            ],
                        }
                    },
                },
                "status": {"observedGeneration": 1, "readyReplicas": 2, "updatedReplicas": 2},
            },
        ]
    },
    "/api/v1/namespaces/kubernetes-emerging-dev/services": {
        "items": [
            {
                "metadata": {"name": "mixed-protocol"},
                "spec": {
                    "clusterIP": "10.96.7.8",
                    "ports": [
                        {"name": "http", "port": 80, "protocol": "TCP"},
                        {"name": "metrics", "port": 9090, "protocol": "UDP"},
                    ],
                },
            },
            {"metadata": {"name": "headless"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}},
        ]
    },
}
