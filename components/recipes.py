"""Sidecars that many applications have, as arguments for `sidecars`.

Each recipe returns a plain SidecarArgs, secure by default like every container: `{**proxy(...), "env": [...]}` changes
or adds a field. Images are the caller's, and so are volumes: a recipe takes the names of volumes that the workload has.
What it only reads it mounts read-only; a program that writes gets an `empty_dir` as `scratch`, at /tmp.
"""

from collections.abc import Sequence

from pulumi import Input

from components._args import ContainerPortArgs, ProbeArgs, ResourcesArgs, SidecarArgs, VolumeMountArgs

# Requests and limits are the same, so that a sidecar never costs a Guaranteed pod its class.
_SIZE = {"cpu": "50m", "memory": "64Mi"}
_RESOURCES: ResourcesArgs = {"requests": _SIZE, "limits": _SIZE}
# The kubelet swaps this link when the content of a mounted ConfigMap changes. A command that fails, such as while the
# main container still starts, is tried again.
_RELOADER = """\
folder=$1; shift
trap 'exit 0' TERM
seen=$(readlink "$folder/..data")
while :; do
  now=$(readlink "$folder/..data")
  if [ "$now" != "$seen" ] && "$@"; then seen=$now; echo "$folder changed: $*"; fi
  sleep 1 & wait $!
done
"""


def log_shipper(
    *,
    image: Input[str],
    logs: Input[str],
    config: Input[str],
    name: Input[str] = "log-shipper",
    command: Sequence[Input[str]] = (),
    logs_path: Input[str] = "/var/log/app",
    config_path: Input[str] = "/etc/log-shipper",
    scratch: Input[str] | None = None,
    resources: Input[ResourcesArgs] = _RESOURCES,
    stop_seconds: Input[int] = 10,
) -> SidecarArgs:
    """Return a sidecar that reads the files which the main containers write to the volume `logs`.

    Nothing waits for it: lines stay in the files until it runs. It gets its SIGTERM when the main containers have
    ended, so their last lines are there to be read; `stop_seconds` is the time that it has to send what is left. The
    volume `config` has its configuration, the main containers mount `logs` where they write, and what it remembers of
    its position belongs into `scratch`. Without a `command` it runs as the image says.
    """
    return _sidecar(
        {
            "name": name,
            "image": image,
            "gates_start": False,
            "resources": resources,
            "volume_mounts": [*_read_only((logs, logs_path), (config, config_path)), *_writable(scratch)],
            "stop_seconds": stop_seconds,
        },
        command,
    )


def proxy(
    *,
    image: Input[str],
    port: Input[int],
    config: Input[str],
    name: Input[str] = "proxy",
    command: Sequence[Input[str]] = (),
    port_name: Input[str] = "http",
    startup_path: Input[str] | None = None,
    config_path: Input[str] = "/etc/proxy",
    scratch: Input[str] | None = None,
    resources: Input[ResourcesArgs] = _RESOURCES,
    stop_seconds: Input[int] = 10,
) -> SidecarArgs:
    """Return a sidecar through which the main containers are reached, or reach others, on `port`.

    They start once it works: when it accepts a connection, or with `startup_path` answers that request. It has to
    answer by itself, for nothing behind it runs yet: what asks an application behind the proxy waits for ever. It works
    until the main containers have ended, and has `stop_seconds` for connections that are still open then.
    """
    probe: ProbeArgs = {"period_seconds": 1, "failure_threshold": 60}
    if startup_path is None:
        probe["tcp_socket"] = {"port": port_name}
    else:
        probe["http_get"] = {"port": port_name, "path": startup_path}
    ports: list[ContainerPortArgs] = [{"name": port_name, "container_port": port}]
    return _sidecar(
        {
            "name": name,
            "image": image,
            "ports": ports,
            "startup_probe": probe,
            "resources": resources,
            "volume_mounts": [*_read_only((config, config_path)), *_writable(scratch)],
            "stop_seconds": stop_seconds,
        },
        command,
    )


def metrics_exporter(
    *,
    image: Input[str],
    port: Input[int],
    name: Input[str] = "metrics-exporter",
    command: Sequence[Input[str]] = (),
    args: Sequence[Input[str]] = (),
    port_name: Input[str] = "metrics",
    config: Input[str] | None = None,
    config_path: Input[str] = "/etc/metrics-exporter",
    scratch: Input[str] | None = None,
    resources: Input[ResourcesArgs] = _RESOURCES,
    stop_seconds: Input[int] = 5,
) -> SidecarArgs:
    """Return a sidecar that asks a main container for its figures over localhost and offers them on `port`.

    Nothing waits for it, and it must not wait either: it starts before what it asks. It has no probes, so an exporter
    that fails costs figures and never traffic; it is there until the main containers have ended.
    """
    made: SidecarArgs = {
        "name": name,
        "image": image,
        "ports": [{"name": port_name, "container_port": port}],
        "gates_start": False,
        "resources": resources,
        "volume_mounts": [*(_read_only((config, config_path)) if config is not None else ()), *_writable(scratch)],
        "stop_seconds": stop_seconds,
    }
    return _sidecar({**made, "args": args} if args else made, command)


def config_reloader(
    *,
    image: Input[str],
    config: Input[str],
    on_change: Sequence[Input[str]],
    name: Input[str] = "config-reloader",
    config_path: Input[str] = "/etc/config",
    resources: Input[ResourcesArgs] = _RESOURCES,
    stop_seconds: Input[int] = 5,
) -> SidecarArgs:
    """Return a sidecar that runs the command `on_change` when files of the volume `config` have changed.

    The volume is one whose `config` has `on_change: live`, or a ConfigMap or Secret that exists already. The command
    runs in this container, without a shell, and again every second until it succeeds: `["wget", "-qO-",
    "--post-data=", "http://localhost:9090/-/reload"]`, or `["killall", "-HUP", "nginx"]`, which needs the user of
    the main container and `pod_spec_patch` `{"shareProcessNamespace": True}`. The image needs `sh`, `readlink` and
    `sleep`. Nothing waits for it; it starts before the main containers read the files, so it misses no change.
    """
    return {
        "name": name,
        "image": image,
        "command": ["sh", "-c", _RELOADER, "config-reloader", config_path, *on_change],
        "gates_start": False,
        "resources": resources,
        "volume_mounts": _read_only((config, config_path)),
        "stop_seconds": stop_seconds,
    }


def _sidecar(made: SidecarArgs, command: Sequence[Input[str]]) -> SidecarArgs:
    return {**made, "command": command} if command else made


def _read_only(*places: tuple[Input[str], Input[str]]) -> list[VolumeMountArgs]:
    return [{"name": volume, "mount_path": path, "read_only": True} for volume, path in places]


def _writable(scratch: Input[str] | None) -> list[VolumeMountArgs]:
    return [] if scratch is None else [{"name": scratch, "mount_path": "/tmp"}]  # noqa: S108  # in the container
