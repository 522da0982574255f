"""The registry of clusters that the lab made: what the lab's engine may change, and nothing else.

A label inside a cluster can be copied; an entry here cannot be made by a cluster. One file per instance in the
cache, so that entries of different instances never meet.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab.files import write_atomically
from lab.paths import cache_root


@dataclass(frozen=True)
class Identity:
    """What tells one cluster from every other.

    `cluster_id` is the UID of its namespace kube-system, `server` the API server's URL, `ca_sha256` the hex
    fingerprint of the CA certificate that its kubeconfig trusts (see `ca_fingerprint`), `name` the instance.
    """

    cluster_id: str
    server: str
    ca_sha256: str
    name: str


def ca_fingerprint(pem: bytes) -> str:
    """Return the SHA-256 of the first certificate in `pem`, in hex, over its DER form.

    Raises ValueError where there is none.
    """
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return hashlib.sha256(der).hexdigest()


def register(identity: Identity) -> None:
    """Record a cluster as made by the lab, in the place of an earlier one of the same name."""
    write_atomically(_file(identity.name), json.dumps(asdict(identity), indent=2) + "\n", 0o600)


def forget(name: str) -> None:
    """Remove the entry of the instance `name`; no entry is fine."""
    _file(name).unlink(missing_ok=True)


def registered() -> list[Identity]:
    """Return every recorded cluster, by name. An entry that cannot be read counts as none."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        try:
            found.append(Identity(**json.loads(file.read_text())))
        except (OSError, ValueError, TypeError):
            continue
    return found


def known(server: str, ca_sha256: str, cluster_id: str) -> bool:
    """Tell whether the lab made the cluster that has all three of these."""
    return any(
        (entry.server, entry.ca_sha256, entry.cluster_id) == (server, ca_sha256, cluster_id) for entry in registered()
    )


def _folder() -> Path:
    return cache_root() / "identities"


def _file(name: str) -> Path:
    return _folder() / f"{name}.json"
