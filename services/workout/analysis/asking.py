"""What somebody asks of one workout: its analysis as of now, and curves that are not kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pulsemesh.workout.v1 import analysis_pb2
from services.chassis.database import Database
from services.chassis.errors import Unavailable
from services.workout.analysis import loading, numbers, queue
from services.workout.analysis.analyst import Analyst
from services.workout.analysis.loading import LoadedWorkout
from services.workout.analysis.queue import Job
from services.workout.errors import WorkoutNotFound
from services.workout.tables import analyses, workouts

_ATTEMPTS = 5
_AT_ONCE = 2
"""Workouts that are computed at the same time for those who wait."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where the analysis of a workout stands: a job where it waits, a document where it was computed."""

    workout_pk: int
    hidden: bool
    job: Job | None
    document: bytes | None


class Asking:
    """Answers questions about single workouts."""

    def __init__(self, database: Database, analyst: Analyst) -> None:
        self._database = database
        self._analyst = analyst
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def analysis(self, user_id: str, workout_id: str) -> analysis_pb2.Analysis:
        """The analysis of the workout as it is now; computed at once where it still waits.

        Raises:
            WorkoutNotFound: the person has none of that id.
            Unavailable: it is being changed again and again.
        """
        for _ in range(_ATTEMPTS):
            async with self._database.read() as view:
                standing = await view.run(_standing, user_id, workout_id)
            if standing is None:
                raise WorkoutNotFound(workout_id)
            if standing.hidden:
                return await self._of_hidden(standing.workout_pk, workout_id)
            if standing.document is not None and standing.job is None:
                return analysis_pb2.Analysis.FromString(standing.document)
            async with self._turns:
                await self._analyst.analyse(standing.job or await self._queued(user_id, standing.workout_pk))
        raise Unavailable(0.5, "the workout keeps changing while it is being analysed")

    async def curve(
        self, user_id: str, workout_id: str, channel: int, durations_s: list[int]
    ) -> analysis_pb2.MeanMaximalCurve:
        """The mean-maximal curve of a channel at these durations, or at every second.

        Raises:
            WorkoutNotFound: the person has none of that id.
        """
        async with self._database.read() as view:
            workout_pk = await view.run(loading.find_key, user_id, workout_id)
            workout = None if workout_pk is None else await view.run(loading.load, workout_pk)
        if workout is None:
            raise WorkoutNotFound(workout_id)
        async with self._turns:
            return await asyncio.to_thread(numbers.curve_of, workout, channel, durations_s)

    async def _of_hidden(self, workout_pk: int, workout_id: str) -> analysis_pb2.Analysis:
        """Computed, and not kept: a hidden workout counts for nothing."""
        async with self._database.read() as view:
            workout: LoadedWorkout | None = await view.run(loading.load, workout_pk)
        if workout is None:
            raise WorkoutNotFound(workout_id)
        async with self._turns:
            return await asyncio.to_thread(numbers.analysis_of, workout)

    async def _queued(self, user_id: str, workout_pk: int) -> Job:
        async with self._database.write() as transaction:
            await transaction.run(queue.enqueue, user_id, workout_pk, queue.ALGORITHM, 0)
            job = await transaction.run(queue.find, workout_pk)
        assert job is not None
        return job


def _standing(conn: Connection, user_id: str, workout_id: str) -> _Standing | None:
    row = conn.execute(
        select(workouts.c.workout_pk, workouts.c.hidden, analyses.c.document)
        .join(analyses, analyses.c.workout_pk == workouts.c.workout_pk, isouter=True)
        .where(workouts.c.user_id == user_id, workouts.c.workout_id == workout_id)
    ).one_or_none()
    if row is None:
        return None
    document = None if row.document is None else bytes(row.document)
    return _Standing(row.workout_pk, row.hidden, queue.find(conn, row.workout_pk), document)
