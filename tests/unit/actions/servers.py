"""API servers on the loopback address for tests of connections, and the kubeconfigs that lead to them."""

import base64
import contextlib
import datetime as dt
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import yaml

from components.actions.login import _as_file

SECRET = "made-up-token"


def kubeconfig(**user: Any) -> dict[str, Any]:
    """Return a kubeconfig with one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "c", "cluster": {"server": "https://cluster.invalid:6443"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": user or {"token": SECRET}}],
    }


def make_certificate(dns: str = "", address: str = "127.0.0.1") -> tuple[str, str]:
    """Return a self-signed certificate for an address, or for this name alone, and its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "double")])
    now = dt.datetime.now(dt.UTC)
    subject = x509.DNSName(dns) if dns else x509.IPAddress(ipaddress.ip_address(address))
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return pem, private


@contextlib.contextmanager
def https_double(certificate: tuple[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Serve kube-system's identity on loopback, to clients with this certificate only; yield address and log."""
    seen: list[str] = []

    class Double(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.path} {self.headers.get('Authorization')}")
            body = b'{"metadata": {"uid": "uid-system"}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Stay quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Double)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with _as_file(certificate[0].encode()) as cert, _as_file(certificate[1].encode()) as key:
        context.load_cert_chain(cert, key)
    context.load_verify_locations(cadata=certificate[0])
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def inline(certificate: tuple[str, str], server: str) -> str:
    """Return a kubeconfig with everything inline."""
    cert, key = (base64.b64encode(part.encode()).decode() for part in certificate)
    config = kubeconfig(**{"client-certificate-data": cert, "client-key-data": key})
    config["clusters"][0]["cluster"] = {"server": server, "certificate-authority-data": cert}
    return yaml.safe_dump(config)
