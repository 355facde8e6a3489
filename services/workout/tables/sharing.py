"""What owners chose for single workouts, and the secret of the ids by which others know them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table

from services.workout.tables.base import NONE, holds, metadata
from services.workout.tables.recordings import workouts

workout_privacy = Table(
    "workout_privacy",
    metadata,
    Column(
        "workout_pk",
        BigInteger,
        ForeignKey(workouts.c.workout_pk, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        **NONE,
    ),
    Column("user_id", String(64), nullable=False, **holds("identity")),
    # A serialised pulsemesh.profile.v1.WorkoutPrivacy.
    Column("chosen", LargeBinary, nullable=False, **NONE),
)

# One row: made when it is first needed, never changed.
sharing_secrets = Table(
    "sharing_secrets",
    metadata,
    Column("secret_pk", Integer, primary_key=True, autoincrement=False, **NONE),
    Column("secret", LargeBinary, nullable=False, **NONE),
)
