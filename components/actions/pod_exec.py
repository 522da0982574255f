"""Commands that are run in containers, by the WebSocket protocol of `pods/exec` (v4.channel.k8s.io).

The official client opens its WebSockets with credentials that lie in files; ours stay in memory, so this goes through
the same library with the TLS context that every other request has.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from components.actions.client import Client, Json, path_of
from components.actions.errors import ApiError, ConnectionProblem

_PROTOCOL = "v4.channel.k8s.io"
_OUT, _ERR, _STATUS = 1, 2, 3


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit code, and what it wrote to stdout and stderr."""

    code: int
    out: bytes
    err: bytes


def run_in(
    client: Client, namespace: str, pod: str, container: str, command: Sequence[str], *, timeout: float = 30.0
) -> Ran:
    """Run a command in a running container, without a shell, and return how it ended.

    `timeout` is in seconds, for the whole. Raises `ApiError` when the server refuses or the command cannot be started,
    and `ConnectionProblem` when it does not answer or has not ended in time.
    """
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", c) for c in command)]
    path = path_of("v1", "pods", namespace, pod, "exec")
    ended, written = "", {_OUT: b"", _ERR: b""}
    deadline = time.monotonic() + timeout
    socket = _open(client, f"{path}?{urlencode(query)}", timeout)
    try:
        while True:
            socket.settimeout(max(0.1, deadline - time.monotonic()))
            frame = _bytes(_received(socket, client, command, timeout))
            if not frame:
                break
            channel, content = frame[0], frame[1:]
            if channel in written:
                written[channel] += content
            elif channel == _STATUS:
                ended += content.decode()
    finally:
        socket.close()
    return Ran(_exit_code(path, ended), written[_OUT], written[_ERR])


def _open(client: Client, path: str, timeout: float) -> Any:
    # Late, as the rest of the client: a tenth of a second that only live work should cost.
    import websocket  # noqa: PLC0415

    server, headers, tls, proxy = client.socket_settings()
    via = urlsplit(proxy) if proxy else None
    options: dict[str, Any] = (
        {"http_proxy_host": via.hostname, "http_proxy_port": via.port, "proxy_type": "http"} if via else {}
    )
    try:
        return websocket.create_connection(
            server.replace("http", "ws", 1) + path,
            timeout=timeout,
            header=headers,
            subprotocols=[_PROTOCOL],
            sslopt={"context": tls} if tls is not None else None,
            suppress_origin=True,
            **options,
        )
    except websocket.WebSocketBadStatusException as refused:
        request = f"POST {path.partition('?')[0]}"
        raise ApiError(refused.status_code, "", _message(refused), request=request) from None
    except (OSError, websocket.WebSocketException) as error:
        raise _silent(client, str(error)) from None


def _received(socket: Any, client: Client, command: Sequence[str], timeout: float) -> Any:
    import websocket  # noqa: PLC0415

    try:
        return socket.recv()
    except websocket.WebSocketConnectionClosedException:
        return b""
    except websocket.WebSocketTimeoutException:
        raise _silent(client, f"{command[0]!r} has not ended within {timeout:g} s") from None
    except (OSError, websocket.WebSocketException) as error:
        raise _silent(client, str(error)) from None


def _bytes(frame: Any) -> bytes:
    return frame.encode() if isinstance(frame, str) else bytes(frame)


def _silent(client: Client, why: str) -> ConnectionProblem:
    return ConnectionProblem(f"{client.server} does not run it ({why})", "check the cluster and repeat")


def _message(refused: Any) -> str:
    try:
        return str(json.loads(refused.resp_body)["message"])
    except (ValueError, TypeError, KeyError):
        return f"HTTP {refused.status_code}"


def _exit_code(path: str, ended: str) -> int:
    status: Json = json.loads(ended) if ended else {"message": "it was cut off before it ended"}
    if status.get("status") == "Success":
        return 0
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise ApiError(500, str(status.get("reason", "")), str(status.get("message", "")), request=f"POST {path}")
