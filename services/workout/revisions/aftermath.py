"""What follows when a workout is not what it was: its analysis, and everything that counts it."""

from __future__ import annotations

from sqlalchemy import Connection

from services.workout.analysis import queue
from services.workout.analysis.forgetting import forget_workout


def samples_changed(
    conn: Connection, user_id: str, workout_pk: int, now_ms: int, *, sport_changed: bool = False
) -> None:
    """It was corrected, or given back; `sport_changed`: its summary is of another sport than it."""
    reason = queue.SPORT_CHANGED if sport_changed else queue.REVISED
    queue.enqueue(conn, user_id, workout_pk, reason, now_ms)


def workout_added(conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
    """It was made of others."""
    queue.enqueue(conn, user_id, workout_pk, queue.CLOSED, now_ms)


def workout_shown(conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
    """It was hidden and counts again."""
    queue.enqueue(conn, user_id, workout_pk, queue.UNHIDDEN, now_ms)


def workout_gone(conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
    """It is hidden, or about to be deleted."""
    forget_workout(conn, user_id, workout_pk, now_ms)
