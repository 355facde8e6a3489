"""Routes, segments and efforts.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BOX = ("south_deg", "north_deg", "west_deg", "east_deg")


def _row_id(name: str) -> sa.Column[int]:
    return sa.Column(
        name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )


def _given(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=False)


def _perhaps(name: str, type_: object) -> sa.Column[object]:
    return sa.Column(name, type_, nullable=True)


def _key_of(name: str, column: str) -> sa.Column[object]:
    reference = sa.ForeignKey(column, ondelete="CASCADE")
    return sa.Column(name, sa.BigInteger, reference, primary_key=True, autoincrement=False)


def upgrade() -> None:
    _create_routes()
    _create_segments()


def _create_routes() -> None:
    op.create_table(
        "routes",
        _row_id("route_pk"),
        sa.Column("route_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _given("sport", sa.SmallInteger),
        _given("length_m", sa.Float),
        _given("model_pk", sa.BigInteger),
        _given("created_ms", sa.BigInteger),
    )
    op.create_index("routes_by_user", "routes", ["user_id", "sport", "length_m"])
    op.create_table(
        "route_cells",
        _key_of("route_pk", "routes.route_pk"),
        sa.Column("cell", sa.BigInteger, primary_key=True, autoincrement=False),
        _given("user_id", sa.String(64)),
    )
    op.create_index("route_cells_by_user", "route_cells", ["user_id", "cell", "route_pk"])
    op.create_table(
        "tracks",
        _key_of("workout_pk", "workouts.workout_pk"),
        _given("user_id", sa.String(64)),
        _given("sport", sa.SmallInteger),
        _given("start_ms", sa.BigInteger),
        sa.Column(
            "route_pk", sa.BigInteger, sa.ForeignKey("routes.route_pk", ondelete="SET NULL"), nullable=True
        ),
        _given("generation", sa.Integer),
        _given("length_m", sa.Float),
        *(_given(name, sa.Float) for name in _BOX),
        _given("course", sa.LargeBinary),
        _given("course_times", sa.LargeBinary),
        _given("placed", sa.Boolean),
        _given("elapsed_s", sa.Float),
        _given("distance_m", sa.Float),
        _perhaps("average_power_w", sa.Float),
        _perhaps("average_heart_rate_bpm", sa.Float),
    )
    op.create_index("tracks_by_route", "tracks", ["route_pk", "start_ms", "workout_pk"])
    op.create_index("tracks_by_user", "tracks", ["user_id", "sport", "workout_pk"])
    op.create_index("tracks_by_placing", "tracks", ["placed", "workout_pk"])


def _create_segments() -> None:
    op.create_table(
        "segments",
        _row_id("segment_pk"),
        sa.Column("segment_id", sa.String(26), nullable=False, unique=True),
        _given("user_id", sa.String(64)),
        _perhaps("request_id", sa.String(64)),
        _given("request_sha256", sa.LargeBinary),
        _given("name", sa.String(100)),
        _given("sport", sa.SmallInteger),
        _given("visibility", sa.SmallInteger),
        _given("length_m", sa.Float),
        _perhaps("elevation_gain_m", sa.Float),
        _perhaps("average_grade_percent", sa.Float),
        *(_given(name, sa.Float) for name in _BOX),
        _given("course", sa.LargeBinary),
        _given("version", sa.Integer),
        _given("created_ms", sa.BigInteger),
        _given("updated_ms", sa.BigInteger),
        _given("search_state", sa.SmallInteger),
        _given("search_total", sa.Integer),
        _given("searched", sa.Integer),
        _given("search_cursor", sa.BigInteger),
        sa.UniqueConstraint("user_id", "request_id", name="segments_by_request"),
    )
    op.create_index("segments_by_user", "segments", ["user_id", "segment_pk"])
    op.create_index("segments_by_search", "segments", ["search_state", "segment_pk"])
    op.create_table(
        "segment_efforts",
        _key_of("segment_pk", "segments.segment_pk"),
        _key_of("workout_pk", "workouts.workout_pk"),
        sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
        _given("user_id", sa.String(64)),
        _given("start_ms", sa.BigInteger),
        _given("end_ms", sa.BigInteger),
        _given("elapsed_s", sa.Float),
        _given("distance_m", sa.Float),
        _perhaps("average_power_w", sa.Float),
        _perhaps("average_heart_rate_bpm", sa.Float),
    )
    op.create_index("segment_efforts_by_time", "segment_efforts", ["segment_pk", "user_id", "elapsed_s"])
    op.create_index("segment_efforts_by_date", "segment_efforts", ["segment_pk", "user_id", "start_ms"])
    op.create_index("segment_efforts_by_workout", "segment_efforts", ["workout_pk"])
