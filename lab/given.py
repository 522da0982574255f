"""A cluster of somebody else's that a stack's config names: reached, recognised, and never made or removed."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.live import KubeReader
from lab.progress import Progress


@dataclass(frozen=True)
class GivenIdentity:
    """Who the cluster is: the UID of its namespace kube-system, empty where it must not be read."""

    cluster_id: str


@dataclass(frozen=True)
class GivenCluster:
    """The cluster at `context` of the kubeconfig file `kubeconfig`."""

    kubeconfig: Path
    context: str

    @property
    def kubectl(self) -> Path:
        """The kubectl on PATH, or its bare name."""
        return Path(shutil.which("kubectl") or "kubectl")

    def running(self) -> bool:
        """Tell whether its API server answers."""
        try:
            KubeReader(self.kubeconfig, self.context or None).get("/version")
        except LabError:
            return False
        return True

    def start(self, progress: Progress) -> None:  # noqa: ARG002 (protocol)
        """Look that it answers. `LabError` where it does not."""
        KubeReader(self.kubeconfig, self.context or None).get("/version")

    def delete(self) -> None:
        """Leave it: it is not the lab's."""

    def identity(self) -> GivenIdentity | None:
        """Return who it is; with an empty UID where the kubeconfig's user may not read that."""
        try:
            found = KubeReader(self.kubeconfig, self.context or None).get("/api/v1/namespaces/kube-system")
        except LabError:
            return GivenIdentity("")
        return GivenIdentity(str(found["metadata"]["uid"]))


@dataclass(frozen=True)
class UnseenCluster(GivenCluster):
    """A cluster of somebody else's that only the deployment finds: another stack's, kind's, or a kubeconfig's content.

    The program's own guard tells it from others; nothing here looks at it, so every question is left to the engine.
    """

    kubeconfig: Path = Path()
    context: str = ""

    def running(self) -> bool:
        """Leave it to the engine to find out."""
        return True

    def start(self, progress: Progress) -> None:
        """Leave it to the engine to find out."""

    def identity(self) -> GivenIdentity | None:
        """Tell nothing."""
        return GivenIdentity("")
