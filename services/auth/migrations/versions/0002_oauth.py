"""Apps, grants, codes and devices of OAuth 2; keys of partners; browsers at our pages.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _key(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _maybe(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=True)


def _unique(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False, unique=True)


def _account(name: str, *, key: bool = False) -> sa.Column[object]:
    reference = sa.ForeignKey("accounts.user_id", ondelete="CASCADE")
    return sa.Column(name, sa.String(64), reference, primary_key=key, nullable=False)


def upgrade() -> None:
    _create_apps()
    _create_codes()
    op.create_table(
        "oauth_browsers",
        _key("cookie_sha256", sa.LargeBinary),
        sa.Column(
            "session_id",
            sa.String(26),
            sa.ForeignKey("sessions.session_id", ondelete="CASCADE"),
            nullable=False,
        ),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("ix_oauth_browsers_session_id", "oauth_browsers", ["session_id"])
    op.create_index("ix_oauth_browsers_expires_ms", "oauth_browsers", ["expires_ms"])
    op.create_table(
        "api_keys",
        _key("key_id", sa.String(26)),
        _unique("key_sha256", sa.LargeBinary),
        _given("partner", sa.String(40)),
        _given("name", sa.String(60)),
        _given("prefix", sa.String(16)),
        _given("scopes", sa.Text),
        _given("request_id", sa.String(64)),
        _given("created_ms", sa.BigInteger),
        _given("expires_ms", sa.BigInteger),
        _maybe("revoked_ms", sa.BigInteger),
        _maybe("used_ms", sa.BigInteger),
        sa.UniqueConstraint("partner", "request_id", name="api_keys_by_request"),
    )
    op.create_index("api_keys_by_partner", "api_keys", ["partner", "key_id"])


def _create_apps() -> None:
    op.create_table(
        "oauth_apps",
        _key("client_id", sa.String(40)),
        _account("owner_id"),
        _given("request_id", sa.String(64)),
        _given("name", sa.String(60)),
        _given("homepage", sa.String(300)),
        _given("confidential", sa.Boolean),
        _given("redirect_uris", sa.Text),
        _given("scopes", sa.Text),
        _maybe("secret_sha256", sa.LargeBinary),
        _maybe("former_secret_sha256", sa.LargeBinary),
        _maybe("former_until_ms", sa.BigInteger),
        _maybe("suspended_ms", sa.BigInteger),
        _given("created_ms", sa.BigInteger),
        _given("version", sa.Integer),
        sa.UniqueConstraint("owner_id", "request_id", name="oauth_apps_by_request"),
    )
    op.create_index("oauth_apps_by_owner", "oauth_apps", ["owner_id", "client_id"])
    op.create_table(
        "oauth_grants",
        _account("user_id", key=True),
        _key("client_id", sa.String(40)),
        _given("scopes", sa.Text),
        _given("granted_ms", sa.BigInteger),
    )
    op.create_index("oauth_grants_by_client", "oauth_grants", ["client_id"])


def _create_codes() -> None:
    op.create_table(
        "oauth_codes",
        _key("code_sha256", sa.LargeBinary),
        _given("client_id", sa.String(40)),
        _account("user_id"),
        _given("redirect_uri", sa.Text),
        _given("scopes", sa.Text),
        _given("code_challenge", sa.String(43)),
        _given("methods", sa.String(200)),
        _given("expires_ms", sa.BigInteger),
        _maybe("session_id", sa.String(26)),
        _given("forget_ms", sa.BigInteger),
    )
    op.create_index("ix_oauth_codes_user_id", "oauth_codes", ["user_id"])
    op.create_index("ix_oauth_codes_forget_ms", "oauth_codes", ["forget_ms"])
    op.create_table(
        "oauth_device_grants",
        _key("device_code_sha256", sa.LargeBinary),
        _unique("user_code_mac", sa.LargeBinary),
        _given("client_id", sa.String(40)),
        _given("device_name", sa.String(80)),
        _given("place", sa.String(64)),
        _given("scopes", sa.Text),
        _given("state", sa.SmallInteger),
        _maybe("user_id", sa.String(64)),
        _given("methods", sa.String(200)),
        _given("interval_s", sa.Integer),
        _given("polled_ms", sa.BigInteger),
        _given("created_ms", sa.BigInteger),
        _given("expires_ms", sa.BigInteger),
    )
    op.create_index("ix_oauth_device_grants_expires_ms", "oauth_device_grants", ["expires_ms"])
