"""The official CLI as an engine: the launcher's commands in its words.

1. The stack is selected, and made where it is not there; its name is given with every command all the same.
2. A lock of a process of this machine that is gone is taken away first, and that is said: the launcher's own lock
   shows that no other run of it is at work. Any other lock is explained, with its holder.
3. Output is the CLI's own. Its exit code decides.
"""

import contextlib
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError, RefusedError
from lab.files import write_atomically
from lab.official.backend import Backend, OwnBackend
from lab.official.cli import Cli

# What the CLI says where a backend holds a lock: file and object stores first, then Pulumi Cloud.
_LOCKED = ("currently locked by", "Another update is currently in progress")


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    ok: bool
    cancelled: bool
    changes: bool = True
    """Always true: the CLI has said itself what changed."""


@dataclass(frozen=True)
class OfficialEngine:
    """The official CLI on one stack; see the module's contract. `note` is told what a person has to know."""

    cli: Cli
    stack: str
    backend: Backend
    note: Callable[[str], None]

    def up(self) -> Summary:
        """Deploy."""
        return self._deploy("up", "--yes")

    def preview(self) -> Summary:
        """Say what `up` would change."""
        return self._deploy("preview")

    def refresh(self) -> Summary:
        """Bring the stack's state in line with what is in the cluster."""
        return self._deploy("refresh", "--yes")

    def destroy(self) -> Summary:
        """Remove what the stack made."""
        return self._deploy("destroy", "--yes")

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """Return the stack's outputs; secrets are `[secret]` unless asked for."""
        words = ["stack", "output", "--json", "--stack", self.stack]
        found: dict[str, Any] = json.loads(self.cli.ask(words + ["--show-secrets"] * show_secrets, self._environment()))
        return found

    def has_state(self) -> bool:
        """Tell whether the backend knows the stack."""
        if isinstance(self.backend, OwnBackend) and not self.backend.state.exists():
            return False
        stacks = json.loads(self.cli.ask(["stack", "ls", "--json"], self._environment()))
        return any(one["name"].rpartition("/")[2] == self.stack for one in stacks)

    def forget(self) -> None:
        """Remove the stack from the backend, whatever its state says is there, and keep its config file."""
        if self.has_state():
            words = ["stack", "rm", "--stack", self.stack, "--yes", "--force", "--preserve-config"]
            self.cli.ask(words, self._environment())
        if isinstance(self.backend, OwnBackend):
            with contextlib.suppress(RefusedError):  # values of the user's own, for which the salt stays
                _drop_salt(self._file)
            self.backend.forget()

    def shell(self) -> str:
        """Return lines for a shell, after which a plain `pulumi up` in the project's folder works on this stack."""
        variables = {"PULUMI_STACK": self.stack}
        if isinstance(self.backend, OwnBackend):
            variables |= self.backend.variables()
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        return "\n".join(lines + ["unset PULUMI_CONFIG_PASSPHRASE"] * isinstance(self.backend, OwnBackend))

    def _deploy(self, command: str, *words: str) -> Summary:
        if isinstance(self.backend, OwnBackend) and not self.backend.passphrase.exists():
            _drop_salt(self._file)
        self.backend.prepare()
        environment = self._environment()
        select = ["stack", "select", self.stack, "--create", "--non-interactive", *self.backend.secrets_provider()]
        self.cli.ask(select, environment)
        self._unlock(environment)
        quiet = [] if sys.stdin.isatty() and sys.stdout.isatty() else ["--non-interactive"]
        done = self.cli.run([command, "--stack", self.stack, *words, *quiet], environment)
        if done.code != 0 and any(text in done.said for text in _LOCKED):
            raise LabError(
                f"Another run holds the lock on stack {self.stack!r} (its holder is above). Wait for its end. Where "
                f"you know that it was killed, take the lock away with `pulumi cancel --stack {self.stack}` and run "
                "the same command again; nothing that it had made is lost."
            )
        return Summary(ok=done.code == 0, cancelled=done.interrupted)

    def _unlock(self, environment: dict[str, str]) -> None:
        locks = self.backend.locks(self.stack)
        for lock in locks:
            if not lock.stale:
                raise RefusedError(
                    f"process {lock.pid} on {lock.host} works on stack {self.stack!r} since {lock.since}. Wait for its "
                    f"end; where it is gone, `pulumi cancel --stack {self.stack}` takes its lock away."
                )
        if locks:
            self.note("An earlier run was killed and left its lock; no process holds it any more, so it is taken away.")
            self.cli.ask(["cancel", "--stack", self.stack, "--yes"], environment)

    @property
    def _file(self) -> Path:
        return self.cli.root / f"Pulumi.{self.stack}.yaml"

    def _environment(self) -> dict[str, str]:
        return self.backend.environment()


def _drop_salt(file: Path) -> None:
    """Take a passphrase's salt out of a stack's file, where nothing is encrypted with it.

    The CLI writes the salt there; left in the file, or committed, it would meet a passphrase that never made it.
    """
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    rest = [line for line in lines if not line.startswith("encryptionsalt:")]
    if len(rest) == len(lines):
        return
    if any(line.strip().startswith("secure:") for line in rest):
        raise RefusedError(
            f"{file.name} has values that are encrypted with a passphrase which is not here. Name that one in "
            "PULUMI_CONFIG_PASSPHRASE together with a PULUMI_BACKEND_URL of yours, or remove those values."
        )
    write_atomically(file, "".join(rest))
