"""A workout goes out of everything that outlives it."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from services.workout.analysis.registry import STEPS
from services.workout.tables import analysis_jobs


def forget_workout(conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
    """Store function: undo what the workout added to records, routes, segments, and drop its job.

    Call it in the transaction that hides the workout, or that is about to delete it, with its row locked. To
    bring a hidden workout back, `queue.enqueue` it.
    """
    for step in STEPS:
        step.forget(conn, user_id, workout_pk, now_ms)
    conn.execute(delete(analysis_jobs).where(analysis_jobs.c.workout_pk == workout_pk))
