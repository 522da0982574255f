"""Which cluster, with which credentials: a secret kubeconfig, and the guard against the wrong cluster.

Nothing is left on disk. The official loader writes inline certificates to temporary files that live as long
as the process; here they go into the TLS context through memory, and what an exec plugin returns through a
private folder that is gone before the client is used.
"""

import base64
import contextlib
import functools
import logging
import os
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from urllib3.util.ssl_ import create_urllib3_context

from components.actions.client import Client, path_of
from components.actions.errors import ApiError, ConnectionProblem

_IMPORTING = threading.Lock()
_KIND_SECONDS = 60

# Kubeconfig keys that name files, relative to the kubeconfig's own folder.
_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

# How to get the login programs of the clouds, where a kubeconfig does not say it itself.
_INSTALL = {
    "aws": "install the AWS CLI (https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html)",
    "aws-iam-authenticator": "renew the kubeconfig with `aws eks update-kubeconfig`, which needs the AWS CLI only",
    "kubelogin": "install it with `az aks install-cli`",
    "gke-gcloud-auth-plugin": "install it with `gcloud components install gke-gcloud-auth-plugin`",
}


@dataclass(frozen=True)
class Connection:
    """How to reach one cluster.

    `kubeconfig` is the content, not a path, and is kept out of `repr`; `context` defaults to its current
    context; `cluster_id` is the UID that the cluster's namespace `kube-system` must have, None for any.
    """

    kubeconfig: str = field(repr=False)
    context: str | None = None
    cluster_id: str | None = None

    def client(self, *, timeout: float = 30.0, remember: bool = False) -> Client:
        """Return a client; raise `ConnectionProblem` when the kubeconfig is none or means another cluster."""
        if not is_content(self.kubeconfig):
            raise ConnectionProblem(
                "the kubeconfig is not the content of one", "pass the file's content; `Target` reads files by itself"
            )

        def log_in() -> Any:
            return _transport(_parse(self.kubeconfig), self.context)

        try:
            client = Client(log_in(), timeout=timeout, renew=log_in, remember=remember)
        except ValueError as error:
            what, _, remedy = str(error).partition(": ")
            raise ConnectionProblem(what, remedy or "correct the kubeconfig") from None
        if self.cluster_id is not None:
            _verify(client, self.cluster_id)
        return client


def load_kubeconfig(path_or_content: str, context: str | None = None) -> Connection:
    """Make a connection from a kubeconfig's path or content; relative file names in it become absolute.

    Raises `ValueError` with a remedy for a missing or malformed file, an unknown context, a context that
    names a missing cluster or user, and an exec plugin that is not installed. Opens no connection.
    """
    content, folder = _read(path_or_content)
    config = _parse(content)
    _name, cluster, user = _chosen(config, context)
    relative = False
    for section in (cluster, user):
        for key in _FILE_KEYS:
            if section.get(key) and not Path(section[key]).is_absolute():
                section[key] = str(folder / section[key])
                relative = True
    plugin = user.get("exec")
    if plugin:
        command = str(plugin.get("command", ""))
        if os.sep in command and not Path(command).is_absolute():
            plugin["command"] = command = str(folder / command)
            relative = True
        if not shutil.which(command):
            hint = _INSTALL.get(Path(command).name) or plugin.get("installHint")
            raise ValueError(
                f"the kubeconfig logs in with the program {command!r}, which is not installed: "
                + (str(hint).strip() if hint else "install it, or use a kubeconfig that needs no plugin")
            )
    return Connection(yaml.safe_dump(config) if relative else content, context)


def kind_kubeconfig(name: str) -> str:
    """Return the kubeconfig of the kind cluster of this name, as `kind get kubeconfig` writes it.

    Raises `ValueError` with a remedy where kind is not on PATH, or has no such cluster.
    """
    if not shutil.which("kind"):
        raise ValueError("kind is not on PATH: install it (https://kind.sigs.k8s.io), or name a kubeconfig")
    command = ["kind", "get", "kubeconfig", "--name", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_KIND_SECONDS)
    except subprocess.TimeoutExpired:
        raise ValueError(f"`{' '.join(command)}` does not end: look whether Docker or Podman answers") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise ValueError(
            f"there is no kind cluster {name!r} here ({said[-1] if said else f'exit code {done.returncode}'}): "
            f"make it with `kind create cluster --name {name}`, or write a name that `kind get clusters` lists"
        )
    return done.stdout


def _read(path_or_content: str) -> tuple[str, Path]:
    """Return the content and the folder that its relative names start from."""
    if is_content(path_or_content):
        return path_or_content, Path.cwd()
    path = Path(path_or_content).expanduser()
    try:
        return path.read_text(encoding="utf-8"), path.resolve().parent
    except FileNotFoundError:
        raise ValueError(f"kubeconfig file {path} does not exist: give the path of an existing kubeconfig") from None
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not a text file"
        raise ValueError(f"kubeconfig file {path} cannot be read ({why}): check the path and its mode") from None


def is_content(path_or_content: str) -> bool:
    """Tell whether this is a kubeconfig's content rather than a path."""
    return "\n" in path_or_content or path_or_content.lstrip().startswith("{")


def _parse(content: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(content)
    except yaml.YAMLError as error:
        # The parser's own text would quote the content.
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ValueError(f"the kubeconfig is not valid YAML{where}: fetch or write it anew") from None
    if not isinstance(config, dict) or not config.get("clusters"):
        raise ValueError("the kubeconfig names no clusters: give a whole kubeconfig")
    return config


def _chosen(config: dict[str, Any], context: str | None) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the context's name and its cluster and user entries."""
    contexts = _named(config, "contexts", "context")
    name = context or config.get("current-context")
    known = ", ".join(sorted(contexts)) or "none"
    if not name:
        raise ValueError(f"the kubeconfig has no current context: name one of: {known}")
    if name not in contexts:
        raise ValueError(f"the kubeconfig has no context {name!r}: name one of: {known}")
    entry = contexts[name]
    cluster = _named(config, "clusters", "cluster").get(str(entry.get("cluster")))
    if cluster is None or not cluster.get("server"):
        raise ValueError(f"context {name!r} of the kubeconfig names no cluster with a server: correct its cluster")
    user: dict[str, Any] | None = {}
    if entry.get("user"):
        user = _named(config, "users", "user").get(str(entry["user"]))
        if user is None:
            raise ValueError(f"context {name!r} names the user {entry['user']!r}, which the kubeconfig lacks: add it")
    return name, cluster, user or {}


def _named(config: dict[str, Any], section: str, key: str) -> dict[str, dict[str, Any]]:
    entries = config.get(section) or []
    if not isinstance(entries, list) or any(
        not isinstance(e, dict) or "name" not in e or not isinstance(e.get(key) or {}, dict) for e in entries
    ):
        raise ValueError(f"the kubeconfig's {section} are not a list of named entries: fetch or write it anew")
    for entry in entries:
        entry[key] = entry.get(key) or {}
    return {str(e["name"]): e[key] for e in entries}


def cluster_id_of(connection: Connection) -> str:
    """Return the UID of the live cluster's namespace kube-system; "" where this identity may not read it.

    Raises `ConnectionProblem` when the cluster does not answer, and `ApiError` for what else it answers.
    """
    with connection.client() as client:
        try:
            return _cluster_id(client)
        except ApiError as error:
            if error.forbidden:
                return ""
            raise


def _cluster_id(client: Client) -> str:
    return str(client.get(path_of("v1", "namespaces", name="kube-system"))["metadata"]["uid"])


def _verify(client: Client, cluster_id: str) -> None:
    try:
        found = _cluster_id(client)
    except ApiError as error:
        raise ConnectionProblem(
            f"the identity of {client.server} cannot be checked ({error.message})",
            "allow `get` on the namespace kube-system",
        ) from None
    if found != cluster_id:
        raise ConnectionProblem(
            f"{client.server} is another cluster than the one meant (kube-system has UID {found}, not {cluster_id})",
            "check kubeconfig and context; if the cluster was rebuilt on purpose, renew the record of it",
        )


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


def _transport(config: dict[str, Any], context: str | None) -> Any:
    """Return the official client for this kubeconfig, with its TLS context already made."""
    ApiClient, Configuration, kube_config = _official()  # noqa: N806 - two of them are classes
    name, cluster, user = _chosen(config, context)
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
    api = ApiClient(configuration)
    if tls is not None:
        settings = api.rest_client.pool_manager.connection_pool_kw
        for file_setting in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
            settings.pop(file_setting, None)
        settings["ssl_context"] = tls
    return api


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
