"""Where a stack's state is, and what its secrets are encrypted with: the project's own files, or the user's choice.

The default stack has a file backend and a passphrase in `.lab/<stack>/`, so that nobody has to log in to try the
project. Every other stack belongs to the user: their login, their backend, their way of secrets.
"""

import json
import os
import secrets
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lab.errors import LabError, RefusedError
from lab.files import write_atomically
from lab.official.cli import Cli

OWN = "own"
_PASSPHRASE_VARIABLES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@dataclass(frozen=True)
class Lock:
    """A lock that a run of the CLI left in the backend."""

    pid: int
    host: str
    since: str

    @property
    def stale(self) -> bool:
        """Tell whether its process is known to be gone: it was of this machine, and lives no more."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


class Backend(Protocol):
    """Where a stack's state is."""

    def name(self, cli: Cli) -> str:
        """Return what the record keeps of it: `own`, or the URL that the CLI says it uses."""
        ...

    def environment(self) -> dict[str, str]:
        """Return the whole environment with which the CLI is run."""
        ...

    def prepare(self) -> None:
        """Make what is needed before the first run; nothing to do where it is there."""
        ...

    def secrets_provider(self) -> list[str]:
        """Return the words that name the secrets provider of a new stack; none where it is the backend's own choice."""
        ...

    def locks(self, stack: str) -> list[Lock]:
        """Return the locks on the stack that can be seen from here."""
        ...


@dataclass(frozen=True)
class OwnBackend:
    """Files of the project in `folder` (the stack's own in `.lab/`); nothing outside of it is read or written."""

    folder: Path

    @property
    def state(self) -> Path:
        """The backend's folder."""
        return self.folder / "backend"

    @property
    def passphrase(self) -> Path:
        """The file with the passphrase (0600), random and never shown."""
        return self.folder / "passphrase"

    def name(self, cli: Cli) -> str:  # noqa: ARG002 (protocol)
        """Return `own`: a path would not survive a move of the project's folder."""
        return OWN

    def variables(self) -> dict[str, str]:
        """Return the variables with which a plain `pulumi` in the project's folder works on this stack."""
        return {
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.passphrase),
        }

    def environment(self) -> dict[str, str]:
        """Return the caller's environment with this backend and its passphrase; a passphrase of the user's is left out.

        The CLI would prefer PULUMI_CONFIG_PASSPHRASE to the file.
        """
        kept = {key: value for key, value in os.environ.items() if key != "PULUMI_CONFIG_PASSPHRASE"}
        return kept | self.variables()

    def prepare(self) -> None:
        """Make the folder (0700) and the passphrase."""
        self.state.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        if not self.passphrase.exists():
            write_atomically(self.passphrase, secrets.token_urlsafe(32), 0o600)

    def secrets_provider(self) -> list[str]:
        """Return the passphrase provider: the only one that needs no service."""
        return ["--secrets-provider", "passphrase"]

    def locks(self, stack: str) -> list[Lock]:
        """Return the locks in the backend's folder; one that cannot be read counts as another machine's."""
        found = []
        for file in sorted((self.state / ".pulumi" / "locks").glob(f"**/{stack}/*.json")):
            try:
                content = json.loads(file.read_text())
                found.append(Lock(int(content["pid"]), str(content["hostname"]), str(content.get("timestamp", "?"))))
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, TypeError):
                found.append(Lock(0, "?", "?"))
        return found

    def forget(self) -> None:
        """Remove state and passphrase."""
        shutil.rmtree(self.state, ignore_errors=True)
        self.passphrase.unlink(missing_ok=True)


@dataclass(frozen=True)
class UserBackend:
    """The backend that the user is logged in to, or names in PULUMI_BACKEND_URL; their environment stays as it is."""

    def name(self, cli: Cli) -> str:
        """Ask the CLI. `RefusedError` where nobody is logged in."""
        try:
            found = json.loads(cli.ask(["whoami", "--json"], self.environment()))
        except (LabError, ValueError) as error:
            raise RefusedError(
                "the official CLI knows no backend for this stack's state: log in to one "
                f"(`pulumi login`, or `pulumi login --local`), or set PULUMI_BACKEND_URL.\n{error}"
            ) from error
        return str(found.get("url") or found.get("user"))

    def environment(self) -> dict[str, str]:
        """Return the caller's environment."""
        return dict(os.environ)

    def prepare(self) -> None:
        """Leave the user's backend as it is."""

    def secrets_provider(self) -> list[str]:
        """Leave the choice to the backend."""
        return []

    def locks(self, stack: str) -> list[Lock]:  # noqa: ARG002 (protocol)
        """Return none: where the backend keeps them is its own business."""
        return []


def own_is_overridden(backend: OwnBackend, environment: Mapping[str, str]) -> str:
    """Return the other backend that the environment names while the stack's state is in its own; else nothing."""
    named = environment.get("PULUMI_BACKEND_URL", "")
    return named if named and named != backend.variables()["PULUMI_BACKEND_URL"] else ""
