"""Takes a snapshot of 10,000 objects beside `kubectl get -o yaml` of the same types, and restores it; prints the rates.

    python benchmarks/recovery.py KUBECONFIG KUBECTL [COUNT]

Half of the objects are ConfigMaps and half are Secrets, which the snapshot encrypts; it is read back twice within the
time, kubectl's output is not. The restore is into another namespace of the same cluster and includes its journal and
its comparison, beside `kubectl create` of the same objects. All namespaces are deleted afterwards. Exit code 1 when the
snapshot is slower than kubectl, or the restore takes half as long again.
"""

import base64
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pyrage

from components.actions.client import Client, Json, path_of
from components.actions.connection import load_kubeconfig
from components.actions.parallel import at_once
from components.actions.restore import Choice, restore
from components.actions.snapshot import take, verify
from components.actions.snapshot.encryption import Recipients
from components.model.archive import Selection
from components.model.mapping import Names

OURS, COPY, THEIRS = "benchmark-recovery", "benchmark-recovery-copy", "benchmark-recovery-kubectl"
T = TypeVar("T")


def fill(client: Client, count: int) -> None:
    """Create the objects."""

    def create(number: int) -> Json:
        if number % 2:
            data = {"text": base64.b64encode(b"x" * 200).decode()}
            return client.create(path_of("v1", "secrets", OURS), {"metadata": {"name": f"s-{number}"}, "data": data})
        body = {"metadata": {"name": f"map-{number}"}, "data": {"text": "x" * 200}}
        return client.create(path_of("v1", "configmaps", OURS), body)

    client.create(path_of("v1", "namespaces"), {"metadata": {"name": OURS}})
    at_once(create, range(count))


def timed(what: Callable[[], T]) -> tuple[float, T]:
    """Return how many seconds something takes, and what it gives."""
    began = time.monotonic()
    found = what()
    return time.monotonic() - began, found


def main() -> int:
    """Measure and print."""
    kubeconfig, program, count = sys.argv[1], sys.argv[2], int([*sys.argv[3:], "10000"][0])
    kubectl = [program, f"--kubeconfig={kubeconfig}"]
    identity = pyrage.x25519.Identity.generate()
    readers, chosen = Recipients([str(identity.to_public())]), Choice(names=Names({OURS: COPY}))
    client = load_kubeconfig(kubeconfig).client()
    try:
        fill(client, count)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            dump, taken = timed(lambda: take(client, name, readers, selection=Selection((OURS,))))
            get = [*kubectl, "get", "configmaps,secrets", f"--namespace={OURS}", "-o", "yaml"]
            with (folder / "objects.yaml").open("wb") as output:
                got, _ = timed(lambda: subprocess.run(get, check=True, stdout=output))
            archive = verify(taken.place, [identity])
            back, outcome = timed(lambda: restore(client, archive, folder / "journal", choice=chosen))
            theirs = folder / "create.yaml"
            theirs.write_text(
                (folder / "objects.yaml").read_text().replace(f"namespace: {OURS}", f"namespace: {THEIRS}")
            )
            subprocess.run([*kubectl, "create", "namespace", THEIRS], check=True, stdout=subprocess.DEVNULL)
            create = [*kubectl, "create", "-f", str(theirs)]
            # The ConfigMap kube-root-ca.crt is there already, and kubectl goes on without it.
            created, _ = timed(lambda: subprocess.run(create, check=False, capture_output=True))
    finally:
        for each in (OURS, COPY, THEIRS):
            client.delete(path_of("v1", "namespaces", name=each))
    if not outcome.whole:
        sys.exit(f"the restore is not whole: {outcome.failed or outcome.comparison}")
    sys.stdout.write(f"{count} objects: half ConfigMaps, half Secrets\n")
    for what, ours, beside, other in (
        ("snapshot", dump, got, "kubectl get -o yaml"),
        ("restore", back, created, "kubectl create"),
    ):
        sys.stdout.write(f"  {what:9} {ours:6.1f} s, {count / ours:6.0f} objects/s   ")
        sys.stdout.write(f"{other:20} {beside:6.1f} s, {count / beside:6.0f} objects/s   ratio {ours / beside:.2f}\n")
    return int(dump > got or back > 1.5 * created)


if __name__ == "__main__":
    sys.exit(main())
