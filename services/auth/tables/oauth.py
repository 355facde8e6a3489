"""What programs are let in by: apps, codes on their way, grants, keys of partners, browsers at our pages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from services.auth.tables.base import NONE, holds, metadata


def _account(name: str, *, primary_key: bool = False, index: bool = False) -> Column[Any]:
    return Column(
        name,
        String(64),
        ForeignKey("accounts.user_id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
        index=index,
        **holds("identity"),
    )


# Programs of other people. The platform's own are data: services/auth/oauth/first_party.py.
oauth_apps = Table(
    "oauth_apps",
    metadata,
    Column("client_id", String(40), primary_key=True, **NONE),
    _account("owner_id"),
    # By which a repeated registration is recognised.
    Column("request_id", String(64), nullable=False, **NONE),
    Column("name", String(60), nullable=False, **holds("content")),
    Column("homepage", String(300), nullable=False, **holds("content")),
    Column("confidential", Boolean, nullable=False, **NONE),
    # JSON.
    Column("redirect_uris", Text, nullable=False, **holds("content")),
    # Separated by spaces: the most that the app may ask for.
    Column("scopes", Text, nullable=False, **NONE),
    Column("secret_sha256", LargeBinary, nullable=True, **NONE),
    # The secret before, which holds for a while yet.
    Column("former_secret_sha256", LargeBinary, nullable=True, **NONE),
    Column("former_until_ms", BigInteger, nullable=True, **NONE),
    Column("suspended_ms", BigInteger, nullable=True, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("version", Integer, nullable=False, **NONE),
    UniqueConstraint("owner_id", "request_id", name="oauth_apps_by_request"),
    Index("oauth_apps_by_owner", "owner_id", "client_id"),
)

# What a person allowed a program, until they withdraw it.
oauth_grants = Table(
    "oauth_grants",
    metadata,
    _account("user_id", primary_key=True),
    Column("client_id", String(40), primary_key=True, **NONE),
    Column("scopes", Text, nullable=False, **NONE),
    Column("granted_ms", BigInteger, nullable=False, **NONE),
    Index("oauth_grants_by_client", "client_id"),
)

# Authorisation codes; kept for a day after their use, so that a second use is noticed.
oauth_codes = Table(
    "oauth_codes",
    metadata,
    Column("code_sha256", LargeBinary, primary_key=True, **NONE),
    Column("client_id", String(40), nullable=False, **NONE),
    _account("user_id", index=True),
    Column("redirect_uri", Text, nullable=False, **NONE),
    Column("scopes", Text, nullable=False, **NONE),
    Column("code_challenge", String(43), nullable=False, **NONE),
    Column("methods", String(200), nullable=False, **NONE),
    Column("expires_ms", BigInteger, nullable=False, **NONE),
    # What came of it.
    Column("session_id", String(26), nullable=True, **NONE),
    Column("forget_ms", BigInteger, nullable=False, index=True, **NONE),
)

# Devices that wait for a person to let them in.
oauth_device_grants = Table(
    "oauth_device_grants",
    metadata,
    Column("device_code_sha256", LargeBinary, primary_key=True, **NONE),
    # A keyed hash: eight letters are guessed quickly otherwise.
    Column("user_code_mac", LargeBinary, nullable=False, unique=True, **NONE),
    Column("client_id", String(40), nullable=False, **NONE),
    Column("device_name", String(80), nullable=False, **holds("device")),
    Column("place", String(64), nullable=False, **holds("location")),
    Column("scopes", Text, nullable=False, **NONE),
    # See services/auth/oauth/store/devices.py.
    Column("state", SmallInteger, nullable=False, **NONE),
    # Who let it in.
    Column("user_id", String(64), nullable=True, **holds("identity")),
    Column("methods", String(200), nullable=False, **NONE),
    Column("interval_s", Integer, nullable=False, **NONE),
    Column("polled_ms", BigInteger, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("expires_ms", BigInteger, nullable=False, index=True, **NONE),
)

# Browsers that are signed in at our pages; goes with its session.
oauth_browsers = Table(
    "oauth_browsers",
    metadata,
    Column("cookie_sha256", LargeBinary, primary_key=True, **NONE),
    Column(
        "session_id",
        String(26),
        ForeignKey("sessions.session_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        **NONE,
    ),
    Column("expires_ms", BigInteger, nullable=False, index=True, **NONE),
)

# Keys of partners, which they exchange for short tokens.
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(26), primary_key=True, **NONE),
    Column("key_sha256", LargeBinary, nullable=False, unique=True, **NONE),
    Column("partner", String(40), nullable=False, **NONE),
    # What the key is for. Who made it stands in the audit log: a key belongs to a partner and to no person.
    Column("name", String(60), nullable=False, **NONE),
    # The first characters, by which people tell keys apart.
    Column("prefix", String(16), nullable=False, **NONE),
    Column("scopes", Text, nullable=False, **NONE),
    Column("request_id", String(64), nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("expires_ms", BigInteger, nullable=False, **NONE),
    Column("revoked_ms", BigInteger, nullable=True, **NONE),
    # To the hour.
    Column("used_ms", BigInteger, nullable=True, **NONE),
    UniqueConstraint("partner", "request_id", name="api_keys_by_request"),
    Index("api_keys_by_partner", "partner", "key_id"),
)
