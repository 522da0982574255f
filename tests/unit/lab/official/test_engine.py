"""The official CLI as an engine, driven against a double that checks every argument and variable."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.errors import LabError, RefusedError
from lab.official import Cli, OfficialEngine, OwnBackend, UserBackend, find
from tests.unit.lab.doubles import diary
from tests.unit.lab.official.doubles import environments, put_on_path

LOCKS = Path(".pulumi/locks/organization/kubernetes-emerging/dev")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a machine with the CLI's double on PATH, and a project in `project`."""
    put_on_path(tmp_path / "bin")
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("WORLD", str(tmp_path))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "Pulumi.yaml").write_text('name: kubernetes-emerging\nrequiredPulumiVersion: ">=3.238.0"\n')
    (tmp_path / "project" / "Pulumi.dev.yaml").write_text("config: {}\n")
    return tmp_path


def cli(world: Path) -> Cli:
    """Return the double as `find` finds it."""
    found = find(world / "project")
    assert found is not None
    return found


def own(world: Path, said: list[str] | None = None) -> OfficialEngine:
    """Return the engine of the default stack, with the project's own backend."""
    notes = said if said is not None else []
    return OfficialEngine(cli(world), "dev", OwnBackend(world / "project" / ".lab" / "dev"), notes.append)


def put_lock(world: Path, pid: int, host: str) -> None:
    """Leave a lock in the project's own backend, as a killed run does."""
    folder = world / "project" / ".lab" / "dev" / "backend" / LOCKS
    folder.mkdir(parents=True)
    content = {"pid": pid, "username": "root", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "0d5c.json").write_text(json.dumps(content))


def dead_pid() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def test_up_selects_the_stack_and_deploys_with_the_projects_own_backend(
    world: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """No login: state and passphrase are files of the project; the user's passphrase is kept out."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the user's own")
    assert own(world).up().ok
    assert [
        "pulumi stack select dev --create --non-interactive --secrets-provider passphrase",
        "pulumi up --stack dev --yes --non-interactive",
    ] == diary(world)
    folder = world / "project" / ".lab" / "dev"
    assert {f"url=file://{folder}/backend file={folder}/passphrase word=none"} == environments(world)
    assert 0o600 == (folder / "passphrase").stat().st_mode & 0o777
    assert "Updating (dev):" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("command", "words"),
    [("preview", "--non-interactive"), ("refresh", "--yes --non-interactive"), ("destroy", "--yes --non-interactive")],
)
def test_each_command_is_the_clis_own(world: Path, command: str, words: str) -> None:
    """Preview asks nothing; what changes something is answered with yes beforehand."""
    assert getattr(own(world), command)().ok
    assert f"pulumi {command} --stack dev {words}" == diary(world)[-1]


def test_passphrase_stays_the_same(world: Path) -> None:
    """A second run uses the passphrase that the state is encrypted with."""
    own(world).up()
    before = (world / "project" / ".lab" / "dev" / "passphrase").read_text()
    own(world).up()
    assert before == (world / "project" / ".lab" / "dev" / "passphrase").read_text()
    assert len(before) >= 40


def test_failed_run_is_not_ok(world: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The CLI's exit code decides, and what it said is seen."""
    (world / "fails").touch()
    summary = own(world).up()
    assert (False, False) == (summary.ok, summary.cancelled)
    assert "error: update failed" in capfd.readouterr().err


def test_users_own_backend_is_left_as_it_is(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On other stacks neither backend nor secrets provider is named, and the environment goes on unchanged."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the user's own")
    (world / "logged-in").touch()
    engine = OfficialEngine(cli(world), "prod", UserBackend(), print)
    assert "https://app.pulumi.com/someone" == engine.backend.name(engine.cli)
    assert engine.up().ok
    assert "pulumi stack select prod --create --non-interactive" in diary(world)
    assert {"url= file= word=the user's own"} == environments(world)


def test_nobody_logged_in_is_refused_with_the_way(world: Path) -> None:
    """Without a backend nothing is begun; the message says how to get one."""
    with pytest.raises(RefusedError, match=r"pulumi login.*PULUMI_BACKEND_URL"):
        UserBackend().name(cli(world))


@pytest.mark.parametrize(("version", "good"), [("3.237.9", False), ("3.238.0", True), ("4.0.1", True)])
def test_least_version_is_the_projects(world: Path, monkeypatch: pytest.MonkeyPatch, version: str, good: bool) -> None:
    """A CLI below requiredPulumiVersion is refused before it does anything."""
    monkeypatch.setenv("PULUMI_DOUBLE_VERSION", version)
    if good:
        assert version == cli(world).check()
        return
    with pytest.raises(RefusedError, match=rf"is {version}; the project needs 3\.238\.0 or newer(?s:.*)LAB_ENGINE=lab"):
        cli(world).check()


def test_lock_of_a_dead_process_is_taken_away_and_told(world: Path) -> None:
    """After kill -9 the same command goes on."""
    own(world).up()
    put_lock(world, dead_pid(), socket.gethostname())
    said: list[str] = []
    assert own(world, said).up().ok
    assert "pulumi cancel --stack dev --yes" in diary(world)
    assert "killed" in said[0]


@pytest.mark.parametrize(
    ("pid", "host"), [(os.getpid(), socket.gethostname()), (1, "another-machine")], ids=["living", "distant"]
)
def test_lock_of_a_living_or_distant_process_stays(world: Path, pid: int, host: str) -> None:
    """Who holds it is named, with the way out; nothing is taken away."""
    own(world).up()
    put_lock(world, pid, host)
    diary(world)
    with pytest.raises(RefusedError, match=rf"process {pid} on {host}(?s:.*)pulumi cancel --stack dev"):
        own(world).up()
    assert not [line for line in diary(world) if "cancel" in line]


def test_lock_in_the_users_backend_is_explained(world: Path) -> None:
    """What cannot be seen from here is read from the CLI's own error."""
    (world / "locked").touch()
    with pytest.raises(LabError, match=r"Another run holds the lock(?s:.*)pulumi cancel --stack prod"):
        OfficialEngine(cli(world), "prod", UserBackend(), print).up()


def test_forget_removes_stack_backend_passphrase_and_salt(world: Path) -> None:
    """The stack's tracked file is afterwards as it was before."""
    own(world).up()
    file = world / "project" / "Pulumi.dev.yaml"
    assert "encryptionsalt" in file.read_text()
    own(world).forget()
    assert "pulumi stack rm --stack dev --yes --force --preserve-config" in diary(world)
    assert "config: {}\n" == file.read_text()
    assert [] == list((world / "project" / ".lab" / "dev").iterdir())
    own(world).forget()


def test_salt_of_another_checkout_does_not_stop_a_first_run(world: Path) -> None:
    """A committed salt meets a passphrase that never made it: where nothing is encrypted with it, it goes."""
    file = world / "project" / "Pulumi.dev.yaml"
    file.write_text("encryptionsalt: v1:of-another\nconfig: {}\n")
    assert own(world).up().ok
    assert "of-another" not in file.read_text()


def test_values_of_another_passphrase_are_not_lost(world: Path) -> None:
    """Where something is encrypted with it, the salt stays, and the message says what to do."""
    file = world / "project" / "Pulumi.dev.yaml"
    text = "encryptionsalt: v1:of-another\nconfig:\n  kubernetes-emerging:kubeconfig:\n    secure: v1:x\n"
    file.write_text(text)
    with pytest.raises(RefusedError, match="PULUMI_CONFIG_PASSPHRASE"):
        own(world).up()
    assert text == file.read_text()


def test_shell_lines_make_a_plain_pulumi_work_on_the_stack(world: Path) -> None:
    """What `make env` prints is enough: the double deploys with it, with no other word."""
    engine = own(world)
    engine.up()
    diary(world)
    script = f"{engine.shell()}\nexport PULUMI_SKIP_UPDATE_CHECK=true\npulumi stack output --json --stack $PULUMI_STACK"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=world / "project", capture_output=True, text=True, check=False)
    assert {"namespace": "kubernetes-emerging-dev", "word": "[secret]"} == json.loads(done.stdout)


def test_outputs_hide_secrets(world: Path) -> None:
    """Secrets are shown only where they are asked for."""
    own(world).up()
    assert "[secret]" == own(world).outputs()["word"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_lets_the_cli_end_by_itself(world: Path, number: signal.Signals) -> None:
    """A signal to the launcher reaches the CLI once, as Ctrl-C; its own end is waited for."""
    (world / "slow").touch()
    program = (
        "import sys; from pathlib import Path; from lab.official import *; root = Path(sys.argv[1]);"
        "summary = OfficialEngine(find(root), 'dev', OwnBackend(root / '.lab/dev'), print).up();"
        "print(summary.ok, summary.cancelled)"
    )
    root = Path(__file__).resolve().parents[4]
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(world / "project")],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not (world / "at-work").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert "False True" in out
    assert "update canceled" in err
    assert ["interrupted"] == [line for line in diary(world) if line == "interrupted"]
