"""What is done with a workout after it was closed or changed: one step a concern."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Connection

from services.workout.analysis.loading import LoadedWorkout

__all__ = ["LoadedWorkout", "WorkoutStep"]


class WorkoutStep(Protocol):
    """One concern of the work on a workout.

    All steps of a job are stored in one transaction, in the order of `registry.STEPS`, and only if the
    workout did not change since it was loaded. A job may be repeated: `store` replaces what an earlier one
    stored.

    Attributes:
        name: for the logs.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class

    def prepare(self, conn: Connection, workout: LoadedWorkout) -> Any:
        """Read what `compute` needs beside the workout, in the transaction that loaded it."""
        ...

    def compute(self, workout: LoadedWorkout, prepared: Any) -> Any:
        """Compute. Pure, in a worker thread."""
        ...

    def store(self, conn: Connection, workout: LoadedWorkout, result: Any, now_ms: int) -> None:
        """Write what was computed, in the one write transaction of the job; the workout's row is locked."""
        ...

    def forget(self, conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
        """Undo what the workout added to anything that outlives it: it is hidden, or about to be deleted."""
        ...
