"""One API server over HTTPS: requests with plain JSON, discovery, and the proof that the lab made it.

It reads the kubeconfigs that the lab writes (a server, a CA, a client certificate or token): keys go from
memory into the TLS context, never through a temporary file, and connections are kept for parallel steps.
"""

import base64
import contextlib
import json
import os
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

from lab.cluster import identity
from lab.engine.errors import EngineError, Unsupported
from lab.engine.values import Object

CONNECTIONS = 32


class ApiError(Exception):
    """The API server refused a request: `status` is the HTTP code, `reason` its own word, as in Status objects."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Cluster:
    """A connection to the cluster of a kubeconfig (its content or a path) and context (default: its current one).

    EngineError tells what is missing or malformed. Nothing is sent before the first request.
    """

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        cluster, user = _entries(_load(kubeconfig), context)
        self.server = str(cluster.get("server", "")).rstrip("/")
        ca = _data(cluster, "certificate-authority")
        self.ca_sha256 = _fingerprint(ca)
        self._headers = {"Accept": "application/json", "User-Agent": "kubernetes-emerging-lab"}
        if user.get("token"):
            self._headers["Authorization"] = f"Bearer {user['token']}"
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS,
            block=True,
            ssl_context=_tls(ca, _data(user, "client-certificate"), _data(user, "client-key")),
            retries=urllib3.Retry(connect=2, read=0, redirect=0, status=0, other=0, backoff_factor=0.2),
            timeout=urllib3.Timeout(connect=5, read=70),
        )
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def request(
        self, method: str, path: str, query: dict[str, str] | None = None, body: object = None, kind: str = "json"
    ) -> Object:
        """Send one request and return the JSON answer. `kind`: json, apply-patch+yaml, json-patch+json."""
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = self._headers if body is None else {**self._headers, "Content-Type": f"application/{kind}"}
        try:
            answer = self._pool.request(
                method, url, headers=headers, body=None if body is None else json.dumps(body).encode()
            )
        except urllib3.exceptions.HTTPError as error:
            msg = f"the API server {self.server} cannot be reached: {error}"
            raise EngineError(msg) from error
        content: Any = {}
        with contextlib.suppress(ValueError):
            content = json.loads(answer.data)
        if answer.status >= 400:
            status = content if isinstance(content, dict) else {}
            message = status.get("message") or answer.data.decode(errors="replace")[:500]
            raise ApiError(answer.status, str(status.get("reason", "")), str(message))
        return content if isinstance(content, dict) else {}

    def resource(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Return (plural name, namespaced) of a kind. ApiError 404 "NoMatch" when the server does not know it."""
        for fresh in (False, True):
            kinds = self._discover(api_version, fresh=fresh)
            if kind in kinds:
                return kinds[kind]
        raise ApiError(404, "NoMatch", f'no matches for kind "{kind}" in version "{api_version}"')

    def _discover(self, api_version: str, *, fresh: bool) -> dict[str, tuple[str, bool]]:
        with self._lock:
            if fresh or api_version not in self._kinds:
                try:
                    found = self.request("GET", f"{root(api_version)}").get("resources", [])
                except ApiError as error:
                    if error.status != 404:
                        raise
                    found = []
                self._kinds[api_version] = {
                    entry["kind"]: (entry["name"], entry["namespaced"]) for entry in found if "/" not in entry["name"]
                }
            return self._kinds[api_version]

    def require_lab(self) -> None:
        """Raise EngineError unless this is a cluster that the lab made."""
        uid = self.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
        if not identity.known(self.server, self.ca_sha256, uid):
            msg = (
                f"{self.server} is not a cluster that the lab made, and the lab's engine works on no other; "
                "use the official Pulumi CLI for it (https://www.pulumi.com/docs/install/)"
            )
            raise EngineError(msg)


def root(api_version: str) -> str:
    """Return the API path of a group and version."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _load(kubeconfig: str) -> Object:
    text = kubeconfig
    if "\n" not in kubeconfig and not kubeconfig.lstrip().startswith("{"):
        path = Path(kubeconfig).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            msg = f"kubeconfig {path}: {error.strerror}"
            raise EngineError(msg) from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # The parser's own words would quote the file, which holds keys.
        msg = "the provider's kubeconfig is not YAML"
        raise EngineError(msg) from error
    if not isinstance(content, dict):
        msg = "the provider's kubeconfig is not a mapping; give its content or an existing path"
        raise EngineError(msg)
    return content


def _entries(config: Object, context: str | None) -> tuple[Object, Object]:
    def named(section: str, name: str | None, inner: str) -> Object:
        for entry in config.get(section) or []:
            if entry.get("name") == name:
                return dict(entry.get(inner) or {})
        msg = f"the provider's kubeconfig has no {inner} {name!r} in {section}"
        raise EngineError(msg)

    chosen = named("contexts", context or config.get("current-context"), "context")
    user = named("users", chosen.get("user"), "user")
    for feature in ("exec", "auth-provider", "username", "tokenFile"):
        if feature in user:
            feature_name = f"kubeconfig users with {feature}"
            raise Unsupported(feature_name)
    return named("clusters", chosen.get("cluster"), "cluster"), user


def _data(entry: Object, key: str) -> bytes | None:
    if entry.get(f"{key}-data"):
        return base64.b64decode(entry[f"{key}-data"])
    return Path(entry[key]).read_bytes() if entry.get(key) else None


def _fingerprint(ca: bytes | None) -> str:
    try:
        return identity.ca_fingerprint(ca or b"")
    except ValueError as error:
        msg = "the provider's kubeconfig names no readable certificate authority"
        raise EngineError(msg) from error


@contextlib.contextmanager
def _memory_file(content: bytes) -> Iterator[str]:
    descriptor = os.memfd_create("pem")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _tls(ca: bytes | None, certificate: bytes | None, key: bytes | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca.decode() if ca else None)
    if certificate and key:
        # The ssl module loads client keys from paths only; these exist in memory alone.
        with _memory_file(certificate) as cert_path, _memory_file(key) as key_path:
            context.load_cert_chain(cert_path, key_path)
    return context
