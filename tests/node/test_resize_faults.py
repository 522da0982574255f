"""What goes wrong around a resize, on a real node: at every one of its changes, and none of it replaces a pod."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from components.actions.client import Client, Json, Transport
from components.actions.readiness import wait_ready
from components.actions.resize import ResizeFailed, adopt, plan, unfinished
from components.actions.resize.live import deployment_path
from components.actions.resize.pods import progress
from tests.api.actions.live import CPU, SMALL, KillingTransport, Snapshot, assert_whole, create, eventually, manifest

# Every change takes minutes: a part of them by default, all with LAB_TEST_ALL=1.
EVERY = 1 if os.environ.get("LAB_TEST_ALL") else 3
CHANGES = 9


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process, as a node that is lost does not answer, and let it go on."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def each_change(
    client: Client,
    kube: Transport,
    namespace: str,
    act: Callable[[], None],
    rest: Callable[[], None] = lambda: None,
) -> None:
    """Resize to and fro, after a `rest`, each time with `act` after another change; the pods must stay the same."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    size, other = SMALL, CPU
    for change in range(1, CHANGES, EVERY):
        rest()
        size, other = other, size
        eventually(lambda size=size: plan(client, manifest(namespace, size)).outcome == "in-place")  # type: ignore[misc]
        transport = KillingTransport(kube, change, act=act)
        adopt(Client(transport), plan(client, manifest(namespace, size)), progress=print, timeout=60)
        wait_ready(client, namespace, "web", patience=60)
        after = assert_whole(client, namespace, size)
        assert set(before.identities) <= set(after.identities)
    assert transport.changes >= change, "there were fewer changes than that: nothing was done at the last"


def test_a_controller_manager_that_restarts(
    kube: Transport, client: Client, namespace: str, process: Callable[[str], int]
) -> None:
    """The controllers' memory of the window is no part of the promise: they come back and find it as it is."""
    from lab.cluster.supervisor import QUICK_DEATHS, QUICK_SECONDS

    killed: list[int] = []
    times: list[float] = []

    def restart() -> None:
        killed.append(process("kube-controller-manager"))
        times.append(time.monotonic())
        os.kill(killed[-1], signal.SIGKILL)

    def rest() -> None:
        # The node gives itself up when one of its programs ends too often.
        while sum(time.monotonic() - each < QUICK_SECONDS for each in times) >= QUICK_DEATHS - 1:
            time.sleep(1)

    each_change(client, kube, namespace, restart, rest)
    assert len(range(1, CHANGES, EVERY)) == len(killed)
    assert process("kube-controller-manager") not in killed


def test_somebody_scales_meanwhile(kube: Transport, client: Client, namespace: str) -> None:
    """A pod that comes in the window has the new size in the end, in the one ReplicaSet."""
    wanted = [2]

    def scale() -> None:
        wanted.append(wanted[-1] + 1)
        client.patch(deployment_path(namespace, "web"), {"spec": {"replicas": wanted[-1]}})

    each_change(client, kube, namespace, scale)
    assert len(range(1, CHANGES, EVERY)) == len(wanted) - 1
    assert wanted[-1] == len(Snapshot(client, namespace).pods)


def test_a_node_that_is_lost(client: Client, namespace: str, process: Callable[[str], int]) -> None:
    """Nobody carries the resize out: it is taken back in time, and the pods are the same ones once the node is back."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    planned = plan(client, manifest(namespace, CPU))
    with frozen(process("kubelet")), pytest.raises(ResizeFailed, match="not done after 5 s") as caught:
        adopt(client, planned, progress=print, timeout=5)
    assert caught.value.undone
    wanted = {"app": {"requests": SMALL, "limits": SMALL}}
    eventually(lambda: all(progress(p, wanted, ready_needed=True).state == "done" for p in pods(client, namespace)))
    assert before.identities == assert_whole(client, namespace, SMALL).identities


def pods(client: Client, namespace: str) -> list[Json]:
    """Return the workload's pods as they are now."""
    return Snapshot(client, namespace).pods


def test_two_runs_at_once(client: Client, namespace: str) -> None:
    """One resizes, the other fails without having changed anything, and nothing is left paused."""
    create(client, manifest(namespace, SMALL))
    before = Snapshot(client, namespace)
    plans = [plan(client, manifest(namespace, CPU)) for _ in range(2)]
    outcomes: list[str] = []

    def run(index: int) -> None:
        try:
            adopt(client, plans[index], progress=print, timeout=60)
            outcomes.append("resized")
        except ResizeFailed as error:
            outcomes.append(str(error))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    first, second = sorted(outcomes, key=len)
    assert "resized" == first
    assert "nothing was changed" in second
    assert unfinished(client, namespace, "web") is None
    assert before.identities == assert_whole(client, namespace, CPU).identities
