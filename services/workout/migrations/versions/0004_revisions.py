"""Edited samples, workouts made of workouts, duplicates, overviews of streams.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _row_id(name: str) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _key(name: str, type_: sa.types.TypeEngine[object], *constraints: sa.ForeignKey) -> sa.Column[object]:
    return sa.Column(name, type_, *constraints, primary_key=True, autoincrement=False)


def _of(table: str, key: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{table}.{key}", ondelete="CASCADE")


def upgrade() -> None:
    op.add_column("workouts", sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()))
    _create_revisions()
    _create_derivations()
    _create_duplicates()
    op.create_table(
        "overviews",
        _key("workout_pk", sa.BigInteger(), _of("workouts", "workout_pk")),
        _key("series", sa.BigInteger()),
        _key("level", sa.Integer()),
        _key("ordinal", sa.Integer()),
        _given("times_differ", sa.Boolean),
        _given("start_ms", sa.BigInteger),
        _given("end_ms", sa.BigInteger),
        _given("payload", sa.LargeBinary),
    )


def _create_revisions() -> None:
    op.create_table(
        "revisions",
        _key("workout_pk", sa.BigInteger(), _of("workouts", "workout_pk")),
        _given("description", sa.LargeBinary),
        _given("document", sa.LargeBinary),
        _given("start_ms", sa.BigInteger),
        _given("end_ms", sa.BigInteger),
        _given("elapsed_s", sa.Float),
        sa.Column("distance_m", sa.Float, nullable=True),
        _given("revised_ms", sa.BigInteger),
    )
    op.create_table(
        "recorded_chunks",
        _key("source_pk", sa.BigInteger(), _of("sources", "source_pk")),
        _key("ordinal", sa.Integer()),
        _given("samples", sa.Integer),
        _given("start_ms", sa.BigInteger),
        _given("end_ms", sa.BigInteger),
        _given("payload", sa.LargeBinary),
    )


def _create_derivations() -> None:
    op.create_table(
        "derivations",
        _row_id("derivation_pk"),
        sa.Column("derivation_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _given("kind", sa.SmallInteger),
        _given("description", sa.LargeBinary),
        _given("created_ms", sa.BigInteger),
    )
    op.create_index("derivations_by_user", "derivations", ["user_id", "derivation_pk"])
    op.create_table(
        "derivation_members",
        _key("derivation_pk", sa.BigInteger(), _of("derivations", "derivation_pk")),
        _key("workout_pk", sa.BigInteger(), _of("workouts", "workout_pk")),
        _given("role", sa.SmallInteger),
        _given("ordinal", sa.Integer),
    )
    op.create_index("derivation_members_by_workout", "derivation_members", ["workout_pk"])


def _create_duplicates() -> None:
    op.create_table(
        "duplicates",
        _row_id("duplicate_pk"),
        sa.Column("duplicate_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        sa.Column("first_pk", sa.BigInteger, _of("workouts", "workout_pk"), nullable=False),
        sa.Column("second_pk", sa.BigInteger, _of("workouts", "workout_pk"), nullable=False),
        _given("score", sa.Float),
        _given("evidence", sa.LargeBinary),
        _given("state", sa.SmallInteger),
        sa.Column(
            "derivation_pk",
            sa.BigInteger,
            sa.ForeignKey("derivations.derivation_pk", ondelete="SET NULL"),
            nullable=True,
        ),
        _given("found_ms", sa.BigInteger),
        sa.UniqueConstraint("first_pk", "second_pk", name="duplicates_by_pair"),
    )
    op.create_index("duplicates_by_user", "duplicates", ["user_id", "state", "duplicate_pk"])
    op.create_index("duplicates_by_second", "duplicates", ["second_pk"])
    op.create_index("duplicates_by_derivation", "duplicates", ["derivation_pk"])
