"""What every cluster of the lab's own is: an instance with a life and an identity, and an API server to ask.

Each kind adds how its processes begin and end, where its API server is, and what it waits for until it is up.
"""

import abc
import http
import http.client
import json
import os
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lab.cluster import golang, identity, node, pki, plan
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR
from lab.cluster.identity import Identity
from lab.cluster.instance import Instance
from lab.cluster.network import Ranges
from lab.files import write_atomically
from lab.progress import PlainProgress, Progress

_POLL = 0.1
_Kept = TypeVar("_Kept")


class OwnCluster(abc.ABC):
    """The cluster called `name` on this machine, of the Kubernetes `minor`. Constructing one has no side effect.

    Raises ValueError for a name that is no lower-case DNS label of at most 40 characters, and for a minor that is
    none of `MINORS`.
    """

    _kind_of_instance: type[Instance] = Instance
    _title: str
    """What messages call it, before its name."""
    _patience: float
    """How long it may take to each thing that a start waits for, in seconds."""

    def __init__(self, name: str, minor: str = DEFAULT_MINOR) -> None:
        self._instance = self._kind_of_instance(name)
        self._minor = golang.known_minor(minor)

    @property
    def name(self) -> str:
        """The instance's name."""
        return self._instance.name

    @property
    def minor(self) -> str:
        """The Kubernetes minor that it starts with; an instance keeps the one that it was made with."""
        return self._minor

    @property
    def kept_minor(self) -> str | None:
        """The Kubernetes minor that the instance was made with, or None where it has never been started."""
        return self._instance.minor()

    @property
    def folder(self) -> Path:
        """Everything of the instance on disk; the components' logs are in `logs/`."""
        return self._instance.folder

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig (0600); it exists once the cluster has been started."""
        return self.folder / "kubeconfig"

    @property
    @abc.abstractmethod
    def context(self) -> str:
        """The one context of the kubeconfig."""

    @property
    def kubectl(self) -> Path:
        """The lab's own kubectl, of the cluster's version."""
        return golang.find("kubectl", self._minor)

    def running(self) -> bool:
        """Tell whether the cluster's first process lives; its components may still be on their way up."""
        return node.alive(self._instance)

    def identity(self) -> Identity | None:
        """Return what tells this cluster from every other, or None where it has never been up."""
        try:
            return Identity(**json.loads(self._identity_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def start(self, progress: Progress) -> None:
        """Bring the cluster up, with everything that its class promises.

        A running cluster is left as it is, after a look that it answers; a stopped one comes back with its objects
        and identity; what a killed run left is finished or cleaned first; a start of the same cluster elsewhere is
        waited for. A start that fails or is interrupted ends the processes again and keeps data and logs.

        Raises ClusterError saying what failed, with the last lines of its log, or that the instance was made with
        another Kubernetes minor: then nothing was changed.
        """
        self._instance.check_minor(self._minor)
        self._build(progress)
        with self._lock(progress):
            self._instance.claim_minor(self._minor)
            if self.running() and self._instance.ready_mark.exists():
                self._wait(lambda: self._get("/readyz"), "the API server does not answer")
                return
            try:
                self._start(progress)
                self._instance.ready_mark.touch()
            except BaseException:
                self._end()
                raise

    def stop(self, progress: Progress | None = None) -> None:
        """End every process of the cluster and keep its data, so that start resumes the same cluster.

        A start, stop or delete elsewhere is waited for, which `progress` (default: plain lines) is told.
        """
        with self._lock(progress or PlainProgress()):
            self._end()

    def delete(self, progress: Progress | None = None) -> None:
        """End the cluster and remove every trace of it. Works on a dead, half-made or absent one.

        Waits as `stop` does.
        """
        with self._lock(progress or PlainProgress()):
            self._end()
            identity.forget(self._instance.registered_name)
            node.remove_folder(self._instance)
            self._instance.work_lock.unlink(missing_ok=True)

    # what each kind fills in

    @abc.abstractmethod
    def _build(self, progress: Progress) -> None:
        """Build what is missing for clusters of this kind and minor."""

    @abc.abstractmethod
    def _start(self, progress: Progress) -> None:
        """Begin the processes, where they do not run already, and wait for all that the class promises."""

    @abc.abstractmethod
    def _end(self) -> None:
        """End every process. Safe where there is none."""

    @abc.abstractmethod
    def _server(self) -> str:
        """Return the API server's URL. Raises ClusterError where the cluster has never been started."""

    # what they share for it

    def _lock(self, progress: Progress) -> AbstractContextManager[None]:
        return self._instance.lock(lambda: progress.note(f"cluster {self.name} is being worked on; waiting"))

    def _since_start(self, kept: _Kept | None) -> _Kept:
        """Return what the instance keeps from its first start on. Raises ClusterError where there was none."""
        if kept is None:
            raise ClusterError(f"cluster {self.name} has never been started")
        return kept

    def _make_keys(self, ranges: Ranges) -> None:
        """Write the instance's keys, at its first start, and its kubeconfig."""
        done = self._keys / "complete"
        if not done.exists():
            pki.write_all(self._keys, ranges)
            write_atomically(done, "")
        plan.write_kubeconfig(self.kubeconfig, self._keys, "admin", self._server(), self.context)

    def _wait_for_api(self) -> None:
        self._wait(lambda: self._get("/readyz"), "the API server did not become ready")
        self._wait(self._record_identity, "the namespace kube-system did not appear")

    def _record_identity(self) -> bool:
        found = self._get("/api/v1/namespaces/kube-system")
        made = Identity(
            cluster_id=found["metadata"]["uid"],
            server=self._server(),
            ca_sha256=identity.ca_fingerprint((self._keys / "ca.crt").read_bytes()),
            name=self._instance.registered_name,
        )
        write_atomically(self._identity_file, json.dumps(asdict(made), indent=2) + "\n", 0o600)
        identity.register(made)
        return True

    def _apply(self, objects: str, **environment: str) -> None:
        command: list[str | Path] = [self.kubectl, "--kubeconfig", self.kubeconfig]
        command += ["apply", "--server-side", "--force-conflicts", "--field-manager=lab", "--filename=-"]
        # The cluster is next door; a proxy for the world outside would not find it.
        direct = {**os.environ, "NO_PROXY": "*", "no_proxy": "*", **environment}
        run(command, stdin=objects, env=direct, timeout=60)

    def _wait(self, done: Callable[[], Any], otherwise: str) -> None:
        """Wait until `done` returns something true; a refused or failed request is a false."""
        ends_at = time.monotonic() + self._patience
        last: Exception | None = None
        while time.monotonic() < ends_at:
            try:
                if done():
                    return
            except (OSError, http.client.HTTPException, KeyError, ValueError) as error:
                last = error
            if not self.running():
                raise ClusterError(
                    f"{self._title} {self.name} ended: {node.why_ended(self._instance)}\n"
                    "start it again; where that ends the same way, delete the cluster and start it anew"
                )
            time.sleep(_POLL)
        logs = self.folder / "logs"
        raise ClusterError(f"{otherwise} within {self._patience:.0f} s ({last or 'not yet'}); the logs are in {logs}")

    def _get(self, path: str) -> Any:
        return self._request("GET", path)

    def _request(self, method: str, path: str) -> Any:
        """Return the API server's answer: an object, or the text `ok`.

        Raises OSError where it cannot be reached or answers with anything but success.
        """
        context = ssl.create_default_context(cafile=str(self._keys / "ca.crt"))
        context.load_cert_chain(str(self._keys / "admin.crt"), str(self._keys / "admin.key"))
        address = urlsplit(self._server()).netloc
        with closing(http.client.HTTPSConnection(address, context=context, timeout=3)) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"{path}: {answer.status} {answer.reason}")
        return json.loads(body) if body.startswith(b"{") else body.decode()

    @property
    def _keys(self) -> Path:
        return self.folder / "etc" / "pki"

    @property
    def _identity_file(self) -> Path:
        return self.folder / "identity.json"
