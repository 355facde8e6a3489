"""Workouts are analysed after they were closed or changed, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select, update

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import analysis_service_pb2, analysis_service_pb2_grpc, workout_service_pb2
from services.chassis import migrations
from services.chassis.consent import DevelopmentConsentGate
from services.chassis.database import open_database
from services.workout import tables
from services.workout.analysis import queue
from services.workout.analysis.analyst import Analyst
from services.workout.analysis.steps import LoadedWorkout
from services.workout.module import module
from tests.fixtures.waiting import eventually

ALLOWED = DevelopmentConsentGate(development=True)


def analyst_of(rig: Any) -> Analyst:
    return Analyst(rig.database, rig.clock, consent=ALLOWED)


async def analysis(rig: Any, workout_id: str) -> Any:
    stub = analysis_service_pb2_grpc.AnalysisServiceStub(rig.channel)
    request = analysis_service_pb2.GetAnalysisRequest(workout_id=workout_id)
    return (await stub.GetAnalysis(request, metadata=rig.who)).analysis


async def test_a_closed_workout_is_analysed_and_told_of(rig: Any) -> None:
    await rig.workout(600)
    assert await analyst_of(rig).work() == 1
    assert await rig.rows(tables.analysis_jobs, tables.analyses, tables.loads) == {
        "analysis_jobs": 0,
        "analyses": 1,
        "loads": 1,
    }
    assert "WorkoutAnalyzed" in await rig.event_types()


async def test_whoever_asks_before_it_was_analysed_gets_the_analysis_at_once(rig: Any) -> None:
    workout_id = await rig.workout(600)
    answer = await analysis(rig, workout_id)
    assert answer.workout_id == workout_id
    assert [curve.channel for curve in answer.curves]
    assert (await rig.rows(tables.analysis_jobs))["analysis_jobs"] == 0


async def test_a_change_while_the_analysis_is_computed_makes_it_void(rig: Any) -> None:
    workout_id = await rig.workout(60)
    analyst = analyst_of(rig)
    async with rig.database.write() as transaction:
        (job,) = await transaction.run(queue.claim, rig.clock(), 5)
    request = workout_service_pb2.UpdateWorkoutRequest()
    request.workout.workout_id = workout_id
    request.workout.sport = sport_pb2.SPORT_ROWING
    request.update_mask.paths.append("sport")
    await rig.workouts.UpdateWorkout(request, metadata=rig.who)
    assert not await analyst.analyse(job)
    assert (await rig.rows(tables.analyses))["analyses"] == 0
    assert await analyst.work() == 1
    async with rig.database.read() as view:
        assert await view.run(lambda conn: conn.execute(select(tables.loads.c.sport)).scalar_one()) == 6


def _damage(conn: Connection) -> None:
    conn.execute(update(tables.chunks).values(payload=b"\xff"))


async def test_a_workout_that_cannot_be_analysed_is_put_off_and_then_given_up_with_the_reason(
    rig: Any,
) -> None:
    await rig.workout(60)
    async with rig.database.write() as transaction:
        await transaction.run(_damage)
    now_ms = rig.clock()
    # A clock that stands: what is put off stays so until the test goes on.
    analyst = Analyst(rig.database, lambda: now_ms, consent=ALLOWED)
    for _ in range(queue.MAX_ATTEMPTS):
        assert await analyst.work() == 1
        now_ms += 2 * queue.MAX_PAUSE_MS
    assert await analyst.work() == 0
    async with rig.database.read() as view:
        row = await view.run(lambda conn: conn.execute(select(tables.analysis_jobs)).one())
    assert row.dead
    assert row.error.startswith("ChunkCorrupted")


async def test_a_job_whose_process_died_is_taken_up_when_its_lease_is_over(rig: Any) -> None:
    await rig.workout(60)
    async with rig.database.write() as transaction:
        assert len(await transaction.run(queue.claim, rig.clock(), 5)) == 1
    analyst = analyst_of(rig)
    assert await analyst.work() == 0
    rig.clock.ahead_ms += queue.LEASE_MS + 1
    assert await analyst.work() == 1


class Held:
    """A step that computes until it is let go."""

    name = "held"

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.stored = 0

    def prepare(self, conn: Connection, workout: LoadedWorkout) -> None:
        """Nothing."""

    def compute(self, workout: LoadedWorkout, prepared: None) -> None:
        self.begun.set()
        assert self.may_end.wait(30)

    def store(self, conn: Connection, workout: LoadedWorkout, result: None, now_ms: int) -> None:
        self.stored += 1

    def forget(self, conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
        """Nothing."""


async def test_an_analyst_that_ends_in_the_midst_leaves_the_work_to_the_next(rig: Any) -> None:
    await rig.workout(60)
    held = Held()
    first = asyncio.create_task(Analyst(rig.database, rig.clock, [held], consent=ALLOWED).run())
    await eventually(held.begun.is_set)
    first.cancel()
    held.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert held.stored == 0
    assert (await rig.rows(tables.analysis_jobs))["analysis_jobs"] == 1
    rig.clock.ahead_ms += queue.LEASE_MS + 1
    second = asyncio.create_task(Analyst(rig.database, rig.clock, poll_s=0.05, consent=ALLOWED).run())

    async def settled() -> bool:
        return bool((await rig.rows(tables.analysis_jobs))["analysis_jobs"] == 0)

    await eventually(settled)
    second.cancel()
    assert (await rig.event_types()).count("WorkoutAnalyzed") == 1


async def test_two_analysts_share_the_work_and_do_nothing_twice(rig: Any) -> None:
    for day in range(6):
        await rig.workout(60, start_ms=1_750_000_000_000 + day * 86_400_000)
    settled = await asyncio.gather(analyst_of(rig).work(), analyst_of(rig).work())
    assert sum(settled) == 6
    assert (await rig.event_types()).count("WorkoutAnalyzed") == 6


async def test_another_sport_makes_another_summary(rig: Any) -> None:
    workout_id = await rig.workout(600)
    await analyst_of(rig).work()
    before = await rig.get(workout_id)
    request = workout_service_pb2.UpdateWorkoutRequest()
    request.workout.workout_id = workout_id
    request.workout.sport = sport_pb2.SPORT_STRENGTH_TRAINING
    request.update_mask.paths.append("sport")
    await rig.workouts.UpdateWorkout(request, metadata=rig.who)
    assert await analyst_of(rig).work() == 1
    after = await rig.get(workout_id)
    assert [session.part.sport for session in before.sessions] == [sport_pb2.SPORT_CYCLING]
    assert [session.part.sport for session in after.sessions] == [sport_pb2.SPORT_STRENGTH_TRAINING]
    assert after.summary.elapsed_s == before.summary.elapsed_s


async def test_a_deleted_workout_takes_its_job_and_its_share_along(rig: Any) -> None:
    kept, gone = await rig.workout(60), await rig.workout(90)
    await analyst_of(rig).work()
    for workout_id in (gone, kept):
        request = workout_service_pb2.DeleteWorkoutRequest(workout_id=workout_id)
        await rig.workouts.DeleteWorkout(request, metadata=rig.who)
    shares = (tables.analyses, tables.loads, tables.curves, tables.efforts, tables.records)
    assert set((await rig.rows(*shares, tables.analysis_jobs)).values()) == {0}


async def test_an_idle_analyst_wakes_for_a_new_workout_at_once(rig: Any) -> None:
    running = asyncio.create_task(Analyst(rig.database, rig.clock, poll_s=3600, consent=ALLOWED).run())
    await asyncio.sleep(0)
    await rig.workout(60)

    async def settled() -> bool:
        return bool((await rig.rows(tables.analyses))["analyses"] == 1)

    await eventually(settled)
    running.cancel()


def _add_old_workout(conn: Connection) -> None:
    whose = {"user_id": "eu_old", "sport": 2, "sub_sport": 0, "start_ms": 1}
    for table, values in (
        (
            tables.recordings,
            {"recording_pk": 1, "recording_id": "r", "state": 3, "opened_ms": 0, "updated_ms": 0}
            | {"clock_offset_ms": 0, "details": b""},
        ),
        (
            tables.workouts,
            {"workout_pk": 1, "workout_id": "w", "recording_pk": 1, "title": "", "notes": "", "end_ms": 2}
            | {"elapsed_s": 1.0, "document": b"", "version": 1, "created_ms": 0, "updated_ms": 0},
        ),
    ):
        conn.execute(insert(table).values(whose | values))


async def test_workouts_from_before_there_were_analyses_are_queued(tmp_path: Path, database_url: str) -> None:
    assert module.migrations is not None
    old = tmp_path / "old" / "versions"
    old.mkdir(parents=True)
    shutil.copy(module.migrations / "versions" / "0001_recordings_and_workouts.py", old)
    database = open_database(database_url, schema="aged")
    try:
        await migrations.upgrade(database, old.parent)
        async with database.write() as transaction:
            await transaction.run(_add_old_workout)
        await migrations.upgrade(database, module.migrations)
        async with database.read() as view:
            waiting = await view.run(
                lambda conn: conn.execute(select(func.count()).select_from(tables.analysis_jobs)).scalar_one()
            )
        assert waiting == 1
    finally:
        await database.close()


async def test_a_curve_has_the_durations_that_were_asked_for_and_no_longer_ones(rig: Any) -> None:
    workout_id = await rig.workout(600)
    stub = analysis_service_pb2_grpc.AnalysisServiceStub(rig.channel)
    request = analysis_service_pb2.GetCurveRequest(
        workout_id=workout_id, channel=channel_pb2.CHANNEL_POWER, durations_s=[60, 301, 5000]
    )
    curve = (await stub.GetCurve(request, metadata=rig.who)).curve
    assert list(curve.durations_s) == [60, 301]
    assert list(curve.values) == [150, 150]
    del request.durations_s[:]
    whole = (await stub.GetCurve(request, metadata=rig.who)).curve
    assert len(whole.durations_s) in {599, 600}
