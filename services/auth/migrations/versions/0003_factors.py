"""Second proofs, passkeys, accounts at outside providers.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _key(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _maybe(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=True)


def _account(*, key: bool = False, nullable: bool = False) -> sa.Column[object]:
    reference = sa.ForeignKey("accounts.user_id", ondelete="CASCADE")
    return sa.Column("user_id", sa.String(64), reference, primary_key=key, nullable=nullable)


def upgrade() -> None:
    _create_second_factors()
    _create_passkeys()
    _create_providers()


def _create_second_factors() -> None:
    op.create_table(
        "second_factors",
        _account(key=True),
        _maybe("totp_secret", sa.LargeBinary),
        _maybe("totp_since_ms", sa.BigInteger),
        _given("totp_last_step", sa.BigInteger),
        _maybe("pending_secret", sa.LargeBinary),
        _given("pending_expires_ms", sa.BigInteger),
        _given("passkey_required", sa.Boolean),
    )
    op.create_table("recovery_codes", _account(key=True), _key("code_sha256", sa.LargeBinary))


def _create_passkeys() -> None:
    op.create_table(
        "passkeys",
        _key("passkey_id", sa.String(26)),
        _account(),
        sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True),
        _given("public_key", sa.LargeBinary),
        _given("sign_count", sa.BigInteger),
        _given("name", sa.String(80)),
        _given("transports", sa.String(120)),
        _given("aaguid", sa.String(36)),
        _given("may_be_backed_up", sa.Boolean),
        _given("backed_up", sa.Boolean),
        _given("created_ms", sa.BigInteger),
        _maybe("used_ms", sa.BigInteger),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])
    op.create_table(
        "passkey_ceremonies",
        _key("ceremony_sha256", sa.LargeBinary),
        _given("purpose", sa.SmallInteger),
        _given("challenge", sa.LargeBinary),
        _account(nullable=True),
        _maybe("sign_in_sha256", sa.LargeBinary),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("ix_passkey_ceremonies_user_id", "passkey_ceremonies", ["user_id"])
    op.create_index("ix_passkey_ceremonies_expires_ms", "passkey_ceremonies", ["expires_ms"])


def _create_providers() -> None:
    op.create_table(
        "provider_links",
        _key("link_id", sa.String(26)),
        _account(),
        _given("provider", sa.String(40)),
        _given("issuer", sa.String(500)),
        _given("subject", sa.String(255)),
        _given("label", sa.String(254)),
        _given("created_ms", sa.BigInteger),
        _maybe("used_ms", sa.BigInteger),
        sa.UniqueConstraint("issuer", "subject", name="provider_links_by_subject"),
    )
    op.create_index("ix_provider_links_user_id", "provider_links", ["user_id"])
    op.create_table(
        "provider_attempts",
        _key("attempt_sha256", sa.LargeBinary),
        _given("state_sha256", sa.LargeBinary),
        _given("provider", sa.String(40)),
        _given("redirect_uri", sa.String(500)),
        _given("secrets", sa.LargeBinary),
        _account(nullable=True),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("ix_provider_attempts_user_id", "provider_attempts", ["user_id"])
    op.create_index("provider_attempts_by_age", "provider_attempts", ["expires_ms"])
    op.create_table(
        "provider_sign_ups",
        _key("sign_up_sha256", sa.LargeBinary),
        _given("provider", sa.String(40)),
        _given("issuer", sa.String(500)),
        _given("subject", sa.String(255)),
        _given("email", sa.Text),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("provider_sign_ups_by_age", "provider_sign_ups", ["expires_ms"])
