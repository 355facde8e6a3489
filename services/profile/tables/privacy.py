"""What others may see: rules and zones."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, LargeBinary, SmallInteger, String, Table

from services.profile.tables.base import NONE, holds, metadata

# One row a person who ever chose something.
privacy = Table(
    "privacy",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    # Grows with every change of rules and zones.
    Column("version", BigInteger, nullable=False, **NONE),
    # Where the lattices lie from which circles are made: whoever knows it learns nothing that the zones
    # themselves do not say, and whoever does not cannot tell a zone's centre from its circle.
    Column("secret", LargeBinary, nullable=False, **holds("location")),
)

privacy_rules = Table(
    "privacy_rules",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    # pulsemesh.profile.v1.Aspect
    Column("aspect", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    # pulsemesh.profile.v1.Audience
    Column("audience", SmallInteger, nullable=False, **NONE),
)

privacy_zones = Table(
    "privacy_zones",
    metadata,
    Column("zone_id", String(26), primary_key=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("name", String(100), nullable=False, **holds("content")),
    Column("latitude_deg", Float, nullable=False, **holds("location")),
    Column("longitude_deg", Float, nullable=False, **holds("location")),
    Column("radius_m", Float, nullable=False, **holds("location")),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Index("privacy_zones_by_user", "user_id", "zone_id"),
)
