"""Commands as child processes: each in a process group of its own, noted before it does anything.

A command waits at its start until the engine has noted it on disk, so that a run after a `kill -9` of this one knows
of every command that may still be at work, and waits for it.
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from lab.engine.errors import StepError

# The shell reads one line, which the engine writes when it has noted the process, and not a byte of what follows; if
# the engine dies before, its standard input is at its end and nothing runs.
_GATE = 'read -r lab_engine_gate || exit 125; exec "$@"'


class Register(Protocol):
    """Where commands are noted for the run after this one (lock.Lock)."""

    def begun(self, pid: int) -> None:
        """Note a command."""
        ...

    def ended(self, pid: int) -> None:
        """Strike it out."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit code (negative: a signal's number), what it wrote, and both streams as they came."""

    code: int
    stdout: str
    stderr: str
    both: str


class Processes:
    """The commands of one run."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._running: set[int] = set()
        self._lock = threading.Lock()

    def kill(self) -> None:
        """End every command at once, with its children."""
        for pid in list(self._running):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        stdin: str,
        seconds: float | None,
        line: Callable[[str, str], None],
    ) -> Ended:
        """Run a command to its end; `line` gets (stream name, line) as they come. StepError when it cannot, or in time.

        It ends when the process has ended and its output is closed, as in the official package: a background process
        must not hold the output.
        """
        if not folder.is_dir():
            raise StepError(f"the command's dir {folder} does not exist")
        program = str(folder / arguments[0]) if "/" in arguments[0] else arguments[0]
        if shutil.which(program, path=environment.get("PATH")) is None:
            raise StepError(f"the interpreter {arguments[0]!r} is not there")
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _GATE, "sh", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=dict(environment),
                process_group=0,
            )
        except (OSError, ValueError) as error:
            raise StepError(f"the command cannot be started: {error}") from error
        with process:
            with self._lock:
                self._running.add(process.pid)
            try:
                self._register.begun(process.pid)
                return _followed(process, stdin, seconds, line)
            finally:
                _end(process)
                with self._lock:
                    self._running.discard(process.pid)
                self._register.ended(process.pid)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a command that is still at work, with its children."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _followed(
    process: "subprocess.Popen[bytes]", stdin: str, seconds: float | None, line: Callable[[str, str], None]
) -> Ended:
    texts: dict[str, list[str]] = {"stdout": [], "stderr": [], "both": []}

    def listen(name: str, pipe: IO[bytes]) -> None:
        with pipe:
            for raw in pipe:
                text = raw.decode(errors="replace")
                texts[name].append(text)
                texts["both"].append(text)
                line(name, text.rstrip("\n"))

    def feed(pipe: IO[bytes]) -> None:
        with suppress(BrokenPipeError), pipe:  # a command need not read it
            pipe.write(b"\n" + stdin.encode())

    assert process.stdin  # noqa: S101 (pipes were asked for)
    assert process.stdout  # noqa: S101
    assert process.stderr  # noqa: S101
    threads = [
        threading.Thread(target=listen, args=("stdout", process.stdout), daemon=True),
        threading.Thread(target=listen, args=("stderr", process.stderr), daemon=True),
        threading.Thread(target=feed, args=(process.stdin,), daemon=True),
    ]
    for thread in threads:
        thread.start()
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        with suppress(ProcessLookupError):  # its children hold the output even where it has ended itself
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(seconds, expire) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    for thread in threads:
        thread.join()
    code = process.wait()
    if timer:
        timer.cancel()
    if expired.is_set():
        raise StepError(f"the command was ended: it took longer than its timeout of {seconds:g} s")
    return Ended(code, *("".join(texts[name]) for name in ("stdout", "stderr", "both")))
