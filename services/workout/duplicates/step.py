"""Looking for duplicates, as a step of the work on every workout."""

from __future__ import annotations

from sqlalchemy import Connection

from services.workout.analysis.loading import LoadedWorkout
from services.workout.codec import SampleColumns, concatenate, decode_chunk
from services.workout.duplicates import store
from services.workout.duplicates.likeness import Candidate, Likeness, compare

Found = list[tuple[int, Likeness]]
"""Keys of the other workouts, and how alike they are."""


class DuplicateStep:
    """See `services.workout.analysis.steps.WorkoutStep`."""

    name = "duplicates"

    def prepare(self, conn: Connection, workout: LoadedWorkout) -> list[store.Overlapping]:
        """Read the workouts of the same time."""
        return store.overlapping(conn, workout.row)

    def compute(self, workout: LoadedWorkout, prepared: list[store.Overlapping]) -> Found:
        """Compare them with it."""
        if not prepared:
            return []
        row = workout.row
        mine = Candidate(row.start_ms, row.end_ms, row.distance_m, workout.sources)
        found = []
        for each in prepared:
            other = Candidate(each.row.start_ms, each.row.end_ms, each.row.distance_m, _decoded(each))
            likeness = compare(mine, other)
            if likeness is not None:
                found.append((int(each.row.workout_pk), likeness))
        return found

    def store(self, conn: Connection, workout: LoadedWorkout, result: Found, now_ms: int) -> None:
        """Keep the pairs; those whose other workout is gone meanwhile are left out.

        Raises:
            WorkoutBusy: another of the pair is being changed; the job is tried again.
        """
        there = store.hold(conn, [other for other, _ in result])
        found = [(other, likeness) for other, likeness in result if other in there]
        store.put_all(conn, workout.user_id, workout.workout_pk, found, now_ms)

    def forget(self, conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
        """Pairs go with their workouts; those of a hidden one are not shown."""


def _decoded(each: store.Overlapping) -> tuple[SampleColumns, ...]:
    return tuple(
        concatenate([decode_chunk(payload) for payload in source.payloads]) for source in each.stored
    )
