"""The process that holds a simulated cluster together: starts its components, keeps them, ends them.

Started by the launcher as `python -I supervisor.py <plan.json>`. When it ends, for whatever reason, the kernel kills
every component: each has asked for that before it began. What it shares with a node's first process comes from there.
"""

import ctypes
import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.cluster.supervisor import Supervisor, carry_out
else:
    # By its file: the package around it brings libraries that would stay in memory for as long as the cluster lives.
    _FILE = Path(__file__).resolve().parents[1] / "cluster" / "supervisor.py"
    _SPEC = importlib.util.spec_from_file_location("lab_node_supervisor", _FILE)
    _MODULE = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(_MODULE)
    Supervisor, carry_out = _MODULE.Supervisor, _MODULE.carry_out

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LocalSupervisor(Supervisor):
    """The components of one plan as ordinary processes of this user: no root, no mounts, no namespaces.

    The plan has `status` (a path), `logs` (a folder), `environment` and `components` (as a node's).
    """

    def prepare(self) -> None:
        """Make nothing: the components run in what this user has."""

    def start(self, component: dict[str, Any]) -> None:
        """Start one component, its log beside the others; it dies with this process."""
        command, parent = component["command"], os.getpid()
        log = f"{self.plan['logs']}/{component['name']}.log"
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()
                output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(output, 1)
                os.dup2(output, 2)
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() == parent:
                    os.execve(command[0], command, self.plan["environment"])  # noqa: S606 (no shell is meant)
            finally:
                os._exit(127)
        self.running[pid] = component["name"]


def main() -> int:
    """Leave the terminal and run the plan named on the command line; what goes wrong is in the status file."""
    if os.fork():
        # Whoever started this waits for no longer; the copy goes on by itself.
        os._exit(0)
    os.setsid()
    os.umask(0o077)
    return carry_out(LocalSupervisor)


if __name__ == "__main__":
    sys.exit(main())
