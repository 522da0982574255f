"""What a cluster instance could leave on the machine, read from outside, for comparisons before and after."""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path

from lab.cluster.artifacts import NODE_ROOT
from lab.cluster.instance import Instance
from lab.cluster.node import first_process
from lab.paths import cache_root

# Instances of other people on this machine come and go while a test runs.
_LINK_OF_AN_INSTANCE = re.compile(r"\bke[0-9a-f]{8}\b")
_SETTINGS = (
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys"),
    *("kernel/hostname", "net/ipv4/ip_forward", "net/netfilter/nf_conntrack_max"),
    "net/netfilter/nf_conntrack_tcp_timeout_established",
)


def of_the_machine() -> dict[str, list[str]]:
    """Return mounts, links, routes, packet filter rules and kernel settings, less other instances' links."""
    return {
        "mounts": sorted(Path("/proc/self/mountinfo").read_text().splitlines()),
        "links": _without_instances(_said("ip", "-oneline", "link")),
        "addresses": _without_instances(_said("ip", "-oneline", "address")),
        "routes": _without_instances(_said("ip", "route", "show", "table", "all")),
        "rules": _said("ip", "rule"),
        "filters": _filters(),
        "settings": [f"{name} = {_read(Path('/proc/sys', name))}" for name in _SETTINGS],
    }


def namespaces_of(instance: Instance) -> set[str]:
    """Return the network and process namespaces of a running instance."""
    pid = first_process(instance)
    return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in ("net", "pid")}


def of_an_instance(instance: Instance, namespaces: set[str]) -> list[str]:
    """Return everything on the machine that belongs to `instance`, whose processes lived in `namespaces`."""
    found = [f"file {path}" for path in (instance.folder, instance.work_lock) if path.exists()]
    found += [str(path) for path in (cache_root() / "identities").glob(f"{instance.name}.*")]
    found += [f"link {line}" for line in _said("ip", "-oneline", "link") if instance.interface in line]
    found += [
        f"control group {folder}" for folder, _, _ in os.walk("/sys/fs/cgroup") if f"/{instance.cgroup}" in folder
    ]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                own = {str((entry / "ns" / kind).readlink()) for kind in ("net", "pid")}
                words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
                if own & namespaces or f"{instance.folder}/" in words:
                    found.append(f"process {entry.name} {words}")
    return found


def _filters() -> list[str]:
    command = ["chroot", str(NODE_ROOT.path), "/usr/sbin/iptables-nft-save"]
    rules = [line for line in _said(*command) if not line.startswith("#") and not line.startswith(":")]
    return rules + [f"legacy table {name}" for name in _read(Path("/proc/net/ip_tables_names")).split()]


def _without_instances(lines: list[str]) -> list[str]:
    return [line for line in lines if not _LINK_OF_AN_INSTANCE.search(line)]


def _said(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
