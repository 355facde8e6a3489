"""The step that computes and keeps the analysis of a workout, and its share of its athlete's numbers."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from pulsemesh.workout.v1 import analysis_pb2
from services.chassis import outbox
from services.chassis.database import insert_for
from services.workout import events
from services.workout.analysis import numbers
from services.workout.analysis.loading import LoadedWorkout
from services.workout.athletes.shares import share_of
from services.workout.athletes.store import shares
from services.workout.tables import analyses


class MeasuringStep:
    """See `services.workout.analysis.steps.WorkoutStep`."""

    name = "measuring"

    def prepare(self, conn: Connection, workout: LoadedWorkout) -> None:
        """Nothing is needed beside the workout."""

    def compute(self, workout: LoadedWorkout, prepared: None) -> analysis_pb2.Analysis:
        """The analysis."""
        return numbers.analysis_of(workout)

    def store(
        self, conn: Connection, workout: LoadedWorkout, result: analysis_pb2.Analysis, now_ms: int
    ) -> None:
        """Keep it, keep the athlete's numbers up to date, and tell."""
        result.computed_at.FromMilliseconds(now_ms)
        row = workout.row
        new = insert_for(conn, analyses).values(
            workout_pk=row.workout_pk,
            user_id=row.user_id,
            document=result.SerializeToString(),
            algorithm=result.algorithm,
            computed_ms=now_ms,
        )
        conn.execute(
            new.on_conflict_do_update(
                index_elements=[analyses.c.workout_pk],
                set_={name: new.excluded[name] for name in ("document", "algorithm", "computed_ms")},
            )
        )
        shares.replace(conn, share_of(row, workout.summary, result))
        outbox.append(conn, events.workout_analyzed(row, result, now_ms))

    def forget(self, conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
        """Take the workout out of its athlete's numbers."""
        shares.remove(conn, user_id, workout_pk)
        conn.execute(delete(analyses).where(analyses.c.workout_pk == workout_pk))
