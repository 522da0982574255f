"""Logging in: from a kubeconfig to the official client, with its TLS context made in memory.

Nothing is left on disk. The official loader writes inline certificates to temporary files that live as long
as the process; here they go into the TLS context through memory, and what an exec plugin returns through a
private folder that is gone before the client is used.
"""

import base64
import contextlib
import functools
import hashlib
import logging
import os
import ssl
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from urllib3.util.ssl_ import create_urllib3_context

from components.actions import kubeconfig
from components.actions.errors import ConnectionProblem

_IMPORTING = threading.Lock()
_LOGGING_IN = threading.Lock()


@dataclass(frozen=True)
class Login:
    """Who was logged in, in the official client's terms; any number of clients may be made of it."""

    configuration: Any
    tls: ssl.SSLContext | None

    def transport(self) -> Any:
        """Return an official client of its own, with connections of its own."""
        ApiClient, _, _ = _official()  # noqa: N806 - it is a class
        api = ApiClient(self.configuration)
        if self.tls is not None:
            settings = api.rest_client.pool_manager.connection_pool_kw
            for file_setting in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
                settings.pop(file_setting, None)
            settings["ssl_context"] = self.tls
        return api


# By a hash of kubeconfig and context. A cloud's login program takes a second, and a run makes many clients.
_logins: dict[str, Login] = {}


def log_in(content: str, context: str | None, refused: Login | None = None) -> Login:
    """Return the login of a kubeconfig's content and context, the one that this process has unless it was `refused`.

    Raises `ValueError` and `ConnectionProblem` for what cannot be used; a login program is run at most once at a time.
    """
    config = kubeconfig.parse(content)
    _, _, user = kubeconfig.chosen(config, context)
    if not user.get("exec"):
        return _login(config, context)  # costs nothing, and a token file may have been renewed
    key = hashlib.sha256(f"{context}\n{content}".encode()).hexdigest()
    with _LOGGING_IN:
        if key not in _logins or _logins[key] is refused:
            _logins[key] = _login(config, context)
        return _logins[key]


@functools.cache
def _imported() -> tuple[Any, Any, Any]:
    # Late: a third of a second that only live work should cost.
    from kubernetes.client import ApiClient, Configuration  # noqa: PLC0415
    from kubernetes.config import kube_config  # noqa: PLC0415

    return ApiClient, Configuration, kube_config


def _official() -> tuple[Any, Any, Any]:
    """Return the official client's parts; its lazy modules deadlock when threads import them at the same time."""
    with _IMPORTING:
        return _imported()


def _login(config: dict[str, Any], context: str | None) -> Login:
    """Log in by this kubeconfig, which is changed by it."""
    _, Configuration, kube_config = _official()  # noqa: N806 - it is a class
    name, cluster, user = kubeconfig.chosen(config, context)
    authority = _decoded(cluster.pop("certificate-authority-data", None), "certificate-authority-data")
    certificate = _decoded(user.pop("client-certificate-data", None), "client-certificate-data")
    key = _decoded(user.pop("client-key-data", None), "client-key-data")
    configuration = Configuration()
    with tempfile.TemporaryDirectory(prefix="kubernetes-emerging-") as folder, _root_log() as complaints:
        loader = kube_config.KubeConfigLoader(config_dict=config, active_context=name, temp_file_path=folder)
        try:
            loader.load_and_set(configuration)
        except kube_config.ConfigException as error:
            raise ConnectionProblem(f"the kubeconfig cannot be used ({error})", "correct that entry") from None
        if user.get("exec") and not (configuration.api_key or configuration.cert_file):
            raise ConnectionProblem(
                f"the login program {user['exec'].get('command')!r} of context {name!r} gave no credentials"
                + (f" ({complaints[-1]})" if complaints else ""),
                "log in with the cloud's own tool, then repeat",
            )
        tls = _tls(configuration, authority, certificate, key)
    # What expires is renewed by `Client`, which logs in anew: the loader's own way would need the folder that is gone.
    configuration.refresh_api_key_hook = None
    return Login(configuration, tls)


def _decoded(value: str | None, key: str) -> bytes | None:
    if not value:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise ConnectionProblem(f"{key} of the kubeconfig is not base64", "fetch the kubeconfig anew") from None


def _tls(
    configuration: Any,
    authority: bytes | None,
    certificate: bytes | None,
    key: bytes | None,
) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    mode = ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE
    context: ssl.SSLContext = create_urllib3_context(cert_reqs=mode)
    try:
        if authority:
            context.load_verify_locations(cadata=authority.decode())
        elif configuration.ssl_ca_cert:
            context.load_verify_locations(cafile=configuration.ssl_ca_cert)
        else:
            context.load_default_certs()
        with contextlib.ExitStack() as files:
            cert_file, key_file = configuration.cert_file, configuration.key_file
            if certificate:
                cert_file = files.enter_context(_as_file(certificate))
            if key:
                key_file = files.enter_context(_as_file(key))
            if cert_file:
                context.load_cert_chain(cert_file, key_file)
    except (OSError, ValueError) as error:
        raise ConnectionProblem(
            f"a certificate or key of the kubeconfig cannot be loaded ({type(error).__name__})",
            "fetch the kubeconfig anew",
        ) from None
    return context


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give `content` a file name: in memory where the kernel can, else a 0600 file, removed at once.

    OpenSSL takes a client certificate and its key from files only.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name


class _Keep(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def _root_log() -> Iterator[list[str]]:
    """Collect what is logged to the root logger: the loader reports a failing plugin only there.

    A handler on the root logger also keeps `logging.error` from configuring logging for the whole process.
    """
    keep = _Keep()
    logging.getLogger().addHandler(keep)
    try:
        yield keep.lines
    finally:
        logging.getLogger().removeHandler(keep)
