"""A stack's kind cluster: make, start, delete, and how to reach it.

1. Its name is the stack's own, and a mark on this machine is written before kind is asked to make it. A cluster
   without that mark, or whose kube-system has another UID than the recorded one, was not made here: it is never
   started, changed or deleted.
2. A creation that was killed is begun again from nothing: only containers that carry the mark's name are removed.
3. Ports, Kubernetes minor and provider are chosen once, when the cluster is made.
"""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lab.cluster import identity
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.cluster.identity import Identity
from lab.errors import LabError
from lab.files import locked, write_atomically
from lab.kind import kubeconfig, tools
from lab.kind.config import Ports, cluster_config
from lab.kind.tools import Wasm
from lab.live import KubeReader
from lab.paths import cache_root
from lab.progress import PlainProgress, Progress

_CREATE_SECONDS = 900.0  # the node image is about 400 MB
_READY_SECONDS = 120.0
_POLL = 0.5


@dataclass(frozen=True)
class Mark:
    """What was chosen when the cluster was made; its file is the proof that it was made here."""

    provider: str
    minor: str
    ports: Ports
    wasm: bool

    @classmethod
    def read(cls, path: Path) -> "Mark | None":
        """Return the mark, or None where there is none."""
        try:
            found = json.loads(path.read_text())
            return cls(found["provider"], found["minor"], Ports(**found["ports"]), found["wasm"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ClusterError(f"{path} is damaged ({error}); remove it, and the kind cluster by hand") from error


@dataclass
class KindCluster:
    """The kind cluster called `name`, of the Kubernetes minor `minor`. Constructing one has no side effect.

    `wasm` gives what the node's WASM handler needs when the cluster is made; see `tools.wasm`, the default.
    """

    name: str
    minor: str = "1.33"
    wasm: Callable[[Progress], Wasm | None] = field(default=tools.wasm, repr=False)

    @property
    def folder(self) -> Path:
        """Everything that is kept of the cluster outside its containers."""
        return cache_root() / "kind" / self.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig (0600); it exists once the cluster has been started."""
        return self.folder / "kubeconfig"

    @property
    def context(self) -> str:
        """The one context of the kubeconfig, as kind names it."""
        return f"kind-{self.name}"

    @property
    def kubectl(self) -> Path:
        """The kubectl on PATH, or the lab's own."""
        return tools.kubectl_path()

    @property
    def ports(self) -> Ports | None:
        """Where the stack's Service is reached from this machine; None before the cluster was made."""
        mark = Mark.read(self._mark)
        return mark.ports if mark else None

    def running(self) -> bool:
        """Tell whether the cluster was made here and its node's container runs."""
        mark = Mark.read(self._mark)
        return mark is not None and self._state(mark.provider) == "running"

    def identity(self) -> Identity | None:
        """Return what tells this cluster from every other, or None where it has never been up."""
        try:
            return Identity(**json.loads(self._identity.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def start(self, progress: Progress) -> None:
        """Bring the cluster up; a running one is left as it is, a stopped one comes back with what is in it.

        Raises ClusterError with what kind, Docker or Podman said.
        """
        with self._lock(progress):
            mark = Mark.read(self._mark)
            if mark is not None and mark.minor != self.minor:
                raise ClusterError(
                    f"kind cluster {self.name} was made with Kubernetes {mark.minor}, not {self.minor}: "
                    "take it down first, or write its version again"
                )
            if mark is None or self.identity() is None or self._state(mark.provider) == "none":
                mark = self._create(mark, progress)
            elif self._state(mark.provider) != "running":
                with progress.step("start the kind node's container"):
                    run([mark.provider, "start", self._node])
            with progress.step("wait for the API server"):
                self._recognise()
            tools.kubectl(progress)

    def delete(self, progress: Progress | None = None) -> None:
        """Remove the cluster and every trace of it; one that was not made here stays, and so does one that is not it.

        Raises ClusterError where the cluster under this name is another one.
        """
        progress = progress or PlainProgress()
        with self._lock(progress):
            mark = Mark.read(self._mark)
            if mark is not None:
                if self._state(mark.provider) == "running" and self.identity():
                    self._refuse_another()
                self._remove(mark.provider, progress)
            identity.forget(self.name)
            for file in self.folder.glob("*") if self.folder.exists() else ():
                if file != self._mark:
                    file.unlink()
            self._mark.unlink(missing_ok=True)  # last: until then a killed deletion is gone on with
            if self.folder.exists():
                self.folder.rmdir()
        self._lock_file.unlink(missing_ok=True)

    def _create(self, mark: Mark | None, progress: Progress) -> Mark:
        provider = mark.provider if mark else tools.provider()
        if provider is None:
            raise ClusterError("; ".join(f"{one.what}: {one.remedy}" for one in tools.check_host()))
        if mark is None and self._state(provider) != "none":
            raise ClusterError(
                f"there is a kind cluster called {self.name} that was not made here, so it is left alone; "
                f"remove it yourself, if it is yours: kind delete cluster --name {self.name}"
            )
        if mark is not None:
            self._remove(provider, progress)
        identity.forget(self.name)
        self._identity.unlink(missing_ok=True)  # of an earlier cluster of this name
        wasm = self.wasm(progress)
        mark = Mark(provider, self.minor, tools.free_ports(), wasm is not None)
        write_atomically(self._mark, json.dumps(asdict(mark), indent=2) + "\n", 0o600)
        config = self.folder / "cluster.yaml"
        write_atomically(config, cluster_config(mark.minor, mark.ports, wasm.folder if wasm else None))
        with progress.step(f"make a kind cluster with {provider} (its image is pulled once)"):
            self._kind(
                mark.provider,
                progress,
                ["create", "cluster", "--config", str(config), "--kubeconfig", str(self.kubeconfig), "--wait", "180s"],
            )
        self.kubeconfig.chmod(0o600)
        if wasm is not None:
            with progress.step("load the WASM demo's image"):
                self._kind(provider, progress, ["load", "image-archive", str(wasm.image)])
        return mark

    def _recognise(self) -> None:
        """Wait until the API server answers; write down who it is, or check that it is who was written down."""
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                uid = self._uid()
                break
            except LabError as error:
                if time.monotonic() > deadline:
                    raise ClusterError(
                        f"kind cluster {self.name}: {error} within {_READY_SECONDS:.0f} s; "
                        "where it stays so, take it down and up again"
                    ) from error
                time.sleep(_POLL)
        if self.identity() is not None:
            self._refuse_another()
            return
        server, ca = kubeconfig.server_and_ca(self.kubeconfig)
        made = Identity(uid, server, identity.ca_fingerprint(ca), self.name)
        identity.register(made)
        write_atomically(self._identity, json.dumps(asdict(made), indent=2) + "\n", 0o600)

    def _refuse_another(self) -> None:
        known = self.identity()
        try:
            uid = self._uid()
        except LabError:
            return  # it does not answer: its containers' name and the mark still say whose it is
        if known and uid != known.cluster_id:
            raise ClusterError(
                f"the cluster at {self.kubeconfig} is another one than `make up` made: its kube-system has UID {uid}, "
                f"not {known.cluster_id}. Nothing was changed; remove it yourself if it is yours"
            )

    def _uid(self) -> str:
        found = KubeReader(self.kubeconfig, self.context).get("/api/v1/namespaces/kube-system")
        return str(found["metadata"]["uid"])

    def _remove(self, provider: str, progress: Progress) -> None:
        if self._state(provider) == "none":
            return
        with progress.step("remove the kind cluster"):
            self._kind(provider, progress, ["delete", "cluster", "--kubeconfig", str(self.kubeconfig)])

    def _kind(self, provider: str, progress: Progress, words: list[str]) -> None:
        program = tools.kind(progress)
        run(
            [program, *words, "--name", self.name],
            env=tools.environment(provider),
            timeout=_CREATE_SECONDS,
        )

    def _state(self, provider: str) -> str:
        """Return the state of the node's container as the provider calls it (`running`, `exited`), or `none`."""
        listed = run(
            [provider, "ps", "--all", "--filter", f"name=^{self._node}$", "--format", "{{.State}}"], timeout=60
        ).split()
        return listed[0] if listed else "none"

    @property
    def _node(self) -> str:
        return f"{self.name}-control-plane"

    @property
    def _mark(self) -> Path:
        return self.folder / "made.json"

    @property
    def _identity(self) -> Path:
        return self.folder / "identity.json"

    @property
    def _lock_file(self) -> Path:
        return self.folder.with_name(f".{self.name}.lock")

    def _lock(self, progress: Progress) -> AbstractContextManager[None]:
        return locked(self._lock_file, lambda: progress.note(f"kind cluster {self.name} is being worked on; waiting"))
