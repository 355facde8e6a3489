"""Takes workouts that wait, and analyses them one by one.

Reading, computing and writing are apart: computing happens in a worker thread between a read and a write, so
that neither the event loop nor the one writer of SQLite waits for it. The write goes through only if the
workout was not changed meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import Connection, select

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.consent import ConsentGate
from services.chassis.database import Database, StoreUnavailable
from services.chassis.errors import Unavailable
from services.workout.analysis import loading, numbers, queue
from services.workout.analysis.loading import LoadedWorkout
from services.workout.analysis.queue import Job
from services.workout.analysis.registry import STEPS
from services.workout.analysis.steps import WorkoutStep
from services.workout.athletes.store import settings
from services.workout.consents.channels import PURPOSES, guarded_by
from services.workout.tables import workouts

POLL_S = 5.0
"""Seconds between looks for what other processes queued; one's own jobs wake the analyst at once."""

CPU_SHARE = 0.5
"""Of one core, at most, while nobody waits for an analysis."""

CONSENTS = frozenset({Purpose.PURPOSE_TRAINING_ANALYSIS})
"""Nobody's workouts are analysed who does not allow it."""

_AT_ONCE = 8
_LONGEST_REST_S = 1.0

_log = structlog.get_logger(__name__)


class Analyst:
    """A background task of the host: one workout at a time in each process, each workout in one process."""

    name = "workout analysis"

    def __init__(
        self,
        database: Database,
        clock_ms: Callable[[], int],
        steps: Sequence[WorkoutStep] = STEPS,
        *,
        poll_s: float = POLL_S,
        cpu_share: float = CPU_SHARE,
        consent: ConsentGate,
    ) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._steps = tuple(steps)
        self._poll_s = poll_s
        self._cpu_share = cpu_share
        self._consent = consent
        self._queued = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._database.on_signal(queue.QUEUED, self._queued.set)
        try:
            await self._begin()
            while True:
                self._queued.clear()
                if not await self.work(rest=True):
                    await self._wait()
        finally:
            unsubscribe()

    async def work(self, *, rest: bool = False) -> int:
        """Settle, or put off, what is due now; returns how many jobs that were.

        Args:
            rest: pause after each, so that no more than the share of a core is used.
        """
        settled = 0
        while jobs := await self._claim():
            for job in jobs:
                began_s = asyncio.get_running_loop().time()
                await self._attempt(job)
                settled += 1
                if rest:
                    busy_s = asyncio.get_running_loop().time() - began_s
                    await asyncio.sleep(min(busy_s * (1 / self._cpu_share - 1), _LONGEST_REST_S))
        return settled

    async def analyse(self, job: Job) -> bool:
        """Do one job now; False when the workout is gone, or was changed meanwhile: its new job stands.

        Raises:
            Exception: whatever keeps the workout from being analysed.
        """
        refused = guarded_by(await self._consent.refused(job.user_id, PURPOSES))
        async with self._database.read() as view:
            workout = await view.run(_load, job, refused)
            if workout is None:
                return False
            prepared = [await view.run(step.prepare, workout) for step in self._steps]
        results = await asyncio.to_thread(self._compute, workout, prepared)
        async with self._database.write() as transaction:
            return await transaction.run(self._store, job, workout, results, self._clock_ms())

    def _compute(self, workout: LoadedWorkout, prepared: Sequence[Any]) -> list[Any]:
        if workout.hidden:
            return []
        return [step.compute(workout, ready) for step, ready in zip(self._steps, prepared, strict=True)]

    def _store(
        self, conn: Connection, job: Job, workout: LoadedWorkout, results: Sequence[Any], now_ms: int
    ) -> bool:
        # The workout first, then its athlete, then the job: so does whoever edits or deletes.
        held = select(workouts.c.workout_pk).where(workouts.c.workout_pk == job.workout_pk).with_for_update()
        if conn.execute(held).one_or_none() is None:
            return False
        settings.lock(conn, workout.user_id)
        if numbers.thresholds_of(loading.thresholds_on(conn, workout.row)) != workout.thresholds:
            return False  # they changed before the workout could be seen by who changed them
        if not queue.lock(conn, job):
            return False
        for step, result in zip(self._steps, results, strict=False):
            step.store(conn, workout, result, now_ms)
        if workout.hidden:
            for step in self._steps:
                step.forget(conn, workout.user_id, workout.workout_pk, now_ms)
        queue.settle(conn, job.workout_pk)
        return True

    def _leave(self, conn: Connection, job: Job, now_ms: int) -> None:
        """Drop a job that the person does not allow; erase what was computed where they withdrew."""
        if job.erase:
            held = select(workouts.c.workout_pk).where(workouts.c.workout_pk == job.workout_pk)
            if conn.execute(held.with_for_update()).one_or_none() is None:
                return
            settings.lock(conn, job.user_id)
            if not queue.lock(conn, job):
                return
            for step in self._steps:
                step.forget(conn, job.user_id, job.workout_pk, now_ms)
        queue.drop(conn, job)

    async def _attempt(self, job: Job) -> None:
        try:
            if await self._consent.refused(job.user_id, CONSENTS):
                # Whoever agrees again has everything analysed.
                async with self._database.write() as transaction:
                    await transaction.run(self._leave, job, self._clock_ms())
                return
            if not await self.analyse(job):
                async with self._database.write() as transaction:
                    await transaction.run(queue.release, job)
        except (StoreUnavailable, asyncio.CancelledError):
            raise
        except Unavailable:
            async with self._database.write() as transaction:
                await transaction.run(queue.put_off, job, self._clock_ms())
        except Exception as error:
            async with self._database.write() as transaction:
                reason = f"{type(error).__name__}: {error}"
                dead = await transaction.run(queue.fail, job, reason, self._clock_ms())
            # A workout that cannot be analysed must not keep the others from it.
            _log.exception("analysis_failed", workout_pk=job.workout_pk, attempts=job.attempts + 1, dead=dead)

    async def _claim(self) -> list[Job]:
        now_ms = self._clock_ms()
        async with self._database.read() as view:
            due_ms = await view.run(queue.next_due_ms, now_ms)
        if due_ms is None or due_ms > now_ms:
            return []  # without a write: an idle analyst costs the database a look, not a commit
        async with self._database.write() as transaction:
            return await transaction.run(queue.claim, now_ms, _AT_ONCE)

    async def _begin(self) -> None:
        if self._database.dialect == "sqlite":
            # SQLite has one process: what is claimed was claimed by one that died.
            async with self._database.write() as transaction:
                await transaction.run(queue.release_all)
        while True:
            async with self._database.write() as transaction:
                if not await transaction.run(queue.enqueue_outdated, numbers.ALGORITHM, self._clock_ms()):
                    return

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_s):
                await self._queued.wait()


def _load(conn: Connection, job: Job, refused: frozenset[int]) -> LoadedWorkout | None:
    # A summary of less than everything would forget what is known: it waits until all is allowed again.
    summarised = job.summarise and not refused
    return loading.load(conn, job.workout_pk, summarised=summarised, without=refused)
