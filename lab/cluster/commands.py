"""Other people's programs, run to their end; what they say is shown only where they fail."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.cluster.errors import ClusterError

_TAIL = 15


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
) -> str:
    """Run `command` and return its standard output.

    Raises ClusterError with the last lines it said where it fails, is not there, or takes longer than `timeout`
    seconds.
    """
    words = [str(word) for word in command]
    shown = " ".join(words[:6]) + (" ..." if len(words) > 6 else "")
    try:
        done = subprocess.run(
            words,
            env=env,
            cwd=cwd,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise ClusterError(f"`{words[0]}` is not on this machine (or not on PATH)") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"`{shown}` did not end within {timeout:.0f} s") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_TAIL:])
        raise ClusterError(f"`{shown}` failed with exit code {done.returncode}:\n{said}")
    return done.stdout
