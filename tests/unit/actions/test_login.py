"""Logging in: programs of the clouds, tokens that end during a wait, proxies, names of servers, kind."""

import contextlib
import http.server
import json
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.actions.client import Client
from components.actions.connection import load_kubeconfig
from components.actions.errors import ApiError, ConnectionProblem
from components.actions.kubeconfig import of_kind
from tests.unit.actions.doubles import DoubleTransport
from tests.unit.actions.servers import https_double, inline, kubeconfig, make_certificate

PLUGINS = {
    "aws": "install the AWS CLI",
    "kubelogin": "az aks install-cli",
    "gke-gcloud-auth-plugin": "gcloud components install gke-gcloud-auth-plugin",
    "aws-iam-authenticator": "aws eks update-kubeconfig",
}


def script(path: Path, text: str) -> Path:
    """Write a shell script that can be run."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@contextlib.contextmanager
def server_of_last_token(tokens: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve over HTTP to who brings the token that was given out last; 401 for every other."""
    seen: list[str] = []

    class Double(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = str(self.headers.get("Authorization")).removeprefix("Bearer ")
            good = given == tokens.read_text()
            seen.append(f"{given} {200 if good else 401}")
            body = json.dumps({"kind": "Status"} if good else {"message": "Unauthorized"}).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Double)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("program", "words"), PLUGINS.items())
def test_a_missing_program_of_a_cloud_is_found_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, words: str
) -> None:
    """Its name and how to get it are told, before anything is connected to."""
    monkeypatch.setenv("PATH", str(tmp_path))
    config = kubeconfig()
    config["users"][0]["user"] = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": program}}

    with pytest.raises(ValueError, match=f"logs in with the program '{program}', which is not installed: .*{words}"):
        load_kubeconfig(yaml.safe_dump(config))


def test_a_login_is_renewed_when_its_token_ends(tmp_path: Path) -> None:
    """A token that the server takes no longer is followed by a new one of the program, and the request is repeated."""
    tokens, count = tmp_path / "token", tmp_path / "count"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "%s"}}
    plugin = script(
        tmp_path / "login",
        f"echo x >> {count}; n=$(wc -l < {count}); printf token-$n > {tokens}\n"
        f"printf '{json.dumps(credential)}' token-$n",
    )
    with server_of_last_token(tokens) as (server, seen):
        config = kubeconfig()
        config["clusters"][0]["cluster"] = {"server": server}
        config["users"][0]["user"] = {"exec": {"apiVersion": credential["apiVersion"], "command": str(plugin)}}
        connection = load_kubeconfig(yaml.safe_dump(config))
        client, other = connection.client(), connection.client()
        assert {"kind": "Status"} == client.get("/one")
        tokens.write_text("another")  # what the server knows has ended
        assert {"kind": "Status"} == client.get("/two")
        assert {"kind": "Status"} == other.get("/three")
        assert {"kind": "Status"} == connection.client().get("/four")

    # Two runs of the program for three clients: a cloud's takes a second, and a deployment makes many clients.
    assert ["x", "x"] == count.read_text().split()
    assert ["token-1 200", "token-1 401", "token-2 200", "token-1 401", "token-2 200", "token-2 200"] == seen


def test_a_login_that_is_refused_twice_is_a_problem() -> None:
    """It is renewed once for a request; then the credentials are what is wrong, and no more is tried."""
    logins: list[DoubleTransport] = []

    def log_in() -> DoubleTransport:
        logins.append(DoubleTransport(lambda *_: (401, {"message": "Unauthorized"})))
        return logins[-1]

    with pytest.raises(ConnectionProblem, match="does not accept the credentials"):
        Client(log_in(), renew=log_in).get("/x")
    assert [1, 1] == [len(each.requests) for each in logins]


def test_many_threads_log_in_once() -> None:
    """Those who were refused with the same login share the new one."""
    refused = DoubleTransport(lambda *_: (401, {}))
    fresh = DoubleTransport(lambda *_: (200, {"kind": "Status"}))
    logins = []
    barrier = threading.Barrier(4)

    def log_in() -> DoubleTransport:
        logins.append(1)
        return fresh

    client = Client(refused, renew=log_in)

    def ask() -> None:
        barrier.wait()
        client.get("/x")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([1], 4) == (logins, len(fresh.requests))


def test_a_remembering_client_asks_once() -> None:
    """What was answered is not asked again; what failed is, and so is everything that is no question."""
    answers = iter([(403, {"message": "no"}), (200, {"kind": "A"}), (201, {"kind": "B"}), (201, {"kind": "B"})])
    transport = DoubleTransport(lambda *_: next(answers))
    client = Client(transport, remember=True)

    with pytest.raises(ApiError):
        client.get("/a")
    assert {"kind": "A"} == client.get("/a")
    assert {"kind": "A"} == client.get("/a")
    client.create("/b", {})
    client.create("/b", {})
    assert ["GET", "GET", "POST", "POST"] == [method for method, *_ in transport.requests]


@contextlib.contextmanager
def connect_proxy(real: tuple[str, int]) -> Iterator[tuple[str, list[str]]]:
    """Serve as an HTTP proxy whose every tunnel leads to one address; give its URL and what it was asked for."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                inside, _ = listener.accept()
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += inside.recv(1)
                asked.append(head.decode().splitlines()[0])
                outside = socket.create_connection(real)
                inside.sendall(b"HTTP/1.1 200 tunnel\r\n\r\n")
                back = threading.Thread(target=pump, args=(outside, inside))
                back.start()
                pump(inside, outside)
                back.join()
                inside.close()
                outside.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_proxy_and_another_server_name_are_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is reached through `proxy-url`, and its certificate is checked against `tls-server-name`."""
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    certificate = make_certificate("api.internal")
    with https_double(certificate) as (server, seen):
        port = int(server.rpartition(":")[2])
        with connect_proxy(("127.0.0.1", port)) as (proxy, asked):
            config = yaml.safe_load(inline(certificate, "https://cluster.invalid:6443"))
            config["clusters"][0]["cluster"] |= {"proxy-url": proxy, "tls-server-name": "api.internal"}
            with load_kubeconfig(yaml.safe_dump(config)).client() as client:
                assert "uid-system" == client.get("/x")["metadata"]["uid"]
            assert [["CONNECT", "cluster.invalid:6443"]] == [line.split()[:2] for line in asked]
            assert ["/x None"] == seen

            del config["clusters"][0]["cluster"]["tls-server-name"]
            with (
                load_kubeconfig(yaml.safe_dump(config)).client() as client,
                pytest.raises(ConnectionProblem, match="does not pass the TLS check"),
            ):
                client.get("/x")


def test_a_kind_cluster_is_found_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A double of kind checks what it is asked; its words, and its absence, are told with the remedy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="kind is not on PATH: install it"):
        of_kind("mine")
    script(
        tmp_path / "kind",
        '[ "$*" = "get kubeconfig --name mine" ] && { echo "kind: Config"; exit 0; }\n'
        "echo 'ERROR: could not locate any control plane nodes' >&2; exit 1",
    )

    assert "kind: Config\n" == of_kind("mine")
    with pytest.raises(ValueError, match=r"no kind cluster 'other' here \(ERROR: could not locate.*--name other`"):
        of_kind("other")
