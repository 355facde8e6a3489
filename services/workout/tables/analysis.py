"""What was computed of workouts, and what waits to be computed."""

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
    UniqueConstraint,
)

from services.workout.tables.base import NONE, ROW_ID, holds, metadata
from services.workout.tables.recordings import workouts


def _of_workout() -> Column[int]:
    """The key of a row that goes when its workout goes."""
    return Column(
        "workout_pk",
        BigInteger,
        ForeignKey(workouts.c.workout_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    )


# A change that touches many workouts. Whoever asked may ask how far it is; a repeat of the request finds it.
recomputations = Table(
    "recomputations",
    metadata,
    Column("recomputation_pk", ROW_ID, primary_key=True, autoincrement=True, **NONE),
    Column("recomputation_id", String(26), nullable=False, unique=True, **NONE),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # None where the caller gave none: such a request is never recognised as a repeat.
    Column("request_id", String(64), nullable=True, **NONE),
    Column("request_sha256", LargeBinary, nullable=False, **NONE),
    Column("total", Integer, nullable=False, **NONE),
    Column("created_ms", BigInteger, nullable=False, **NONE),
    UniqueConstraint("user_id", "request_id", name="recomputations_by_request"),
)

# Workouts that wait for their analysis: at most one row each, gone once the analysis is stored.
analysis_jobs = Table(
    "analysis_jobs",
    metadata,
    _of_workout(),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    Column("reason", String(32), nullable=False, **NONE),
    # The summary of the workout is to be computed again, too.
    Column("summarise", Boolean, nullable=False, **NONE),
    # Grows with every request: work that was begun for an older one is not stored.
    Column("generation", Integer, nullable=False, **NONE),
    # 0: somebody waits; 1: in the background.
    Column("priority", SmallInteger, nullable=False, **NONE),
    Column("due_ms", BigInteger, nullable=False, **NONE),
    # A process works on it until then; afterwards it has died.
    Column("claimed_until_ms", BigInteger, nullable=False, **NONE),
    Column("attempts", Integer, nullable=False, **NONE),
    # Given up, for the reason in `error`, until somebody asks again.
    Column("dead", Boolean, nullable=False, **NONE),
    Column("error", String(500), nullable=False, **NONE),
    Column(
        "recomputation_pk",
        BigInteger,
        ForeignKey(recomputations.c.recomputation_pk, ondelete="SET NULL"),
        nullable=True,
        **NONE,
    ),
    Index("analysis_jobs_by_due", "dead", "priority", "due_ms"),
    Index("analysis_jobs_by_recomputation", "recomputation_pk"),
)

analyses = Table(
    "analyses",
    metadata,
    _of_workout(),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # A serialised pulsemesh.workout.v1.Analysis.
    Column("document", LargeBinary, nullable=False, **holds("health")),
    Column("algorithm", Integer, nullable=False, **NONE),
    Column("computed_ms", BigInteger, nullable=False, **NONE),
    Index("analyses_by_algorithm", "algorithm"),
)
