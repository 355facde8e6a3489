"""Accounts, sessions, keys and mails, with the chassis tables.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.migrations import create_chassis_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _row_id(name: str) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _key(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _maybe(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=True)


def _account(*, key: bool = False) -> sa.Column[object]:
    reference = sa.ForeignKey("accounts.user_id", ondelete="CASCADE")
    return sa.Column("user_id", sa.String(64), reference, primary_key=key, nullable=False)


def upgrade() -> None:
    create_chassis_tables()
    _create_accounts()
    _create_sessions()
    _create_keys()
    op.create_table(
        "mails",
        _row_id("mail_pk"),
        _given("recipient", sa.String(254)),
        _given("template", sa.String(40)),
        _given("language", sa.String(35)),
        _given("parameters", sa.LargeBinary),
        _given("created_ms", sa.BigInteger),
        _given("attempts", sa.Integer),
        _given("due_ms", sa.BigInteger),
        _given("expires_ms", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mails_due_ms", "mails", ["due_ms"])


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        _key("user_id", sa.String(64)),
        sa.Column("email", sa.String(254), nullable=True, unique=True),
        _maybe("password_hash", sa.Text),
        _maybe("password_changed_ms", sa.BigInteger),
        _given("country", sa.String(2)),
        _given("language", sa.String(35)),
        _maybe("birth_date", sa.String(10)),
        _given("at_least_years", sa.SmallInteger),
        _given("state", sa.SmallInteger),
        _given("created_ms", sa.BigInteger),
        _maybe("deletion_requested_ms", sa.BigInteger),
    )
    op.create_table(
        "sign_ups",
        _key("sign_up_sha256", sa.LargeBinary),
        _given("email", sa.String(254)),
        _given("decoy", sa.Boolean),
        _given("password_hash", sa.Text),
        _given("country", sa.String(2)),
        _given("language", sa.String(35)),
        _maybe("birth_date", sa.String(10)),
        _given("at_least_years", sa.SmallInteger),
        _given("code_mac", sa.LargeBinary),
        sa.Column("token_sha256", sa.LargeBinary, nullable=False, unique=True),
        _given("wrong_codes", sa.SmallInteger),
        _given("mails", sa.SmallInteger),
        _given("mailed_ms", sa.BigInteger),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("sign_ups_by_age", "sign_ups", ["expires_ms"])
    op.create_table(
        "email_changes",
        _account(key=True),
        _given("new_email", sa.String(254)),
        _given("decoy", sa.Boolean),
        _given("code_mac", sa.LargeBinary),
        _given("wrong_codes", sa.SmallInteger),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_table(
        "password_resets",
        _key("token_sha256", sa.LargeBinary),
        _account(),
        _given("asked_ms", sa.BigInteger),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("ix_password_resets_user_id", "password_resets", ["user_id"])
    op.create_table(
        "throttles",
        _key("subject_mac", sa.LargeBinary),
        _given("weight_milli", sa.BigInteger),
        _given("failed_ms", sa.BigInteger),
        _given("blocked_until_ms", sa.BigInteger),
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        _key("session_id", sa.String(26)),
        _given("user_id", sa.String(64)),
        _given("kind", sa.String(10)),
        _given("client_id", sa.String(64)),
        _given("scopes", sa.Text),
        _given("methods", sa.String(200)),
        _given("device_name", sa.String(80)),
        _given("place", sa.String(64)),
        _given("created_ms", sa.BigInteger),
        _given("authenticated_ms", sa.BigInteger),
        _given("used_ms", sa.BigInteger),
        _given("expires_ms", sa.BigInteger),
        _given("ends_ms", sa.BigInteger),
    )
    op.create_index("sessions_by_user", "sessions", ["user_id", "session_id"])
    op.create_index("sessions_by_age", "sessions", ["expires_ms"])
    op.create_table(
        "refresh_tokens",
        _key("token_sha256", sa.LargeBinary),
        sa.Column(
            "session_id",
            sa.String(26),
            sa.ForeignKey("sessions.session_id", ondelete="CASCADE"),
            nullable=False,
        ),
        _given("generation", sa.Integer),
        _maybe("used_ms", sa.BigInteger),
        _maybe("successor_salt", sa.LargeBinary),
    )
    op.create_index("refresh_tokens_by_session", "refresh_tokens", ["session_id", "generation"], unique=True)
    op.create_table(
        "sign_in_challenges",
        _key("challenge_sha256", sa.LargeBinary),
        _account(),
        _given("methods", sa.String(200)),
        _given("client_id", sa.String(64)),
        _given("device_name", sa.String(80)),
        _given("wrong_proofs", sa.SmallInteger),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("ix_sign_in_challenges_user_id", "sign_in_challenges", ["user_id"])
    op.create_index("ix_sign_in_challenges_expires_ms", "sign_in_challenges", ["expires_ms"])


def _create_keys() -> None:
    op.create_table(
        "revocations",
        _row_id("revocation_pk"),
        _given("session_id", sa.String(26)),
        _given("user_id", sa.String(64)),
        _given("issued_before_ms", sa.BigInteger),
        _given("revoked_ms", sa.BigInteger),
        _given("forget_ms", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_revocations_forget_ms", "revocations", ["forget_ms"])
    op.create_table(
        "signing_keys",
        _key("key_id", sa.String(64)),
        _given("public_key", sa.Text),
        _given("private_key", sa.LargeBinary),
        _given("created_ms", sa.BigInteger),
        _given("signs_from_ms", sa.BigInteger),
        _maybe("gone_ms", sa.BigInteger),
    )
    op.create_index("ix_signing_keys_signs_from_ms", "signing_keys", ["signs_from_ms"])
