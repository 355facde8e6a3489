"""From the spool to the platform."""

from __future__ import annotations

from ingest_edge.uplink.platform import connect_platform
from ingest_edge.uplink.uplink import (
    CredentialsRefused,
    PlatformUnreachable,
    Settled,
    Uplink,
    UplinkProgress,
    UplinkSettings,
)

__all__ = [
    "CredentialsRefused",
    "PlatformUnreachable",
    "Settled",
    "Uplink",
    "UplinkProgress",
    "UplinkSettings",
    "connect_platform",
]
