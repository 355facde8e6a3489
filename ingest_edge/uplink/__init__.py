"""From the spool to the platform."""

from __future__ import annotations

from ingest_edge.uplink.platform import connect_platform
from ingest_edge.uplink.terms import (
    CredentialsRefused,
    PlatformUnreachable,
    Settled,
    UplinkProgress,
    UplinkSettings,
)
from ingest_edge.uplink.uplink import Uplink

__all__ = [
    "CredentialsRefused",
    "PlatformUnreachable",
    "Settled",
    "Uplink",
    "UplinkProgress",
    "UplinkSettings",
    "connect_platform",
]
