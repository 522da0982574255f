"""Certificates of an instance: who signs what, for which names."""

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.cluster import pki
from lab.cluster.network import Ranges

RANGES = Ranges(IPv4Network("10.240.0.0/16"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with everything that `write_all` writes."""
    folder = tmp_path_factory.mktemp("pki")
    pki.write_all(folder, RANGES)
    return folder


def load(folder: Path, name: str) -> x509.Certificate:
    """Return the certificate called `name`."""
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def names_of(certificate: x509.Certificate) -> set[object]:
    """Return the subject alternative names, as plain values."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*extension.get_values_for_type(x509.DNSName), *extension.get_values_for_type(x509.IPAddress)}


def test_api_server_is_valid_from_host_node_and_pods(keys: Path) -> None:
    """Its certificate carries the node's address, the first cluster IP, loopback and the in-cluster names."""
    expected: set[object] = {IPv4Address("127.0.0.1"), RANGES.node_address, RANGES.api_service}
    expected |= {"localhost", "kubernetes", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
    assert expected <= names_of(load(keys, "apiserver"))


def test_every_certificate_is_signed_by_its_own_authority(keys: Path) -> None:
    """What one authority signed verifies against it and against no other."""
    for authority, wanted in pki.requests(RANGES).items():
        for request in wanted:
            certificate = load(keys, request.file)
            certificate.verify_directly_issued_by(load(keys, authority))
            with pytest.raises(ValueError, match="Issuer"):
                certificate.verify_directly_issued_by(load(keys, "ca" if authority != "ca" else "etcd-ca"))


def test_the_kubelet_is_who_the_node_authorizer_expects(keys: Path) -> None:
    """CN and O are what the Node authorizer takes for this node."""
    subject = load(keys, "kubelet").subject
    assert "system:node:lab" == subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    assert "system:nodes" == subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value


def test_a_client_certificate_cannot_serve_nor_the_other_way_round(keys: Path) -> None:
    """Extended key usages keep the two apart; etcd is both, for its gateway dials itself."""
    usages = {
        name: set(load(keys, name).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        for name in ("admin", "apiserver", "etcd")
    }
    assert {ExtendedKeyUsageOID.CLIENT_AUTH} == usages["admin"]
    assert {ExtendedKeyUsageOID.SERVER_AUTH} == usages["apiserver"]
    assert {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH} == usages["etcd"]


def test_keys_are_private(keys: Path) -> None:
    """Every key file is 0600 from its first byte."""
    assert {0o600} == {file.stat().st_mode & 0o777 for file in keys.glob("*.key")}


def test_end_certificates_cannot_sign() -> None:
    """Only authorities may sign, and no authority below them."""
    authority = pki.make_authority("ca")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = pki.sign(authority, key.public_key(), pki.Request("some", "user"))
    constraints = [
        each.extensions.get_extension_for_class(x509.BasicConstraints).value
        for each in (authority.certificate, certificate)
    ]
    assert [(True, 0), (False, None)] == [(each.ca, each.path_length) for each in constraints]
