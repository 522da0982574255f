"""The life of a simulated cluster's processes: begin, find, end. Only processes of this user are ever looked at."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.cluster import node
from lab.cluster.errors import ClusterError
from lab.files import try_lock, write_atomically
from lab.simulated import config, nodes
from lab.simulated.instance import Instance, Ports

_SUPERVISOR = Path(__file__).resolve().parent / "supervisor.py"
_ENDS_WITHIN = 10.0
_KILLED_WITHIN = 10.0
_ASKED = 0.5


def begin(instance: Instance, ports: Ports, minor: str) -> None:
    """Start the processes of that Kubernetes minor, detached from this one; its keys and kubeconfigs must be there.

    Returns before the components are up. Raises ClusterError where they cannot be started.
    """
    folder = instance.folder
    for name in ("run", "logs", "data/etcd"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "data" / "etcd").chmod(0o700)  # etcd warns about any other mode
    for log in (folder / "logs").glob("*.log"):
        log.replace(log.with_suffix(".previous"))
    pods_log = folder / "etc" / "pods.log"
    write_atomically(pods_log, nodes.log_content())
    write_atomically(folder / "etc" / "kwok.yaml", nodes.kwok_configuration(pods_log))
    write_atomically(instance.plan, json.dumps(_plan(instance, ports, minor), indent=2))
    for old in (folder / "run" / "status.json", instance.ready_mark):
        old.unlink(missing_ok=True)
    lock = try_lock(instance.life_lock, within=_ASKED)
    if lock is None:
        raise ClusterError(f"the processes of {instance.name} are running already")
    try:
        _spawn(instance, lock)
    finally:
        os.close(lock)


def find(instance: Instance) -> list[int]:
    """Return the process ids of the instance's supervisor and components, as far as they live."""
    return [pid for pid, words in _own_commands() if _is_supervisor(words, instance) or _is_component(words, instance)]


def end(instance: Instance) -> None:
    """End everything of the instance that runs, in order where it still can. Safe where nothing does.

    Raises ClusterError where processes survive even a kill.
    """
    for sign, patience in ((signal.SIGTERM, _ENDS_WITHIN), (signal.SIGKILL, _KILLED_WITHIN)):
        for pid, words in _own_commands():
            # Told by its supervisor, the store closes its files; what is without one is killed.
            if _is_supervisor(words, instance) or (sign == signal.SIGKILL and _is_component(words, instance)):
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
        ends_at = time.monotonic() + patience
        while time.monotonic() < ends_at:
            if not find(instance) and not node.alive(instance):
                return
            if sign == signal.SIGTERM and not node.alive(instance):
                break
            time.sleep(0.05)
    raise ClusterError(f"processes of cluster {instance.name} survive a kill: {find(instance)}")


def _plan(instance: Instance, ports: Ports, minor: str) -> dict[str, Any]:
    folder = instance.folder
    return {
        "status": str(folder / "run" / "status.json"),
        "logs": str(folder / "logs"),
        # Nothing of the shell that the launcher was started from; whatever is kept at home is kept here.
        "environment": {"HOME": str(folder / "run"), "TMPDIR": str(folder / "run"), "LANG": "C.UTF-8"},
        "components": config.components(folder, ports, minor),
    }


def _spawn(instance: Instance, lock: int) -> None:
    command = [sys.executable, "-I", "-B", str(_SUPERVISOR), str(instance.plan)]
    with (instance.folder / "logs" / "node.log").open("wb") as stream:
        started = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, pass_fds=[lock], cwd="/", check=False
        )
    if started.returncode != 0:
        raise ClusterError(f"the supervisor could not be started\n{node.log_tail(instance, 'node')}")


def _own_commands() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if entry.stat().st_uid == os.getuid():
                    yield int(entry.name), os.fsdecode((entry / "cmdline").read_bytes()).split("\0")


def _is_supervisor(words: list[str], instance: Instance) -> bool:
    # By its name alone: the project may have been moved since, or another copy of it may ask.
    return str(instance.plan) in words and any(word.endswith("/supervisor.py") for word in words)


def _is_component(words: list[str], instance: Instance) -> bool:
    # A person's kubectl or tail may name the folder as well, and is left alone.
    within = f"{instance.folder}/"
    return Path(words[0]).name in config.PROGRAMS and any(within in word for word in words[1:])
