"""The step that computes the summary of a workout again, where a change made it another."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from pulsemesh.workout.v1 import workout_pb2
from services.chassis import outbox
from services.workout import documents, events
from services.workout.analysis.loading import LoadedWorkout
from services.workout.messages import workout_message
from services.workout.store import workouts


class SummarisingStep:
    """See `services.workout.analysis.steps.WorkoutStep`."""

    name = "summarising"

    def prepare(self, conn: Connection, workout: LoadedWorkout) -> None:
        """Nothing is needed beside the workout."""

    def compute(self, workout: LoadedWorkout, prepared: None) -> workout_pb2.Workout | None:
        """The document with new numbers; None where those that are stored stand."""
        if not workout.summarised:
            return None
        summary = workout.computed_summary
        document = workout_pb2.Workout()
        document.CopyFrom(workout.document)
        document.summary.CopyFrom(workout.summary)
        del document.sessions[:], document.laps[:]
        document.sessions.extend(documents.session_message(part, totals) for part, totals in summary.sessions)
        document.laps.extend(documents.lap_message(lap, totals) for lap, totals in summary.laps)
        return document

    def store(
        self, conn: Connection, workout: LoadedWorkout, result: workout_pb2.Workout | None, now_ms: int
    ) -> None:
        """Write the numbers and tell that they changed; nothing where they are what they were."""
        if result is None or result == workout.document:
            return
        row = workout.row
        totals = workout.computed_summary.whole
        values: dict[str, Any] = {
            "document": result.SerializeToString(),
            "distance_m": totals.distance_m,
            "elapsed_s": totals.elapsed_s or 0.0,
        }
        # The row is locked, and nothing but a new job could have changed it since it was loaded, save for
        # what its owner writes: the version goes on from what it is now.
        current = workouts.find(conn, row.user_id, row.workout_id)
        if current is None:
            return
        workouts.change(conn, row.workout_pk, values, current.version + 1, now_ms)
        after = workouts.find(conn, row.user_id, row.workout_id)
        assert after is not None
        outbox.append(conn, events.workout_updated(workout_message(after), ["summary"], now_ms))

    def forget(self, conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
        """The summary goes with its workout."""
