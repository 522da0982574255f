"""Creates 300 ConfigMaps with the lab's engine and with `kubectl apply --server-side`; prints both times and the ratio.

    python benchmarks/engine.py KUBECONFIG KUBECTL [COUNT]

Both work on the same cluster, one that the lab made, one after the other, in namespaces of their own which are
deleted afterwards. Exit code 1 when the engine is the slower one.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lab.engine import Engine, QuietDisplay

NAMESPACES = ("benchmark-engine", "benchmark-kubectl")
PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
provider = k8s.Provider("cluster", kubeconfig=config.require_secret("kubeconfig"))
options = pulumi.ResourceOptions(provider=provider)
for number in range(config.require_int("count")):
    k8s.core.v1.ConfigMap(
        f"map-{number}",
        metadata={"name": f"map-{number}", "namespace": config.require("namespace")},
        data={"number": str(number), "text": "x" * 200},
        opts=options,
    )
"""


def engine_times(folder: Path, kubeconfig: Path, count: int) -> dict[str, float]:
    """Return the seconds of a first up, then up, preview and refresh without changes, and a destroy."""
    (folder / "Pulumi.yaml").write_text("name: benchmark\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    config = {"kubeconfig": str(kubeconfig), "count": str(count), "namespace": NAMESPACES[0]}
    engine = Engine(folder, "dev", folder / "state", QuietDisplay(), config=config)
    times = {}
    for name, run in (
        ("create", engine.up),
        ("no-op", engine.up),
        ("preview", engine.preview),
        ("refresh", engine.refresh),
        ("delete", engine.destroy),
    ):
        began = time.monotonic()
        summary = run()
        times[name] = time.monotonic() - began
        if not summary.ok:
            sys.exit("\n".join(found.message for found in summary.diagnostics))
    return times


def kubectl_times(kubectl: list[str], count: int) -> dict[str, float]:
    """Return the seconds of a server-side apply and of a delete of the same objects, from one file of documents."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"map-{number}", "namespace": NAMESPACES[1]},
            "data": {"number": str(number), "text": "x" * 200},
        }
        for number in range(count)
    ]
    manifest = "\n---\n".join(json.dumps(item) for item in items).encode()
    times = {}
    for name, command in (("create", ["apply", "--server-side", "-f", "-"]), ("delete", ["delete", "-f", "-"])):
        began = time.monotonic()
        subprocess.run([*kubectl, *command], input=manifest, check=True, stdout=subprocess.DEVNULL)
        times[name] = time.monotonic() - began
    return times


def main() -> int:
    """Measure both and print a table."""
    kubeconfig, program, count = Path(sys.argv[1]), sys.argv[2], int([*sys.argv[3:], "300"][0])
    kubectl = [program, f"--kubeconfig={kubeconfig}"]
    for namespace in NAMESPACES:
        subprocess.run([*kubectl, "create", "namespace", namespace], check=True, stdout=subprocess.DEVNULL)
    try:
        with tempfile.TemporaryDirectory() as folder:
            ours = engine_times(Path(folder), kubeconfig, count)
        theirs = kubectl_times(kubectl, count)
    finally:
        subprocess.run([*kubectl, "delete", "namespace", *NAMESPACES], check=True, stdout=subprocess.DEVNULL)
    sys.stdout.write(f"{count} ConfigMaps   engine    kubectl --server-side\n")
    for name, seconds in ours.items():
        other = f"{theirs[name]:6.1f} s   ratio {seconds / theirs[name]:.2f}" if name in theirs else ""
        sys.stdout.write(f"  {name:12} {seconds:6.1f} s {other}\n")
    return int(ours["create"] > theirs["create"])


if __name__ == "__main__":
    sys.exit(main())
