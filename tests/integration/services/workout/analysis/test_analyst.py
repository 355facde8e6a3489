"""Workouts are analysed after they were closed or changed, whatever happens meanwhile."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select, update

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import analysis_service_pb2, analysis_service_pb2_grpc, workout_service_pb2
from services.workout import tables
from services.workout.analysis import queue
from services.workout.analysis.analyst import Analyst


def analyst_of(rig: Any) -> Analyst:
    return Analyst(rig.database, rig.clock)


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
    analyst = analyst_of(rig)
    for attempt in range(queue.MAX_ATTEMPTS):
        assert await analyst.work() == 1
        assert await analyst.work() == 0
        rig.clock.ahead_ms += 2 * queue.MAX_PAUSE_MS * (attempt + 1)
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
