"""The process that holds a simulated cluster together: its components live exactly as long as it does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab.cluster import node
from lab.files import is_locked, try_lock
from lab.simulated import processes
from lab.simulated.instance import Instance
from lab.simulated.supervisor import LocalSupervisor

SUPERVISOR = Path(processes.__file__).with_name("supervisor.py")


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    """Give an instance with its folders; whatever of it runs is killed at the end."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = Instance("unit")
    for name in ("run", "logs"):
        (found.folder / name).mkdir(parents=True)
    yield found
    for pid in processes.find(found):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def run(instance: Instance, *commands: list[str]) -> None:
    """Run the supervisor on components called 0, 1, …, as the launcher would."""
    components = [{"name": str(n), "command": c, "needs": [], "once": False} for n, c in enumerate(commands)]
    plan: dict[str, Any] = {
        "status": str(instance.folder / "run" / "status.json"),
        "logs": str(instance.folder / "logs"),
        "environment": {"SEEN": "yes"},
        "components": components,
    }
    instance.plan.write_text(json.dumps(plan))
    lock = try_lock(instance.life_lock)
    assert lock is not None
    try:
        subprocess.run([sys.executable, "-I", "-B", SUPERVISOR, instance.plan], pass_fds=[lock], check=True, timeout=10)
    finally:
        os.close(lock)


def eventually(condition: Callable[[], object]) -> None:
    """Wait for something that has to come within seconds."""
    ends_at = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def sleeping(instance: Instance) -> list[str]:
    """Return the command of a component that writes its process id and waits."""
    code = f"echo $$ $SEEN > {instance.folder}/run/pid.new; mv {instance.folder}/run/pid.new {instance.folder}/run/pid"
    return ["/bin/sh", "-c", f"{code}; exec sleep 60"]


def component_of(instance: Instance) -> int:
    """Wait for the component and return its process id."""
    eventually((instance.folder / "run" / "pid").exists)
    pid, seen = (instance.folder / "run" / "pid").read_text().split()
    assert "yes" == seen
    return int(pid)


def test_components_die_with_a_killed_supervisor(instance: Instance) -> None:
    """Nothing can be done in that moment, so the kernel does it; the lock that says "runs" goes with it."""
    run(instance, sleeping(instance))
    pid = component_of(instance)
    supervisor = processes.find(instance)
    assert 1 == len(supervisor)
    assert is_locked(instance.life_lock)
    os.kill(supervisor[0], signal.SIGKILL)
    eventually(lambda: not alive(pid))
    assert not node.alive(instance)


def test_it_outlives_who_started_it_and_its_terminal(instance: Instance) -> None:
    """It leads a session of its own, and hangs on no process but the machine's first."""
    run(instance, sleeping(instance))
    component_of(instance)
    (supervisor,) = processes.find(instance)
    assert supervisor == os.getsid(supervisor)
    assert os.getpid() != int(Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()[1])


def test_end_ends_everything(instance: Instance) -> None:
    """Supervisor and components are gone when it returns, and ending what is dead is fine."""
    run(instance, sleeping(instance))
    pid = component_of(instance)
    processes.end(instance)
    assert not alive(pid)
    assert [] == processes.find(instance)
    processes.end(instance)


def test_a_program_that_is_not_there_is_a_death_like_any(instance: Instance) -> None:
    """It is tried again later, and after some deaths in a row the supervisor gives up and names it."""
    component = {"name": "lost", "command": ["/nonexistent"], "needs": [], "once": False}
    plan = {"status": str(instance.folder / "status"), "logs": str(instance.folder / "logs"), "environment": {}}
    local = LocalSupervisor(plan | {"components": [component]})
    local.deaths["lost"] = [time.monotonic()] * 2
    local.waiting.clear()

    def die() -> None:
        local.start(component)
        while local.running:
            local.reap()
            time.sleep(0.01)

    die()
    assert [component] == local.waiting
    with pytest.raises(Exception, match=r"lost ended 4 times .*exit code 127"):
        die()
    assert (instance.folder / "logs" / "lost.log").is_file()


def test_only_the_instance_s_own_processes_are_found(instance: Instance) -> None:
    """A person who looks into the folder, and the components of another instance, are left alone."""
    folder = instance.folder
    ours = [["/cache/bin/1/etcd", f"--data-dir={folder}/data/etcd"], ["/old/kwok", f"--config={folder}/etc/kwok.yaml"]]
    others = [
        ["tail", "-f", f"{folder}/logs/etcd.log"],
        ["/cache/bin/1/kubectl", f"--kubeconfig={folder}/kubeconfig"],
        ["/cache/bin/1/etcd", f"--data-dir={folder}2/data/etcd"],
        ["/usr/bin/etcd", "--data-dir=/var/lib/etcd"],
        [""],
    ]
    assert all(processes._is_component(words, instance) for words in ours)
    assert not any(processes._is_component(words, instance) for words in others)
    python = ["python", "-I", "/moved/lab/simulated/supervisor.py"]
    assert processes._is_supervisor([*python, str(instance.plan)], instance)
    assert not processes._is_supervisor([*python, str(Instance("other").plan)], instance)
    assert not processes._is_supervisor(["vi", str(instance.plan)], instance)
