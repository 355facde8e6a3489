"""The certificates, in a file of their own: they are renewed without a restart."""

from __future__ import annotations

from pathlib import PurePosixPath

from services.gateway.configuration.values import SECRET, Value, resources
from services.gateway.shape import GatewayShape

SERVER = "gateway"


def secrets(shape: GatewayShape, version: str) -> Value:
    """The gateway's own certificate, read again when its folder changes."""
    certificate = {
        "certificate_chain": {"filename": shape.certificate},
        "private_key": {"filename": shape.key},
        "watched_directory": {"path": str(PurePosixPath(shape.certificate).parent)},
    }
    return resources(SECRET, [{"name": SERVER, "tls_certificate": certificate}], version)
