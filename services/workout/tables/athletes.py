"""What is kept of athletes: settings, thresholds, and each workout's share of their numbers.

Fitness and totals are derived from `loads` when they are asked for; only records, which depend on their
order, are kept as such.
"""

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

# One row an athlete: settings, and the lock under which the athlete's records change.
athletes = Table(
    "athletes",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    # An IANA name: where the athlete's days begin.
    Column("time_zone", String(64), nullable=False, **holds("location")),
    # What the athlete brought along before the first workout.
    Column("start_chronic", Float, nullable=False, **holds("health")),
    Column("start_acute", Float, nullable=False, **holds("health")),
    Column("updated_ms", BigInteger, nullable=False, **NONE),
)

thresholds = Table(
    "thresholds",
    metadata,
    Column("threshold_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # 0: for every sport that has no value of its own.
    Column("sport", SmallInteger, nullable=False, **NONE),
    # The field's number in pulsemesh.workout.v1.Thresholds.
    Column("field", SmallInteger, nullable=False, **NONE),
    # Days since 1970 in the athlete's time zone.
    Column("from_day", Integer, nullable=False, **NONE),
    Column("value", Float, nullable=False, **holds("health")),
    UniqueConstraint("user_id", "sport", "field", "from_day", name="thresholds_by_day"),
)

# How often an athlete's history changed: whoever keeps a copy keeps the one of the highest version.
threshold_versions = Table(
    "threshold_versions",
    metadata,
    Column("user_id", String(64), primary_key=True, **holds("identity")),
    Column("version", BigInteger, nullable=False, **NONE),
)


def _of_workout() -> Column[int]:
    return Column(
        "workout_pk",
        BigInteger,
        ForeignKey(workouts.c.workout_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    )


# What a workout adds to its athlete's fitness and totals.
loads = Table(
    "loads",
    metadata,
    _of_workout(),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("sport", SmallInteger, nullable=False, **NONE),
    *(
        Column(name, Float, nullable=True, **holds("health"))
        for name in (
            "stress_score",
            "training_stress_score",
            "heart_rate_stress_score",
            "running_stress_score",
            "swimming_stress_score",
            "trimp_banister",
            "trimp_edwards",
        )
    ),
    *(
        Column(name, Float, nullable=True, **NONE)
        for name in ("elapsed_s", "moving_s", "distance_m", "elevation_gain_m", "energy_kcal", "work_kj")
    ),
    Index("loads_by_user_and_start", "user_id", "start_ms"),
)

# Mean-maximal curves, apart from the documents so that those of a season are read at once.
curves = Table(
    "curves",
    metadata,
    _of_workout(),
    Column("sport", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    Column("channel", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    # Durations in s (uint32), then values (float32) and beginnings in s (uint32), little endian.
    Column("payload", LargeBinary, nullable=False, **holds("health")),
    Index("curves_by_user_and_start", "user_id", "channel", "start_ms"),
)

# The best efforts of each workout, by the sports of its sessions.
efforts = Table(
    "efforts",
    metadata,
    _of_workout(),
    Column("sport", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    Column("kind", String(32), primary_key=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # Of the workout.
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("channel", SmallInteger, nullable=False, **NONE),
    Column("duration_s", Float, nullable=False, **NONE),
    Column("distance_m", Float, nullable=False, **NONE),
    Column("value", Float, nullable=False, **holds("health")),
    # The value, or less than nothing of it where less is better: the larger the better.
    Column("score", Float, nullable=False, **holds("health")),
    Column("effort_start_ms", BigInteger, nullable=False, **NONE),
    Column("effort_end_ms", BigInteger, nullable=False, **NONE),
    Index("efforts_by_kind", "user_id", "sport", "kind", "start_ms"),
)

# Those efforts that were better than all before them.
records = Table(
    "records",
    metadata,
    _of_workout(),
    Column("sport", SmallInteger, primary_key=True, autoincrement=False, **NONE),
    Column("kind", String(32), primary_key=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("score", Float, nullable=False, **holds("health")),
    Index("records_by_kind", "user_id", "sport", "kind", "start_ms"),
)
