"""Further ways in: second proofs, passkeys, accounts at outside providers; and the attempts to use them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from services.auth.tables.base import NONE, holds, metadata


def _account(*, primary_key: bool = False, nullable: bool = False, index: bool = False) -> Column[Any]:
    return Column(
        "user_id",
        String(64),
        ForeignKey("accounts.user_id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=nullable,
        index=index,
        **holds("identity"),
    )


second_factors = Table(
    "second_factors",
    metadata,
    _account(primary_key=True),
    # Encrypted by the key-encryption key; null without an app for codes.
    Column("totp_secret", LargeBinary, nullable=True, **holds("identity")),
    Column("totp_since_ms", BigInteger, nullable=True, **NONE),
    # The last step of 30 s whose code was accepted: it and those before it never are again.
    Column("totp_last_step", BigInteger, nullable=False, **NONE),
    # Until the app has shown a code of it.
    Column("pending_secret", LargeBinary, nullable=True, **holds("identity")),
    Column("pending_expires_ms", BigInteger, nullable=False, **NONE),
    Column("passkey_required", Boolean, nullable=False, **NONE),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    _account(primary_key=True),
    # Of 80 random bits with the user id: nothing to guess.
    Column("code_sha256", LargeBinary, primary_key=True, **holds("identity")),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("passkey_id", String(26), primary_key=True, **NONE),
    _account(index=True),
    Column("credential_id", LargeBinary, nullable=False, unique=True, **holds("identity")),
    # A COSE key.
    Column("public_key", LargeBinary, nullable=False, **holds("identity")),
    Column("sign_count", BigInteger, nullable=False, **NONE),
    Column("name", String(80), nullable=False, **holds("device")),
    Column("transports", String(120), nullable=False, **NONE),
    Column("aaguid", String(36), nullable=False, **holds("device")),
    Column("may_be_backed_up", Boolean, nullable=False, **NONE),
    Column("backed_up", Boolean, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("used_ms", BigInteger, nullable=True, **NONE),
)

# A passkey is being made or used: the challenge that its answer must sign, once.
ceremonies = Table(
    "passkey_ceremonies",
    metadata,
    Column("ceremony_sha256", LargeBinary, primary_key=True, **NONE),
    # See services/auth/passkeys/store.py.
    Column("purpose", SmallInteger, nullable=False, **NONE),
    Column("challenge", LargeBinary, nullable=False, **NONE),
    # Null for a sign-in that names nobody.
    _account(nullable=True, index=True),
    # The sign-in that awaits this as its second proof.
    Column("sign_in_sha256", LargeBinary, nullable=True, **NONE),
    Column("expires_ms", BigInteger, nullable=False, index=True, **NONE),
)

provider_links = Table(
    "provider_links",
    metadata,
    Column("link_id", String(26), primary_key=True, **NONE),
    _account(index=True),
    # Its name in the settings, and the issuer that it was then.
    Column("provider", String(40), nullable=False, **NONE),
    Column("issuer", String(500), nullable=False, **NONE),
    # The issuer's name for the person.
    Column("subject", String(255), nullable=False, **holds("identity")),
    Column("label", String(254), nullable=False, **holds("identity")),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("used_ms", BigInteger, nullable=True, **NONE),
    UniqueConstraint("issuer", "subject", name="provider_links_by_subject"),
)

# Somebody is away at a provider.
provider_attempts = Table(
    "provider_attempts",
    metadata,
    Column("attempt_sha256", LargeBinary, primary_key=True, **NONE),
    Column("state_sha256", LargeBinary, nullable=False, **NONE),
    Column("provider", String(40), nullable=False, **NONE),
    Column("redirect_uri", String(500), nullable=False, **NONE),
    # Nonce and code verifier, encrypted by the key-encryption key.
    Column("secrets", LargeBinary, nullable=False, **NONE),
    # Who wants to link; null for a sign-in.
    _account(nullable=True, index=True),
    Column("expires_ms", BigInteger, nullable=False, **NONE),
    Index("provider_attempts_by_age", "expires_ms"),
)

# Somebody whom a provider vouches for, and who has yet to say where they live and how old they are.
provider_sign_ups = Table(
    "provider_sign_ups",
    metadata,
    Column("sign_up_sha256", LargeBinary, primary_key=True, **NONE),
    Column("provider", String(40), nullable=False, **NONE),
    Column("issuer", String(500), nullable=False, **NONE),
    Column("subject", String(255), nullable=False, **holds("identity")),
    Column("email", Text, nullable=False, **holds("identity")),
    Column("expires_ms", BigInteger, nullable=False, **NONE),
    Index("provider_sign_ups_by_age", "expires_ms"),
)
