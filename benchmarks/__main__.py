"""Runs every benchmark on clusters of their own and prints what was measured beside its bound: `make bench`."""

import subprocess
import sys
from pathlib import Path

from benchmarks import startup
from lab.cluster import Cluster, check_host, youki
from lab.files import locked
from lab.paths import cache_root
from lab.progress import PlainProgress

_ENGINE = Path(__file__).resolve().parent / "engine.py"
_RECOVERY = Path(__file__).resolve().parent / "recovery.py"
_RESIZE = Path(__file__).resolve().parent / "resize.py"
_WASM = Path(__file__).resolve().parent / "wasm.py"
_CLUSTER = "bench"


def main() -> int:
    """Return 0 when every figure is within its bound."""
    if problems := check_host():
        sys.stderr.write("".join(f"{problem.what}: {problem.remedy}\n" for problem in problems))
        return 2
    progress = PlainProgress()
    # Two runs at once would delete the cluster under each other, and slow each other down.
    with locked(cache_root() / "bench.lock", lambda: progress.note("another benchmark runs; waiting for its end")):
        slow = startup.main()
        cluster = Cluster(_CLUSTER)
        cluster.delete()
        if youki.is_built():
            cluster.give_youki(progress)
        try:
            cluster.start(progress)
            command = [sys.executable, str(_ENGINE), str(cluster.kubeconfig), str(cluster.kubectl)]
            slower = subprocess.run(command, check=False).returncode
            lossy = subprocess.run([sys.executable, str(_RESIZE), str(cluster.kubeconfig)], check=False).returncode
            unlike = subprocess.run([sys.executable, str(_WASM), _CLUSTER], check=False).returncode
            # The last one: its namespaces take a while to go.
            command = [sys.executable, str(_RECOVERY), str(cluster.kubeconfig), str(cluster.kubectl)]
            longer = subprocess.run(command, check=False).returncode
        finally:
            cluster.delete()
    return slow or slower or longer or lossy or unlike


if __name__ == "__main__":
    sys.exit(main())
