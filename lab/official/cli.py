"""The `pulumi` program: which one, whether it is new enough, and how it is run.

It keeps the terminal, so its own progress is what a person sees; what it says on standard error is also read, for the
few failures that have a way out which it does not know.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import yaml

from lab.errors import LabError, RefusedError

_QUICK_SECONDS = 60.0
_TAIL = 200


@dataclass(frozen=True)
class Done:
    """How a run in the terminal ended."""

    code: int
    said: str
    """The last lines of standard error."""
    interrupted: bool
    """A Ctrl-C or SIGTERM came while it ran."""


@dataclass(frozen=True)
class Cli:
    """One `pulumi` program, run in the project's folder `root`."""

    program: Path
    root: Path

    def version(self) -> tuple[int, ...]:
        """Return the program's version. `LabError` where it tells none."""
        said = self.ask(["version"], os.environ)
        found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", said.strip())
        if not found:
            raise LabError(f"`{self.program} version` says {said.strip()!r}: is this the Pulumi CLI?")
        return tuple(int(part) for part in found.groups())

    def check(self) -> str:
        """Return the version as text; `RefusedError` where it is below the one that Pulumi.yaml asks for."""
        version, least = self.version(), least_version(self.root)
        text = ".".join(map(str, version))
        if version < least:
            raise RefusedError(
                f"{self.program} is {text}; the project needs {'.'.join(map(str, least))} or newer "
                "(requiredPulumiVersion in Pulumi.yaml). Install a newer one the way that one came "
                "(https://www.pulumi.com/docs/install/), or set LAB_ENGINE=lab to deploy with the lab's own engine."
            )
        return text

    def ask(self, words: list[str], environment: Mapping[str, str]) -> str:
        """Run a quick command that asks nothing, and return its standard output.

        `LabError` with what it said where it fails.
        """
        try:
            done = subprocess.run(
                [self.program, *words],
                cwd=self.root,
                env=_quiet(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_QUICK_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"`pulumi {words[0]}` did not answer within {_QUICK_SECONDS:.0f} s") from error
        if done.returncode != 0:
            raise LabError(f"`pulumi {' '.join(words[:2])}` failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def run(self, words: list[str], environment: Mapping[str, str]) -> Done:
        """Run a command in the terminal to its end and return how it ended.

        Ctrl-C in a terminal reaches the program by itself; a signal to this process alone is passed on. Either way it
        is let come to its own end, for it records what it has done.
        """
        process = subprocess.Popen(
            [self.program, *words], cwd=self.root, env=_quiet(environment), stderr=subprocess.PIPE, text=True
        )
        caught: list[int] = []

        def pass_on(number: int, _frame: FrameType | None) -> None:
            caught.append(number)
            if number != signal.SIGINT or not _in_foreground():
                process.send_signal(signal.SIGINT)

        before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
        said: deque[str] = deque(maxlen=_TAIL)
        reader = threading.Thread(target=_echo, args=(process.stderr, said))
        reader.start()
        try:
            code = process.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.join()
            if process.stderr is not None:
                process.stderr.close()
        return Done(code, "".join(said), bool(caught))


def find(root: Path) -> Cli | None:
    """Return the `pulumi` on PATH, or None where there is none."""
    program = shutil.which("pulumi")
    return Cli(Path(program), root) if program else None


def least_version(root: Path) -> tuple[int, ...]:
    """Return the version in `requiredPulumiVersion` of Pulumi.yaml (`>=3.238.0`)."""
    asked = str(yaml.safe_load((root / "Pulumi.yaml").read_text()).get("requiredPulumiVersion", ">=0.0.0"))
    found = re.fullmatch(r">=\s*(\d+)\.(\d+)\.(\d+)", asked)
    if not found:
        raise LabError(f"Pulumi.yaml: requiredPulumiVersion is {asked!r}; write it as `>=3.238.0`")
    return tuple(int(part) for part in found.groups())


def _quiet(environment: Mapping[str, str]) -> dict[str, str]:
    # A destroy or a refresh that runs the program would wait for workloads that are to go.
    return {**environment, "PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_RUN_PROGRAM": "false"}


def _in_foreground() -> bool:
    """Tell whether a Ctrl-C of the terminal reaches the whole process group, the program included."""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _echo(stream: IO[str] | None, said: deque[str]) -> None:
    for line in stream or ():
        said.append(line)
        sys.stderr.write(line)
        sys.stderr.flush()
