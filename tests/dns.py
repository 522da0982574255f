"""Asking DNS servers past this machine's resolver: one question, or a steady load whose lost questions are counted."""

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

A, SRV = 1, 33
_CLASS = 1


@dataclass(frozen=True)
class Answer:
    """What a server answered: the code (0 is NOERROR), addresses, and (port, target) of SRV records."""

    code: int
    addresses: tuple[str, ...] = ()
    services: tuple[tuple[int, str], ...] = ()


def question(name: str, kind: int = A, identity: int = 1) -> bytes:
    """Return the message that asks for the records of a name."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return struct.pack(">6H", identity, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, _CLASS)


def parse(message: bytes) -> Answer:
    """Return what a message answers."""
    _, flags, questions, count, _, _ = struct.unpack_from(">6H", message)
    start, addresses, services = 12, [], []
    for _ in range(questions):
        _, start = _name(message, start)
        start += 4
    for _ in range(count):
        _, start = _name(message, start)
        kind, _, _, length = struct.unpack_from(">2HIH", message, start)
        start += 10
        if kind == A:
            addresses.append(socket.inet_ntoa(message[start : start + 4]))
        elif kind == SRV:
            (port,) = struct.unpack_from(">H", message, start + 4)
            services.append((port, _name(message, start + 6)[0]))
        start += length
    return Answer(flags & 15, tuple(sorted(addresses)), tuple(sorted(services)))


def _name(message: bytes, start: int) -> tuple[str, int]:
    """Return a name and where what follows it begins; a pointer leads back to where its end was written before."""
    labels, end = [], 0
    while message[start]:
        if message[start] >= 0xC0:
            end = end or start + 2
            start = struct.unpack_from(">H", message, start)[0] & 0x3FFF
            continue
        labels.append(message[start + 1 : start + 1 + message[start]].decode())
        start += 1 + message[start]
    return ".".join(labels), end or start + 1


def over_udp(server: str, port: int, name: str, kind: int = A, timeout: float = 2.0) -> Answer:
    """Ask over UDP, from a socket of its own; OSError where no answer comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        channel.sendto(question(name, kind), (server, port))
        return parse(channel.recv(4096))


def over_tcp(server: str, port: int, name: str, kind: int = A, timeout: float = 2.0) -> Answer:
    """Ask over TCP, on a connection of its own; OSError where no answer comes."""
    asked = question(name, kind)
    with socket.create_connection((server, port), timeout=timeout) as channel:
        channel.sendall(struct.pack(">H", len(asked)) + asked)
        (length,) = struct.unpack(">H", _exactly(channel, 2))
        return parse(_exactly(channel, length))


def _exactly(channel: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = channel.recv(count - len(found))
        if not part:
            raise OSError("the connection ended before the answer did")
        found += part
    return found


@dataclass
class Load:
    """A steady load on one server: over TCP, over UDP from new sockets, and over UDP from one that stays.

    The socket that stays is a flow that the node remembers, as a resolver's or a log shipper's is.
    """

    server: str
    port: int
    name: str
    rate: float = 15.0
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("tcp", "udp", "flow"), 0))
    lost: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("tcp", "udp", "flow"), 0))
    when: list[tuple[str, float, str]] = field(default_factory=list)

    @contextlib.contextmanager
    def steady(self) -> Iterator["Load"]:
        """Ask while the block runs; afterwards every question is counted as answered or lost."""
        stop, began = threading.Event(), time.monotonic()
        waiting: dict[int, float] = {}
        threads = [threading.Thread(target=self._ask, args=(kind, stop, began)) for kind in ("tcp", "udp")]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
            channel.settimeout(0.2)
            channel.connect((self.server, self.port))
            threads.append(threading.Thread(target=self._send, args=(channel, stop, waiting)))
            threads.append(threading.Thread(target=self._receive, args=(channel, stop, waiting)))
            for thread in threads:
                thread.start()
            try:
                yield self
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
        self.lost["flow"] += len(waiting)
        self.when += [("flow", sent - began, "no answer") for sent in waiting.values()]

    def _ask(self, kind: str, stop: threading.Event, began: float) -> None:
        ask = over_tcp if kind == "tcp" else over_udp
        while not stop.wait(1 / self.rate):
            self.sent[kind] += 1
            now = time.monotonic()
            try:
                answer = ask(self.server, self.port, self.name)
            except OSError as error:
                answer = Answer(-1, (str(error),))
            if answer.code or not answer.addresses:
                self.lost[kind] += 1
                self.when.append((kind, now - began, str(answer)))

    def _send(self, channel: socket.socket, stop: threading.Event, waiting: dict[int, float]) -> None:
        for identity in itertools.cycle(range(1, 65536)):
            if stop.wait(1 / self.rate):
                return
            self.sent["flow"] += 1
            waiting[identity] = time.monotonic()
            with contextlib.suppress(OSError):
                channel.send(question(self.name, identity=identity))

    @staticmethod
    def _receive(channel: socket.socket, stop: threading.Event, waiting: dict[int, float]) -> None:
        ends_at = float("inf")
        while time.monotonic() < ends_at:
            if stop.is_set() and ends_at == float("inf"):
                ends_at = time.monotonic() + 1.0
            with contextlib.suppress(OSError):
                waiting.pop(struct.unpack_from(">H", channel.recv(4096))[0], None)

    def __str__(self) -> str:
        return ", ".join(f"{kind}: {self.lost[kind]} of {self.sent[kind]} lost" for kind in self.sent)
