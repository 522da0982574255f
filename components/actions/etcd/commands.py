"""`etcd-snapshot` and `etcd-open` on the command line."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from components.actions.connection import live_cluster_id
from components.actions.errors import ActionError
from components.actions.etcd.maintenance import Access, Etcd
from components.actions.etcd.opening import open_snapshot
from components.actions.etcd.taking import Source, take_etcd
from components.actions.options import AsJson, Context, Kubeconfig, connected
from components.actions.snapshot.commands import Identity, Recipient, RecipientsFile, identities, recipients_of
from components.model.etcd_manifest import EtcdManifest

_PKI = Path("/etc/kubernetes/pki/etcd")
Folder = Annotated[Path, typer.Option(help="A folder on this machine.")]
Endpoint = Annotated[str, typer.Option(help="One member of etcd, by its URL.")]
Cacert = Annotated[Path, typer.Option(help="The authority that etcd's certificate is from.")]
Cert = Annotated[Path, typer.Option(help="A client certificate that etcd takes.")]
Key = Annotated[Path, typer.Option(help="Its key.")]


def etcd_snapshot_command(
    to: Folder,
    kubeconfig: Kubeconfig,
    context: Context = None,
    *,
    recipient: Recipient = None,
    recipients_file: RecipientsFile = None,
    endpoint: Endpoint = "https://127.0.0.1:2379",
    cacert: Cacert = _PKI / "ca.crt",
    cert: Cert = _PKI / "healthcheck-client.crt",
    key: Key = _PKI / "healthcheck-client.key",
    as_json: AsJson = False,
) -> None:
    """Take a snapshot of etcd itself, for a cluster that comes back as the same one: run it where etcd is reachable.

    The defaults are those of a control plane that kubeadm made. It is encrypted on its way, and the sha256 that etcd
    sends with it is checked. It holds everything that the API server stores, and NOT: volume data, the cluster's PKI,
    the key that signs ServiceAccount tokens, an EncryptionConfiguration. Save /etc/kubernetes/pki with it. Exit code 0
    is a whole snapshot, 2 is none.
    """
    readers = recipients_of(recipient, recipients_file)
    with connected(kubeconfig, context) as client:
        cluster = live_cluster_id(client)
        source = Source(cluster, client.server, str(client.get("/version").get("gitVersion", "")))
    with Etcd(Access(endpoint, cacert, cert, key)) as etcd:
        taken = take_etcd(etcd, source, to, readers)
    _print(taken.manifest_path, taken.manifest, taken.notes, as_json=as_json)


def etcd_open_command(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="Path of the manifest (.json).")],
    identity: Identity = None,
    to: Annotated[Path | None, typer.Option(help="Where it is written, in clear, for etcdutl.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check an etcd snapshot, and with --to write it as `etcdutl snapshot restore` takes it: exit code 0 is good.

    Needs neither etcd nor a cluster. With an identity it is opened, and the sha256 that etcd sent with it checked,
    which `etcdutl snapshot status` does not do. What --to writes has every Secret in clear: delete it afterwards.
    """
    if to and to.exists():
        raise ActionError(f"{to} exists: give the path of a new file")
    found = open_snapshot(manifest, identities(identity), to)
    notes = () if identity else ("it was not opened: give --identity to check what is in it, too",)
    _print(manifest, found, notes, as_json=as_json)


def _print(path: Path, found: EtcdManifest, notes: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"manifest": str(path), **asdict(found), "notes": list(notes)}, indent=2))
        return
    typer.echo(f"{path}")
    typer.echo(
        f"sha256 {found.sha256}, {found.size} bytes in clear, etcd {found.etcd}, revision {found.revision} or later"
    )
    typer.echo(f"cluster {found.cluster} ({found.server}, Kubernetes {found.kubernetes}), {found.taken}")
    for note in notes:
        typer.echo(f"note: {note}")
    typer.echo("Volume data and the cluster's keys (/etc/kubernetes/pki) are not included")
