"""The program as a child process: started, listened to, and ended if it has to be."""

import json
import os
import signal
import subprocess
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from lab.engine.report import Report

_RUNNER = Path(__file__).with_name("runner.py")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the runner needs to know. `lock` is a file descriptor that the child inherits, `threads` its pool."""

    project: str
    stack: str
    folder: str
    address: str
    config: dict[str, str]
    secret_keys: list[str]
    dry_run: bool
    parallel: int
    threads: int
    lock: int


def _direct() -> dict[str, str]:
    """Return the environment in which gRPC does not look for the engine behind a proxy, not even on loopback."""
    here = "localhost,127.0.0.1,::1"
    lower, upper = os.environ.get("no_proxy"), os.environ.get("NO_PROXY")
    # Most clients read only the first of the two that they find, so each must hold what the other alone has.
    found = {"no_proxy": lower or upper, "NO_PROXY": upper or lower}
    return {name: f"{value},{here}" if value else here for name, value in found.items()}


def end_orphan(pid: object, lock: Path) -> bool:
    """End the program of an interrupted run, and its children, where `pid` is certainly one: it holds `lock`."""
    if not isinstance(pid, int):
        return False
    process = Path(f"/proc/{pid}")
    try:
        ours = os.fsencode(_RUNNER) in (process / "cmdline").read_bytes().split(b"\0")
        if not ours or os.getpgid(pid) != pid or not any(lock.samefile(held) for held in (process / "fd").iterdir()):
            return False
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        return False  # it has ended meanwhile
    return True


class Program:
    """One run of the program, in a process group of its own: Ctrl-C reaches the engine, not a hook at work."""

    def __init__(self, python: Path, settings: Settings, report: Report) -> None:
        self._report = report
        # -P: the runner's own folder does not come before the program's modules. -u: prints come as they happen.
        self._process = subprocess.Popen(
            [str(python), "-u", "-P", str(_RUNNER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=settings.folder,
            pass_fds=(settings.lock,),
            process_group=0,
            env={**os.environ, **_direct()},
        )
        self.pid = self._process.pid
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin  # noqa: S101 (pipes were asked for)
        assert stdout  # noqa: S101
        assert stderr  # noqa: S101
        try:
            stdin.write(json.dumps(asdict(settings)).encode())
            stdin.close()
        except BrokenPipeError:
            pass  # it ended at once; its own words are on standard error
        self._readers = [threading.Thread(target=self._listen, args=(pipe,), daemon=True) for pipe in (stdout, stderr)]
        for reader in self._readers:
            reader.start()

    def _listen(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._report.message("info", line.decode(errors="replace"))

    def ended(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """Wait for the end; after `seconds` end it, with its children. Return the exit code."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        for reader in self._readers:
            reader.join(1.0)
        return code

    def kill(self) -> None:
        """End it and its children at once."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
