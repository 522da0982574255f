"""Three ways to a new size for many pods, in one run, under constant HTTP load: in place, rolling, and the floor.

In place: `up` of a program with a ResizableDeployment. Rolling: the same change as an ordinary update of the
Deployment. Floor: every pod's `/resize` patched at once, and nothing else, so that templates and pods disagree
afterwards. One observer times all three by what the API server says: until every pod has the new size, actuated, and
is ready.

Usage: resize.py <kubeconfig> [--pods 5,20,50] [--svg FILE]
"""

import argparse
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from components.actions.client import Client, Json, path_of
from components.actions.connection import load_kubeconfig
from components.actions.resize.pods import is_alive, is_ready
from components.actions.resize.resources import total_requests
from components.model.quantity import equal, parse
from lab.cluster import images
from lab.engine import Engine, QuietDisplay

ROOT = Path(__file__).resolve().parent.parent
SMALL, LARGE, MEMORY = "20m", "25m", "32Mi"
READY_AFTER = 5
"""Seconds that a pod needs until it is ready: an application that starts, and what a rolling update waits for."""
PER_SECOND, AT_ONCE = 50, 8
WAYS = ("in place", "rolling", "floor")
NGINX = "server { listen 8080; location / { return 200; } }"
PROGRAM = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})

import pulumi
from components import ResizableDeployment, Target

config = pulumi.Config()
target = Target("target", {{"kubeconfig": config.require("kubeconfig")}})
size = {{"cpu": config.require("cpu"), "memory": {MEMORY!r}}}
web = ResizableDeployment(
    "web",
    {{
        "connection": target.connection,
        "namespace": config.require("space"),
        "replicas": config.require_int("pods"),
        "patience_seconds": 600,
        "containers": [
            {{
                "name": "nginx",
                "image": {images.NGINX_1_26!r},
                "resources": {{"requests": size, "limits": size}},
                "ports": [{{"name": "http", "container_port": 8080}}],
                "readiness_probe": {{
                    "http_get": {{"port": "http"}},
                    "initial_delay_seconds": {READY_AFTER},
                    "period_seconds": 1,
                }},
                "lifecycle": {{"pre_stop": {{"sleep": {{"seconds": 2}}}}}},
                "security_context": {{"run_as_user": {images.USER}}},
                "volume_mounts": [
                    {{"name": "tmp", "mount_path": "/tmp"}},
                    {{"name": "conf", "mount_path": "/etc/nginx/conf.d", "read_only": True}},
                ],
            }}
        ],
        "volumes": [
            {{"name": "tmp", "empty_dir": {{}}}},
            {{"name": "conf", "config": {{"name": "conf", "data": {{"default.conf": {NGINX!r}}}}}}},
        ],
    }},
    pulumi.ResourceOptions(provider=target.provider),
)
pulumi.export("ready", web.ready)
"""


@dataclass
class Result:
    """What one way did."""

    pods: int
    way: str
    seconds: float = 0.0
    requests: int = 0
    failed: int = 0
    replaced: int = 0
    restarts: int = 0
    extra_cpu: Decimal = field(default_factory=Decimal)

    def row(self) -> str:
        """Return it as a row of a table."""
        return (
            f"{self.pods:>4} {self.way:<9} {self.seconds:>7.1f} s {self.failed:>6} of {self.requests:<6} "
            f"{self.replaced:>8} {self.restarts:>8} {self.extra_cpu * 1000:>10.0f}m"
        )


class Observer:
    """Looks at the pods of a namespace until every one has the new size, actuated and ready."""

    def __init__(self, client: Client, namespace: str, pods: int) -> None:
        self._client, self._namespace, self._pods = client, namespace, pods
        self.before = self._list()
        self._most = Decimal(0)

    def wait(self, began: float, cpu: str, result: Result) -> None:
        """Fill the result in; an error where it takes ten minutes."""
        while time.monotonic() - began < 600:
            pods = self._list()
            self._most = max(self._most, sum((total_requests(pod["spec"])["cpu"] for pod in pods), Decimal(0)))
            if len(pods) == self._pods and all(is_ready(pod) and _actuated(pod, cpu) for pod in pods):
                result.seconds = time.monotonic() - began
                uids = {pod["metadata"]["uid"] for pod in self.before}
                result.replaced = len([pod for pod in pods if pod["metadata"]["uid"] not in uids])
                result.restarts = sum(
                    each["restartCount"] for pod in pods for each in pod["status"]["containerStatuses"]
                )
                result.extra_cpu = self._most - self._pods * parse(cpu)
                return
            time.sleep(0.1)
        raise RuntimeError(f"{result.way}: not done within ten minutes")

    def _list(self) -> list[Json]:
        listed = self._client.list(path_of("v1", "pods", self._namespace), label_selector="app.kubernetes.io/name=web")
        return [pod for pod in listed if is_alive(pod)]


def _actuated(pod: Json, cpu: str) -> bool:
    written = pod["spec"]["containers"][0]["resources"]["requests"]["cpu"]
    (status,) = pod["status"].get("containerStatuses") or [{}]
    live = ((status.get("resources") or {}).get("limits") or {}).get("cpu")
    return equal(written, cpu) and live is not None and equal(live, cpu)


@contextmanager
def load(address: str, result: Result) -> Iterator[None]:
    """Send requests at a constant rate, each on a connection of its own; count those without a 200."""
    stop, lock = threading.Event(), threading.Lock()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask() -> None:
        good = False
        try:
            with direct.open(f"http://{address}/", timeout=5) as answer:
                good = answer.status == 200
        except OSError:
            pass
        with lock:
            result.requests += 1
            result.failed += not good

    def send() -> None:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            following = time.monotonic()
            while not stop.is_set():
                threads.submit(ask)
                following += 1 / PER_SECOND
                time.sleep(max(0.0, following - time.monotonic()))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        stop.set()
        sender.join()


def in_place(_client: Client, engine: Callable[..., Engine], _namespace: str) -> None:
    """Deploy the program with the new size."""
    summary = engine(cpu=LARGE).up()
    if not summary.ok:
        raise RuntimeError("; ".join(each.message for each in summary.diagnostics))


def rolling(client: Client, _engine: Callable[..., Engine], namespace: str) -> None:
    """Change the template, as every other tool does."""
    size = {"cpu": LARGE, "memory": MEMORY}
    containers = [{"name": "nginx", "resources": {"requests": size, "limits": size}}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    client.patch(path_of("apps/v1", "deployments", namespace, "web"), patch, kind="strategic")


def floor(client: Client, _engine: Callable[..., Engine], namespace: str) -> None:
    """Patch every pod at once, and nothing else."""
    size = {"cpu": LARGE, "memory": MEMORY}
    patch = {"spec": {"containers": [{"name": "nginx", "resources": {"requests": size, "limits": size}}]}}
    pods = client.list(path_of("v1", "pods", namespace))
    with ThreadPoolExecutor(16) as threads:
        paths = [path_of("v1", "pods", namespace, pod["metadata"]["name"], "resize") for pod in pods]
        list(threads.map(lambda path: client.patch(path, patch, kind="strategic"), paths))


def measure(kubeconfig: Path, pods: int, way: str) -> Result:
    """Deploy that many pods anew, change their size in this way under load, and remove them."""
    result, namespace = Result(pods, way), f"bench-{way.replace(' ', '-')}-{pods}"
    client = load_kubeconfig(str(kubeconfig)).client()
    client.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    spec = {"selector": {"app.kubernetes.io/name": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    service = client.create(path_of("v1", "services", namespace), {"metadata": {"name": "web"}, "spec": spec})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "Pulumi.yaml").write_text("name: bench\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)

        def engine(**config: str) -> Engine:
            given = {"kubeconfig": str(kubeconfig), "space": namespace, "pods": str(pods), "cpu": SMALL, **config}
            return Engine(folder, "dev", folder / "state", QuietDisplay(), config=given)

        made = engine().up()
        if not made.ok:
            raise RuntimeError("; ".join(each.message for each in made.diagnostics))
        observer = Observer(client, namespace, pods)
        with load(service["spec"]["clusterIP"], result):
            time.sleep(2)
            began = time.monotonic()
            work = threading.Thread(
                target={"in place": in_place, "rolling": rolling, "floor": floor}[way], args=(client, engine, namespace)
            )
            work.start()
            observer.wait(began, LARGE, result)
            work.join()
            time.sleep(3)  # what the end of old pods does to requests counts, too
    client.delete(f"/api/v1/namespaces/{namespace}")
    while client.find(f"/api/v1/namespaces/{namespace}"):
        time.sleep(0.5)
    return result


def ratios(results: list[Result]) -> Iterator[tuple[int, float, float]]:
    """Yield pods, in place as a multiple of the floor, rolling as a multiple of in place."""
    for pods in sorted({result.pods for result in results}):
        took = {result.way: result.seconds for result in results if result.pods == pods}
        yield pods, took["in place"] / took["floor"], took["rolling"] / took["in place"]


def svg(results: list[Result]) -> str:
    """Return a chart of the seconds, a group of bars for each number of pods."""
    colours = {"in place": "#2a7", "rolling": "#c63", "floor": "#999"}
    most, width, bars = max(result.seconds for result in results), 460, []
    for index, result in enumerate(results):
        y, length = 30 + 24 * index + 14 * (index // len(WAYS)), max(1, round(width * result.seconds / most))
        bars.append(
            f'<text x="8" y="{y + 13}">{result.pods} pods, {result.way}</text>'
            f'<rect x="150" y="{y}" width="{length}" height="17" fill="{colours[result.way]}"/>'
            f'<text x="{156 + length}" y="{y + 13}">{result.seconds:.1f} s</text>'
        )
    height = 50 + 24 * len(results) + 14 * (len(results) // len(WAYS))
    title = '<text x="8" y="18" font-weight="bold">Seconds until every pod has its new size and is ready</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{height}" '
        'font-family="sans-serif" font-size="13">'
        f'<rect width="100%" height="100%" fill="#fff"/>{title}{"".join(bars)}</svg>\n'
    )


def main() -> int:
    """Print table, and ratios beside their goals; return 0 when in place lost, replaced and restarted nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--pods", default="5,20,50")
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    print("pods way          took     failed requests   replaced restarts  extra CPU")
    results: list[Result] = []
    for pods in map(int, given.pods.split(",")):
        for way in WAYS:
            results.append(measure(given.kubeconfig, pods, way))
            print(results[-1].row(), flush=True)
    for pods, over_floor, faster in ratios(results):
        print(
            f"{pods:>4} pods: in place took {over_floor:.2f} times the floor (goal: 1.5 at most), "
            f"and rolling {faster:.1f} times in place (goal: 10 at least)"
        )
    if given.svg:
        given.svg.write_text(svg(results))
    mine = [result for result in results if result.way == "in place"]
    return int(any(result.failed or result.replaced or result.restarts for result in mine))


if __name__ == "__main__":
    sys.exit(main())
