"""The registry of clusters that the lab made."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from lab.cluster import identity, pki
from lab.cluster.identity import Identity

MADE = Identity(cluster_id="uid-1", server="https://10.240.0.2:6443", ca_sha256="ab" * 32, name="one")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the registry in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_an_empty_registry_knows_nothing() -> None:
    """Before anything is made, nothing is known, and forgetting is no error."""
    identity.forget("one")
    assert not identity.known(MADE.server, MADE.ca_sha256, MADE.cluster_id)


def test_a_registered_cluster_is_known_until_forgotten() -> None:
    """Registering twice is once; forgetting ends it."""
    identity.register(MADE)
    identity.register(MADE)
    assert [MADE] == identity.registered()
    assert identity.known(MADE.server, MADE.ca_sha256, MADE.cluster_id)
    identity.forget("one")
    assert not identity.known(MADE.server, MADE.ca_sha256, MADE.cluster_id)


@pytest.mark.parametrize("part", ["server", "ca_sha256", "cluster_id"])
def test_all_three_marks_must_fit(part: str) -> None:
    """A cluster that differs in one mark is another cluster."""
    identity.register(MADE)
    marks = {"server": MADE.server, "ca_sha256": MADE.ca_sha256, "cluster_id": MADE.cluster_id}
    assert not identity.known(**(marks | {part: "other"}))


def test_marks_of_two_clusters_do_not_mix() -> None:
    """One cluster's server with another's UID is no known cluster."""
    other = Identity("uid-2", "https://10.239.0.2:6443", "cd" * 32, "two")
    identity.register(MADE)
    identity.register(other)
    assert not identity.known(MADE.server, MADE.ca_sha256, other.cluster_id)


def test_an_unreadable_entry_is_no_entry(cache: Path) -> None:
    """A broken file makes its own cluster unknown and no other."""
    identity.register(MADE)
    (cache / "kubernetes-emerging" / "identities" / "broken.json").write_text("{")
    assert [MADE] == identity.registered()


def test_entries_are_private(cache: Path) -> None:
    """Nobody else can read or add to the registry's files."""
    identity.register(MADE)
    file = cache / "kubernetes-emerging" / "identities" / "one.json"
    assert 0o600 == file.stat().st_mode & 0o777


def test_the_fingerprint_is_of_the_certificate_not_of_its_text() -> None:
    """It is what every other tool prints for the certificate, whatever surrounds it in the file."""
    certificate = pki.make_authority("ca").certificate
    pem = certificate.public_bytes(Encoding.PEM)
    expected = certificate.fingerprint(hashes.SHA256()).hex()
    assert expected == identity.ca_fingerprint(b"# a comment\n" + pem)
    with pytest.raises(ValueError, match="PEM"):
        identity.ca_fingerprint(b"no certificate")
