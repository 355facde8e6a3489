"""A small certificate authority for the processes of one installation.

For one machine, or a few: in a cluster its own issuer (cert-manager) makes the same certificates. A
certificate says in URIs of the form `pulsemesh://<cell>/service/<name>` which services its holder is.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.chassis.service_names import service_uri

AUTHORITY_FILE = "authority.pem"
AUTHORITY_KEY_FILE = "authority_key.pem"
CERTIFICATE_FILE = "certificate.pem"
KEY_FILE = "key.pem"

AUTHORITY_LIFE = timedelta(days=3_650)
LIFE = timedelta(days=7)
RENEWED_FROM = 1 / 3
"""A certificate is renewed once less than this share of its life remains."""
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a certificate lies, for the settings `server.tls_*` and `channels_*`."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class CertificateState:
    """What a certificate says.

    Attributes:
        uris: among them the services that its holder is.
        names: DNS names and addresses of the holder.
    """

    path: Path
    uris: tuple[str, ...]
    names: tuple[str, ...]
    begins: datetime
    ends: datetime

    def renewal_due(self, now: datetime) -> bool:
        """Whether it should be replaced now."""
        return now >= self.ends - (self.ends - self.begins) * RENEWED_FROM


class NoAuthority(FileNotFoundError):
    """The folder holds no certificate authority."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"there is no authority in {folder}: pulsemesh-server certificates init")


class CertificateAuthority:
    """Issues certificates from a key in a folder that its owner alone can read."""

    def __init__(self, folder: Path, *, cell: str) -> None:
        """
        Raises:
            NoAuthority: see `create`.
            ValueError: what lies there is no authority, or one of another cell.
        """
        self._folder = folder
        self._cell = cell
        try:
            self._certificate = x509.load_pem_x509_certificate((folder / AUTHORITY_FILE).read_bytes())
            key = load_pem_private_key((folder / AUTHORITY_KEY_FILE).read_bytes(), password=None)
        except FileNotFoundError:
            raise NoAuthority(folder) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{folder / AUTHORITY_KEY_FILE} is not a key of this authority")
        if self._certificate.subject != _authority_name(cell):
            raise ValueError(f"the authority in {folder} is not that of the cell {cell}")
        self._key = key

    @classmethod
    def create(cls, folder: Path, *, cell: str, now: datetime | None = None) -> CertificateAuthority:
        """The authority of a folder, made if there is none."""
        if not (folder / AUTHORITY_FILE).exists():
            _create_authority(folder, cell, now or datetime.now(UTC))
        return cls(folder, cell=cell)

    def files(self, name: str) -> CertificateFiles:
        """Where the certificate of this name lies, or will."""
        own = self._folder / name
        return CertificateFiles(self._folder / AUTHORITY_FILE, own / CERTIFICATE_FILE, own / KEY_FILE)

    def issue(
        self,
        name: str,
        *,
        services: Sequence[str],
        hosts: Sequence[str] = ("localhost", "127.0.0.1", "::1"),
        life: timedelta = LIFE,
        now: datetime | None = None,
    ) -> CertificateFiles:
        """Make a key and a certificate; a running server takes up the new one by itself.

        Args:
            name: of the folder in which they lie.
            services: which its holder is; none for a client that only passes on what others prove.
            hosts: DNS names and addresses under which the holder is reached.
        """
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        uris = [x509.UniformResourceIdentifier(service_uri(self._cell, service)) for service in services]
        certificate = (
            _builder(name, self._certificate.subject, key.public_key(), now, life)
            .add_extension(x509.SubjectAlternativeName([*uris, *map(_general_name, hosts)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        files = self.files(name)
        _write(files.key, _private_pem(key), 0o600)
        _write(files.certificate, certificate.public_bytes(Encoding.PEM), 0o644)
        return files

    def renew_due(self, *, now: datetime | None = None) -> list[CertificateState]:
        """Issue anew, with the same names and for as long, what is due; returns what was replaced."""
        now = now or datetime.now(UTC)
        replaced = []
        for state in certificates(self._folder):
            if state.path.parent == self._folder or not state.renewal_due(now):
                continue
            prefix = service_uri(self._cell, "")
            self.issue(
                state.path.parent.name,
                services=[uri.removeprefix(prefix) for uri in state.uris if uri.startswith(prefix)],
                hosts=state.names,
                life=state.ends - state.begins - CLOCK_SKEW,
                now=now,
            )
            replaced.append(state)
        return replaced


def certificates(folder: Path) -> list[CertificateState]:
    """The authority's certificate, and every one that was issued."""
    paths = [folder / AUTHORITY_FILE, *sorted(folder.glob(f"*/{CERTIFICATE_FILE}"))]
    return [read_certificate(path) for path in paths if path.exists()]


def read_certificate(path: Path) -> CertificateState:
    """What a certificate says.

    Raises:
        ValueError: it is none.
    """
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    uris: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    with contextlib.suppress(x509.ExtensionNotFound):
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = tuple(alternative.get_values_for_type(x509.UniformResourceIdentifier))
        addresses = alternative.get_values_for_type(x509.IPAddress)
        names = (*alternative.get_values_for_type(x509.DNSName), *map(str, addresses))
    return CertificateState(
        path, uris, names, certificate.not_valid_before_utc, certificate.not_valid_after_utc
    )


def _create_authority(folder: Path, cell: str, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _authority_name(cell)
    certificate = (
        _builder("", name, key.public_key(), now, AUTHORITY_LIFE)
        .subject_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder / AUTHORITY_KEY_FILE, _private_pem(key), 0o600)
    _write(folder / AUTHORITY_FILE, certificate.public_bytes(Encoding.PEM), 0o644)


def _authority_name(cell: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Pulsemesh"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Pulsemesh services of {cell}"),
        ]
    )


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + life)
    )
    if not name:
        return builder
    return builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
