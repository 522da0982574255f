"""A cluster without root: a real control plane, and nodes that only say that they run pods."""

import datetime as dt
import json

from lab.cluster import golang, plan
from lab.cluster.own import OwnCluster
from lab.progress import Progress
from lab.simulated import artifacts, config, nodes, processes
from lab.simulated.instance import Instance

_CLIENTS = {"controller-manager": "controller-manager", "scheduler": "scheduler", "kwok": "admin"}


class SimulatedCluster(OwnCluster):
    """The simulated cluster called `name`, of the Kubernetes `minor`. Constructing one has no side effect.

    It is used as `lab.cluster.Cluster` is. Started, it has an API server and Ready simulated nodes.

    1. etcd, API server, controller manager and scheduler are real, and run as ordinary processes of this user that
       listen on the loopback address alone. Admission, controllers, Services' addresses and Jobs are real API work.
    2. Nodes and pods are simulated by kwok. A pod says that it runs, is ready, was resized or has completed as soon as
       the API asks for it: no image is looked for, no process runs, no traffic flows, nothing is ever restarted.
    3. Whatever it has on this machine is in `folder`, but for its entry in the registry of the lab's clusters.

    Raises ValueError for a name that is no lower-case DNS label of at most 40 characters, and for a minor that is
    none of `lab.cluster.MINORS`.
    """

    simulated = True

    _kind_of_instance = Instance
    _instance: Instance
    _title = "the simulated cluster"
    _patience = 120.0

    @property
    def context(self) -> str:
        """The one context of the kubeconfig."""
        return f"kubernetes-emerging-simulated-{self.name}"

    def start(self, progress: Progress) -> None:
        """Bring the cluster up as any of the lab's own, at another port where something has taken its own."""
        # Whoever works on it now may be about to choose the minor, or to forget it.
        with self._lock(progress):
            self._instance.check_minor(self._minor)
        super().start(progress)

    def _build(self, progress: Progress) -> None:
        artifacts.build(progress, self._minor)

    def _start(self, progress: Progress) -> None:
        with progress.step("start the control plane", of=(1, 3)):
            if not self.running():
                self._end()  # components that outlived a killed supervisor for a moment
                self._begin(progress)
        with progress.step("wait for the API server", of=(2, 3)):
            self._wait_for_api()
        with progress.step("wait for the simulated nodes to be Ready", of=(3, 3)):
            objects = nodes.manifests(config.RANGES, golang.KUBERNETES_VERSIONS[self._minor])
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
            # What kubectl discovers is kept with the rest.
            self._apply(text, KUBECACHEDIR=str(self.folder / "run" / "kubectl"))
            self._wait(lambda: all(self._is_alive(name) for name in nodes.NAMES), "the nodes did not become Ready")

    def _begin(self, progress: Progress) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # keys, tokens and everything that is stored
        before, ports = self._instance.ports(), self._instance.claim_ports()
        if before not in (None, ports):
            progress.note(f"something listens on a port of cluster {self.name}: it is at {ports.api} from now on")
        self._make_keys(config.RANGES)
        for name, certificate in _CLIENTS.items():
            target = self.folder / "etc" / f"{name}.kubeconfig"
            plan.write_kubeconfig(target, self._keys, certificate, self._server(), name)
        processes.begin(self._instance, ports, self._minor)

    def _end(self) -> None:
        processes.end(self._instance)

    def _server(self) -> str:
        return config.server_url(self._since_start(self._instance.ports()))

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
