"""Local commands: what they are given, what they leave, what they never tell."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.engine.command import Command
from lab.engine.errors import StepError, Unsupported
from lab.engine.lock import born
from lab.engine.masking import mask, secrets_of
from lab.engine.processes import Processes
from lab.engine.values import UNKNOWN, secret


class Register:
    """Stands for the lock: remembers which commands were noted, and which are still at work."""

    def __init__(self) -> None:
        self.running: list[int] = []
        self.noted: list[int] = []
        self.refuses = False

    def begun(self, pid: int) -> None:
        """Note a command, unless the disk is full."""
        if self.refuses:
            raise StepError("no room")
        self.running.append(pid)
        self.noted.append(pid)

    def ended(self, pid: int) -> None:
        """Strike it out."""
        if pid in self.running:
            self.running.remove(pid)


Make = Callable[..., Command]


@pytest.fixture
def register() -> Register:
    """Give a register."""
    return Register()


@pytest.fixture
def make(tmp_path: Path, register: Register) -> Make:
    """Give a function that makes the handler of a Command called `c`."""

    def command(*hidden: str) -> Command:
        return Command("c", tmp_path, list(hidden), Processes(register))

    return command


def create(command: Command, say: Callable[[str], None] = lambda _: None, **inputs: Any) -> dict[str, Any]:
    """Run the create command and return the outputs."""
    return command.create(command.check("c", inputs, None), preview=False, seconds=None, say=say)[1]


def test_what_a_command_is_given(make: Make, tmp_path: Path, register: Register) -> None:
    """Shell, folder, environment, standard input; what it writes comes out without the last line end."""
    (tmp_path / "inner").mkdir()
    script = 'pwd; echo "$A $0"; cat; echo problem >&2'
    outputs = create(make(), create=script, dir="inner", environment={"A": "b"}, stdin="first\nsecond")
    assert f"{(tmp_path / 'inner').resolve()}\nb /bin/sh\nfirst\nsecond" == outputs["stdout"]
    assert ("problem", "inner") == (outputs["stderr"], outputs["dir"])
    assert ([], 1) == (register.running, len(register.noted))


def test_an_interpreter(make: Make, tmp_path: Path) -> None:
    """The command is the interpreter's last argument; a relative path of one starts in the command's dir."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "own").symlink_to("/bin/sh")
    assert "ok" == create(make(), create="echo ok", interpreter=["./own", "-c"], dir="inner")["stdout"]
    outputs = create(make(), create="print(1 + 1)", interpreter=["python3", "-c"])
    assert "2" == outputs["stdout"]


def test_ids(make: Make) -> None:
    """An id is the name and eight hex digits, another one each time."""
    found = {make().create({}, preview=False, seconds=None, say=lambda _: None)[0] for _ in range(2)}
    assert 2 == len(found)
    assert all(id_.startswith("c") and len(id_) == 9 for id_ in found)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"create": "echo no", "update": 'echo "$PULUMI_COMMAND_STDOUT,$PULUMI_COMMAND_STDERR"'}, "old,oops"),
        ({"create": 'echo "again $PULUMI_COMMAND_STDOUT"'}, "again old"),
        ({"create": 'echo "${PULUMI_COMMAND_STDOUT-none}"', "addPreviousOutputInEnv": False}, "none"),
        ({"delete": "false"}, "old"),
    ],
)
def test_updates(make: Make, inputs: dict[str, Any], expected: str) -> None:
    """`update` runs, or `create` in its place, with what was written before; without either the outputs stay."""
    old = {"stdout": "old", "stderr": "oops"}
    _, outputs = make().update(old, inputs, preview=False, seconds=None, say=lambda _: None, ignore=[])
    assert expected == outputs["stdout"]


def test_deletes(make: Make, tmp_path: Path) -> None:
    """`delete` runs with what was written before; without it nothing happens."""
    inputs = {"delete": 'echo "$PULUMI_COMMAND_STDOUT" > gone'}
    make().delete(inputs, {**inputs, "stdout": "old"}, seconds=None, say=lambda _: None)
    assert "old\n" == (tmp_path / "gone").read_text()
    make().delete({}, {}, seconds=None, say=lambda _: None)


def test_a_preview_runs_nothing(make: Make, tmp_path: Path) -> None:
    """What would be written is unknown."""
    inputs = {"create": "touch made"}
    for outputs in (
        make().create(inputs, preview=True, seconds=None, say=lambda _: None)[1],
        make().update({"stdout": "x"}, inputs, preview=True, seconds=None, say=lambda _: None, ignore=[])[1],
    ):
        assert {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN} == outputs
    assert [] == list(tmp_path.iterdir())


def test_what_changes(make: Make) -> None:
    """A trigger replaces, the new one first; any other input updates; becoming secret is no change."""
    old = {"create": "a", "triggers": [1]}
    assert not make().diff(old, {}, {**old, "create": secret("a")}).changes
    update = make().diff(old, {}, {**old, "create": "b"})
    assert (1, False) == (len(update.changes), update.replace)
    for triggers in ([2], [1, 2], [], [{"any": "thing"}]):
        replacing = make().diff(old, {}, {**old, "triggers": triggers})
        assert (True, False) == (replacing.replace, replacing.delete_first)


def test_a_failing_command(make: Make) -> None:
    """The error has the exit code, the command, and both streams in their order."""
    with pytest.raises(StepError) as failed:
        create(make(), create="echo one; sleep 0.1; echo two >&2; exit 3")
    assert 'exit status 3: running "echo one; sleep 0.1; echo two >&2; exit 3":\none\ntwo\n' == str(failed.value)
    with pytest.raises(StepError, match="signal SIGTERM: running"):
        create(make(), create="kill $$")


SECRETS: dict[str, Any] = {"environment": {"A": secret('to"ken')}, "stdin": secret("long line\nx\nother line")}


def test_secrets_are_not_told(make: Make) -> None:
    """Neither an error nor a live line has a literal secret of the inputs, even a line of one."""
    lines: list[str] = []
    script = 'echo "A is $A"; cat; exit 1'
    with pytest.raises(StepError) as failed:
        create(make(), say=lines.append, create=script, **SECRETS)
    assert f"exit status 1: running {json.dumps(script)}:\nA is [secret]\n[secret]" == str(failed.value)
    assert ["A is [secret]", "[secret]", "x", "[secret]"] == lines
    with pytest.raises(StepError, match=r'running "\[secret\]":\nhello\n$'):
        create(make(), create=secret("echo hello; false"))


def test_hidden_streams_are_not_told(make: Make) -> None:
    """A stream that the program calls secret is in no error and no live line."""
    lines: list[str] = []
    with pytest.raises(StepError, match=r"oops\n\[stdout is secret\]\n$"):
        create(make("stdout"), say=lines.append, create="echo password; echo oops >&2; exit 1")
    assert ["oops"] == lines


def test_outputs_of_secret_inputs_are_secret(make: Make) -> None:
    """What a command with a secret writes is secret, and what it was given stays so."""
    outputs = create(make(), create="echo $A", **SECRETS)
    assert (secret('to"ken'), secret("")) == (outputs["stdout"], outputs["stderr"])
    assert SECRETS["environment"] == outputs["environment"]


@pytest.mark.parametrize(
    ("logging", "expected"),
    [
        ("stdout", {"out"}),
        ("stderr", {"err"}),
        ("stdoutAndStderr", {"out", "err"}),
        ("none", set()),
        ("", {"out", "err"}),
    ],
)
def test_logging(make: Make, logging: str, expected: set[str]) -> None:
    """What is logged live is chosen; the outputs have it all."""
    lines: list[str] = []
    more = {"logging": logging} if logging else {}
    outputs = create(make(), say=lines.append, create="echo out; echo err >&2", **more)
    assert (expected, "out", "err") == (set(lines), outputs["stdout"], outputs["stderr"])


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({"assetPaths": ["*"]}, Unsupported, "command:local:Command with assetPaths"),
        ({"archivePaths": ["*"]}, Unsupported, "command:local:Command with archivePaths"),
        ({"creat": "x"}, StepError, "has no inputs creat"),
        ({"logging": "all"}, StepError, "logging: 'all' is none of"),
        ({"create": "x", "dir": "nowhere"}, StepError, "nowhere does not exist"),
        ({"create": "x", "interpreter": ["no-such-program"]}, StepError, "'no-such-program' is not there"),
    ],
)
def test_what_is_refused(make: Make, inputs: dict[str, Any], error: type[Exception], message: str) -> None:
    """Each by name."""
    with pytest.raises(error, match=message):
        create(make(), **inputs)


def test_a_timeout_ends_the_command(make: Make, register: Register) -> None:
    """With its children, and the step fails."""
    began = time.monotonic()
    with pytest.raises(StepError, match=r"timeout of 0\.1 s"):
        make().create({"create": "sleep 30 & sleep 30"}, preview=False, seconds=0.1, say=lambda _: None)
    assert time.monotonic() - began < 5
    assert not born(str(register.noted[0]))


def test_a_command_that_cannot_be_noted_does_not_run(make: Make, tmp_path: Path, register: Register) -> None:
    """What a later run could not know of must not be at work."""
    register.refuses = True
    with pytest.raises(StepError, match="no room"):
        create(make(), create="touch made")
    assert [] == list(tmp_path.iterdir())


def test_all_commands_can_be_ended(tmp_path: Path, register: Register) -> None:
    """A second Ctrl-C leaves none behind."""
    processes = Processes(register)
    failed: list[str] = []

    def work() -> None:
        try:
            create(Command("c", tmp_path, [], processes), create="touch begun; sleep 30")
        except StepError as error:
            failed.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    end = time.monotonic() + 10
    while not (tmp_path / "begun").exists() and time.monotonic() < end:
        time.sleep(0.01)
    processes.kill()
    thread.join(10)
    assert failed[0].startswith("signal SIGKILL")


def test_when_a_process_began() -> None:
    """A process that has ended has no time of birth, and another one has another."""
    with subprocess.Popen(["sleep", "30"]) as child:
        assert "" != born(str(child.pid)) != born("1")
        child.kill()
        child.wait()
        assert "" == born(str(child.pid))


def test_masking() -> None:
    """Leaves under a mark at any depth, the longest first; what is not secret is not masked."""
    words = secrets_of({"a": secret({"b": ["one", 12], "c": True}), "d": "open", "e": ["x", secret("one and more")]})
    assert ["one and more", "one", "12"] == words
    assert "[secret] [secret] [secret] open" == mask("one and more one 12 open", words)
