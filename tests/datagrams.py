"""Numbered datagrams to syslog servers behind a Service: which of them arrived nowhere, and which were refused."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from kubernetes.client import ApiException, CoreV1Api


@dataclass
class Stream:
    """A steady stream to one address, on one socket that stays or on a new one for each datagram.

    A socket that stays is a flow, which its node remembers together with the pod that it leads to.
    """

    name: str
    address: tuple[str, int]
    stays: bool = True
    rate: float = 20.0
    sent: dict[str, float] = field(default_factory=dict)
    """Each word, with the moment at which it was sent."""
    refused: list[float] = field(default_factory=list)
    """When a send was told that the one before it had been refused."""

    def send(self, stop: threading.Event) -> None:
        """Send until told to stop."""
        with self._socket() as flow:
            for number in itertools.count():
                if stop.wait(1 / self.rate):
                    return
                with contextlib.nullcontext(flow) if self.stays else self._socket() as channel:
                    word = f"{self.name}-{number}"
                    self.sent[word] = time.monotonic()
                    try:
                        channel.send(f"<13>{word}".encode())
                    except ConnectionRefusedError:
                        # The kernel tells of an earlier one, and sends nothing.
                        self.refused.append(time.monotonic())
                        channel.send(f"<13>{word}".encode())

    def _socket(self) -> socket.socket:
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        channel.connect(self.address)
        return channel


@contextlib.contextmanager
def steady(*streams: Stream) -> Iterator[None]:
    """Send all of them while the block runs."""
    stop = threading.Event()
    threads = [threading.Thread(target=stream.send, args=(stop,)) for stream in streams]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class Log:
    """The words that a syslog server has written to its log, read while it is entered, until its pod is gone.

    It is not followed, for which a kubelet takes one of the machine's few inotify instances.
    """

    def __init__(self, kube: Any, namespace: str, pod: str, container: str) -> None:
        self.words: set[str] = set()
        self._core: Any = CoreV1Api(kube)
        self._place = {"name": pod, "namespace": namespace, "container": container}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, before the cluster may be gone."""
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._stop.wait(0.3):
            try:
                self.words = set(self._core.read_namespaced_pod_log(**self._place).split())
            except ApiException as error:
                if error.status == 404:
                    return

    def wait_for_its_end(self, within: float) -> None:
        """Wait until the pod is gone."""
        self._thread.join(within)
        assert not self._thread.is_alive(), "the server has not ended"
