"""A cluster of one real node, as the launcher and the tests use it: start, stop, delete, and how to reach it."""

import datetime as dt
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
from typing import Any

from lab.cluster import artifacts, config, dns, golang, identity, network, node, pki, plan
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR
from lab.cluster.identity import Identity
from lab.cluster.instance import Instance
from lab.cluster.network import Ranges
from lab.files import write_atomically
from lab.progress import PlainProgress, Progress

_PATIENCE = 180.0
_POLL = 0.1


class Cluster:
    """The lab's own Kubernetes node called `name`, of the Kubernetes `minor`. Constructing one has no side effect.

    Raises ValueError for a name that is no lower-case DNS label of at most 40 characters, and for a minor that is
    none of `MINORS`.
    """

    def __init__(self, name: str, minor: str = DEFAULT_MINOR) -> None:
        self._instance = Instance(name)
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
    def folder(self) -> Path:
        """Everything of the instance on disk; the components' logs are in `logs/`."""
        return self._instance.folder

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig (0600); it exists once the cluster has been started."""
        return self.folder / "kubeconfig"

    @property
    def context(self) -> str:
        """The one context of the kubeconfig."""
        return f"kubernetes-emerging-{self.name}"

    @property
    def kubectl(self) -> Path:
        """The lab's own kubectl, of the cluster's version."""
        return golang.find("kubectl", self._minor)

    @property
    def host_address(self) -> str:
        """The host's address as the node and its pods see it.

        Raises ClusterError where the cluster has never been started.
        """
        return str(self._ranges().host_address)

    def running(self) -> bool:
        """Tell whether the node's first process lives; its components may still be on their way up."""
        return node.alive(self._instance)

    def identity(self) -> Identity | None:
        """Return what tells this cluster from every other, or None where it has never been up."""
        try:
            return Identity(**json.loads(self._identity_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def start(self, progress: Progress) -> None:
        """Bring the cluster up: API server, a Ready node, kube-proxy and DNS, reachable from this machine.

        A running cluster is left as it is, after a look that it answers; a stopped one comes back with its objects
        and identity; what a killed run left is finished or cleaned first; a start of the same cluster elsewhere is
        waited for. A start that fails or is interrupted ends the node again and keeps its data and logs.

        Raises ClusterError saying what failed, with the last lines of its log, or that the instance was made with
        another Kubernetes minor: then nothing was changed.
        """
        self._instance.check_minor(self._minor)
        artifacts.build(progress, self._minor)
        with self._lock(progress):
            self._instance.claim_minor(self._minor)
            if self.running() and self._instance.ready_mark.exists():
                self._wait(lambda: self._get("/readyz"), "the API server does not answer")
                return
            try:
                self._start(progress)
            except BaseException:
                node.end(self._instance)
                raise

    def stop(self, progress: Progress | None = None) -> None:
        """End every process of the cluster and keep its data, so that start resumes the same cluster.

        A start, stop or delete elsewhere is waited for, which `progress` (default: plain lines) is told.
        """
        with self._lock(progress or PlainProgress()):
            node.end(self._instance)

    def delete(self, progress: Progress | None = None) -> None:
        """End the cluster and remove every trace of it. Works on a dead, half-made or absent one.

        Waits as `stop` does.
        """
        with self._lock(progress or PlainProgress()):
            node.end(self._instance)
            identity.forget(self.name)
            node.remove_folder(self._instance)
            self._instance.work_lock.unlink(missing_ok=True)

    def _lock(self, progress: Progress) -> AbstractContextManager[None]:
        return self._instance.lock(lambda: progress.note(f"cluster {self.name} is being worked on; waiting"))

    def _start(self, progress: Progress) -> None:
        began = dt.datetime.now(dt.UTC)
        ranges = self._instance.ranges()
        with progress.step("start the node's processes", of=(1, 4)):
            if ranges and self.running():
                began = dt.datetime.fromtimestamp(self._instance.plan.stat().st_mtime, dt.UTC)
                network.connect(self._instance.interface, ranges, node.first_process(self._instance))
            else:
                node.end(self._instance)
                ranges = self._instance.claim_ranges()
                self._make_keys(ranges)
                node.begin(self._instance, ranges, self._minor)
        with progress.step("wait for the API server", of=(2, 4)):
            self._wait(lambda: self._get("/readyz"), "the API server did not become ready")
            self._wait(self._record_identity, "the namespace kube-system did not appear")
        with progress.step("wait for the node to be Ready", of=(3, 4)):
            self._apply(dns.objects(ranges))
            self._wait(lambda: self._node_ready(began), "the node did not become Ready")
        with progress.step("wait for cluster DNS", of=(4, 4)):
            name = f"kubernetes.default.svc.{config.DOMAIN}"
            self._wait(
                lambda: ranges.api_service in dns.lookup(name, ranges.dns_service),
                "cluster DNS did not answer from here",
            )
        self._instance.ready_mark.touch()

    def _make_keys(self, ranges: Ranges) -> None:
        keys = self.folder / "etc" / "pki"
        done = keys / "complete"
        if not done.exists():
            pki.write_all(keys, ranges)
            write_atomically(done, "")
        plan.write_kubeconfig(self.kubeconfig, keys, "admin", ranges, self.context)

    def _record_identity(self) -> bool:
        found = self._get("/api/v1/namespaces/kube-system")
        ca = (self.folder / "etc" / "pki" / "ca.crt").read_bytes()
        made = Identity(
            cluster_id=found["metadata"]["uid"],
            server=config.server_url(self._ranges()),
            ca_sha256=identity.ca_fingerprint(ca),
            name=self.name,
        )
        write_atomically(self._identity_file, json.dumps(asdict(made), indent=2) + "\n", 0o600)
        identity.register(made)
        return True

    def _node_ready(self, began: dt.datetime) -> bool:
        # A stopped cluster remembers a Ready node: only what the kubelet said since it started counts.
        conditions = self._get(f"/api/v1/nodes/{pki.NODE_NAME}")["status"].get("conditions", [])
        return any(
            condition["type"] == "Ready"
            and condition["status"] == "True"
            and dt.datetime.fromisoformat(condition["lastHeartbeatTime"]) >= began.replace(microsecond=0)
            for condition in conditions
        )

    def _apply(self, objects: str) -> None:
        command: list[str | Path] = [
            self.kubectl,
            "--kubeconfig",
            self.kubeconfig,
            "apply",
            "--server-side",
            "--force-conflicts",
        ]
        # The node is next door; a proxy for the world outside would not find it.
        direct = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
        run([*command, "--field-manager=lab", "--filename=-"], stdin=objects, env=direct, timeout=60)

    def _wait(self, done: Callable[[], Any], otherwise: str) -> None:
        """Wait until `done` returns something true; a refused or failed request is a false."""
        ends_at = time.monotonic() + _PATIENCE
        last: Exception | None = None
        while time.monotonic() < ends_at:
            try:
                if done():
                    return
            except (OSError, http.client.HTTPException, KeyError, ValueError) as error:
                last = error
            if not self.running():
                raise ClusterError(
                    f"the node of cluster {self.name} ended: {node.why_ended(self._instance)}\n"
                    "start it again; where that ends the same way, delete the cluster and start it anew"
                )
            time.sleep(_POLL)
        logs = self.folder / "logs"
        raise ClusterError(f"{otherwise} within {_PATIENCE:.0f} s ({last or 'not yet'}); the logs are in {logs}")

    def _get(self, path: str) -> Any:
        """Return the API server's answer: an object, or the text `ok`.

        Raises OSError where it cannot be reached or answers with anything but success.
        """
        keys = self.folder / "etc" / "pki"
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(str(keys / "admin.crt"), str(keys / "admin.key"))
        connection = http.client.HTTPSConnection(
            str(self._ranges().node_address), config.API_PORT, context=context, timeout=3
        )
        with closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"{path}: {answer.status} {answer.reason}")
        return json.loads(body) if body.startswith(b"{") else body.decode()

    @property
    def _identity_file(self) -> Path:
        return self.folder / "identity.json"

    def _ranges(self) -> Ranges:
        ranges = self._instance.ranges()
        if ranges is None:
            raise ClusterError(f"cluster {self.name} has never been started")
        return ranges
