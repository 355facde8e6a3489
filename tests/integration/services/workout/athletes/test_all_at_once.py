"""Edits, thresholds, deletions and two analysts at once: nobody waits in a circle, nothing is stale."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from sqlalchemy import Connection, select

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, athlete_service_pb2_grpc, workout_service_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis.consent import DevelopmentConsentGate
from services.workout import tables
from services.workout.analysis.analyst import Analyst

DAY_MS = 86_400_000
FIRST_MS = 1_748_858_400_000
LAST_POWER_W = 290.0

ALLOWED = DevelopmentConsentGate(development=True)


async def change_sport(rig: Any, workout_id: str, sport: int) -> None:
    request = workout_service_pb2.UpdateWorkoutRequest()
    request.workout.workout_id = workout_id
    request.workout.sport = sport_pb2.Sport.ValueType(sport)
    request.update_mask.paths.append("sport")
    await rig.workouts.UpdateWorkout(request, metadata=rig.who)


async def edit_all(rig: Any, workout_ids: Iterable[str]) -> None:
    for sport in (sport_pb2.SPORT_ROWING, sport_pb2.SPORT_CYCLING):
        for workout_id in workout_ids:
            await change_sport(rig, workout_id, sport)


async def delete_all(rig: Any, workout_ids: Iterable[str]) -> None:
    for workout_id in workout_ids:
        request = workout_service_pb2.DeleteWorkoutRequest(workout_id=workout_id)
        await rig.workouts.DeleteWorkout(request, metadata=rig.who)


async def set_all(rig: Any) -> None:
    stub = athlete_service_pb2_grpc.AthleteServiceStub(rig.channel)
    for watts in (250.0, 260.0, 270.0, 280.0, LAST_POWER_W):
        request = wire.SetThresholdsRequest(since_ever=True)
        request.thresholds.functional_threshold_power_w = watts
        await stub.SetThresholds(request, metadata=rig.who)


def _stored(conn: Connection) -> tuple[list[analysis_pb2.Analysis], int]:
    documents = conn.execute(select(tables.analyses.c.document)).scalars()
    analyses = [analysis_pb2.Analysis.FromString(bytes(each)) for each in documents]
    return analyses, len(conn.execute(select(tables.loads.c.workout_pk)).all())


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def test_everything_at_once_ends_well(rig: Any) -> None:
    ids = [await rig.workout(60, start_ms=FIRST_MS + day * DAY_MS) for day in range(8)]
    analysts = [
        Analyst(rig.database, rig.clock, poll_s=0.05, cpu_share=1.0, consent=ALLOWED) for _ in range(2)
    ]
    running = [asyncio.create_task(each.run()) for each in analysts]
    try:
        await asyncio.gather(edit_all(rig, ids[2:]), set_all(rig), delete_all(rig, ids[:2]))
    except grpc.aio.AioRpcError as error:  # a deadlock would be told as UNAVAILABLE
        raise AssertionError(error.details()) from error
    finally:
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ended), ended
    rig.clock.ahead_ms += 3_600_000
    await analysts[0].work()
    async with rig.database.read() as view:
        analyses, shares = await view.run(_stored)
    assert len(analyses) == shares == 6
    assert {each.thresholds.functional_threshold_power_w for each in analyses} == {LAST_POWER_W}
