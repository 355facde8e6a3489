"""What was recorded of corrected, split and merged workouts, duplicates, and overviews of long streams."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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


def _workout(name: str = "workout_pk", *, key: bool = True) -> Column[int]:
    reference = ForeignKey("workouts.workout_pk", ondelete="CASCADE")
    if key:
        return Column(name, BigInteger, reference, primary_key=True, autoincrement=False, **NONE)
    return Column(name, BigInteger, reference, nullable=False, **NONE)


# A workout that differs from what was recorded, with all that is needed to give the recorded one back.
revisions = Table(
    "revisions",
    metadata,
    _workout(),
    # A serialised pulsemesh.workout.v1.RevisedWorkout: operations and outcomes.
    Column("description", LargeBinary, nullable=False, **holds("health")),
    # Columns of `workouts` as they were recorded.
    Column("document", LargeBinary, nullable=False, **holds("health")),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("end_ms", BigInteger, nullable=False, **NONE),
    Column("elapsed_s", Float, nullable=False, **NONE),
    Column("distance_m", Float, nullable=True, **NONE),
    Column("revised_ms", BigInteger, nullable=False, **NONE),
)

# The chunks of a corrected workout as they were recorded. `chunks` holds what the workout is now, so that
# no reader of samples needs to know of corrections.
recorded_chunks = Table(
    "recorded_chunks",
    metadata,
    Column(
        "source_pk",
        BigInteger,
        ForeignKey("sources.source_pk", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    Column("ordinal", Integer, primary_key=True, autoincrement=False, **NONE),
    Column("samples", Integer, nullable=False, **NONE),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("end_ms", BigInteger, nullable=False, **NONE),
    Column("payload", LargeBinary, nullable=False, **holds("health")),
)

# A split, a merge, or a choice among several.
derivations = Table(
    "derivations",
    metadata,
    Column("derivation_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("derivation_id", String(26), nullable=False, unique=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # A pulsemesh.workout.v1.DerivationKind.
    Column("kind", SmallInteger, nullable=False, **NONE),
    # A serialised pulsemesh.workout.v1.Derivation: where it was split, which channels lead.
    Column("description", LargeBinary, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    Index("derivations_by_user", "user_id", "derivation_pk"),
)

derivation_members = Table(
    "derivation_members",
    metadata,
    Column(
        "derivation_pk",
        BigInteger,
        ForeignKey("derivations.derivation_pk", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    _workout(),
    # See services.workout.store.derivations.Role.
    Column("role", SmallInteger, nullable=False, **NONE),
    Column("ordinal", Integer, nullable=False, **NONE),
    Index("derivation_members_by_workout", "workout_pk"),
)

# Pairs of workouts that may be one, each pair once, the older workout first.
duplicates = Table(
    "duplicates",
    metadata,
    Column("duplicate_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("duplicate_id", String(26), nullable=False, unique=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    _workout("first_pk", key=False),
    _workout("second_pk", key=False),
    Column("score", Float, nullable=False, **NONE),
    # A serialised pulsemesh.workout.v1.Duplicate: the evidence.
    Column("evidence", LargeBinary, nullable=False, **NONE),
    # A pulsemesh.workout.v1.DuplicateState.
    Column("state", SmallInteger, nullable=False, **NONE),
    Column(
        "derivation_pk",
        BigInteger,
        ForeignKey("derivations.derivation_pk", ondelete="SET NULL"),
        nullable=True,
        **NONE,
    ),
    Column("found_ms", BigInteger, nullable=False, **NONE),
    UniqueConstraint("first_pk", "second_pk", name="duplicates_by_pair"),
    Index("duplicates_by_user", "user_id", "state", "duplicate_pk"),
    Index("duplicates_by_second", "second_pk"),
    Index("duplicates_by_derivation", "derivation_pk"),
)

# Smallest and largest values of stretches of a long stream, so that any part of it can be drawn at once.
# Computed of `chunks` when first asked for, deleted with every change of the samples.
overviews = Table(
    "overviews",
    metadata,
    _workout(),
    # The key of the source; 0: all sources on one axis of time.
    Column("series", BigInteger, primary_key=True, autoincrement=False, **NONE),
    # Samples that two rows of the payload stand for; 1: the samples themselves.
    Column("level", Integer, primary_key=True, autoincrement=False, **NONE),
    Column("ordinal", Integer, primary_key=True, autoincrement=False, **NONE),
    # Whether the sources of the workout differ in their times.
    Column("times_differ", Boolean, nullable=False, **NONE),
    Column("start_ms", BigInteger, nullable=False, **NONE),
    Column("end_ms", BigInteger, nullable=False, **NONE),
    # As in `chunks`.
    Column("payload", LargeBinary, nullable=False, **holds("health")),
)
