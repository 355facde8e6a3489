"""Certificates on disk: a chain and its key, which somebody replaces one after the other."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key


class PairBroken(ValueError):
    """The key is not that of the certificate, or one of the files holds something else."""


def read_pair(certificate: Path, key: Path) -> tuple[bytes, bytes]:
    """The PEM of a certificate chain and of its key.

    Raises:
        PairBroken: they do not belong together, as between the two writes of a renewal.
        OSError: a file cannot be read.
    """
    chain_pem, key_pem = certificate.read_bytes(), key.read_bytes()
    try:
        shown = x509.load_pem_x509_certificate(chain_pem).public_key()
        held = load_pem_private_key(key_pem, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise PairBroken(f"{certificate} or {key} is not PEM of the right kind") from error
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if shown.public_bytes(*form) != held.public_bytes(*form):
        raise PairBroken(f"{key} is not the key of {certificate}")
    return chain_pem, key_pem
