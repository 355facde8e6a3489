"""What keeps a workout from being deleted alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from services.workout.revisions import derivation_store
from services.workout.revisions.derivation_store import Role
from services.workout.revisions.errors import WorkoutDerived


def check_deletable(conn: Connection, row: Row[Any]) -> None:
    """
    Raises:
        WorkoutDerived: the workout, which is locked, is an input, or the only one left that stands for it.
    """
    for stored in derivation_store.of_workouts(conn, [row.workout_pk]):
        (member,) = (each for each in stored.members if each.workout_pk == row.workout_pk)
        standing = stored.of(Role.MADE, Role.KEPT)
        if member.role == Role.INPUT or len(standing) == 1:
            raise WorkoutDerived(row.workout_id, stored.row.derivation_id)
