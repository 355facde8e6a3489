"""Segments and the efforts on them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from services.workout.tables.base import NONE, ROW_ID, holds, metadata
from services.workout.tables.recordings import workouts

segments = Table(
    "segments",
    metadata,
    Column("segment_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("segment_id", String(26), nullable=False, unique=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # None where the caller gave none: such a request is never recognised as a repeat.
    Column("request_id", String(64), nullable=True, **NONE),
    Column("request_sha256", LargeBinary, nullable=False, **NONE),
    Column("name", String(100), nullable=False, **holds("content")),
    Column("sport", SmallInteger, nullable=False, **NONE),
    # A pulsemesh.workout.v1.SegmentVisibility.
    Column("visibility", SmallInteger, nullable=False, **NONE),
    Column("length_m", Float, nullable=False, **NONE),
    Column("elevation_gain_m", Float, nullable=True, **NONE),
    Column("average_grade_percent", Float, nullable=True, **NONE),
    Column("south_deg", Float, nullable=False, **holds("location")),
    Column("north_deg", Float, nullable=False, **holds("location")),
    Column("west_deg", Float, nullable=False, **holds("location")),
    Column("east_deg", Float, nullable=False, **holds("location")),
    # See services.workout.routes.course.
    Column("course", LargeBinary, nullable=False, **holds("location")),
    Column("version", Integer, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Column("updated_ms", BigInteger, nullable=False, **NONE),
    # The search of old workouts: a pulsemesh.workout.v1.SegmentMatching.State, how many there are to be
    # searched and were, and the key of the last one.
    Column("search_state", SmallInteger, nullable=False, **NONE),
    Column("search_total", Integer, nullable=False, **NONE),
    Column("searched", Integer, nullable=False, **NONE),
    Column("search_cursor", BigInteger, nullable=False, **NONE),
    UniqueConstraint("user_id", "request_id", name="segments_by_request"),
    Index("segments_by_user", "user_id", "segment_pk"),
    Index("segments_by_search", "search_state", "segment_pk"),
)

segment_efforts = Table(
    "segment_efforts",
    metadata,
    Column(
        "segment_pk",
        BigInteger,
        ForeignKey(segments.c.segment_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    Column(
        "workout_pk",
        BigInteger,
        ForeignKey(workouts.c.workout_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    # Counts the efforts of the workout on the segment, from 1.
    Column("ordinal", Integer, primary_key=True, autoincrement=False, **NONE),
    # The athlete, who need not be the segment's owner.
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("end_ms", BigInteger, nullable=False, **NONE),
    Column("elapsed_s", Float, nullable=False, **NONE),
    Column("distance_m", Float, nullable=False, **NONE),
    Column("average_power_w", Float, nullable=True, **holds("health")),
    Column("average_heart_rate_bpm", Float, nullable=True, **holds("health")),
    Index("segment_efforts_by_time", "segment_pk", "user_id", "elapsed_s"),
    Index("segment_efforts_by_date", "segment_pk", "user_id", "start_ms"),
    Index("segment_efforts_by_workout", "workout_pk"),
)
