"""A cluster of one real node, as the launcher and the tests use it: start, stop, delete, and how to reach it."""

import datetime as dt
from pathlib import Path

from lab.cluster import artifacts, config, dns, etcd, network, node, pki, youki
from lab.cluster.network import Ranges
from lab.cluster.own import OwnCluster
from lab.progress import Progress


class Cluster(OwnCluster):
    """The lab's own Kubernetes node called `name`, of the Kubernetes `minor`. Constructing one has no side effect.

    Started, it has an API server, a Ready node, kube-proxy and DNS, all reachable from this machine.

    Raises ValueError for a name that is no lower-case DNS label of at most 40 characters, and for a minor that is
    none of `MINORS`.
    """

    _title = "the node of cluster"
    _patience = 180.0

    @property
    def context(self) -> str:
        """The one context of the kubeconfig."""
        return f"kubernetes-emerging-{self.name}"

    @property
    def host_address(self) -> str:
        """The host's address as the node and its pods see it.

        Raises ClusterError where the cluster has never been started.
        """
        return str(self._ranges().host_address)

    def restore_etcd(self, snapshot: Path, progress: Progress) -> None:
        """Put the store back to what it was in a snapshot of etcd, in clear, and start the cluster.

        It is the same cluster afterwards, with every object as it was then. Killed, it is run again; a plain start
        brings up the one store or the other, and no mixture. Raises ClusterError for a snapshot that is not whole: the
        cluster runs on as it was.
        """
        self._ranges()
        etcdutl = etcd.tool(progress)
        with self._lock(progress):
            with progress.step("make a store of the snapshot"):
                etcd.prepare(self.folder / "data", snapshot, etcdutl)
            self._end()
            etcd.choose(self.folder / "data")
        self.start(progress)

    def give_youki(self, progress: Progress) -> None:
        """Build youki, where it is not there, and let the node have its handler from its next start on.

        Raises ClusterError where it cannot be built.
        """
        youki.build(progress)
        with self._lock(progress):
            self._instance.give_youki()

    def _build(self, progress: Progress) -> None:
        artifacts.build(progress, self._minor)
        if self._instance.has_youki():
            youki.build(progress)

    def _start(self, progress: Progress) -> None:
        began = dt.datetime.now(dt.UTC)
        ranges = self._instance.ranges()
        with progress.step("start the node's processes", of=(1, 4)):
            if ranges and self.running():
                began = dt.datetime.fromtimestamp(self._instance.plan.stat().st_mtime, dt.UTC)
                network.connect(self._instance.interface, ranges, node.first_process(self._instance))
            else:
                self._end()
                ranges = self._instance.claim_ranges()
                self._make_keys(ranges)
                node.begin(self._instance, ranges, self._minor)
        with progress.step("wait for the API server", of=(2, 4)):
            self._wait_for_api()
        with progress.step("wait for the node to be Ready", of=(3, 4)):
            self._apply(dns.objects(ranges))
            self._wait(lambda: self._node_ready(began), "the node did not become Ready")
        with progress.step("wait for cluster DNS", of=(4, 4)):
            name = f"kubernetes.default.svc.{config.DOMAIN}"
            self._wait(
                lambda: ranges.api_service in dns.lookup(name, ranges.dns_service),
                "cluster DNS did not answer from here",
            )

    def _end(self) -> None:
        node.end(self._instance)

    def _server(self) -> str:
        return config.server_url(self._ranges())

    def _node_ready(self, began: dt.datetime) -> bool:
        # A stopped cluster remembers a Ready node: only what the kubelet said since it started counts.
        conditions = self._get(f"/api/v1/nodes/{pki.NODE_NAME}")["status"].get("conditions", [])
        return any(
            condition["type"] == "Ready"
            and condition["status"] == "True"
            and dt.datetime.fromisoformat(condition["lastHeartbeatTime"]) >= began.replace(microsecond=0)
            for condition in conditions
        )

    def _ranges(self) -> Ranges:
        return self._since_start(self._instance.ranges())
