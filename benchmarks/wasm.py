"""One small Go program under each runtime of a node, in one run: as a WASM module, and as a Linux program under runc.

The source is the same; it is built as wasip1 for the WASM runtimes, and statically for Linux. Pods start one after the
other, the runtimes taking turns, without CPU limits. Start: from the request for the pod to the first line in its log,
by the runtime's own timestamp, on one clock. Memory: the pod's control group without what the kernel can drop at once,
and the resident memory of containerd's shim, which is outside of it.

Usage: wasm.py <name of a cluster of the lab's> [--runs 10] [--svg FILE]
"""

import argparse
import datetime as dt
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from lab.cluster import Cluster, building, cgroups, config, golang, images, node, youki
from lab.cluster.instance import Instance
from lab.cluster.oci import Content, File, write_archive
from lab.progress import PlainProgress

NAMESPACE = "bench-wasm"
TWIN = golang.Binary("hello", "wasm", ".")
TWIN_IMAGE = "localhost/wasm-twin:1"
RUNC = "runc, Linux program"
MIB = 2**20
# Pod sandboxes and their shims come up within it; what a runtime still reads or frees by then is not counted.
SETTLED = 2.0
_SHARED = "run"  # of an instance's folder, which the node sees as /var/lib/lab


@dataclass
class Result:
    """What the pods of one runtime needed."""

    name: str
    handler: str
    image: str
    seconds: list[float] = field(default_factory=list)
    pod: list[float] = field(default_factory=list)
    shim: list[float] = field(default_factory=list)

    @property
    def start(self) -> float:
        """The median of seconds to the first line."""
        return statistics.median(self.seconds)

    @property
    def memory(self) -> float:
        """The median of MiB that pod and shim have together."""
        return statistics.median(pod + shim for pod, shim in zip(self.pod, self.shim, strict=True))

    def row(self) -> str:
        """Return it as a row of a table."""
        return (
            f"{self.name:<22} {self.start:>7.2f} s {min(self.seconds):>7.2f} {max(self.seconds):>7.2f} "
            f"{statistics.median(self.pod):>9.1f} {statistics.median(self.shim):>9.1f} {self.memory:>9.1f} MiB"
        )


def import_twin(cluster: Cluster) -> None:
    """Build the Linux program, and give the node an image of it."""
    if steps := golang.steps([TWIN]):
        with building.alone(PlainProgress()):
            building.work_off(PlainProgress(), steps)
    folder = cluster.folder / _SHARED
    archive = folder / "wasm-twin.tar"
    program = {TWIN.name: File(golang.binary_path(TWIN).read_bytes(), 0o755)}
    content = Content({"User": "65532:65532", "Entrypoint": [f"/{TWIN.name}"]}, program, None, lambda _path: True)
    write_archive(archive, TWIN_IMAGE, content)
    first = node.first_process(Instance(cluster.name))
    command = ["nsenter", f"--target={first}", "--mount", "--pid", "--root", "--", f"{config.BIN}/ctr"]
    command += ["--address", config.CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import", "--local"]
    subprocess.run([*command, f"/var/lib/lab/{archive.name}"], check=True, stdout=subprocess.DEVNULL)
    archive.unlink()


def measure(client: Client, cluster: Cluster, result: Result, number: int) -> None:
    """Run one pod until it has printed a line, look at its memory, and remove it."""
    name = f"{result.handler}-{number}"
    container = {"name": "main", "image": result.image, "resources": {"limits": {"memory": "256Mi"}}}
    spec = {"containers": [container], "restartPolicy": "Never", "automountServiceAccountToken": False}
    spec |= {"runtimeClassName": f"{NAMESPACE}-{result.handler}", "terminationGracePeriodSeconds": 1}
    pods = path_of("v1", "pods", NAMESPACE)
    asked = dt.datetime.now(dt.UTC)
    pod = client.create(pods, {"metadata": {"name": name}, "spec": spec})
    result.seconds.append((first_line(client, name) - asked).total_seconds())
    time.sleep(SETTLED)
    result.pod.append(pod_memory(cluster, pod["metadata"]["uid"]) / MIB)
    result.shim.append(shim_memory(cluster, pod["metadata"]["uid"]) / MIB)
    path = f"{pods}/{name}"
    client.delete(path)
    while client.find(path):
        time.sleep(0.1)


def first_line(client: Client, name: str) -> dt.datetime:
    """Return when the pod's first line was printed; an error where that takes a minute."""
    path = path_of("v1", "pods", NAMESPACE, name)
    ends_at = time.monotonic() + 60
    while time.monotonic() < ends_at:
        statuses = client.get(path)["status"].get("containerStatuses") or [{}]
        if "waiting" not in (statuses[0].get("state") or {"waiting": {}}):
            text = client.text(f"{path}/log", timestamps="true")
            stamp, _, line = text.partition("\n")[0].partition(" ")
            if line:
                if not line.startswith("hello from"):
                    raise RuntimeError(f"{name}: {text}")
                # Nanoseconds, of which datetime takes the first six digits.
                return dt.datetime.fromisoformat(f"{stamp[:26].rstrip('Z')}+00:00")
        time.sleep(0.1)
    raise RuntimeError(f"{name} printed nothing within a minute")


def pod_memory(cluster: Cluster, uid: str) -> int:
    """Return the bytes of a pod's control group, less inactive files, as the kubelet counts its working set."""
    group = memory_group(cluster, uid)
    used, key = group / "memory.current", "inactive_file"
    if not used.exists():
        used, key = group / "memory.usage_in_bytes", "total_inactive_file"
    stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(used.read_text()) - int(stat[key])


def shim_memory(cluster: Cluster, uid: str) -> int:
    """Return the resident bytes of the pod's shim: of what has started the processes in its control group."""
    for file in memory_group(cluster, uid).glob("*/cgroup.procs"):
        for pid in file.read_text().split():
            status = process(pid)
            while status and not status["Name"].startswith("containerd-shim"):
                status = process(status["PPid"])
            if status:
                return int(status["VmRSS"].split()[0]) * 1024
    raise RuntimeError(f"pod {uid} has no shim")


def memory_group(cluster: Cluster, uid: str) -> Path:
    """Return the pod's control group for memory, on either version."""
    for hierarchy in cgroups.hierarchies():
        for group in (hierarchy / Instance(cluster.name).cgroup).rglob(f"pod{uid}"):
            if (group / "memory.stat").exists():
                return group
    raise RuntimeError(f"pod {uid} has no control group")


def process(pid: str) -> dict[str, str]:
    """Return what the kernel tells of a process; nothing where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def ratios(results: list[Result]) -> Iterator[str]:
    """Yield, for each WASM runtime, its figures as multiples of the Linux program's."""
    base, *others = results
    for each in others:
        yield (
            f"{each.name}: {each.start / base.start:.2f} times the start of the Linux program, "
            f"{each.memory / base.memory:.2f} times its memory"
        )


def svg(results: list[Result]) -> str:
    """Return a chart of both figures, a group of bars for each."""
    y, drawn = 18, []
    for title, unit, form, values in (
        ("Seconds from the request for a pod to its first line (median)", "s", ".2f", [each.start for each in results]),
        ("Memory of pod and shim in MiB (median)", "MiB", ".1f", [each.memory for each in results]),
    ):
        drawn.append(f'<text x="8" y="{y}" font-weight="bold">{title}</text>')
        for each, value in zip(results, values, strict=True):
            y += 24
            colour, length = "#999" if each.name == RUNC else "#27a", max(1, round(400 * value / max(values)))
            drawn.append(
                f'<text x="8" y="{y}">{each.name}</text>'
                f'<rect x="180" y="{y - 13}" width="{length}" height="17" fill="{colour}"/>'
                f'<text x="{186 + length}" y="{y}">{value:{form}} {unit}</text>'
            )
        y += 40
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{y - 20}" '
        'font-family="sans-serif" font-size="13">'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}</svg>\n'
    )


def main() -> int:
    """Print table and ratios; return 0 when every pod of every runtime has run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cluster")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    cluster = Cluster(given.cluster)
    import_twin(cluster)
    results = [
        Result(RUNC, "runc", TWIN_IMAGE),
        Result("crun with WasmEdge", config.WASM_HANDLER, images.WASM_DEMO),
    ]
    with load_kubeconfig(str(cluster.kubeconfig)).client() as client:
        (listed,) = client.list(path_of("v1", "nodes"))
        if youki.HANDLER in {each["name"] for each in listed["status"]["runtimeHandlers"]}:
            results.append(Result("youki with Wasmtime", youki.HANDLER, images.WASM_DEMO))
        classes = path_of("node.k8s.io/v1", "runtimeclasses")
        client.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        try:
            for each in results:
                client.create(classes, {"metadata": {"name": f"{NAMESPACE}-{each.handler}"}, "handler": each.handler})
            for number in range(given.runs + 1):
                for each in results:
                    measure(client, cluster, each, number)
        finally:
            for each in results:
                client.delete(f"{classes}/{NAMESPACE}-{each.handler}")
            client.delete(f"/api/v1/namespaces/{NAMESPACE}")
    for each in results:
        # The first pod of a runtime reads its files from the disk, the others do not.
        del each.seconds[0], each.pod[0], each.shim[0]
    print("runtime                  start     least    most  pod (MiB) shim (MiB)  together")
    print("\n".join(each.row() for each in results))
    print("\n".join(ratios(results)))
    print(f"load of this machine, of which one is the benchmark's: {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores")
    if given.svg:
        given.svg.write_text(svg(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
