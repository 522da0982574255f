"""A cluster without root: a real control plane, and nodes that only say that they run pods."""

import base64
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

from lab.cluster import config as node_config
from lab.cluster import golang, identity, node, pki
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.cluster.golang import DEFAULT_MINOR
from lab.cluster.identity import Identity
from lab.files import write_atomically
from lab.progress import PlainProgress, Progress
from lab.simulated import artifacts, config, nodes, processes
from lab.simulated.instance import ADDRESS, Instance, Ports

_PATIENCE = 120.0
_POLL = 0.1
_CLIENTS = {"controller-manager": "controller-manager", "scheduler": "scheduler", "kwok": "admin"}


class SimulatedCluster:
    """The simulated cluster called `name`, of the Kubernetes `minor`. Constructing one has no side effect.

    It is used as `lab.cluster.Cluster` is.

    1. etcd, API server, controller manager and scheduler are real, and run as ordinary processes of this user that
       listen on the loopback address alone. Admission, controllers, Services' addresses and Jobs are real API work.
    2. Nodes and pods are simulated by kwok. A pod says that it runs, is ready, was resized or has completed as soon as
       the API asks for it: no image is looked for, no process runs, no traffic flows, nothing is ever restarted.
    3. Whatever it has on this machine is in `folder`, but for its entry in the registry of the lab's clusters.

    Raises ValueError for a name that is no lower-case DNS label of at most 40 characters, and for a minor that is
    none of `lab.cluster.MINORS`.
    """

    simulated = True

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
        return f"kubernetes-emerging-simulated-{self.name}"

    @property
    def kubectl(self) -> Path:
        """The lab's own kubectl, of the cluster's version."""
        return golang.find("kubectl", self._minor)

    def running(self) -> bool:
        """Tell whether the cluster's supervisor lives; its components may still be on their way up."""
        return node.alive(self._instance)

    def identity(self) -> Identity | None:
        """Return what tells this cluster from every other, or None where it has never been up."""
        try:
            return Identity(**json.loads(self._identity_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def start(self, progress: Progress) -> None:
        """Bring the cluster up: API server and Ready simulated nodes.

        A running cluster is left as it is, after a look that it answers; a stopped one comes back with its objects and
        identity, at another port where something has taken its own; what a killed run left is finished or cleaned
        first; a start of the same cluster elsewhere is waited for. A start that fails or is interrupted ends the
        processes again and keeps data and logs.

        Raises ClusterError saying what failed, with the last lines of its log, or that the instance was made with
        another Kubernetes minor: then nothing was changed.
        """
        with self._lock(progress):
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
                processes.end(self._instance)
                raise

    def stop(self, progress: Progress | None = None) -> None:
        """End every process of the cluster and keep its data, so that start resumes the same cluster.

        A start, stop or delete elsewhere is waited for, which `progress` (default: plain lines) is told.
        """
        with self._lock(progress or PlainProgress()):
            processes.end(self._instance)

    def delete(self, progress: Progress | None = None) -> None:
        """End the cluster and remove every trace of it. Works on a dead, half-made or absent one.

        Waits as `stop` does.
        """
        with self._lock(progress or PlainProgress()):
            processes.end(self._instance)
            identity.forget(self._instance.registered_name)
            node.remove_folder(self._instance)
            self._instance.work_lock.unlink(missing_ok=True)

    def _lock(self, progress: Progress) -> AbstractContextManager[None]:
        return self._instance.lock(lambda: progress.note(f"cluster {self.name} is being worked on; waiting"))

    def _start(self, progress: Progress) -> None:
        with progress.step("start the control plane", of=(1, 3)):
            if not self.running():
                processes.end(self._instance)  # components that outlived a killed supervisor for a moment
                self._begin(progress)
        with progress.step("wait for the API server", of=(2, 3)):
            self._wait(lambda: self._get("/readyz"), "the API server did not become ready")
            self._wait(self._record_identity, "the namespace kube-system did not appear")
        with progress.step("wait for the simulated nodes to be Ready", of=(3, 3)):
            self._apply(nodes.manifests(config.RANGES, golang.KUBERNETES_VERSIONS[self._minor]))
            self._wait(lambda: all(self._is_alive(name) for name in nodes.NAMES), "the nodes did not become Ready")
        self._instance.ready_mark.touch()

    def _begin(self, progress: Progress) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # keys, tokens and everything that is stored
        before, ports = self._instance.ports(), self._instance.claim_ports()
        if before not in (None, ports):
            progress.note(f"something listens on a port of cluster {self.name}: it is at {ports.api} from now on")
        keys = self.folder / "etc" / "pki"
        if not (keys / "complete").exists():
            pki.write_all(keys, config.RANGES)
            write_atomically(keys / "complete", "")
        for name, certificate in _CLIENTS.items():
            self._write_kubeconfig(self.folder / "etc" / f"{name}.kubeconfig", certificate, ports, name)
        self._write_kubeconfig(self.kubeconfig, "admin", ports, self.context)
        processes.begin(self._instance, ports, self._minor)

    def _write_kubeconfig(self, target: Path, client: str, ports: Ports, context: str) -> None:
        keys = self.folder / "etc" / "pki"
        ca, certificate, key = (
            base64.b64encode((keys / name).read_bytes()).decode()
            for name in ("ca.crt", f"{client}.crt", f"{client}.key")
        )
        content = node_config.kubeconfig(config.server_url(ports), context, ca, certificate, key)
        write_atomically(target, json.dumps(content, indent=2) + "\n", 0o600)

    def _record_identity(self) -> bool:
        found = self._get("/api/v1/namespaces/kube-system")
        made = Identity(
            cluster_id=found["metadata"]["uid"],
            server=config.server_url(self._ports()),
            ca_sha256=identity.ca_fingerprint((self.folder / "etc" / "pki" / "ca.crt").read_bytes()),
            name=self._instance.registered_name,
        )
        write_atomically(self._identity_file, json.dumps(asdict(made), indent=2) + "\n", 0o600)
        identity.register(made)
        return True

    def _is_alive(self, name: str) -> bool:
        # A stopped cluster remembers Ready nodes: what counts is a lease of this life. One of an earlier life belongs
        # to a kwok that is no more, and the new one would wait for its end.
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}"
        renewed = dt.datetime.fromisoformat(self._get(path)["spec"]["renewTime"])
        if renewed.timestamp() < self._instance.plan.stat().st_mtime:
            self._request("DELETE", path)
            return False
        status = self._get(f"/api/v1/nodes/{name}")["status"]
        return any((found["type"], found["status"]) == ("Ready", "True") for found in status.get("conditions", []))

    def _apply(self, objects: list[dict[str, Any]]) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        command: list[str | Path] = [self.kubectl, "--kubeconfig", self.kubeconfig]
        command += ["apply", "--server-side", "--force-conflicts", "--field-manager=lab", "--filename=-"]
        # A proxy for the world outside would not find the loopback address; discovery is kept with the rest.
        direct = {**os.environ, "NO_PROXY": "*", "no_proxy": "*", "KUBECACHEDIR": str(self.folder / "run" / "kubectl")}
        run(command, stdin=text, env=direct, timeout=60)

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
                    f"the simulated cluster {self.name} ended: {node.why_ended(self._instance)}\n"
                    "start it again; where that ends the same way, delete the cluster and start it anew"
                )
            time.sleep(_POLL)
        logs = self.folder / "logs"
        raise ClusterError(f"{otherwise} within {_PATIENCE:.0f} s ({last or 'not yet'}); the logs are in {logs}")

    def _get(self, path: str) -> Any:
        return self._request("GET", path)

    def _request(self, method: str, path: str) -> Any:
        """Return the API server's answer: an object, or the text `ok`.

        Raises OSError where it cannot be reached or answers with anything but success.
        """
        keys = self.folder / "etc" / "pki"
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(str(keys / "admin.crt"), str(keys / "admin.key"))
        with closing(http.client.HTTPSConnection(ADDRESS, self._ports().api, context=context, timeout=3)) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"{path}: {answer.status} {answer.reason}")
        return json.loads(body) if body.startswith(b"{") else body.decode()

    @property
    def _identity_file(self) -> Path:
        return self.folder / "identity.json"

    def _ports(self) -> Ports:
        ports = self._instance.ports()
        if ports is None:
            raise ClusterError(f"cluster {self.name} has never been started")
        return ports
