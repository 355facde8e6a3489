"""Which workouts a person may hold beside their own: the one place that says so.

Today one's own. When workouts can be shared, this query grows, and comparisons and groups with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from services.workout.errors import WorkoutNotFound
from services.workout.tables import workouts


def readable_workouts(conn: Connection, user_id: str, workout_ids: Sequence[str]) -> list[Row[Any]]:
    """The rows of these workouts, in this order.

    Raises:
        WorkoutNotFound: one does not exist, or is not to be read by this person.
    """
    rows: dict[str, Row[Any]] = {}
    for first in range(0, len(workout_ids), 500):
        query = select(workouts).where(
            workouts.c.user_id == user_id, workouts.c.workout_id.in_(workout_ids[first : first + 500])
        )
        rows |= {row.workout_id: row for row in conn.execute(query)}
    for workout_id in workout_ids:
        if workout_id not in rows:
            raise WorkoutNotFound(workout_id)
    return [rows[workout_id] for workout_id in workout_ids]
