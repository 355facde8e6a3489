"""Accounts, the sign-ups that become them, sessions, and what proves and revokes their tokens."""

from __future__ import annotations

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
)

from services.auth.tables.base import NONE, ROW_ID, holds, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    # Normalised, see services/auth/addresses.py. Null once the account is being deleted: the address is free.
    Column("email", String(254), nullable=True, unique=True, **holds("identity")),
    # Argon2id with its parameters; null for accounts that sign in by other means alone.
    Column("password_hash", Text, nullable=True, **holds("identity")),
    Column("password_changed_ms", BigInteger, nullable=True, **NONE),
    Column("country", String(2), nullable=False, **holds("location")),
    Column("language", String(35), nullable=False, **NONE),
    # "2001-09-30"; null when the person only said that they are old enough.
    Column("birth_date", String(10), nullable=True, **holds("identity")),
    # What was proved or said at sign-up.
    Column("at_least_years", SmallInteger, nullable=False, **holds("identity")),
    # See services/auth/store/accounts.py.
    Column("state", SmallInteger, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("deletion_requested_ms", BigInteger, nullable=True, **NONE),
)

# A sign-up waits here for its code: there is no account before its address is proved.
sign_ups = Table(
    "sign_ups",
    metadata,
    # SHA-256 of the secret by which the client that began it names it.
    Column("sign_up_sha256", LargeBinary, primary_key=True, **NONE),
    Column("email", String(254), nullable=False, **holds("identity")),
    # True for an address that has an account: it is answered like any other, and never becomes one.
    Column("decoy", Boolean, nullable=False, **NONE),
    Column("password_hash", Text, nullable=False, **holds("identity")),
    Column("country", String(2), nullable=False, **holds("location")),
    Column("language", String(35), nullable=False, **NONE),
    Column("birth_date", String(10), nullable=True, **holds("identity")),
    Column("at_least_years", SmallInteger, nullable=False, **holds("identity")),
    Column("code_mac", LargeBinary, nullable=False, **NONE),
    Column("token_sha256", LargeBinary, nullable=False, unique=True, **NONE),
    Column("wrong_codes", SmallInteger, nullable=False, **NONE),
    Column("mails", SmallInteger, nullable=False, **NONE),
    Column("mailed_ms", BigInteger, nullable=False, **NONE),
    Column("expires_ms", BigInteger, nullable=False, **NONE),
    Index("sign_ups_by_age", "expires_ms"),
)

email_changes = Table(
    "email_changes",
    metadata,
    Column(
        "user_id",
        String(64),
        ForeignKey("accounts.user_id", ondelete="CASCADE"),
        primary_key=True,
        **holds("identity"),
    ),
    Column("new_email", String(254), nullable=False, **holds("identity")),
    # True for an address of another account.
    Column("decoy", Boolean, nullable=False, **NONE),
    Column("code_mac", LargeBinary, nullable=False, **NONE),
    Column("wrong_codes", SmallInteger, nullable=False, **NONE),
    Column("expires_ms", BigInteger, nullable=False, **NONE),
)

password_resets = Table(
    "password_resets",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True, **NONE),
    Column(
        "user_id",
        String(64),
        ForeignKey("accounts.user_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        **holds("identity"),
    ),
    Column("asked_ms", BigInteger, nullable=False, **NONE),
    Column("expires_ms", BigInteger, nullable=False, **NONE),
)

# Failures to prove something, by what was tried: an account's address, or where they came from.
throttles = Table(
    "throttles",
    metadata,
    # A keyed hash: nobody reads from here who tried to sign in.
    Column("subject_mac", LargeBinary, primary_key=True, **NONE),
    # Failures that weigh still, in thousandths: they decay.
    Column("weight_milli", BigInteger, nullable=False, **NONE),
    Column("failed_ms", BigInteger, nullable=False, **NONE),
    Column("blocked_until_ms", BigInteger, nullable=False, **NONE),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session_id", String(26), primary_key=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # The claim `kind` of its access tokens: "user", "device", "staff".
    Column("kind", String(10), nullable=False, **NONE),
    Column("client_id", String(64), nullable=False, **NONE),
    # Separated by spaces.
    Column("scopes", Text, nullable=False, **NONE),
    Column("methods", String(200), nullable=False, **NONE),
    Column("device_name", String(80), nullable=False, **holds("device")),
    # A country or a network, never an address.
    Column("place", String(64), nullable=False, **holds("location")),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("authenticated_ms", BigInteger, nullable=False, **NONE),
    # To the minute.
    Column("used_ms", BigInteger, nullable=False, **NONE),
    # Unless it is used before, and the day on which it ends in any case.
    Column("expires_ms", BigInteger, nullable=False, **NONE),
    Column("ends_ms", BigInteger, nullable=False, **NONE),
    Index("sessions_by_user", "user_id", "session_id"),
    Index("sessions_by_age", "expires_ms"),
)

# Every refresh token of a session that runs: the one that is good, and those that were used.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_sha256", LargeBinary, primary_key=True, **NONE),
    Column(
        "session_id",
        String(26),
        ForeignKey("sessions.session_id", ondelete="CASCADE"),
        nullable=False,
        **NONE,
    ),
    Column("generation", Integer, nullable=False, **NONE),
    Column("used_ms", BigInteger, nullable=True, **NONE),
    # From this and the token itself follows the next token; gone as soon as that was used.
    Column("successor_salt", LargeBinary, nullable=True, **NONE),
    Index("refresh_tokens_by_session", "session_id", "generation", unique=True),
)

revocations = Table(
    "revocations",
    metadata,
    Column("revocation_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    # Either a session, or a person's tokens from before a moment.
    Column("session_id", String(26), nullable=False, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("issued_before_ms", BigInteger, nullable=False, **NONE),
    Column("revoked_ms", BigInteger, nullable=False, **NONE),
    Column("forget_ms", BigInteger, nullable=False, index=True, **NONE),
    sqlite_autoincrement=True,
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", String(64), primary_key=True, **NONE),
    # A JSON Web Key.
    Column("public_key", Text, nullable=False, **NONE),
    # Encrypted by the key-encryption key.
    Column("private_key", LargeBinary, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    # Published before it signs, so that everybody has it by then.
    Column("signs_from_ms", BigInteger, nullable=False, index=True, **NONE),
    # The last of its tokens has expired then; null while it has no successor.
    Column("gone_ms", BigInteger, nullable=True, **NONE),
)

# One proof was given, the second is awaited.
sign_in_challenges = Table(
    "sign_in_challenges",
    metadata,
    Column("challenge_sha256", LargeBinary, primary_key=True, **NONE),
    Column(
        "user_id",
        String(64),
        ForeignKey("accounts.user_id", ondelete="CASCADE"),
        nullable=False,
        index=True,
        **holds("identity"),
    ),
    Column("methods", String(200), nullable=False, **NONE),
    Column("client_id", String(64), nullable=False, **NONE),
    Column("device_name", String(80), nullable=False, **holds("device")),
    Column("wrong_proofs", SmallInteger, nullable=False, **NONE),
    Column("expires_ms", BigInteger, nullable=False, index=True, **NONE),
)

# Mails on their way, until the mail server has taken them.
mails = Table(
    "mails",
    metadata,
    Column("mail_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("recipient", String(254), nullable=False, **holds("identity")),
    Column("template", String(40), nullable=False, **NONE),
    Column("language", String(35), nullable=False, **NONE),
    # What the template needs, codes among it: encrypted by the key-encryption key.
    Column("parameters", LargeBinary, nullable=False, **holds("identity")),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("attempts", Integer, nullable=False, **NONE),
    Column("due_ms", BigInteger, nullable=False, index=True, **NONE),
    # Of no use to anybody after this.
    Column("expires_ms", BigInteger, nullable=False, **NONE),
    sqlite_autoincrement=True,
)
