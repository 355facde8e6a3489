"""Profiles, handles, pictures, physiology, privacy, with the chassis tables.

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


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _key(name: str, type_: sa.types.TypeEngine[object]) -> sa.Column[object]:
    return sa.Column(name, type_, primary_key=True, autoincrement=False)


def upgrade() -> None:
    create_chassis_tables()
    _create_profiles()
    _create_physiology()
    _create_privacy()


def _create_profiles() -> None:
    op.create_table(
        "profiles",
        _key("user_id", sa.String(64)),
        _given("display_name", sa.String(80)),
        _given("bio", sa.Text),
        _given("place", sa.String(100)),
        _given("birth_date", sa.String(10)),
        _given("sex", sa.SmallInteger),
        _given("units", sa.LargeBinary),
        _given("language", sa.String(64)),
        _given("time_zone", sa.String(64)),
        _given("first_day_of_week", sa.SmallInteger),
        _given("links", sa.Text),
        _given("avatar_id", sa.String(64)),
        _given("created_ms", sa.BigInteger),
        _given("updated_ms", sa.BigInteger),
        _given("version", sa.BigInteger),
    )
    op.create_table(
        "handles",
        _key("likeness", sa.String(30)),
        sa.Column("handle", sa.String(30), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _given("claimed_ms", sa.BigInteger),
        sa.Column("released_ms", sa.BigInteger, nullable=True),
    )
    op.create_index("handles_by_user", "handles", ["user_id"])
    op.create_table(
        "avatars",
        _key("user_id", sa.String(64)),
        _key("avatar_id", sa.String(64)),
        _key("size", sa.SmallInteger()),
        _given("content", sa.LargeBinary),
    )
    op.create_table(
        "answers",
        _key("user_id", sa.String(64)),
        _key("request_id", sa.String(64)),
        _given("request_sha256", sa.LargeBinary),
        _given("response", sa.LargeBinary),
        _given("answered_ms", sa.BigInteger),
    )
    op.create_index("answers_by_age", "answers", ["answered_ms"])


def _create_physiology() -> None:
    op.create_table(
        "physiology",
        _key("user_id", sa.String(64)),
        _key("quantity", sa.SmallInteger()),
        _key("sport", sa.SmallInteger()),
        _key("from_day", sa.Integer()),
        _given("value", sa.Float),
    )
    op.create_table("physiology_versions", _key("user_id", sa.String(64)), _given("version", sa.BigInteger))


def _create_privacy() -> None:
    op.create_table(
        "privacy",
        _key("user_id", sa.String(64)),
        _given("version", sa.BigInteger),
        _given("secret", sa.LargeBinary),
    )
    op.create_table(
        "privacy_rules",
        _key("user_id", sa.String(64)),
        _key("aspect", sa.SmallInteger()),
        _given("audience", sa.SmallInteger),
    )
    op.create_table(
        "privacy_zones",
        _key("zone_id", sa.String(26)),
        _given("user_id", sa.String(64)),
        _given("name", sa.String(100)),
        _given("latitude_deg", sa.Float),
        _given("longitude_deg", sa.Float),
        _given("radius_m", sa.Float),
        _given("created_ms", sa.BigInteger),
    )
    op.create_index("privacy_zones_by_user", "privacy_zones", ["user_id", "zone_id"])
