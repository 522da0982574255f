"""Resets a cluster: checks everything again, ends pods in peace, and runs the driver command of whoever made it.

1. The driver is a program and its arguments, run without a shell, with KUBECONFIG and RESET_CLUSTER (the UID of the
   cluster that is meant) in its environment. It deletes that cluster and makes a new one under the same kubeconfig, and
   may be run again when it was cut short. Its output goes to a file beside the journal that only its owner can read.
2. Each step is journaled before and after it. The same command goes on after a kill: it waits for a driver that still
   runs, and runs it again unless another cluster answers by then.
3. It has ended well when another cluster answers: one whose kube-system has another UID.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from string import Template

from components.actions.client import Client
from components.actions.connection import load_kubeconfig
from components.actions.errors import ActionError
from components.actions.reset.draining import drain
from components.actions.reset.planning import Accepted, plan_reset
from components.actions.restore.journal import Journal, put_aside
from components.actions.snapshot import Archive
from components.model.reset_token import wrong

_PAUSE = 1.0
# A driver begins when it is noted. If this process dies before, its standard input is at its end and nothing runs.
_GATE = 'read -r gate || exit 125; exec "$@" </dev/null'


@dataclass(frozen=True)
class Target:
    """Which cluster: the path of a kubeconfig, which is read anew after the reset, and a context, never by default."""

    kubeconfig: str
    context: str

    def client(self) -> Client:
        """Return a client for whatever answers there now."""
        return load_kubeconfig(self.kubeconfig, self.context).client(timeout=10.0)

    def identity(self) -> str:
        """Return the UID of the cluster that answers, "" where none does."""
        try:
            with self.client() as client:
                return str(client.get("/api/v1/namespaces/kube-system")["metadata"]["uid"])
        except (ActionError, ValueError):
            return ""


def reset(
    target: Target,
    archive: Archive,
    token: str,
    driver: Sequence[str],
    journal: Path,
    *,
    now: datetime,
    accepted: Accepted | None = None,
    oldest: timedelta = timedelta(hours=1),
    drain_timeout: float = 300.0,
    ignore_budgets: bool = False,
    patience: float = 1800.0,
    say: Callable[[str], None] = lambda _line: None,
) -> str:
    """Reset the cluster, or go on with it; return the UID of the new one. Raises `ActionError`.

    `patience` is how long the driver, and the new cluster after it, may take.
    """
    header = {"reset": archive.digest, "token": token, "driver": list(driver)}
    with Journal(journal, header, what="reset") as notes:
        if not notes.resumed:
            with notes.checking():
                cluster = _check(target, archive, token, now=now, accepted=accepted, oldest=oldest)
            notes.start({"cluster": cluster})
        old = str(notes.first["cluster"])
        if "driver" not in notes.begun:
            if target.identity() != old:
                raise ActionError(f"another cluster answers than {old}, or none: check kubeconfig and --context")
            if drain_timeout > 0:
                say("ending the pods")
                with target.client() as client:
                    drain(client, timeout=drain_timeout, ignore_budgets=ignore_budgets, say=say)
            notes.begin(["driver"])
        if "driver" not in notes.done:
            if "process" in notes.done:
                _wait_for_end(*notes.done["process"], patience)
            if target.identity() in ("", old):
                say(f"running {driver[0]}")
                _drive(driver, target, old, notes, patience)
            notes.end({"driver": ("ended", "")})
        new = _wait_for_another(target, old, patience)
        notes.end({"recreated": ("ended", new)})
        notes.close_for_good()
    return new


def done_before(journal: Path, token: str) -> str:
    """Return the UID of the cluster that a reset with this token has made, as its journal tells; "" where none has."""
    try:
        lines = [json.loads(line) for line in put_aside(journal).read_text().splitlines()]
        if lines[0]["reset"]["token"] != token:
            return ""
        return next(
            str(line["done"]["recreated"][1]) for line in reversed(lines) if "recreated" in line.get("done", ())
        )
    except (OSError, ValueError, LookupError, TypeError, StopIteration):
        return ""


def _check(
    target: Target, archive: Archive, token: str, *, now: datetime, accepted: Accepted | None, oldest: timedelta
) -> str:
    """Plan anew, for a plan ages; return the cluster's identity."""
    with target.client() as client:
        plan = plan_reset(client, archive, now=now, accepted=accepted, oldest=oldest)
    facts = plan.facts
    problems = [*plan.refusals]
    if bad := wrong(token, facts.cluster, facts.server, facts.platform, archive.digest, now):
        problems.insert(0, bad)
    if problems:
        raise ActionError("the cluster was not touched:\n" + "\n".join(f"  {each}" for each in problems))
    return facts.cluster


def _drive(driver: Sequence[str], target: Target, cluster: str, notes: Journal, patience: float) -> None:
    log = notes.path.with_name(f"{notes.path.name}.log")
    told = {"KUBECONFIG": str(Path(target.kubeconfig).expanduser().resolve()), "RESET_CLUSTER": cluster}
    argv = [Template(word).safe_substitute(told) for word in driver]
    if shutil.which(argv[0]) is None:
        raise ActionError(f"{driver[0]} cannot be run (it is not there, or is no program): give another --driver")
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as output:
        # A session of its own, so that all of it can be ended.
        process = subprocess.Popen(
            ["/bin/sh", "-c", _GATE, "sh", *argv],
            env=os.environ | told,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            notes.end({"process": (str(process.pid), _started(process.pid))})
            with suppress(BrokenPipeError):
                process.communicate(b"\n", timeout=patience)
            code = process.wait()
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise ActionError(
                f"{driver[0]} did not end in {patience:.0f} s: read {log}, and repeat the command"
            ) from None
    if code:
        raise ActionError(f"{driver[0]} ended with {code}: read {log}, mend it, and repeat the command")


def _wait_for_end(pid: str, started: str, patience: float) -> None:
    """Wait for a driver that was begun by a run which was killed: two at a time would work against each other."""
    deadline = time.monotonic() + patience
    while _started(int(pid)) == started != "":
        if time.monotonic() >= deadline:
            raise ActionError(
                f"the driver of an earlier run (process {pid}) does not end: end it, and repeat the command"
            )
        time.sleep(_PAUSE / 5)


def _started(pid: int) -> str:
    """Return when a process began, by Linux' own clock; "" where there is none (any more), or on another system."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _wait_for_another(target: Target, old: str, patience: float) -> str:
    deadline = time.monotonic() + patience
    while True:
        found = target.identity()
        if found and found != old:
            return found
        if found == old:
            raise ActionError(f"the driver ended, and it is still the cluster {old}: read its log beside the journal")
        if time.monotonic() >= deadline:
            raise ActionError(
                "no cluster answers after the driver ended: read its log beside the journal, and repeat it"
            )
        time.sleep(_PAUSE)
