"""A real mutating admission webhook that drops what it does not know, as one built with old types does."""

import base64
import contextlib
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from components.actions.client import Client, Json
from tests.unit.actions.servers import make_certificate

_CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_RULES = {"pods": "", "deployments": "apps", "cronjobs": "batch"}


class Stripping(http.server.BaseHTTPRequestHandler):
    """Answers a review with a patch that removes `restartPolicy` of every init container."""

    def do_POST(self) -> None:
        """Answer one review."""
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = review["request"]
        spec, where = asked["object"]["spec"], "/spec"
        for part in ("jobTemplate", "template"):
            if part in spec:
                spec, where = spec[part]["spec"], f"{where}/{part}/spec"
        patch = [
            {"op": "remove", "path": f"{where}/initContainers/{index}/restartPolicy"}
            for index, each in enumerate(spec.get("initContainers") or [])
            if "restartPolicy" in each
        ]
        encoded = base64.b64encode(json.dumps(patch).encode()).decode()
        response = {"uid": asked["uid"], "allowed": True, "patchType": "JSONPatch", "patch": encoded}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def stripping(client: Client, namespace: str, resource: str, folder: Path) -> Iterator[None]:
    """Have the cluster send each new or changed object of a resource, in one namespace, through the webhook."""
    # The node's end of its link is the API server's address; the host's end is the one before.
    host = str(ip_address(str(urlsplit(client.server).hostname)) - 1)
    certificate, key = make_certificate(address=host)
    (folder / "cert.pem").write_text(certificate)
    (folder / "key.pem").write_text(key)
    server = http.server.ThreadingHTTPServer((host, 0), Stripping)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    name = f"strip-{namespace}-{resource}"
    try:
        url = f"https://{host}:{server.server_port}/"
        client.create(_CONFIGURATIONS, _configuration(name, namespace, resource, url, certificate))
        yield
    finally:
        client.delete(f"{_CONFIGURATIONS}/{name}")
        server.shutdown()
        thread.join()
        server.server_close()


def _configuration(name: str, namespace: str, resource: str, url: str, certificate: str) -> Json:
    rule = {"apiGroups": [_RULES[resource]], "apiVersions": ["v1"], "resources": [resource]}
    webhook = {
        "name": "strip.example.com",
        "clientConfig": {"url": url, "caBundle": base64.b64encode(certificate.encode()).decode()},
        "rules": [{**rule, "operations": ["CREATE", "UPDATE"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [webhook],
    }
