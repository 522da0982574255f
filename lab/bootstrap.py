"""Make `.venv` from requirements.txt: the one module that runs before anything is installed.

Standard library only, and syntax that old Pythons can still read, so that they get a message and not a
SyntaxError. Run by the Makefile as `python3 lab/bootstrap.py <requirements file> <stamp>`. It may be killed
at any moment and run again; two at once wait for one another.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

LEAST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def fail(message: str) -> None:
    """Say what is missing and how to get it, and end with 2."""
    sys.stderr.write(message + "\n")
    sys.exit(2)


def newer_python() -> str | None:
    """Return another Python of this machine that is new enough."""
    for minor in range(19, LEAST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            return found
    return None


def works(python: Path) -> bool:
    """Tell whether an environment is whole: its interpreter runs, is new enough, and has pip."""
    probe = f"import sys, pip; sys.exit(sys.version_info < {LEAST})"
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", probe], check=False, stderr=subprocess.DEVNULL).returncode == 0


def make_environment() -> Path:
    """Return the interpreter of `.venv`; make or remake the folder where it is missing or broken."""
    python = VENV / "bin" / "python"
    if works(python):
        return python
    version = "%d.%d" % sys.version_info[:2]  # noqa: UP031 (see the module docstring)
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        fail(
            f"Python {version} is here, but its venv module is not complete (Debian packs it separately). "
            f"Install it, then run the same command again:\n\n    apt-get install -y python{version}-venv\n"
        )
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
    if made.returncode != 0 or not works(python):
        fail(f"could not make {VENV} (the reason is above). When it is gone, run the same command again.")
    return python


def main() -> None:
    """Make the environment, install the requirements, and write the stamp last."""
    if sys.version_info < LEAST:
        other = newer_python()
        if other:
            os.execv(other, [other, *sys.argv])  # noqa: S606 (the same program, with a newer interpreter)
        fail(
            "the lab needs Python %d.%d or newer; %s is %d.%d. Install one (Debian 12 and later "  # noqa: UP031
            "have it as python3), or name it: make PYTHON=/path/to/python3 up"
            % (*LEAST, sys.executable, *sys.version_info[:2])
        )
    requirements = ROOT / sys.argv[1]
    stamp = ROOT / sys.argv[2]
    with (ROOT / "Pulumi.yaml").open() as guard:  # a file that is always there: the lock leaves nothing behind
        fcntl.flock(guard, fcntl.LOCK_EX)
        sys.stderr.write(f"Python packages from {requirements.name} into .venv (once, about a minute) ...\n")
        python = make_environment()
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
        ]
        if os.geteuid() == 0:
            install.append("--root-user-action=ignore")
        install += ["-r", str(requirements)]
        if subprocess.run(install, check=False, stdout=sys.stderr.fileno()).returncode != 0:
            fail("pip could not install them (the reason is above). Mend it and run the same command again.")
        stamp.touch()


if __name__ == "__main__":
    main()
