"""Splitting, merging, undoing, and what deletion then means."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import revision_pb2
from pulsemesh.workout.v1 import revision_service_pb2 as wire
from services.workout import tables
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    MARKER,
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
    on_sqlite,
    revise,
    revisions,
    samples_of,
    stored,
    times_of,
)
from tests.integration.services.workout.test_workouts import delete, listed, update

SPLIT_MS = START_MS + 30_000
LATITUDE = int(channel_pb2.CHANNEL_LATITUDE)
LONGITUDE = int(channel_pb2.CHANNEL_LONGITUDE)
DISTANCE = int(channel_pb2.CHANNEL_DISTANCE)


async def split(rig: Rig, workout_id: str, *times_ms: int, **options: Any) -> Any:
    request = wire.SplitWorkoutRequest(workout_id=workout_id, times_ms=times_ms, **options)
    return await revisions(rig).SplitWorkout(request, metadata=rig.who)


async def merge(rig: Rig, *workout_ids: str, **options: Any) -> Any:
    request = wire.MergeWorkoutsRequest(workout_ids=workout_ids, **options)
    return await revisions(rig).MergeWorkouts(request, metadata=rig.who)


async def undo(rig: Rig, derivation_id: str) -> Any:
    request = wire.UndoDerivationRequest(derivation_id=derivation_id)
    return await revisions(rig).UndoDerivation(request, metadata=rig.who)


async def delete_all(rig: Rig, derivation_id: str) -> int:
    request = wire.DeleteDerivationRequest(derivation_id=derivation_id)
    answer = await revisions(rig).DeleteDerivation(request, metadata=rig.who)
    return int(answer.deleted_workouts)


async def shown(rig: Rig, **options: Any) -> list[str]:
    return [workout.workout_id for workout in (await listed(rig, **options)).workouts]


async def sample_tables(rig: Rig) -> dict[str, int]:
    return await rig.rows(tables.workouts, tables.recordings, tables.sources, tables.chunks)


@on_sqlite
async def test_a_split_hides_the_whole_and_lists_its_parts(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    answer = await split(rig, workout_id, SPLIT_MS)
    first, second = answer.workouts
    assert await shown(rig) == [second.workout_id, first.workout_id]
    assert (await rig.get(workout_id)).hidden
    assert (await times_of(rig, first.workout_id))[-1] == SPLIT_MS - 1000
    assert (await times_of(rig, second.workout_id))[0] == SPLIT_MS
    assert first.derivation_id == second.derivation_id == answer.derivation.derivation_id
    assert list(answer.derivation.input_workout_ids) == [workout_id]
    assert await shown(rig, filter={"hidden": True}) == [workout_id]


async def test_undoing_a_split_gives_the_whole_back(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    before, counts = await stored(rig, workout_id), await sample_tables(rig)
    streams = await samples_of(rig, workout_id)
    answer = await split(rig, workout_id, SPLIT_MS, SPLIT_MS + 10_000)
    assert len(answer.workouts) == 3
    back = await undo(rig, answer.derivation.derivation_id)
    assert [workout.workout_id for workout in back.workouts] == [workout_id]
    assert await stored(rig, workout_id) == before
    assert await samples_of(rig, workout_id) == streams
    assert await sample_tables(rig) == counts
    assert not any((await rig.rows(tables.derivations, tables.derivation_members)).values())
    assert not (await undo(rig, answer.derivation.derivation_id)).workouts


@on_sqlite
async def test_parts_merged_again_are_the_whole(rig: Rig) -> None:
    times = [START_MS + second * 1000 for second in range(60)]
    markers: list[int | None] = [None] * 60
    markers[25], markers[40] = channel_pb2.MARKER_KIND_PAUSE, channel_pb2.MARKER_KIND_RESUME
    columns: dict[int, Any] = {
        DISTANCE: [second * 800 for second in range(60)],
        POWER: [100 + second for second in range(60)],
        MARKER: markers,
    }
    _, response = await rig.append([Sent("meter", times, columns)])
    workout_id = response.closed.workout_id
    whole, streams = await rig.get(workout_id), await samples_of(rig, workout_id)
    parts = (await split(rig, workout_id, START_MS + 10_000, SPLIT_MS)).workouts
    merged = (await merge(rig, *(part.workout_id for part in parts))).workout
    assert await samples_of(rig, merged.workout_id) == streams
    assert merged.summary == whole.summary


@on_sqlite
async def test_what_parts_measured_adds_up(rig: Rig) -> None:
    times = [START_MS + second * 1000 for second in range(61)]
    columns = {DISTANCE: [second * 800 for second in range(61)], POWER: [200] * 61}
    _, response = await rig.append([Sent("meter", times, columns)])
    whole = (await rig.get(response.closed.workout_id)).summary
    parts = (await split(rig, response.closed.workout_id, SPLIT_MS)).workouts
    # The second between the last sample of one part and the first of the next belongs to neither.
    assert sum(part.summary.distance_m for part in parts) == pytest.approx(whole.distance_m - 8)
    assert sum(part.summary.work_kj for part in parts) == pytest.approx(whole.work_kj - 0.2)


@on_sqlite
async def test_two_after_another_become_one_with_a_pause(rig: Rig) -> None:
    first = await rig.workout(60)
    second = await rig.workout(60, start_ms=START_MS + 120_000)
    answer = await merge(rig, first, second)
    assert answer.workout.summary.elapsed_s == 179
    assert answer.workout.summary.timer_s == pytest.approx(118)
    assert [each.source_id for each in answer.workout.sources] == ["meter"]
    assert await shown(rig) == [answer.workout.workout_id]


@on_sqlite
async def test_a_counter_that_began_again_is_joined(rig: Rig) -> None:
    ids = []
    for begin_ms, source_id in ((START_MS, "watch"), (START_MS + 120_000, "phone")):
        times = [begin_ms + second * 1000 for second in range(60)]
        _, response = await rig.append(
            [Sent(source_id, times, {DISTANCE: [second * 500 for second in range(60)]})], start_ms=begin_ms
        )
        ids.append(response.closed.workout_id)
    merged = (await merge(rig, *ids)).workout
    assert merged.summary.distance_m == pytest.approx(2 * 59 * 5)


@on_sqlite
async def test_the_leading_workout_tells_its_channel(rig: Rig) -> None:
    times = [START_MS + second * 1000 for second in range(60)]
    _, watch = await rig.append([Sent("watch", times, {POWER: [100] * 60, HEART_RATE: [120] * 60})])
    _, trainer = await rig.append([Sent("trainer", times[:40], {POWER: [200] * 40})])
    ids = [watch.closed.workout_id, trainer.closed.workout_id]
    leads = [revision_pb2.ChannelLead(channel=POWER, workout_id=ids[1])]  # type: ignore[arg-type]
    merged = (await merge(rig, *ids, leads=leads)).workout
    power = next(each for each in merged.summary.channels if each.channel == POWER)
    # The trainer for its forty seconds and ten after; the watch fills in.
    assert (power.samples, power.maximum, power.minimum) == (50, 200, 100)
    assert next(each for each in merged.summary.channels if each.channel == HEART_RATE).samples == 60


@on_sqlite
async def test_the_clocks_are_aligned_by_what_both_measured(rig: Rig) -> None:
    beats = [120 + (second * second // 7 + second // 3) % 50 for second in range(300)]
    times = [START_MS + second * 1000 for second in range(300)]
    _, watch = await rig.append([Sent("watch", times, {HEART_RATE: beats})])
    late = [time_ms + 17_000 for time_ms in times]
    _, trainer = await rig.append([Sent("trainer", late, {HEART_RATE: beats, POWER: [200] * 300})])
    answer = await merge(
        rig, watch.closed.workout_id, trainer.closed.workout_id, align_clocks=True, preview=True
    )
    (offset,) = answer.derivation.clock_offsets
    assert offset.offset_ms == -17_000
    assert offset.channel == HEART_RATE
    assert offset.correlation > 0.99
    assert answer.workout.summary.elapsed_s == 299
    assert len(await shown(rig)) == 2


@on_sqlite
async def test_undoing_a_merge_gives_both_back(rig: Rig) -> None:
    ids = [await rig.workout(60), await rig.workout(50, start_ms=START_MS + 5_000)]
    await revise(rig, ids[0], crop(START_MS + 10_000))
    before = [await stored(rig, each) for each in ids]
    answer = await merge(rig, *ids)
    await undo(rig, answer.derivation.derivation_id)
    assert [await stored(rig, each) for each in ids] == before
    assert set(await shown(rig)) == set(ids)
    assert (await rig.get(ids[0])).revised


@on_sqlite
async def test_a_merge_takes_workouts_as_they_are_now(rig: Rig) -> None:
    ids = [await rig.workout(60), await rig.workout(60, start_ms=START_MS + 60_000)]
    await revise(rig, ids[0], crop(START_MS + 10_000))
    assert (await merge(rig, *ids)).workout.summary.elapsed_s == 109


async def test_a_repeat_makes_nothing_twice(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    answers = await asyncio.gather(*(split(rig, workout_id, SPLIT_MS, request_id="once") for _ in range(2)))
    assert answers[0] == answers[1]
    assert len(await shown(rig)) == 2


async def test_of_two_merges_at_once_one_is_made(rig: Rig) -> None:
    ids = [await rig.workout(60), await rig.workout(60, start_ms=START_MS + 60_000)]
    answers = await asyncio.gather(merge(rig, *ids), merge(rig, *ids[::-1]), return_exceptions=True)
    (failure,) = (each for each in answers if isinstance(each, grpc.aio.AioRpcError))
    assert reason_of(failure) == "HIDDEN"
    assert len(await shown(rig)) == 1


@on_sqlite
async def test_a_hidden_workout_is_neither_changed_nor_used_again(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await split(rig, workout_id, SPLIT_MS)
    for call in (
        split(rig, workout_id, SPLIT_MS),
        revise(rig, workout_id, crop(SPLIT_MS)),
        merge(rig, workout_id, await rig.workout(60)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call
        assert reason_of(failure.value) == "HIDDEN"


async def test_what_belongs_to_a_derivation_is_deleted_with_it_or_not_at_all(rig: Rig) -> None:
    ids = [await rig.workout(60), await rig.workout(60, start_ms=START_MS + 60_000)]
    answer = await merge(rig, *ids)
    for workout_id in (ids[0], answer.workout.workout_id):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await delete(rig, workout_id)
        assert reason_of(failure.value) == "DERIVED"
    assert await delete_all(rig, answer.derivation.derivation_id) == 3
    assert not any((await sample_tables(rig)).values())
    assert await delete_all(rig, answer.derivation.derivation_id) == 0
    assert (await rig.event_types()).count("WorkoutDeleted") == 3


@on_sqlite
async def test_one_part_of_a_split_can_go(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    answer = await split(rig, workout_id, SPLIT_MS)
    first, second = answer.workouts
    assert await delete(rig, second.workout_id)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await delete(rig, first.workout_id)
    assert reason_of(failure.value) == "DERIVED"
    await undo(rig, answer.derivation.derivation_id)
    assert await shown(rig) == [workout_id]


@on_sqlite
async def test_the_later_derivation_is_undone_first(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    first = await split(rig, workout_id, SPLIT_MS)
    second = await split(rig, first.workouts[1].workout_id, SPLIT_MS + 10_000)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await undo(rig, first.derivation.derivation_id)
    assert reason_of(failure.value) == "DERIVED"
    await undo(rig, second.derivation.derivation_id)
    await undo(rig, first.derivation.derivation_id)
    assert await shown(rig) == [workout_id]


@on_sqlite
async def test_a_derivation_is_deleted_with_what_came_of_it(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    first = await split(rig, workout_id, SPLIT_MS)
    await split(rig, first.workouts[1].workout_id, SPLIT_MS + 10_000)
    assert await delete_all(rig, first.derivation.derivation_id) == 5
    assert not any((await sample_tables(rig)).values())


@on_sqlite
async def test_events_tell_what_was_hidden_made_and_shown(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    answer = await split(rig, workout_id, SPLIT_MS)
    await undo(rig, answer.derivation.derivation_id)
    told = (await rig.event_types())[2:]
    wanted = ["WorkoutHidden", "WorkoutRecorded", "WorkoutDeleted", "WorkoutRestored"]
    assert [told.count(name) for name in wanted] == [1, 2, 2, 1]


async def test_derivations_are_listed_page_by_page(rig: Rig) -> None:
    made = [(await split(rig, await rig.workout(60), SPLIT_MS)).derivation.derivation_id for _ in range(3)]
    token, found = "", []
    for _ in range(3):
        request = wire.ListDerivationsRequest(page_size=1, page_token=token)
        page = await revisions(rig).ListDerivations(request, metadata=rig.who)
        found += [each.derivation_id for each in page.derivations]
        token = page.next_page_token
    assert found == made[::-1]
    assert not token


@on_sqlite
@pytest.mark.parametrize("times_ms", [(SPLIT_MS, SPLIT_MS), (START_MS - 1,), (START_MS + 90_000,)])
async def test_a_split_must_leave_something_in_every_part(rig: Rig, times_ms: tuple[int, ...]) -> None:
    workout_id = await rig.workout(60)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await split(rig, workout_id, *times_ms)
    assert next(iter(violated_fields(failure.value))).startswith("times_ms")


@on_sqlite
async def test_workouts_of_different_sports_become_a_multisport_one(rig: Rig) -> None:
    ids = []
    for index, sport in enumerate((sport_pb2.SPORT_CYCLING, sport_pb2.SPORT_RUNNING)):
        begin_ms = START_MS + index * 120_000
        _, response = await rig.append([ride(60, begin_ms)], sport=sport, start_ms=begin_ms)
        ids.append(response.closed.workout_id)
    merged = (await merge(rig, *ids)).workout
    assert merged.sport == sport_pb2.SPORT_MULTISPORT
    assert [session.part.sport for session in merged.sessions] == [
        sport_pb2.SPORT_CYCLING,
        sport_pb2.SPORT_RUNNING,
    ]


@on_sqlite
async def test_strangers_can_neither_see_nor_undo(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    answer = await split(rig, workout_id, SPLIT_MS)
    stranger = rig.as_user(STRANGER)
    assert not (await undo(stranger, answer.derivation.derivation_id)).workouts
    assert await delete_all(stranger, answer.derivation.derivation_id) == 0
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await merge(stranger, workout_id, answer.workouts[0].workout_id)
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND
    assert len(await shown(rig)) == 2


@on_sqlite
async def test_a_title_of_ones_own_is_numbered(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    await update(rig, workout_id, ["title"], title="Home and back")
    parts = (await split(rig, workout_id, SPLIT_MS)).workouts
    assert [part.title for part in parts] == ["Home and back (1/2)", "Home and back (2/2)"]
