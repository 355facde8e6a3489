"""Workouts that tell of one effort are found, asked about, and never hidden without a choice."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pulsemesh.workout.v1 import duplicate_service_pb2 as wire
from pulsemesh.workout.v1 import duplicate_service_pb2_grpc
from services.workout import tables
from services.workout.analysis.analyst import Analyst
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    POWER,
    START_MS,
    STRANGER,
    Rig,
    Sent,
    reason_of,
    ride,
    violated_fields,
)
from tests.integration.services.workout.revisions.rig import (
    on_sqlite,
    stored,
)
from tests.integration.services.workout.revisions.test_deriving import undo
from tests.integration.services.workout.test_workouts import delete, listed

SECONDS = 300
BEATS = [120 + (second * second // 7 + second // 3) % 50 for second in range(SECONDS)]


def stub(rig: Rig) -> Any:
    return duplicate_service_pb2_grpc.DuplicateServiceStub(rig.channel)


async def analysed(rig: Rig) -> None:
    """Let the work on all workouts be done."""
    (analyst,) = (task for task in rig.background if isinstance(task, Analyst))
    while await analyst.work():
        pass


async def two_devices(rig: Rig) -> tuple[str, str]:
    """A watch and a trainer that recorded one ride, clocks three seconds apart."""
    times = [START_MS + second * 1000 for second in range(SECONDS)]
    _, watch = await rig.append([Sent("watch", times, {HEART_RATE: BEATS})])
    late = [time_ms + 3_000 for time_ms in times]
    _, trainer = await rig.append([Sent("trainer", late, {HEART_RATE: BEATS, POWER: [200] * SECONDS})])
    await analysed(rig)
    return watch.closed.workout_id, trainer.closed.workout_id


async def pairs(rig: Rig, *states: int, **options: Any) -> list[Any]:
    request = wire.ListDuplicatesRequest(states=states, **options)  # type: ignore[arg-type]
    return list((await stub(rig).ListDuplicates(request, metadata=rig.who)).duplicates)


async def resolve(rig: Rig, duplicate_id: str, **choice: Any) -> Any:
    request = wire.ResolveDuplicateRequest(duplicate_id=duplicate_id, **choice)
    return await stub(rig).ResolveDuplicate(request, metadata=rig.who)


async def reopen(rig: Rig, duplicate_id: str) -> Any:
    request = wire.ReopenDuplicateRequest(duplicate_id=duplicate_id)
    return (await stub(rig).ReopenDuplicate(request, metadata=rig.who)).duplicate


async def shown(rig: Rig) -> set[str]:
    return {workout.workout_id for workout in (await listed(rig)).workouts}


@on_sqlite
async def test_two_devices_of_one_ride_are_asked_about_once(rig: Rig) -> None:
    ids = await two_devices(rig)
    (pair,) = await pairs(rig)
    assert (pair.first.workout_id, pair.second.workout_id) == ids
    assert pair.score > 0.8
    evidence = {each.reason: each for each in pair.evidence}
    assert evidence[wire.DUPLICATE_REASON_OVERLAP].value == pytest.approx(0.99, abs=0.01)
    assert evidence[wire.DUPLICATE_REASON_START].value == 3
    assert evidence[wire.DUPLICATE_REASON_CHANNEL].channel == HEART_RATE
    assert await shown(rig) == set(ids)


@on_sqlite
async def test_workouts_of_other_times_are_no_duplicates(rig: Rig) -> None:
    await rig.append([ride(300)])
    await rig.append([ride(300, START_MS + 290_000)], start_ms=START_MS + 290_000)
    await analysed(rig)
    assert not await pairs(rig)


@on_sqlite
async def test_keeping_both_is_never_asked_again_until_reopened(rig: Rig) -> None:
    ids = await two_devices(rig)
    (pair,) = await pairs(rig)
    for _ in range(2):
        answer = await resolve(rig, pair.duplicate_id, keep_both=wire.KeepBoth())
        assert answer.duplicate.state == wire.DUPLICATE_STATE_KEPT_BOTH
    await analysed(rig)
    assert not await pairs(rig)
    assert await shown(rig) == set(ids)
    await reopen(rig, pair.duplicate_id)
    assert len(await pairs(rig)) == 1


async def test_keeping_one_hides_the_other_until_reopened(rig: Rig) -> None:
    ids = await two_devices(rig)
    before = await stored(rig, ids[0])
    (pair,) = await pairs(rig)
    for _ in range(2):
        answer = await resolve(rig, pair.duplicate_id, keep_one=wire.KeepOne(workout_id=ids[1]))
        assert answer.workout.workout_id == ids[1]
    assert await shown(rig) == {ids[1]}
    assert not await pairs(rig)
    assert len(await pairs(rig, wire.DUPLICATE_STATE_KEPT_ONE)) == 1
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await resolve(rig, pair.duplicate_id, keep_one=wire.KeepOne(workout_id=ids[0]))
    assert reason_of(failure.value) == "DERIVED"
    assert (await reopen(rig, pair.duplicate_id)).state == wire.DUPLICATE_STATE_OPEN
    assert await shown(rig) == set(ids)
    assert await stored(rig, ids[0]) == before


async def test_merging_makes_one_of_both_until_undone(rig: Rig) -> None:
    ids = await two_devices(rig)
    (pair,) = await pairs(rig)
    merge = wire.MergeBoth(leading_workout_id=ids[1], align_clocks=True)
    answer = await resolve(rig, pair.duplicate_id, merge=merge)
    assert {each.channel for each in answer.workout.summary.channels} == {HEART_RATE, POWER}
    assert answer.workout.summary.elapsed_s == SECONDS - 1
    assert answer.duplicate.state == wire.DUPLICATE_STATE_MERGED
    assert (await resolve(rig, pair.duplicate_id, merge=merge)).workout == answer.workout
    await analysed(rig)
    assert await shown(rig) == {answer.workout.workout_id}
    await undo(rig, answer.duplicate.derivation_id)
    await analysed(rig)
    (again,) = await pairs(rig)
    assert again.duplicate_id == pair.duplicate_id


@on_sqlite
async def test_a_deleted_workout_takes_its_pairs_along(rig: Rig) -> None:
    ids = await two_devices(rig)
    await delete(rig, ids[0])
    assert not await pairs(rig)
    assert await rig.rows(tables.duplicates) == {"duplicates": 0}


@on_sqlite
async def test_only_one_of_the_two_can_be_kept(rig: Rig) -> None:
    await two_devices(rig)
    (pair,) = await pairs(rig)
    other = await rig.workout(60, start_ms=START_MS + 10**9)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await resolve(rig, pair.duplicate_id, keep_one=wire.KeepOne(workout_id=other))
    assert violated_fields(failure.value) == ["keep_one.workout_id"]


@on_sqlite
async def test_pairs_of_others_are_not_found(rig: Rig) -> None:
    await two_devices(rig)
    (pair,) = await pairs(rig)
    stranger = rig.as_user(STRANGER)
    assert not await pairs(stranger)
    for call in (
        resolve(stranger, pair.duplicate_id, keep_both=wire.KeepBoth()),
        reopen(stranger, pair.duplicate_id),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND


async def test_pairs_are_listed_page_by_page(rig: Rig) -> None:
    for _ in range(3):
        await rig.append([ride(300)])
    await analysed(rig)
    token, found = "", []
    for _ in range(3):
        request = wire.ListDuplicatesRequest(page_size=1, page_token=token)
        page = await stub(rig).ListDuplicates(request, metadata=rig.who)
        found += [each.duplicate_id for each in page.duplicates]
        token = page.next_page_token
    assert len(set(found)) == 3
    assert not token
