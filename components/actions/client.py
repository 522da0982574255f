"""Plain JSON requests to a Kubernetes API server, over the official client's transport and credentials.

The official `ApiClient` brings TLS, proxies, tokens and exec plugins. What it does not give is a way to talk
in plain dicts, with field managers, dry runs and preconditions, that stays the same across its major
versions; so requests go straight through its connection pool.
"""

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol, Self, cast
from urllib.parse import quote, urlencode

from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError
from urllib3.util import Timeout

from components.actions.errors import ApiError, ConnectionProblem

Json = dict[str, Any]
Items = list[Json]
Headers = list[str]
PatchType = Literal["merge", "strategic", "json", "apply"]

_CONTENT_TYPES: dict[PatchType, str] = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}
_ESCAPED = re.compile("[<>&\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_CONNECT_SECONDS = 5.0
_PAGE = 500
_AGENT = "kubernetes-emerging"
# Pauses before further attempts at a request that never reached the server, or that it asked to repeat.
_PAUSES = (0.3, 1.0)


class Transport(Protocol):
    """What is used of `kubernetes.client.ApiClient`: its configuration and its connection pool."""

    configuration: Any
    rest_client: Any


class Client:
    """Requests by path with dict bodies; one instance may be used by several threads.

    Every method raises `ApiError` for an answer outside 2xx and `ConnectionProblem` when there is none.
    `timeout` is the seconds that any single answer may take. `renew` logs in anew: it is called once for a request that
    the server answers with 401, which it has not processed, so that a wait may outlive a token. With
    `remember` each question (GET) that was answered is asked once, by whichever thread: for looks at what does not
    change meanwhile.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        timeout: float = 30.0,
        renew: Callable[[], Transport] | None = None,
        remember: bool = False,
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._renew = renew
        self._renewing = threading.Lock()
        self._remembered: dict[str, bytes] | None = {} if remember else None
        self._asking = threading.Lock()

    def __repr__(self) -> str:
        return f"Client({self.server})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client can be used again and opens new ones."""
        self._transport.rest_client.pool_manager.clear()

    @property
    def server(self) -> str:
        """The address of the API server."""
        return str(self._transport.configuration.host)

    def get(self, path: str, **query: str) -> Json:
        """Return the object at `path`."""
        return self._json("GET", path, query)

    def find(self, path: str) -> Json | None:
        """Return the object at `path`, or None when it is not there."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.not_found:
                return None
            raise

    def list(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Items:
        """Return all objects of the collection at `path`, in pages."""
        query = {"limit": str(_PAGE)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        items: Items = []
        while True:
            page = self._json("GET", path, query)
            items.extend(page.get("items") or [])
            following = page.get("metadata", {}).get("continue")
            if not following:
                return items
            query["continue"] = following

    def create(self, path: str, body: Json, *, field_manager: str = "", dry_run: bool = False) -> Json:
        """POST `body` to the collection at `path`."""
        return self._json("POST", path, _write_query(field_manager, dry_run=dry_run), body)

    def patch(
        self,
        path: str,
        body: Json | Items,
        *,
        kind: PatchType = "merge",
        field_manager: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Json:
        """PATCH the object or subresource at `path`; `force` is for `kind="apply"`."""
        query = _write_query(field_manager, dry_run=dry_run)
        if force:
            query["force"] = "true"
        return self._json("PATCH", path, query, body, _CONTENT_TYPES[kind])

    def delete(self, path: str, *, uid: str = "", propagation: str = "Background") -> bool:
        """DELETE the object at `path`; False when it was not there. `uid` is a precondition."""
        options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._json("DELETE", path, {}, options)
        except ApiError as error:
            if error.not_found:
                return False
            raise
        return True

    def text(self, path: str, **query: str) -> str:
        """Return the answer as text: container logs."""
        return self._send("GET", path, query, None, "").decode("utf-8", "replace")

    def socket_settings(self) -> tuple[str, Headers, Any, str | None]:
        """Return what opens a WebSocket to the server: its address, credentials as headers, TLS context and proxy."""
        settings = self._transport.configuration
        headers = [f"{each['key']}: {each['value']}" for each in settings.auth_settings().values()]
        tls = self._transport.rest_client.pool_manager.connection_pool_kw.get("ssl_context")
        return self.server, [*headers, f"User-Agent: {_AGENT}"], tls, settings.proxy

    def version(self) -> tuple[int, int]:
        """Return major and minor version of the API server, for example `(1, 33)`."""
        answer = self.get("/version")
        # Managed clouds write "33+".
        minor = "".join(c for c in str(answer.get("minor", "0")) if c.isdigit())
        return int(answer.get("major", 1)), int(minor or 0)

    def serves(self, group_version_path: str, resource: str) -> bool:
        """Tell whether the API at e.g. `/api/v1` offers `resource`, e.g. `pods/resize` (discovery)."""
        answer = self.find(group_version_path)
        return answer is not None and any(r.get("name") == resource for r in answer.get("resources", []))

    def may(self, verb: str, resource: str, *, namespace: str, group: str = "") -> bool:
        """Tell whether this identity may do `verb` on `resource` (`pods/resize` names a subresource)."""
        kind, _, subresource = resource.partition("/")
        attributes = {
            "verb": verb,
            "group": group,
            "resource": kind,
            "subresource": subresource,
            "namespace": namespace,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = self.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer.get("status", {}).get("allowed"))

    def _json(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Json | Items | None = None,
        content_type: str = "application/json",
    ) -> Json:
        data = self._send(method, path, query, body, content_type)
        return cast("Json", json.loads(data)) if data else {}

    def _send(
        self, method: str, path: str, query: dict[str, str], body: Json | Items | None, content_type: str
    ) -> bytes:
        if self._remembered is None or method != "GET":
            return self._ask(method, path, query, body, content_type)
        question = f"{path}?{urlencode(query)}"
        with self._asking:
            if question not in self._remembered:
                self._remembered[question] = self._ask(method, path, query, body, content_type)
        return self._remembered[question]

    def _ask(
        self, method: str, path: str, query: dict[str, str], body: Json | Items | None, content_type: str
    ) -> bytes:
        url = self.server + path + (f"?{urlencode(query)}" if query else "")
        payload = None if body is None else _encoded(body)
        renewed = False
        for pause in (*_PAUSES, None):
            transport = self._transport
            status, answer, retry_after = self._attempt(method, url, payload, content_type, last=pause is None)
            if status == 401 and self._renew is not None and not renewed:
                renewed = True
                self._log_in_again(transport)
                status, answer, retry_after = self._attempt(method, url, payload, content_type, last=pause is None)
            # 429 says that the request was not processed, whatever its method.
            if pause is not None and status in {0, 429}:
                time.sleep(max(pause, retry_after))
                continue
            if 200 <= status < 300:
                return answer
            raise _api_error(f"{method} {path}", status, answer, self.server)
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _log_in_again(self, refused: Transport) -> None:
        """Take new credentials, unless another thread has since the request that was refused."""
        assert self._renew is not None  # noqa: S101  # who calls has looked
        with self._renewing:
            if self._transport is refused:
                self._transport = self._renew()

    def _attempt(
        self, method: str, url: str, payload: bytes | None, content_type: str, *, last: bool
    ) -> tuple[int, bytes, float]:
        """Send once; return status, body, Retry-After. Status 0: repeating is safe and may help."""
        headers = {"Accept": "application/json", "User-Agent": _AGENT}
        if content_type:
            headers["Content-Type"] = content_type
        for setting in self._transport.configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"]
        try:
            response = self._transport.rest_client.pool_manager.request(
                method,
                url,
                body=payload,
                headers=headers,
                retries=False,
                timeout=Timeout(connect=_CONNECT_SECONDS, read=self._timeout),
            )
        except SSLError as error:
            raise ConnectionProblem(
                f"{self.server} does not pass the TLS check ({_short(error)})",
                "check the certificate authority and the client certificate in the kubeconfig",
            ) from None
        except HTTPError as error:
            never_sent = isinstance(error, (NewConnectionError, ConnectTimeoutError))
            if not last and (never_sent or method == "GET"):
                return 0, b"", 0.0
            raise ConnectionProblem(
                f"{self.server} does not answer ({_short(error)})",
                "check that the cluster runs and that this machine can reach it",
            ) from None
        retry_after = response.headers.get("Retry-After", "")
        return response.status, response.data, float(retry_after) if retry_after.isdigit() else 0.0


def path_of(group_version: str, resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """Return an API path: `path_of("apps/v1", "deployments", "web", "shop")`."""
    parts = ["/apis" if "/" in group_version else "/api", group_version]
    if namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(resource)
    parts += [quote(part, safe="") for part in (name, subresource) if part]
    return "/".join(parts)


def _encoded(body: Json | Items) -> bytes:
    """Return a body as JSON that is YAML, too, as which the server reads what is applied.

    YAML knows no pairs of escapes for one character, and takes some characters as escapes only. Beside those it is
    written as Go writes it: of what a field holds raw, as a ControllerRevision does, controllers compare the bytes.
    """
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _write_query(field_manager: str, *, dry_run: bool) -> dict[str, str]:
    query = {"fieldManager": field_manager} if field_manager else {}
    return query | ({"dryRun": "All"} if dry_run else {})


def _api_error(request: str, status: int, answer: bytes, server: str) -> ApiError | ConnectionProblem:
    try:
        body = json.loads(answer)
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    message = str(body.get("message") or answer.decode("utf-8", "replace")[:200] or f"HTTP {status}")
    if status == 401:
        return ConnectionProblem(
            f"{server} does not accept the credentials of the kubeconfig",
            "renew them (log in again) and repeat",
        )
    details = body.get("details") or {}
    causes = [
        (str(c.get("field", "")), str(c.get("reason", "")), str(c.get("message", "")))
        for c in details.get("causes") or []
    ]
    return ApiError(status, str(body.get("reason", "")), message, request=request, causes=causes)


def _short(error: Exception) -> str:
    """Return the last, human part of urllib3's nested texts, without object addresses."""
    return str(error).rsplit(": ", 1)[-1].strip(" )'\"") or type(error).__name__
