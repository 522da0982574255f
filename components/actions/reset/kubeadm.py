"""The driver that resets a cluster of kubeadm's: `python -m components.actions.reset.kubeadm --control-plane …`.

1. Nodes are reached over SSH, as root, by an ordinary `ssh`. Every script goes over standard input, and what is secret
   in it (a bootstrap token, the key of certificates) into files of mode 0600 that are removed again: no process list
   has it.
2. Nothing is begun unless every machine is a node of the cluster that is meant: the kubeconfig's cluster has the UID,
   and each machine the same authority in /etc/kubernetes/pki/ca.crt. Then each is marked. A run after a kill finds
   marks where the authority was, and begins again.
3. Workers are reset first, the first control plane last; kubeadm calls most of its failures warnings, so that what has
   to be gone is looked for. Then `init`, and `join` for the others.
4. The kubeconfig gets the new authority and certificate at the very end: until every node has joined, what answers
   there is no cluster, and the reset is not done.
"""

import base64
import hashlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from components.actions.connection import cluster_id_of, load_kubeconfig
from components.actions.errors import ActionError, ConnectionProblem
from components.actions.kubeconfig import chosen, parse
from components.actions.options import Kubeconfig, run_app

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_MARK = "/etc/kubernetes-emerging-reset"
_JOIN = re.compile(r"kubeadm join (\S+) --token (\S+) --discovery-token-ca-cert-hash (sha256:[0-9a-f]{64})")
_KEY = re.compile("[0-9a-f]{64}")
_WHO = f"cat {_MARK} 2>/dev/null || sha256sum /etc/kubernetes/pki/ca.crt"
_RESET = """
kubeadm reset --force
left=$(ls -d /etc/kubernetes/manifests/*.yaml /etc/kubernetes/kubelet.conf /etc/kubernetes/admin.conf \\
  /etc/kubernetes/pki/ca.crt /var/lib/etcd/* 2>/dev/null || true)
if [ -n "$left" ]; then echo "kubeadm reset has left $left" >&2; exit 1; fi
"""
_WITH_FILE = """
umask 077
trap 'rm -f {file}' EXIT
base64 -d > {file} <<'END'
{content}
END
{command}
"""
_FILE = "/etc/kubernetes-emerging-kubeadm.yaml"

ControlPlane = Annotated[
    list[str],
    typer.Option(help="A control plane, as ssh takes it: root@10.0.0.1. The first makes the cluster. Repeatable."),
]
Worker = Annotated[list[str] | None, typer.Option(help="Any other node, as ssh takes it. Repeatable.")]
Config = Annotated[Path, typer.Option(help="The file for `kubeadm init --config`, on this machine.")]
Expected = Annotated[
    str, typer.Option(envvar="RESET_CLUSTER", help="The cluster that is meant: the UID of kube-system.")
]
TheContext = Annotated[
    str, typer.Option("--context", help="The kubeconfig's context, which gets the new certificates.")
]
Ssh = Annotated[str, typer.Option(help="The program that runs a script on a node.")]


@app.command()
def main(
    control_plane: ControlPlane,
    config: Config,
    kubeconfig: Kubeconfig,
    context: TheContext,
    expect: Expected,
    worker: Worker = None,
    ssh: Ssh = "ssh -o BatchMode=yes -o ConnectTimeout=10",
) -> None:
    """Reset every node with kubeadm, and make the cluster anew, if it is the one that is meant.

    What kubeadm leaves stays: CNI configuration (/etc/cni/net.d), rules of iptables, nftables and IPVS, an external
    etcd, encryption configurations, and everybody else's kubeconfigs. The network add-on comes back with the restore,
    or is yours to install.
    """
    nodes = Nodes(shlex.split(ssh))
    first, *others = control_plane
    every = [*reversed(worker or []), *reversed(others), first]
    if not config.is_file():
        raise ActionError(f"{config} does not exist: give the file that the cluster was made from")
    if double := {each for each in every if every.count(each) > 1}:
        raise ActionError(f"these nodes are named twice: {', '.join(sorted(double))}: name each once")
    _check(nodes, every, kubeconfig, context, expect)
    for each in every:
        nodes.run(each, f"(umask 077; echo {shlex.quote(expect)} > {_MARK}.new && mv {_MARK}.new {_MARK})")
    for each in every:
        nodes.run(each, _RESET)
    nodes.run(first, _with_file(config.read_bytes(), f"kubeadm init --config {_FILE} --skip-token-print"))
    _join(nodes, first, others, worker or [])
    admin = nodes.run(first, "cat /etc/kubernetes/admin.conf")
    for each in every:
        nodes.run(each, f"rm -f {_MARK}")
    _renew(Path(kubeconfig), context, admin)


class Nodes:
    """Runs scripts on nodes, as their standard input. Raises `ActionError` with the node's name, and no output."""

    def __init__(self, ssh: Sequence[str]) -> None:
        self._ssh = ssh

    def run(self, node: str, script: str) -> str:
        """Run a script; return what it has printed. What it says besides goes where this program's own words go."""
        command = [*self._ssh, node, "sh", "-e", "-s"]
        try:
            ended = subprocess.run(command, input=script, stdout=subprocess.PIPE, text=True, check=False)
        except OSError:
            raise ActionError(f"{self._ssh[0]} is not on PATH: install it, or name another --ssh") from None
        if ended.returncode:
            what = f"{node}: a script ended with {ended.returncode}"
            raise ActionError(f"{what}: read what it wrote above, and repeat the command")
        return ended.stdout


def _check(nodes: Nodes, every: Iterable[str], kubeconfig: str, context: str, expect: str) -> None:
    """Raise `ActionError` unless every node is one of the cluster that is meant, or was begun with."""
    connection = load_kubeconfig(kubeconfig, context)
    try:
        found = cluster_id_of(connection)
    except ConnectionProblem:
        found = ""  # it is being reset, which the marks tell
    if found not in ("", expect):
        raise ActionError(f"the cluster that answers is {found}, and not {expect}: nothing was done")
    _name, cluster, _user = chosen(parse(connection.kubeconfig), context)
    authority = hashlib.sha256(_authority(cluster)).hexdigest()
    problems = []
    for each in every:
        said = (nodes.run(each, _WHO).split() or [""])[0]
        if said != expect and not (found and said == authority):
            problems.append(f"{each} is no node of the cluster {expect}, or that does not answer")
    if problems:
        raise ActionError("\n".join([*problems, "nothing was done: check --control-plane, --worker and --kubeconfig"]))


def _join(nodes: Nodes, first: str, control_planes: Sequence[str], workers: Sequence[str]) -> None:
    found = _JOIN.search(nodes.run(first, "kubeadm token create --ttl 1h --print-join-command"))
    if not found:
        raise ActionError(f"{first}: kubeadm has not printed how to join: repeat it")
    endpoint, token, digest = found.groups()
    discovery = {"apiServerEndpoint": endpoint, "token": token, "caCertHashes": [digest]}
    joining: dict[str, Any] = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "JoinConfiguration",
        "discovery": {"bootstrapToken": discovery},
    }
    if control_planes:
        key = _KEY.findall(nodes.run(first, "kubeadm init phase upload-certs --upload-certs"))
        if not key:
            raise ActionError(f"{first}: kubeadm has not printed the key of the certificates: repeat it")
        for each in control_planes:
            told = yaml.safe_dump({**joining, "controlPlane": {"certificateKey": key[-1]}})
            nodes.run(each, _with_file(told.encode(), f"kubeadm join --config {_FILE}"))
    for each in workers:
        nodes.run(each, _with_file(yaml.safe_dump(joining).encode(), f"kubeadm join --config {_FILE}"))


def _with_file(content: bytes, command: str) -> str:
    return _WITH_FILE.format(file=_FILE, content=base64.b64encode(content).decode(), command=command)


def _authority(cluster: dict[str, Any]) -> bytes:
    """Return the certificate authority of a kubeconfig's cluster, as it lies in a file of the nodes."""
    if data := cluster.get("certificate-authority-data"):
        return base64.b64decode(data)
    path = Path(str(cluster.get("certificate-authority")))
    try:
        return path.read_bytes()
    except OSError:
        raise ActionError(f"the kubeconfig's authority {path} cannot be read: give one that has it") from None


def _renew(path: Path, context: str, admin: str) -> None:
    """Give the kubeconfig's context the cluster and the user of kubeadm's new one; its names stay."""
    config = parse(path.expanduser().read_text())
    _name, cluster, user = chosen(config, context)
    _admin, new_cluster, new_user = chosen(parse(admin), None)
    for old, new in ((cluster, new_cluster), (user, new_user)):
        old.clear()
        old.update(new)
    part = path.expanduser().with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(yaml.safe_dump(config))
        stream.flush()
        os.fsync(stream.fileno())
    part.rename(path.expanduser())


def run() -> None:
    """Run the command line; a foreseeable problem is a line and exit code 1."""
    run_app(app, failure=1)


if __name__ == "__main__":
    run()
