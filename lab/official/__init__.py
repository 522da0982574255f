"""The official Pulumi CLI, driven as the launcher's engine: found, checked, and run with the stack's own backend."""

from lab.official.backend import Backend, OwnBackend, UserBackend
from lab.official.cli import Cli, find
from lab.official.engine import OfficialEngine

__all__ = ["Backend", "Cli", "OfficialEngine", "OwnBackend", "UserBackend", "find"]
