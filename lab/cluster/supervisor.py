"""The first process of a node: makes the node's root, brings its network up, starts its components, keeps them.

Started by the launcher as `python -I supervisor.py <plan.json>` in fresh mount, net, pid, uts and ipc namespaces.
When it ends, for whatever reason, the kernel ends every process of the node, and with the last of them go mounts
and network. It uses the standard library alone, all of it imported before the root changes under it.

The plan's shape is `lab.cluster.plan.Plan`; all paths in it after the mounts are the node's own.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_PRIVATE, MS_SHARED = 1 << 18, 1 << 20
MNT_DETACH = 2

# The kernel's own settings are shared by every namespace. The kubelet wants these values and would write them;
# it finds them in files of the node's own instead, and the machine keeps what it has.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}

# What every program of the node sees: nothing of the shell that the launcher was started from.
ENVIRONMENT = {"PATH": "/run/lab/bin:/opt/lab/bin:/usr/sbin:/usr/bin", "HOME": "/root", "LANG": "C.UTF-8"}

QUICK_DEATHS = 4  # as many within QUICK_SECONDS mean that it will never run
QUICK_SECONDS = 60.0
LINK_PATIENCE = 30.0
STORE_PATIENCE = 5.0
TICK = 0.05

_libc = ctypes.CDLL(None, use_errno=True)


class NodeError(Exception):
    """The node cannot go on; the message says why, and `component` whose log to show, for the launcher."""

    def __init__(self, reason: str, component: str = "node") -> None:
        super().__init__(reason)
        self.component = component


def mount_at(source: str, target: str | Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """Mount `source` at `target`; the rest is as mount(2) takes it.

    Raises NodeError naming both ends.
    """
    done = _libc.mount(
        source.encode(), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data.encode() or None
    )
    if done != 0:
        reason = os.strerror(ctypes.get_errno())
        raise NodeError(f"mounting {source or kind} at {target}: {reason}")


class Supervisor:
    """One node, from its plan to its end."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.status = Path(plan["status"])  # the host's path; replaced by the node's own after the root changed
        self.running: dict[int, str] = {}
        self.deaths: dict[str, list[float]] = {}
        self.restart_at: dict[str, float] = {}
        self.waiting: list[dict[str, Any]] = list(plan["components"])
        self.ending = False

    def say(self, phase: str, **more: Any) -> None:
        """Tell the launcher how far the node is."""
        temporary = self.status.with_suffix(".new")
        temporary.write_text(json.dumps({"phase": phase, **more}))
        temporary.replace(self.status)

    def run(self) -> None:
        """Bring the node up and keep it until it is told to end."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "ending", True))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.prepare()
        self.say("starting")
        while not self.ending:
            self.reap()
            self.start_what_can()
            time.sleep(TICK)
        self.end()

    def prepare(self) -> None:
        """Make what the components run in."""
        self.say("mounting")
        self.make_root()
        self.say("connecting")
        self.connect()

    # the root

    def make_root(self) -> None:
        """Put the node's own root together and leave the host's."""
        mount_at("", "/", flags=MS_REC | MS_PRIVATE)
        root = Path(self.plan["root"])
        root.mkdir(exist_ok=True)
        mount_at("tmpfs", root, "tmpfs", MS_NODEV, "mode=755")
        for folder in ("proc", "sys", "dev", "run", "tmp", "etc", "root", "var/log", "var/tmp", ".host"):
            (root / folder).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        for link in ("bin", "sbin", "lib", "lib64"):
            (root / link).symlink_to(f"usr/{link}")
        (root / "var" / "run").symlink_to("/run")
        for path, content in self.plan["files"].items():
            file = root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        for bind in self.plan["binds"]:
            self.bind(bind["source"], root / bind["target"].lstrip("/"), read_only=bind["read_only"])
        mount_at("proc", root / "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount_at("sysfs", root / "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        self.mount_cgroups(root)
        mount_at("/dev", root / "dev", flags=MS_BIND | MS_REC)
        mount_at("tmpfs", root / "run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
        self.shield_kernel_settings(root)
        os.chdir(root)
        if _libc.pivot_root(b".", b".host") != 0:
            raise NodeError(f"pivot_root: {os.strerror(ctypes.get_errno())}")
        os.chdir("/")
        _libc.umount2(b"/.host", MNT_DETACH)
        Path("/.host").rmdir()
        # What the kubelet mounts must reach the containers that ask for it.
        mount_at("", "/", flags=MS_REC | MS_SHARED)
        self.status = Path(self.plan["node_status"])
        socket.sethostname(self.plan["hostname"])

    def bind(self, source: str, target: Path, *, read_only: bool) -> None:
        """Show the host's `source` at `target`."""
        if Path(source).is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        mount_at(source, target, flags=MS_BIND)
        if read_only:
            mount_at("", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)

    def mount_cgroups(self, root: Path) -> None:
        """Show the host's control groups; on a mixed host without the empty v2 tree, which confuses runtimes."""
        mount_at("/sys/fs/cgroup", root / "sys/fs/cgroup", flags=MS_BIND | MS_REC)
        mount_at("", root / "sys/fs/cgroup", flags=MS_REC | MS_PRIVATE)
        if (root / "sys/fs/cgroup/unified").is_dir():
            _libc.umount2(os.fsencode(root / "sys/fs/cgroup/unified"), MNT_DETACH)

    def shield_kernel_settings(self, root: Path) -> None:
        """Make /proc/sys read-only but for the network's part, which is the node's own."""
        settings = root / "proc" / "sys"
        mount_at(str(settings), settings, flags=MS_BIND | MS_REC)
        mount_at(str(settings / "net"), settings / "net", flags=MS_BIND)
        mount_at("", settings, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)
        for name, value in KERNEL_SETTINGS.items():
            if (settings / name).exists():
                file = root / "run" / name.replace("/", ".")
                file.write_text(value + "\n")
                mount_at(str(file), settings / name, flags=MS_BIND)

    # the network

    def connect(self) -> None:
        """Wait for the host's end of the link, then set addresses and routes."""
        ends_at = time.monotonic() + LINK_PATIENCE
        while not Path("/sys/class/net/eth0").exists():
            if time.monotonic() > ends_at:
                raise NodeError(f"the host laid no link within {LINK_PATIENCE:.0f} s")
            time.sleep(TICK)
        network = self.plan["network"]
        self.call("ip", "link", "set", "lo", "up")
        self.call("ip", "address", "add", network["address"], "dev", "eth0")
        self.call("ip", "link", "set", "eth0", "up")
        self.call("ip", "route", "add", "default", "via", network["gateway"])
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        self.choose_iptables()
        # An address that no pod and no Service has yet is refused at once. Without this, what asks too early goes
        # out to the host and back, and a connection begun that way stays lost for its whole timeout.
        self.call("ip", "route", "add", "unreachable", network["pods"])
        for chain in ("FORWARD", "OUTPUT"):
            self.call("iptables", "-w", "-A", chain, "-d", network["services"], "-j", "REJECT")

    def choose_iptables(self) -> None:
        """Link the kind of iptables that this kernel has, as the distribution's installer would."""
        commands = Path("/run/lab/bin")
        commands.mkdir(parents=True)
        for kind in ("nft", "legacy"):
            program = f"/usr/sbin/xtables-{kind}-multi"
            rule = ("-t", "nat", "OUTPUT", "-m", "comment", "--comment", "lab", "-j", "RETURN")
            if self.spawn_and_wait([program, "iptables", *rule[:2], "-A", *rule[2:]]) == 0:
                self.spawn_and_wait([program, "iptables", *rule[:2], "-D", *rule[2:]])
                for family in ("iptables", "ip6tables"):
                    for suffix in ("", "-save", "-restore"):
                        (commands / f"{family}{suffix}").symlink_to(program)
                return
        raise NodeError("this kernel can do neither nftables nor iptables rules (nf_tables, ip_tables modules)")

    def call(self, *command: str) -> None:
        """Run a short program of the node to its end.

        Raises NodeError where it fails.
        """
        if (code := self.spawn_and_wait([*command])) != 0:
            raise NodeError(f"`{' '.join(command)}` failed with exit code {code}; see node.log")

    def spawn_and_wait(self, command: list[str]) -> int:
        """Run `command`, its words going to node.log, and return its exit code."""
        pid = os.posix_spawnp(command[0], command, os.environ)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    # the components

    def start_what_can(self) -> None:
        """Start every component whose needs are met, in the plan's order."""
        now = time.monotonic()
        for component in list(self.waiting):
            name = component["name"]
            if self.restart_at.get(name, 0) > now or not all(is_met(need) for need in component["needs"]):
                continue
            self.waiting.remove(component)
            self.start(component)

    def start(self, component: dict[str, Any]) -> None:
        """Start one component in a session of its own, its log beside the others."""
        log = f"{self.plan['logs']}/{component['name']}.log"
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        command = component["command"]
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions, setsid=True)
        self.running[pid] = component["name"]

    def reap(self) -> None:
        """Bury what ended: orphans of the node silently, components with a restart or, in the end, by giving up."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            name = self.running.pop(pid, None)
            if name is not None and not self.ending:
                self.after_death(name, os.waitstatus_to_exitcode(status))

    def after_death(self, name: str, code: int) -> None:
        """Let a component start again, later each time; one-time work that went well is done."""
        component = next(component for component in self.plan["components"] if component["name"] == name)
        if component["once"] and code == 0:
            return
        now = time.monotonic()
        recent = [when for when in self.deaths.get(name, []) if now - when < QUICK_SECONDS] + [now]
        self.deaths[name] = recent
        if len(recent) >= QUICK_DEATHS:
            reason = f"{name} ended {len(recent)} times within {QUICK_SECONDS:.0f} s (last exit code {code})"
            raise NodeError(reason, name)
        self.restart_at[name] = now + 2 ** len(recent) / 2
        self.waiting.append(component)

    def end(self) -> None:
        """Let the store close its files; everything else may be killed at any time, and is."""
        self.say("ending")
        stores = [pid for pid, name in self.running.items() if name == "etcd"]
        for pid, name in self.running.items():
            os.kill(pid, signal.SIGTERM if name == "etcd" else signal.SIGKILL)
        ends_at = time.monotonic() + STORE_PATIENCE
        while any(pid in self.running for pid in stores) and time.monotonic() < ends_at:
            self.reap()
            time.sleep(TICK)


def is_met(need: str) -> bool:
    """Tell whether `need` is there: `tcp:<port>` listens on this node, or `path:<file>` exists."""
    kind, _, what = need.partition(":")
    if kind == "path":
        return Path(what).exists()
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", int(what))) == 0


def carry_out(kind: type[Supervisor]) -> int:
    """Run the plan named on the command line, and return the exit code; what goes wrong is in the status file."""
    # The lock that says "this runs" came with us; it must end with us, whatever a component leaves behind.
    for entry in Path("/proc/self/fd").iterdir():
        if int(entry.name) > 2:
            with contextlib.suppress(OSError):
                os.set_inheritable(int(entry.name), False)
    supervisor = kind(json.loads(Path(sys.argv[1]).read_text()))
    try:
        supervisor.run()
    except NodeError as error:
        supervisor.say("failed", reason=str(error), component=error.component)
        return 1
    except OSError as error:
        supervisor.say("failed", reason=str(error), component="node")
        raise
    return 0


def main() -> int:
    """Run a node, with nothing of the shell that its launcher was started from."""
    os.umask(0o022)
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    return carry_out(Supervisor)


if __name__ == "__main__":
    sys.exit(main())
