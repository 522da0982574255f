"""The life of a node's processes, seen from the host: begin, find, tell why it ended, end, leave nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.cluster import cgroups, etcd, network, plan
from lab.cluster.errors import ClusterError
from lab.cluster.host import effective_capabilities, overlay_works
from lab.cluster.instance import Instance
from lab.cluster.network import Ranges
from lab.files import is_locked, try_lock, write_atomically

_SUPERVISOR = Path(__file__).resolve().parent / "supervisor.py"
_ENDS_WITHIN = 15.0
_ASKED = 0.5
_KILLED_WITHIN = 10.0
_APPEARS_WITHIN = 10.0
_LOG_LINES = 12
_CAP_SYS_RESOURCE = 24
_MOUNTS = Path("/proc/self/mountinfo")


def alive(instance: Instance) -> bool:
    """Tell whether the node's first process, or what started it, still lives."""
    return is_locked(instance.life_lock)


def begin(instance: Instance, ranges: Ranges, minor: str) -> None:
    """Start the node of that Kubernetes in namespaces of its own, detached from this process, and lay its link.

    The instance's keys must be there. Returns before its components are up.
    """
    folder = instance.folder
    folder.chmod(0o700)  # keys, tokens and everything that pods store
    etcd.put_in_place(folder / "data")
    for name in ("run", "logs", "etc/cni", *(f"data/{data}" for data in plan.DATA)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for log in (folder / "logs").glob("*.log"):
        log.replace(log.with_suffix(".previous"))
    youki = instance.has_youki()
    plan.write_configuration(folder, ranges, instance.cgroup, _host(folder), with_youki=youki)
    rendered = plan.render(folder, ranges, instance.cgroup, minor, with_youki=youki)
    write_atomically(instance.plan, json.dumps(rendered, indent=2))
    for old in (folder / "run" / "status.json", instance.ready_mark):
        old.unlink(missing_ok=True)
    cgroups.create(instance.cgroup)
    lock = try_lock(instance.life_lock, within=_ASKED)
    if lock is None:
        raise ClusterError(f"the node of {instance.name} is running already")
    try:
        _spawn(instance, lock)
    finally:
        os.close(lock)
    network.connect(instance.interface, ranges, first_process(instance))


def first_process(instance: Instance) -> int:
    """Return the process id, on the host, of the node's first process, as soon as it is there.

    Raises ClusterError where it does not appear.
    """
    ends_at = time.monotonic() + _APPEARS_WITHIN
    while time.monotonic() < ends_at:
        for pid in processes(instance):
            if _is_first(pid):
                return pid
        time.sleep(0.02)
    raise ClusterError(f"the node's first process did not start\n{log_tail(instance, 'node')}")


def processes(instance: Instance) -> list[int]:
    """Return the process ids of the node's first process and of the one that holds it."""
    mark = os.fsencode(instance.plan)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().split(b"\0")
                # By its name alone: the project may have been moved since, or another copy of it may ask.
                if mark in words and any(word.endswith(b"/supervisor.py") for word in words):
                    found.append(int(entry.name))
    return found


def end(instance: Instance) -> None:
    """End the node, in order where it still can, and remove what it had on the host. Safe on a dead one.

    Raises ClusterError where processes survive even a kill.
    """
    _end_processes(instance)
    network.disconnect(instance.interface)
    cgroups.remove(instance.cgroup)


def why_ended(instance: Instance) -> str:
    """Return what the node said last, with the end of the log that tells more."""
    status = read_status(instance)
    component = status.get("component", "node")
    reason = status.get("reason") or f"its first process ended while {status.get('phase', 'starting')}"
    return f"{reason}\n{log_tail(instance, component)}"


def read_status(instance: Instance) -> dict[str, Any]:
    """Return what the node's first process said last: `phase`, and where it failed `reason` and `component`."""
    try:
        status: dict[str, Any] = json.loads((instance.folder / "run" / "status.json").read_text())
    except (OSError, ValueError):
        return {}
    return status


def log_tail(instance: Instance, component: str) -> str:
    """Return the last lines of a component's log under a line that names the file."""
    log = instance.folder / "logs" / f"{component}.log"
    try:
        lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return f"({log} does not exist)"
    return "\n".join([f"last lines of {log}:", *(f"  {line[:400]}" for line in lines)])


def remove_folder(instance: Instance) -> None:
    """Remove everything of the instance on disk.

    Raises ClusterError, and removes nothing, where something is mounted below: removal would reach through it.
    """
    below = f"{instance.folder}/"
    mounted = [_unescaped(line.split()[4]) for line in _MOUNTS.read_text().splitlines()]
    if within := [point for point in mounted if point.startswith(below)]:
        raise ClusterError(f"something is mounted in {instance.folder}: unmount {', '.join(within)}, then run again")
    if instance.folder.exists():
        shutil.rmtree(instance.folder)


def _unescaped(point: str) -> str:
    # The kernel writes blanks and backslashes of a path as octal numbers.
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), point)


def _spawn(instance: Instance, lock: int) -> None:
    log = instance.folder / "logs" / "node.log"
    namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc"]
    supervisor = [sys.executable, "-I", "-B", str(_SUPERVISOR), str(instance.plan)]
    command = ["setsid", "--fork", "unshare", *namespaces, "--fork", "--kill-child", "--", *supervisor]
    with log.open("wb") as stream:
        started = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, pass_fds=[lock], cwd="/", check=False
        )
    if started.returncode != 0:
        raise ClusterError(f"the node could not be started\n{log_tail(instance, 'node')}")


def _end_processes(instance: Instance) -> None:
    for sign, patience in ((signal.SIGTERM, _ENDS_WITHIN), (signal.SIGKILL, _KILLED_WITHIN)):
        for pid in processes(instance):
            # Ended from its first process, a node can take leave; the one outside it follows by itself.
            if sign == signal.SIGKILL or _is_first(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
        ends_at = time.monotonic() + patience
        while time.monotonic() < ends_at:
            if not processes(instance) and not alive(instance):
                return
            time.sleep(0.05)
    raise ClusterError(f"processes of cluster {instance.name} survive a kill: {processes(instance)}")


def _is_first(pid: int) -> bool:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return len(line.split()) > 2 and line.split()[-1] == "1"
    return False


def _host(folder: Path) -> plan.Host:
    capabilities = effective_capabilities(Path("/proc/self/status").read_text())
    return plan.Host(
        snapshotter="overlayfs" if overlay_works(folder) else "native",
        restrict_oom_score=not capabilities >> _CAP_SYS_RESOURCE & 1,
    )
