"""The recipes: what each makes of few words is accepted, and is what a sidecar of its kind needs."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from components import config_reloader, log_shipper, metrics_exporter, proxy
from components._shape import camel
from components._workload import _problems
from components.model import effective, lifecycle, workload
from components.sidecar import SidecarWorkloadArgs
from components.testing import CONNECTION

SIZE = {"limits": {"cpu": "1", "memory": "1Gi"}}
RECIPES: list[Any] = [
    log_shipper(image="i", logs="logs", config="files", scratch="scratch"),
    proxy(image="i", port=8080, config="files"),
    proxy(image="i", port=8080, config="files", startup_path="/healthz", command=["envoy"], scratch="scratch"),
    metrics_exporter(image="i", port=9102, args=["--from=http://localhost:8080"]),
    metrics_exporter(image="i", port=9102, config="files", command=["exporter"]),
    config_reloader(image="i", config="files", on_change=["wget", "-qO-", "http://localhost:9090/-/reload"]),
]


def args(sidecar: Any) -> dict[str, Any]:
    """Return a workload with this sidecar, the volumes that recipes name, and a Guaranteed main container."""
    return {
        "connection": CONNECTION,
        "namespace": "shop",
        "sidecars": [sidecar],
        "containers": [{"name": "app", "image": "i", "resources": SIZE, "stop_seconds": 20}],
        "volumes": [
            {"name": "logs", "empty_dir": {}},
            {"name": "scratch", "empty_dir": {}},
            {"name": "files", "config": {"name": "files", "data": {"a": "b"}, "on_change": "live"}},
        ],
    }


@pytest.mark.parametrize("sidecar", RECIPES, ids=lambda made: str(made["name"]))
def test_a_recipe_is_a_sound_sidecar(sidecar: Any) -> None:
    """It is accepted, costs the pod neither its class nor its time, reads only, and says what waits for it."""
    written = args(sidecar)
    assert [] == _problems("app", written, SidecarWorkloadArgs, workload.problems)

    spec = workload.pod_spec(camel({k: v for k, v in written.items() if k != "connection"}, SidecarWorkloadArgs), {})
    assert "Guaranteed" == effective.qos_class(spec)
    assert [] == [*effective.warnings(spec), *lifecycle.warnings(spec)]
    assert 20 + sidecar["stop_seconds"] == spec.get("terminationGracePeriodSeconds", 30)
    (made,) = spec["initContainers"]
    assert made["securityContext"]["readOnlyRootFilesystem"]
    assert {"/tmp"} >= {each["mountPath"] for each in made["volumeMounts"] if not each.get("readOnly")}  # noqa: S108
    assert ("startupProbe" in made) != (sidecar.get("gates_start") is False)


def test_a_proxy_is_waited_for() -> None:
    """By a connection to its port, or by a request that it answers itself."""
    plain, asked = (proxy(image="i", port=8080, config="c", startup_path=path) for path in (None, "/healthz"))

    often = {"period_seconds": 1, "failure_threshold": 60}
    assert {"tcp_socket": {"port": "http"}, **often} == plain["startup_probe"]
    assert {"http_get": {"port": "http", "path": "/healthz"}, **often} == asked["startup_probe"]
    assert [{"name": "http", "container_port": 8080}] == plain["ports"]


def test_the_reloader_runs_its_command_until_it_succeeds(tmp_path: Path) -> None:
    """Once for each change, again after a failure, never for what was there; SIGTERM ends it at once."""
    folder, tried, done = tmp_path / "files", tmp_path / "tried", tmp_path / "done"
    folder.mkdir()
    (folder / "..data").symlink_to("one")
    script = f"[ -e {tried} ] || {{ touch {tried}; exit 1; }}; echo done >> {done}"
    made: Any = config_reloader(image="i", config="c", config_path=str(folder), on_change=["sh", "-c", script])
    with subprocess.Popen(made["command"], stdout=subprocess.DEVNULL) as running:
        try:
            time.sleep(0.5)
            assert not tried.exists()
            (folder / "new").symlink_to("two")
            (folder / "new").replace(folder / "..data")  # as the kubelet does it
            for _ in range(100):
                if done.exists():
                    break
                time.sleep(0.1)
            time.sleep(1.5)
            assert "done\n" == done.read_text()
        finally:
            running.terminate()
            started = time.monotonic()
            assert 0 == running.wait(5)
    assert 0.9 > time.monotonic() - started
