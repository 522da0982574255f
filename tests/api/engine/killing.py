"""A run of the engine in a process of its own that ends itself, or its program, with kill -9 at the n-th write."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EVERY = pytest.mark.skipif(not os.environ.get("LAB_TEST_ALL"), reason="slow: with LAB_TEST_ALL=1 only")
MOMENTS = [("engine", "before"), ("engine", "after")]
_KILLER = """
import itertools, json, os, signal, sys
from pathlib import Path
from lab.engine import Engine, QuietDisplay, engine as module, state
folder, config, action, (victim, moment, number) = json.loads(sys.argv[1])
count, commit, pids = itertools.count(1), state.State._commit, []
start = module.Program.__init__

def started(self, *args):
    start(self, *args)
    pids.append(self.pid)

def killing(self, statements):
    here = next(count) == number
    for when in ("before", "after"):
        if here and when == moment:
            for pid in pids if victim == "program" else [os.getpid()]:
                os.kill(pid, signal.SIGKILL)
        if when == "before":
            commit(self, statements)

module.Program.__init__, state.State._commit = started, killing
engine = Engine(Path(folder), "dev", Path(folder) / "state", QuietDisplay(), config=config)
summary = getattr(engine, action)()
print("\\n".join(found.message for found in summary.diagnostics))
sys.exit(0 if next(count) <= number else 3)
"""


def killed(folder: Path, config: dict[str, str], action: str, victim: str, moment: str, number: int) -> bool:
    """Run up to the `number`-th write, from 1, and kill `before` or `after` it; False when there was no such write."""
    given = json.dumps([str(folder), config, action, [victim, moment, number]])
    ended = subprocess.run([sys.executable, "-c", _KILLER, given], capture_output=True, text=True, check=False)
    assert ended.returncode in (-signal.SIGKILL, 3, 0), ended.stdout + ended.stderr
    return ended.returncode != 0


def writes(sample: int, most: int = 40) -> Iterator[int]:
    """Give the writes to kill at: every one with LAB_TEST_ALL=1, else every `sample`-th."""
    yield from range(1, most, 1 if os.environ.get("LAB_TEST_ALL") else sample)
