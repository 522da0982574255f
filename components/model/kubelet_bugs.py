"""What is known to go wrong with native sidecars on a kubelet of some patch version, as data. Pure.

Only what upstream has fixed in a later patch is here, by the release notes of Kubernetes (CHANGELOG-1.29.md to
CHANGELOG-1.35.md); a row for each line of releases that is affected. Vendors build patches of their own: for their
kubelets, too, the version that they state is what counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from components.model.versions import holds, numbers_of


@dataclass(frozen=True)
class Bug:
    """A bug of kubelets in a range of versions: what happens, the pull request of the fix, and what to move to."""

    versions: str
    what: str
    source: str
    fixed_in: str


_SIGTERM = "a sidecar gets no SIGTERM while a later one has not started: such a pod ends with its whole grace period"
_CREATED = "an init container or sidecar that a passing failure of the container runtime hit never starts"
_FROZEN = "the status of a sidecar stays at its first end in pods that do not always restart (Jobs)"
_INITIALIZING = (
    "in pods with restartPolicy Never (Jobs) the containers never start once a sidecar's startup probe has failed and "
    "succeeded in the next run"
)
_RESTARTED = (
    "after a restart of the kubelet, containers that crash beside a sidecar with a startup probe are not started again"
)
BUGS = (
    Bug(">=1.29.0, <1.29.3", _FROZEN, "kubernetes/kubernetes#123709", "1.29.3"),
    Bug(">=1.29.0, <1.29.9", _CREATED, "kubernetes/kubernetes#127214", "1.29.9"),
    Bug(">=1.30.0, <1.30.5", _CREATED, "kubernetes/kubernetes#127213", "1.30.5"),
    Bug(">=1.31.0, <1.31.1", _CREATED, "kubernetes/kubernetes#127212", "1.31.1"),
    Bug(">=1.29.0, <1.30.4", _SIGTERM, "kubernetes/kubernetes#126331", "1.30.4"),
    Bug(">=1.29.0, <1.33.6", _INITIALIZING, "kubernetes/kubernetes#134801", "1.33.6"),
    Bug(">=1.34.0, <1.34.2", _INITIALIZING, "kubernetes/kubernetes#134800", "1.34.2"),
    Bug(">=1.35.0, <1.35.4", _RESTARTED, "kubernetes/kubernetes#137885", "1.35.4"),
)


def bugs_of(kubelet: str) -> Iterator[Bug]:
    """Yield the bugs of a kubelet, by the version that its Node states; none for a version that means nothing."""
    numbers = numbers_of(kubelet)
    if numbers is None or len(numbers) < 3:
        return
    # What a vendor appends (`-gke.1842000`) is a build of the same patch.
    yield from (bug for bug in BUGS if holds(bug.versions, numbers[:3]))
