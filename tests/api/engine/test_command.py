"""Local commands in whole runs; they need no cluster."""

import itertools
import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.engine import Engine, EngineError, QuietDisplay, Summary
from lab.engine.lock import born
from lab.engine.state import State
from tests.api.engine.killing import EVERY, killed, writes
from tests.programs import told

PRELUDE = """
import pulumi
import pulumi_command as command
from pulumi import ResourceOptions as Options

config = pulumi.Config()
text = config.get("text") or "one"
"""
Make = Callable[..., Engine]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Give a function that writes a program and makes an engine for it."""

    def made(program: str, **config: str) -> Engine:
        (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        (tmp_path / "__main__.py").write_text(PRELUDE + textwrap.dedent(program))
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=config)

    return made


def ok(summary: Summary) -> dict[str, int]:
    """Return the counts of a run that went well."""
    assert summary.ok, told(summary)
    return dict(summary.counts)


LIFE = """
made = command.local.Command(
    "made",
    create="echo created $A >> log; echo out", update="echo updated $A $PULUMI_COMMAND_STDOUT >> log; echo newer",
    delete="echo deleted $PULUMI_COMMAND_STDOUT >> log",
    environment={"A": text}, triggers=[config.get("trigger")],
)
hidden = command.local.Command(
    "hidden", create="cat; test -z $FAIL", stdin=pulumi.Output.secret("hush-hush"),
    environment={"FAIL": config.get("fail") or ""}, opts=Options(depends_on=[made]),
)
pulumi.export("out", made.stdout)
pulumi.export("word", hidden.stdout)
"""


def test_life_of_a_command(make: Make, tmp_path: Path) -> None:
    """Create, nothing, update, replace with the new one first, destroy; previews run nothing."""

    def log() -> list[str]:
        lines = (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []
        (tmp_path / "log").unlink(missing_ok=True)
        return lines

    assert {"create": 3} == ok(make(LIFE).preview())
    assert [] == log()
    assert {"create": 3} == ok(make(LIFE).up())
    assert ["created one"] == log()
    assert {"out": "out", "word": "[secret]"} == make(LIFE).outputs()
    assert "hush-hush" == make(LIFE).outputs(show_secrets=True)["word"]
    assert {"same": 3} == ok(make(LIFE).up())
    assert {"same": 2, "update": 1} == ok(make(LIFE, text="two").preview())
    assert {"same": 2, "update": 1} == ok(make(LIFE, text="two").up())
    assert ["updated two out"] == log()
    assert {"same": 2, "replace": 1} == ok(make(LIFE, text="two", trigger="now").up())
    assert ["created two", "deleted newer"] == log()
    assert {"same": 3} == ok(make(LIFE).refresh())
    failed = make(LIFE, text="two", trigger="now", fail="yes").up()
    assert 'exit status 1: running "cat; test -z $FAIL":\n[secret]' in told(failed)
    assert b"hush-hush" not in b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    assert {"delete": 3} == ok(make(LIFE).destroy())
    assert ["deleted out"] == log()


def test_what_is_not_done_is_named(make: Make) -> None:
    """Commands elsewhere, and commands that run in previews."""
    remote = 'command.remote.Command("far", connection={"host": "h"}, create="true")'
    assert "resources of type command:remote:Command" in told(make(remote).preview())
    assert "the provider function command:local:run" in told(make('command.local.run(command="true")').up())


def test_an_explicit_provider(make: Make) -> None:
    """The package's provider has no settings; it is recorded, and its commands name it."""
    program = 'command.local.Command("made", create="true", opts=Options(provider=command.Provider("own")))'
    assert {"create": 3} == ok(make(program).up())
    assert {"same": 3} == ok(make(program).up())
    assert {"delete": 3} == ok(make(program).destroy())


# Each run of a command writes when it begins and when it has ended.
LOGGED = """
def made(name, **more):
    script = "echo begin " + name + " >> log; sleep 0.05; echo end " + name + " >> log; echo " + text
    return command.local.Command(name, create=script, delete="echo gone " + name + " >> log", **more)
one = made("one", triggers=[text])
two = made("two", environment={"A": one.stdout})
"""


@pytest.mark.parametrize("moment", [pytest.param("before", marks=EVERY), "after"])
def test_kill_at_every_write(make: Make, tmp_path: Path, moment: str) -> None:
    """After each kill the same command ends well; no two runs of a command met, and each came to its end."""
    last = 0
    for number in writes(4, 20):
        text = f"text-{number}"
        make(LOGGED, text=text)
        if not killed(tmp_path, {"text": text}, "up", "engine", moment, number):
            break
        last = number
        ok(make(LOGGED, text=text).up())
        state = State(tmp_path / "state", readonly=True)
        assert {} == state.operations
        assert ["demo-dev", "one", "two"] == sorted(res["urn"].split("::")[-1] for res in state.resources.values())
        assert not make(LOGGED, text=text).up().changes
        lines = (tmp_path / "log").read_text().splitlines()
        for name in ("one", "two"):
            began = [line.split()[0] for line in lines if line.endswith(name) and not line.startswith("gone")]
            assert ["begin", "end"] * (len(began) // 2) == began, number
    assert last >= 5
    assert ok(make(LOGGED).destroy())["delete"] == 3


LONG = """
command.local.Command("long", create="echo $$ > pid; echo begin >> log; sleep $SECONDS_TO_SLEEP; echo end >> log",
    environment={"SECONDS_TO_SLEEP": config.require("seconds")})
"""
UP = """
import json, sys
from pathlib import Path
from lab.engine import Engine, QuietDisplay
folder = Path(sys.argv[1])
Engine(folder, "dev", folder / "state", QuietDisplay(), config=json.loads(sys.argv[2])).up()
"""


@pytest.fixture
def running(make: Make, tmp_path: Path) -> "Iterator[Callable[[str], subprocess.Popen[bytes]]]":
    """Give a function that starts an up in another process, which is in its command when this returns."""
    started: list[subprocess.Popen[bytes]] = []

    def start(seconds: str) -> "subprocess.Popen[bytes]":
        make(LONG)
        given = json.dumps({"seconds": seconds})
        started.append(subprocess.Popen([sys.executable, "-c", UP, str(tmp_path), given]))
        for _ in itertools.takewhile(lambda n: n < 1000 and not (tmp_path / "log").exists(), itertools.count()):
            time.sleep(0.02)
        assert (tmp_path / "log").exists()
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_two_runs_at_once(make: Make, running: Any) -> None:
    """The second is refused with who holds the stack, be it a preview; the first ends well."""
    first = running("1")
    for run in (make(LONG, seconds="1").up, make(LONG, seconds="1").preview, make(LONG, seconds="1").refresh):
        with pytest.raises(EngineError, match=rf"another run holds this stack: process {first.pid}, up since .*Ctrl-C"):
            run()
    assert 0 == first.wait(30)
    assert {"same": 2} == ok(make(LONG, seconds="1").up())


def test_a_command_that_outlives_its_engine(
    make: Make, running: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next run waits until it has ended, and runs it again, since nobody knows what it did."""
    engine = running("2")
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    assert {"same": 1, "create": 1} == ok(make(LONG, seconds="0").up())
    assert ["begin", "end", "begin", "end"] == (tmp_path / "log").read_text().split()
    assert "a command of an interrupted run (process " in capsys.readouterr().err


def test_a_command_that_does_not_end(make: Make, running: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the wait the run is refused, with the command that ends it; that done, it goes on."""
    monkeypatch.setattr("lab.engine.lock._ORPHAN_SECONDS", 0.3)
    engine = running("60")
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    pid = (tmp_path / "pid").read_text().strip()
    # The program of the killed run is ended first, if it is still there; then the command is met.
    with pytest.raises(EngineError, match=rf"is still at work; .*kill -- -{pid}"):
        make(LONG, seconds="0").up()
    subprocess.run(["kill", "-KILL", "--", f"-{pid}"], check=True)
    while born(pid):
        time.sleep(0.02)
    assert {"same": 1, "create": 1} == ok(make(LONG, seconds="0").up())


def test_a_second_interrupt_ends_commands(make: Make, running: Any, tmp_path: Path) -> None:
    """The first Ctrl-C lets a command end, the second ends it at once and leaves nothing at work."""
    engine = running("60")
    engine.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        engine.wait(0.5)
    engine.send_signal(signal.SIGINT)
    assert 130 == engine.wait(10)
    pid = (tmp_path / "pid").read_text().strip()
    timer = threading.Timer(10, lambda: None)
    timer.start()
    while born(pid) and timer.is_alive():
        time.sleep(0.02)
    timer.cancel()
    assert not born(pid)
    assert {"same": 1, "create": 1} == ok(make(LONG, seconds="0").up())
