"""The tables at the end of `up` and in `status`: what runs, where to reach it, what to try next."""

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.live import Node, Service, Workload
from lab.naming import DEFAULT_STACK

# The program's Deployment whose size the config key inplaceCpu sets.
_RESIZABLE = "inplace-update-demo"
# The program's WASM Deployment.
_WASM = "wasm-demo"


@dataclass(frozen=True)
class Access:
    """How to get at the cluster from this host."""

    kubectl: Path
    kubeconfig: Path
    namespace: str
    stack: str
    published: Mapping[str, str] = field(default_factory=dict)
    """Where this host reaches the Service, by protocol, where that is not its cluster IP."""
    kind: str = "node"
    """The kind of cluster: see `lab.ways`."""

    @property
    def reachable(self) -> bool:
        """Tell whether Services answer this host: on the lab's own node by their IP, on kind by published ports."""
        return self.kind == "node" or bool(self.published)

    def where(self, service: Service, port: int, protocol: str) -> str:
        """Return how a Service's port is written for people."""
        if self.kind == "simulated":
            return f"{where(service.ip, port, protocol)} (simulated: nothing answers)"
        if self.published:
            address, _, number = self.published[protocol].rpartition(":")
            return (
                where(address, int(number), protocol) if service.node_ports else f"{service.ip}:{port} (in the cluster)"
            )
        return where(service.ip, port, protocol) if self.reachable else f"{service.ip}:{port} (in the cluster)"


@dataclass(frozen=True)
class Step:
    """One thing to try: what it shows, and the exact command."""

    what: str
    command: str


def workload_table(access: Access, workloads: Sequence[Workload], services: Sequence[Service]) -> Table:
    """Return what runs and where to reach it, one row for a Deployment or a Service port."""
    table = Table(title="What runs", title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading in ("Kind", "Name", "State", "Where (from this host)"):
        table.add_column(heading, overflow="fold")
    for one in workloads:
        colour = "green" if one.well else "yellow"
        what = ", ".join([*one.containers, *(f"{name} (sidecar)" for name in one.sidecars)])
        table.add_row(
            "Deployment",
            escape(one.name),
            f"[{colour}]{one.ready}/{one.wanted} ready[/]",
            escape(f"pods of: {what}"),
        )
    for service in services:
        for name, port, protocol in service.ports:
            label = f"{service.name}:{name}" if name else service.name
            table.add_row("Service", escape(label), protocol, escape(access.where(service, port, protocol)))
    return table


def where(ip: str, port: int, protocol: str) -> str:
    """Return how a port is written for people: a URL for HTTP's own port, else `IP:port`."""
    host = f"[{ip}]" if ":" in ip else ip
    return f"http://{host}:{port}/" if protocol == "TCP" and port in (80, 8080) else f"{host}:{port}"


def cluster_table(state: str, details: Mapping[str, str], nodes: Sequence[Node], system: Sequence[Workload]) -> Table:
    """Return the cluster itself: its state, its nodes, and what of Kubernetes runs as pods."""
    table = Table(title="The cluster", title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("Part")
    table.add_column("State", overflow="fold")
    table.add_row("cluster", escape(state))
    for name, value in details.items():
        table.add_row(escape(name), escape(value))
    for node in nodes:
        ready = "[green]Ready[/]" if node.ready else "[red]not Ready[/]"
        table.add_row(f"node {escape(node.name)}", f"{ready}, kubelet {escape(node.kubelet)}, {escape(node.runtime)}")
    for one in system:
        colour = "green" if one.well else "yellow"
        table.add_row(escape(one.name), f"[{colour}]{one.ready}/{one.wanted} ready[/]")
    return table


def next_steps(access: Access, workloads: Sequence[Workload], services: Sequence[Service]) -> list[Step]:
    """Return commands that work from this host as they stand, for what is there."""
    kubectl = shlex.join([str(access.kubectl), "--kubeconfig", str(access.kubeconfig), "--namespace", access.namespace])
    own = "" if access.stack == DEFAULT_STACK else f" STACK={access.stack}"
    steps = [step for service in services for step in _service_steps(access, service)]
    if access.kind != "simulated":
        udp = any(protocol == "UDP" for service in services for _, _, protocol in service.ports)
        steps += [step for one in workloads for step in _log_steps(kubectl, one, udp=udp and access.reachable)]
    for one in workloads:
        if one.name == _RESIZABLE:
            steps.append(Step("pods and their restarts", f"{kubectl} get pods"))
            size = "100m" if one.cpu == "200m" else "200m"
            resize = f"make set{own} KEY=inplaceCpu VALUE={size} && make up{own}"
            steps.append(Step("resize running pods in place, then look again", resize))
    steps.append(Step("remove it all", f"make down{own}"))
    return steps


def _service_steps(access: Access, service: Service) -> Iterator[Step]:
    if not access.reachable or (access.published and not service.node_ports):
        return
    for _, port, protocol in service.ports:
        address, _, number = access.published.get(protocol, f"{service.ip}:{port}").rpartition(":")
        if protocol == "TCP":
            yield Step("HTTP through the Service", _fetch(where(address, int(number), "TCP")))
        if protocol == "UDP":
            send = f"echo '<14>lab: hello over UDP' > /dev/udp/{address}/{number}"
            yield Step("a UDP datagram through the same Service", f'bash -c "{send}"')


def _log_steps(kubectl: str, one: Workload, *, udp: bool) -> Iterator[Step]:
    if one.name == _WASM:
        yield Step("what the WASM module printed", f"{kubectl} logs deployment/{one.name} --tail 3")
    for sidecar in one.sidecars:
        what = "what the sidecar printed" + (" (both arrive here)" if udp else "")
        logs = f"logs deployment/{one.name} --container {sidecar} --all-pods --since 5m"
        yield Step(what, f"{kubectl} {logs} | grep -v kube-probe")


def _fetch(url: str) -> str:
    """Return a command that prints what is at a URL, with what this host has."""
    if shutil.which("curl"):
        proxied = any(os.environ.get(name) for name in ("http_proxy", "all_proxy", "ALL_PROXY"))
        return f"curl --noproxy '*' {url}" if proxied else f"curl {url}"
    return f"python3 -c 'import urllib.request as u; print(u.urlopen(\"{url}\").read().decode())'"


def print_steps(console: Console, steps: Sequence[Step]) -> None:
    """Print the steps so that each command is one line that can be copied, however narrow the terminal is."""
    console.print("\n[bold]What to try next[/]")
    for step in steps:
        console.print(f"  [dim]# {escape(step.what)}[/]", soft_wrap=True)
        console.print(f"  {escape(step.command)}", soft_wrap=True, highlight=False)
