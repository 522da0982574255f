"""An API server that answers as a cloud's documents say: made up, not recorded.

It stands before a real one and passes everything on, but for what tells one cloud from another: the version, the nodes,
the API groups, and a load balancer's controller. So a program meets a real server in the shape of EKS, AKS or GKE.
"""

import contextlib
import http.server
import json
import re
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
import yaml

from components.actions.connection import Connection
from lab.cluster import identity
from lab.cluster.identity import Identity, ca_fingerprint
from tests.unit.actions.servers import make_certificate

LBC = "aws-load-balancer-controller"


@dataclass(frozen=True)
class Shape:
    """What a cloud's API server says; `lbc` is the version of an AWS Load Balancer Controller, where there is one."""

    git_version: str
    os_image: str
    runtime: str
    provider_id: str
    labels: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    lbc: str = ""


@contextlib.contextmanager
def shaped(real: Path, shape: Shape, folder: Path) -> Iterator[Path]:
    """Serve a real cluster in this shape on the loopback address; give the kubeconfig that leads there.

    The lab's engine takes it for a cluster of the lab's, which it is.
    """
    behind = Connection(real.read_text()).client()
    pool, target = behind._transport.rest_client.pool_manager, behind.server

    class Proxy(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            kept = {name: self.headers[name] for name in ("Accept", "Content-Type") if self.headers[name]}
            path = urlsplit(self.path).path
            made = _made(path, self.path, shape)
            if made is not None:
                self._answer(200, json.dumps(made).encode())
                return
            answer = pool.request(
                self.command, target + self.path, body=self.rfile.read(length), headers=kept, retries=False
            )
            body = answer.data
            if answer.status == 200 and self.command == "GET" and path in ("/version", "/apis", "/api/v1/nodes"):
                body = json.dumps(_changed(path, json.loads(body), shape)).encode()
            self._answer(answer.status, body, answer.headers.get("Content-Type", "application/json"))

        def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass_on  # noqa: N815  # the names that the server calls

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    certificate, key = make_certificate()
    (folder / "shape.crt").write_text(certificate)
    (folder / "shape.key").write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "shape.crt", folder / "shape.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    address = f"https://127.0.0.1:{server.server_port}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "shaped",
        "clusters": [{"name": "c", "cluster": {"server": address, "certificate-authority": str(folder / "shape.crt")}}],
        "users": [{"name": "u", "user": {"token": "nobody-looks-at-it"}}],
        "contexts": [{"name": "shaped", "context": {"cluster": "c", "user": "u"}}],
    }
    path = folder / "shaped.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    uid = behind.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    name = f"shaped-{server.server_port}"
    identity.register(Identity(uid, address, ca_fingerprint(certificate.encode()), name))
    try:
        yield path
    finally:
        identity.forget(name)
        server.shutdown()
        thread.join()
        server.server_close()
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            behind.close()


def _made(path: str, whole: str, shape: Shape) -> dict[str, Any] | None:
    """Return an answer that the real server has no part in."""
    if re.fullmatch(r"/apis/apps/v1/(namespaces/kube-system/)?deployments", path) and LBC in whole:
        image = f"public.ecr.aws/eks/{LBC}:{shape.lbc}"
        spec = {"template": {"spec": {"containers": [{"name": "controller", "image": image}]}}}
        return {"items": [{"metadata": {"name": LBC}, "spec": spec}] if shape.lbc else []}
    return None


def _changed(path: str, answer: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Return a real answer in this shape."""
    if path == "/version":
        return {**answer, "gitVersion": shape.git_version, "minor": shape.git_version.split(".")[1] + "+"}
    if path == "/apis":
        return {**answer, "groups": [*answer["groups"], *({"name": group} for group in shape.groups)]}
    for number, node in enumerate(answer["items"]):
        node["spec"]["providerID"] = shape.provider_id + str(number)
        node["metadata"]["labels"] = {**node["metadata"].get("labels", {}), **shape.labels}
        node["metadata"]["annotations"] = {}
        node["status"]["runtimeHandlers"] = [{"name": ""}, {"name": "runc"}]
        node["status"]["nodeInfo"] |= {
            "kubeletVersion": shape.git_version,
            "osImage": shape.os_image,
            "containerRuntimeVersion": shape.runtime,
        }
    return answer
