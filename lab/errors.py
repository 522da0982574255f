"""The launcher's way to say that something is wrong: one type, a message for people, and the exit code."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `python -m lab`; `make` itself turns every failure of a recipe into 2."""

    OK = 0
    FAILED = 1
    """The command was tried and did not reach its end; run it again once the cause is gone."""
    REFUSED = 2
    """Wrong usage, or a precondition is missing: nothing was changed."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM: the same command goes on where this one stopped."""


class LabError(Exception):
    """A foreseeable problem: `str(error)` says what is wrong, where, and what to do. Never a traceback."""

    code = Exit.FAILED


class RefusedError(LabError):
    """The command did not begin: nothing was changed."""

    code = Exit.REFUSED
