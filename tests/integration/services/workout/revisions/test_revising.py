"""Correcting a workout, and giving back what was recorded."""

from __future__ import annotations

import asyncio

import grpc
import numpy as np
import pytest

from pulsemesh.workout.v1 import recording_pb2, revision_pb2
from services.workout import tables
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
    crop,
    cut,
    on_sqlite,
    revert,
    revise,
    revision_of,
    samples_of,
    scale,
    stored,
    times_of,
)
from tests.integration.services.workout.test_workouts import delete, update


@on_sqlite
async def test_a_cropped_workout_is_shorter_everywhere(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    answer = await revise(rig, workout_id, crop(START_MS + 10_000, START_MS + 41_000))
    assert answer.before.elapsed_s == 59
    assert answer.workout.summary.elapsed_s == 30
    assert answer.workout.revised
    assert answer.outcomes[0].removed_samples == 29
    assert await times_of(rig, workout_id) == [START_MS + second * 1000 for second in range(10, 41)]
    assert (await rig.get(workout_id)).start_time.ToMilliseconds() == START_MS + 10_000


async def test_reverting_gives_back_every_byte(rig: Rig) -> None:
    laps = [
        recording_pb2.LapMark(start_time_ms=START_MS + at * 1000, end_time_ms=START_MS + (at + 20) * 1000)
        for at in (0, 20, 40)
    ]
    workout_id = await rig.workout(61, details=recording_pb2.RecordingDetails(laps=laps))
    before, streams = await stored(rig, workout_id), await samples_of(rig, workout_id)
    await revise(rig, workout_id, crop(START_MS + 10_000), scale(POWER, 1.1))
    await revise(rig, workout_id, cut(START_MS + 30_000, START_MS + 40_000), append=True)
    assert await stored(rig, workout_id) != before
    answer = await revert(rig, workout_id)
    assert answer.reverted
    assert not answer.workout.revised
    assert await stored(rig, workout_id) == before
    assert await samples_of(rig, workout_id) == streams
    assert not any((await rig.rows(tables.revisions, tables.recorded_chunks)).values())
    assert not (await revert(rig, workout_id)).reverted


@on_sqlite
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_was_done_reverting_gives_back_what_was_recorded(rig: Rig, seed: int) -> None:
    random = np.random.default_rng(seed)
    times = [START_MS + int(at) for at in np.cumsum(random.choice([500, 1000, 1000, 12_000], 200))]
    columns = {
        channel: [None if random.random() < 0.2 else int(random.integers(0, 900)) for _ in times]
        for channel in (HEART_RATE, POWER, 3, 4)
    }
    _, response = await rig.append([Sent("watch", times, columns), ride(100)])
    workout_id = response.closed.workout_id
    before, streams = await stored(rig, workout_id), await samples_of(rig, workout_id)
    for _ in range(3):
        edges = sorted(int(random.integers(START_MS, START_MS + 400_000)) for _ in range(2))
        chosen = [
            cut(edges[0], edges[1] + 1),
            scale(POWER, float(random.uniform(0.5, 2))),
            revision_pb2.Operation(remove_spikes=revision_pb2.RemoveSpikes()),
            revision_pb2.Operation(fill_dropouts=revision_pb2.FillDropouts(longest_s=20)),
            revision_pb2.Operation(
                correct_elevation=revision_pb2.CorrectElevation(smoothing_s=15, offset_m=-20)
            ),
            crop(START_MS + 1_000),
        ]
        picked = [chosen[index] for index in random.permutation(len(chosen))[:3]]
        await revise(rig, workout_id, *picked, append=bool(random.integers(0, 2)))
    await revert(rig, workout_id)
    assert await stored(rig, workout_id) == before
    assert await samples_of(rig, workout_id) == streams


@on_sqlite
async def test_operations_are_always_done_to_what_was_recorded(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await revise(rig, workout_id, scale(POWER, 2))
    once = await stored(rig, workout_id)
    await revise(rig, workout_id, scale(POWER, 3))
    await revise(rig, workout_id, scale(POWER, 2))
    assert await stored(rig, workout_id) == once


@on_sqlite
async def test_appended_operations_follow_those_before(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await revise(rig, workout_id, scale(POWER, 2))
    answer = await revise(rig, workout_id, scale(POWER, 0.5), append=True)
    power = next(each for each in answer.workout.summary.channels if each.channel == POWER)
    assert power.average == 150
    described = (await revision_of(rig, workout_id)).revised
    assert [each.scale_channel.factor for each in described.revision.operations] == [2, 0.5]
    assert len(described.outcomes) == 2
    assert described.recorded == described.revised


@on_sqlite
async def test_a_preview_answers_the_same_and_changes_nothing(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    before = await stored(rig, workout_id)
    events = await rig.event_types()
    preview = await revise(rig, workout_id, crop(START_MS + 10_000), preview=True)
    assert await stored(rig, workout_id) == before
    assert await rig.event_types() == events
    done = await revise(rig, workout_id, crop(START_MS + 10_000))
    assert preview.workout.summary == done.workout.summary
    assert preview.outcomes == done.outcomes


@on_sqlite
async def test_no_operations_give_back_what_was_recorded(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    before = await stored(rig, workout_id)
    await revise(rig, workout_id, crop(START_MS + 10_000))
    assert not (await revise(rig, workout_id, preview=True)).workout.revised
    assert not (await revise(rig, workout_id)).workout.revised
    assert await stored(rig, workout_id) == before


async def test_a_repeat_of_a_request_gets_its_first_answer(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    both = await asyncio.gather(
        *(revise(rig, workout_id, scale(POWER, 2), append=True, request_id="once") for _ in range(2))
    )
    assert both[0] == both[1]
    assert len((await revision_of(rig, workout_id)).revised.revision.operations) == 1
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await revise(rig, workout_id, scale(POWER, 4), request_id="once")
    assert reason_of(failure.value) == "REQUEST_ID_REUSED"


@on_sqlite
async def test_a_change_meanwhile_is_not_overwritten(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    etag = (await rig.get(workout_id)).etag
    await update(rig, workout_id, ["title"], title="Mine")
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await revise(rig, workout_id, crop(START_MS + 10_000), etag=etag)
    assert reason_of(failure.value) == "ETAG_MISMATCH"
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await revert(rig, workout_id, etag=etag)
    assert reason_of(failure.value) == "ETAG_MISMATCH"


async def test_two_corrections_at_once_are_both_kept(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await asyncio.gather(*(revise(rig, workout_id, scale(POWER, 2), append=True) for _ in range(3)))
    assert len((await revision_of(rig, workout_id)).revised.revision.operations) == 3
    await revert(rig, workout_id)


@on_sqlite
async def test_what_the_owner_wrote_stays(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await revise(rig, workout_id, crop(START_MS + 10_000))
    await update(rig, workout_id, ["title", "notes"], title="Mine", notes="Fine")
    after = (await revert(rig, workout_id)).workout
    assert (after.title, after.notes) == ("Mine", "Fine")


@on_sqlite
async def test_a_title_of_the_day_follows_the_day(rig: Rig) -> None:
    start_ms = START_MS - START_MS % 86_400_000 - 30_000
    workout_id = await rig.workout(60, start_ms=start_ms)
    assert "14 June" in (await rig.get(workout_id)).title
    assert "15 June" in (await revise(rig, workout_id, crop(start_ms + 40_000))).workout.title
    assert "14 June" in (await revert(rig, workout_id)).workout.title


@on_sqlite
async def test_nothing_can_be_left_of_no_workout(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await revise(rig, workout_id, crop(START_MS + 100_000))
    assert reason_of(failure.value) == "NOTHING_LEFT"
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await revise(rig, workout_id, crop(START_MS + 10, START_MS + 5))
    assert violated_fields(failure.value) == ["revision.operations[0].crop.end_time_ms"]
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await revise(rig, workout_id, scale(20, 2))
    assert violated_fields(failure.value) == ["revision.operations[0].scale_channel.channel"]


@on_sqlite
async def test_other_peoples_workouts_are_not_found(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    for call in (
        revise(rig.as_user(STRANGER), workout_id, crop(START_MS)),
        revert(rig.as_user(STRANGER), workout_id),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND


@on_sqlite
async def test_each_change_is_published_once(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await revise(rig, workout_id, scale(POWER, 2))
    await revise(rig, workout_id, scale(POWER, 2))
    await revert(rig, workout_id)
    await revert(rig, workout_id)
    assert (await rig.event_types()).count("WorkoutRevised") == 2


async def test_a_deleted_workout_leaves_nothing_of_its_correction(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await revise(rig, workout_id, scale(POWER, 2), request_id="once")
    assert await delete(rig, workout_id)
    left = await rig.rows(tables.revisions, tables.recorded_chunks, tables.chunks, tables.answers)
    assert not any(left.values())


@on_sqlite
async def test_a_dropped_heart_rate_is_gone_until_reverted(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    drop = revision_pb2.Operation(drop_data=revision_pb2.DropData(channel=HEART_RATE))  # type: ignore[arg-type]
    answer = await revise(rig, workout_id, drop)
    assert HEART_RATE not in {each.channel for each in answer.workout.summary.channels}
    assert answer.outcomes[0].removed_values == 60
    back = (await revert(rig, workout_id)).workout
    assert HEART_RATE in {each.channel for each in back.summary.channels}
