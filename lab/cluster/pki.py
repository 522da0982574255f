"""Keys and certificates of one instance: who may speak for what, as a cluster made by hand would have it.

https://kubernetes.io/docs/setup/best-practices/certificates/
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.cluster.network import Ranges
from lab.files import write_atomically

NODE_NAME = "lab"
# A lab is made anew rather than renewed; the hour before now forgives clocks that differ a little.
_LIFETIME = dt.timedelta(days=3650)
_BEFORE = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority that can sign."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True)
class Request:
    """What one certificate says: its file name, the user (CN) and groups (O), and, where it serves, its names."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    names: tuple[str | IPv4Address, ...] = ()
    client: bool = True


def requests(ranges: Ranges) -> dict[str, list[Request]]:
    """Return what each authority (`ca`, `etcd-ca`, `front-proxy-ca`) signs for an instance with these addresses."""
    api_names = (
        *("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"),
        *("localhost", NODE_NAME, IPv4Address("127.0.0.1"), ranges.node_address, ranges.api_service),
    )
    return {
        "ca": [
            Request("apiserver", "kube-apiserver", names=api_names, client=False),
            Request("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ("system:masters",)),
            Request("admin", "kubernetes-admin", ("system:masters",)),
            Request("controller-manager", "system:kube-controller-manager"),
            Request("scheduler", "system:kube-scheduler"),
            Request("kube-proxy", "system:kube-proxy"),
            Request("kubelet", f"system:node:{NODE_NAME}", ("system:nodes",)),
            Request("kubelet-server", f"system:node:{NODE_NAME}", names=(NODE_NAME, ranges.node_address), client=False),
        ],
        # Apart from the cluster's own: whoever has a client certificate of that one must not read etcd.
        "etcd-ca": [
            Request("etcd", "etcd", names=("localhost", IPv4Address("127.0.0.1"))),
            Request("apiserver-etcd-client", "kube-apiserver-etcd-client"),
        ],
        "front-proxy-ca": [Request("front-proxy-client", "front-proxy-client")],
    }


def write_all(folder: Path, ranges: Ranges) -> None:
    """Write every authority, certificate and key of an instance into `folder`; keys are 0600.

    `sa.key` and `sa.pub` sign service account tokens.
    """
    for authority_name, wanted in requests(ranges).items():
        authority = make_authority(authority_name)
        _write(folder, authority_name, authority.certificate, authority.key)
        for request in wanted:
            key = ec.generate_private_key(ec.SECP256R1())
            _write(folder, request.file, sign(authority, key.public_key(), request), key)
    service_accounts = ec.generate_private_key(ec.SECP256R1())
    write_atomically(folder / "sa.key", _private(service_accounts), 0o600)
    public = service_accounts.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_atomically(folder / "sa.pub", public)


def make_authority(name: str) -> Authority:
    """Make an authority that signs only end certificates."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def sign(authority: Authority, key: ec.EllipticCurvePublicKey, request: Request) -> x509.Certificate:
    """Sign the certificate that `request` describes for `key`."""
    subject = x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in request.groups),
            x509.NameAttribute(NameOID.COMMON_NAME, request.user),
        ]
    )
    usages = [
        *([ExtendedKeyUsageOID.SERVER_AUTH] if request.names else []),
        *([ExtendedKeyUsageOID.CLIENT_AUTH] if request.client else []),
    ]
    builder = (
        _builder(subject, authority.certificate.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if request.names:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general(request.names)), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _general(names: Sequence[str | IPv4Address]) -> list[x509.GeneralName]:
    return [x509.DNSName(name) if isinstance(name, str) else x509.IPAddress(name) for name in names]


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    write_atomically(folder / f"{name}.key", _private(key), 0o600)
    write_atomically(folder / f"{name}.crt", certificate.public_bytes(Encoding.PEM))


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
