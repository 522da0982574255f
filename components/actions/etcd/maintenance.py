"""etcd's own protocol, as far as a snapshot needs it: a key, the member's status, and the stream of its database.

The messages are those of etcd's rpc.proto (3.5 and 3.6), without the fields that nobody reads here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from components.actions.errors import ActionError

_TYPES = descriptor_pb2.FieldDescriptorProto
_MESSAGES: dict[str, list[tuple[str, int, Any, str]]] = {
    "ResponseHeader": [("revision", 3, _TYPES.TYPE_INT64, "")],
    "RangeRequest": [("key", 1, _TYPES.TYPE_BYTES, "")],
    "KeyValue": [("value", 5, _TYPES.TYPE_BYTES, "")],
    "RangeResponse": [
        ("header", 1, _TYPES.TYPE_MESSAGE, "ResponseHeader"),
        ("kvs", 2, _TYPES.TYPE_MESSAGE, "KeyValue"),
    ],
    "StatusRequest": [],
    "StatusResponse": [("version", 2, _TYPES.TYPE_STRING, "")],
    "SnapshotRequest": [],
    "SnapshotResponse": [("blob", 3, _TYPES.TYPE_BYTES, "")],
}
_LISTS = {"kvs"}
# A stream has no end that could be foreseen; a member that is gone is noticed all the same. etcd takes 5 s and more.
_ALIVE = [("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 20_000)]


@dataclass(frozen=True)
class Access:
    """How etcd is reached: its URL, and the files of the authority that it is known by and of a client certificate."""

    endpoint: str
    cacert: Path
    cert: Path
    key: Path


class Etcd:
    """A connection to one member of an etcd cluster. Raises `ActionError` for files that cannot be read."""

    def __init__(self, access: Access, *, timeout: float = 20.0) -> None:
        self.endpoint = access.endpoint
        self._timeout = timeout
        url = urlsplit(access.endpoint)
        if url.scheme != "https" or not url.netloc:
            raise ActionError(f"{access.endpoint!r} is no address of an etcd: write https://127.0.0.1:2379")
        contents = [_read(path) for path in (access.cacert, access.key, access.cert)]
        self._channel = grpc.secure_channel(url.netloc, grpc.ssl_channel_credentials(*contents), _ALIVE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def version(self) -> str:
        """Return etcd's version."""
        return str(self._call("Maintenance/Status", _message("StatusRequest"), "StatusResponse").version)

    def read(self, key: str) -> tuple[int, bytes | None]:
        """Return the revision that the store is at, and the value of a key, None where there is none."""
        found = self._call("KV/Range", _message("RangeRequest", key=key.encode()), "RangeResponse")
        return int(found.header.revision), bytes(found.kvs[0].value) if found.kvs else None

    def snapshot(self) -> Iterator[bytes]:
        """Yield the database, and after it its sha256, as etcd sends them."""
        call = self._channel.unary_stream(
            "/etcdserverpb.Maintenance/Snapshot", _to_bytes, _MESSAGE["SnapshotResponse"].FromString
        )
        try:
            for part in call(_message("SnapshotRequest")):
                yield bytes(part.blob)
        except grpc.RpcError as error:
            raise self._problem(error) from None

    def _call(self, method: str, request: Any, answer: str) -> Any:
        call: Callable[..., Any] = self._channel.unary_unary(
            f"/etcdserverpb.{method}", _to_bytes, _MESSAGE[answer].FromString
        )
        try:
            return call(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise self._problem(error) from None

    def _problem(self, error: Any) -> ActionError:
        return ActionError(
            f"{self.endpoint} gives no snapshot ({error.code().name.lower()}: {str(error.details())[:200]}): run it "
            "where etcd can be reached, and check --endpoint, --cacert, --cert and --key"
        )


def _to_bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _message(name: str, **fields: Any) -> Any:
    return _MESSAGE[name](**fields)


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="etcd.proto", package="etcdserverpb", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            label = _TYPES.LABEL_REPEATED if field in _LISTS else _TYPES.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label, type=kind)
            if of:
                added.type_name = f".etcdserverpb.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"etcdserverpb.{name}")) for name in _MESSAGES
    }


_MESSAGE = _classes()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ActionError(f"{path} cannot be read ({error.strerror}): name etcd's own files, as root") from None
