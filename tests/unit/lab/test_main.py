"""The command line: what it says, and its exit codes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lab import __main__ as launcher
from lab import views
from lab.errors import Exit, LabError, RefusedError
from lab.naming import DEFAULT_STACK, check_stack
from lab.stack import Lab


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project folder of the test's own; the process's signal handler is put back."""
    (tmp_path / "Pulumi.yaml").write_text(
        "name: kubernetes-emerging\nconfig:\n  inplaceCpu: {type: string, default: 100m}\n"
    )
    monkeypatch.setattr("lab.__main__.project_root", lambda: tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return tmp_path


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make `status` end with `error`."""

    def broken(_lab: Lab) -> None:
        raise error

    monkeypatch.setattr(views, "status", broken)


def test_done_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that returns is done."""
    monkeypatch.setattr(views, "status", lambda _lab: None)

    assert 0 == launcher.main(["status"])


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1, LabError("the reason")),
        (2, RefusedError("the reason")),
        (1, PermissionError(13, "the reason")),
    ],
)
def test_foreseeable_problem_is_one_message_and_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int, error: Exception
) -> None:
    """Standard error has the message and no traceback; standard output stays clean."""
    fail_with(monkeypatch, error)

    assert code == launcher.main(["status"])
    told = capsys.readouterr()
    assert "the reason" in told.err
    assert "Traceback" not in told.err
    assert "" == told.out


def test_errors_of_cluster_and_engine_are_messages_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other rooms' own errors are written for people, and shown as they are."""
    from lab.cluster.errors import ClusterError
    from lab.engine.errors import EngineError

    for error in (ClusterError("no disk"), EngineError("no program")):
        fail_with(monkeypatch, error)
        assert Exit.FAILED == launcher.main(["status"])
        assert f"{error}\n" == capsys.readouterr().err


def test_nodes_are_not_looked_for_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proxy is not for stays, the nodes' ranges are added, once."""
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr(launcher, "app", lambda **_options: None)
    for _ in range(2):
        assert Exit.OK == launcher.main([])

    assert "example.com,localhost,127.0.0.1,::1,10.0.0.0/8,172.16.0.0/12,198.18.0.0/15" == os.environ["NO_PROXY"]


def test_interruption_is_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is no failure: the same command goes on."""
    fail_with(monkeypatch, KeyboardInterrupt())

    assert Exit.INTERRUPTED == launcher.main(["status"])
    assert "same command" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["bogus"], ["set"], ["set", "inplaceCpu"], ["up", "--bogus"], ["up", "--stack", "../x"], ["set", "x", "1"]],
)
def test_wrong_usage_is_two(arguments: list[str]) -> None:
    """Whatever is wrong with the command line itself changes nothing."""
    assert Exit.REFUSED == launcher.main(arguments)


def test_set_writes_the_stacks_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what was written, and where."""
    assert 0 == launcher.main(["set", "--stack", "blue", "--", "inplaceCpu", "200m"])

    assert "config:\n  kubernetes-emerging:inplaceCpu: 200m\n" == (project / "Pulumi.blue.yaml").read_text()
    assert "Pulumi.blue.yaml: kubernetes-emerging:inplaceCpu = 200m\n" == capsys.readouterr().out


def test_set_takes_values_that_look_like_options(project: Path) -> None:
    """The Makefile passes `--` first, so a value may begin with a dash."""
    assert 0 == launcher.main(["set", "--stack", "dev", "--", "inplaceCpu", "--secret"])
    assert "--secret" in (project / "Pulumi.dev.yaml").read_text()


def test_set_refuses_secrets_with_the_reason(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret would stand in clear in the file."""
    assert Exit.REFUSED == launcher.main(["set", "inplaceCpu", "hush", "--secret"])
    assert "encrypted" in capsys.readouterr().err
    assert not (project / "Pulumi.dev.yaml").exists()


def test_kubeconfig_prints_the_path_alone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`export KUBECONFIG=$(make -s kubeconfig)` takes standard output as it is."""
    (project / "Pulumi.dev.yaml").write_text(
        "config:\n  kubernetes-emerging:kubeconfig: /a/very/long/" + "x" * 200 + "\n"
    )

    assert 0 == launcher.main(["kubeconfig"])
    assert "/a/very/long/" + "x" * 200 + "\n" == capsys.readouterr().out


def test_down_asks_nobody_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Another stack, no terminal, no YES=1: refused."""
    assert Exit.REFUSED == launcher.main(["down", "--stack", "blue"])
    assert "YES=1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("expected", "answer"), [(True, "y"), (True, " Yes "), (False, ""), (False, "n"), (False, "yep")]
)
def test_only_yes_is_yes(monkeypatch: pytest.MonkeyPatch, expected: bool, answer: str) -> None:
    """Anything else keeps the stack."""
    monkeypatch.setattr("builtins.input", lambda _prompt: answer)

    assert expected is launcher._ask("Remove?")


def test_end_of_input_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-D at the question keeps the stack."""

    def ended(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)

    assert not launcher._ask("Remove?")


def test_sigterm_ends_like_ctrl_c() -> None:
    """A TERM in the middle of a command ends with 130 and the same message."""
    program = (
        "import sys, time\n"
        "from lab import views, __main__ as m\n"
        "def slow(lab):\n    print('began', flush=True)\n    time.sleep(30)\n"
        "views.status = slow\n"
        "sys.exit(m.main(['status']))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert b"began\n" == child.stdout.readline()
        child.terminate()
        _, told = child.communicate(timeout=20)

    assert Exit.INTERRUPTED == child.returncode
    assert b"same command" in told


def test_default_stack_is_a_good_name() -> None:
    """`make up` without STACK works."""
    assert "dev" == check_stack(DEFAULT_STACK)
