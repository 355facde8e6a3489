"""Routes that are found by themselves, and workouts beside each other, over the wire."""

from __future__ import annotations

from typing import Any

import grpc
import numpy as np
import pytest

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import comparison_service_pb2 as wire
from services.workout import tables
from tests.fixtures.gps import loop
from tests.integration.services.workout.comparing.rig import (
    comparisons,
    on_one_database,
    record,
    ridden,
    work_off,
)
from tests.integration.services.workout.conftest import STRANGER, Rig, violated_fields
from tests.integration.services.workout.test_workouts import delete, update


async def matched(rig: Rig, workout_id: str, **options: Any) -> Any:
    request = wire.ListMatchedWorkoutsRequest(workout_id=workout_id, **options)
    return await comparisons(rig).ListMatchedWorkouts(request, metadata=rig.who)


async def compare(rig: Rig, *workout_ids: str, **options: Any) -> Any:
    request = wire.CompareWorkoutsRequest(workout_ids=workout_ids, **options)
    return await comparisons(rig).CompareWorkouts(request, metadata=rig.who)


async def standing(rig: Rig, workout_id: str, effort: wire.Effort, group: tuple[str, ...] = ()) -> Any:
    request = wire.GetStandingRequest(workout_id=workout_id, effort=effort, group_workout_ids=group)
    return await comparisons(rig).GetStanding(request, metadata=rig.who)


async def test_workouts_on_one_way_are_matched_with_ranks_and_a_trend(rig: Rig) -> None:
    road = loop(1, 3000)
    ids = [await record(rig, ridden(road, speed_mps=7 + day / 10, day=day * 10)) for day in range(4)]
    await record(rig, ridden(road, day=50, reverse=True))
    await record(rig, ridden(loop(2, 3000), day=60))
    answer = await matched(rig, ids[1])
    assert [each.workout_id for each in answer.workouts] == ids[::-1]
    assert [each.rank for each in answer.workouts] == [1, 2, 3, 4]
    assert answer.total == 4
    assert answer.workouts[-1].elapsed_s == pytest.approx(2900 / 7, rel=0.03)
    assert answer.workouts[0].average_power_w == pytest.approx(180)
    assert answer.trend.seconds_per_30_days < 0
    assert answer.trend.tau == -1


async def test_a_workout_is_placed_at_once_when_somebody_asks_before_the_background_does(rig: Rig) -> None:
    road = loop(1, 3000)
    first = await record(rig, ridden(road))
    second = await record(rig, ridden(road, day=1), work=False)
    answer = await matched(rig, second)
    assert [each.workout_id for each in answer.workouts] == [second, first]


async def test_matched_workouts_come_in_pages(rig: Rig) -> None:
    road = loop(1, 2000)
    ids = [await record(rig, ridden(road, day=day)) for day in range(3)]
    page = await matched(rig, ids[0], page_size=2)
    rest = await matched(rig, ids[0], page_size=2, page_token=page.next_page_token)
    assert [each.workout_id for each in (*page.workouts, *rest.workouts)] == ids[::-1]
    assert rest.next_page_token == ""


@on_one_database
async def test_a_workout_without_positions_has_no_route(rig: Rig) -> None:
    answer = await matched(rig, await rig.workout(60))
    assert answer.route_id == ""
    assert not answer.workouts


@on_one_database
async def test_another_sport_on_the_same_way_is_another_route(rig: Rig) -> None:
    road = loop(1, 2000)
    first = await record(rig, ridden(road))
    await record(rig, ridden(road, day=1), sport=sport_pb2.SPORT_RUNNING)
    assert (await matched(rig, first)).total == 1


async def test_a_workout_whose_sport_is_changed_leaves_its_route(rig: Rig) -> None:
    road = loop(1, 2000)
    first, second = [await record(rig, ridden(road, day=day)) for day in range(2)]
    await update(rig, first, ["sport"], sport=sport_pb2.SPORT_E_BIKING)
    await work_off(rig)
    assert (await matched(rig, second)).total == 1
    assert (await matched(rig, first)).total == 1


async def test_a_route_survives_its_model_and_goes_with_its_last_workout(rig: Rig) -> None:
    road = loop(1, 2000)
    ids = [await record(rig, ridden(road, day=day)) for day in range(2)]
    await delete(rig, ids[0])
    third = await record(rig, ridden(road, day=2))
    assert (await matched(rig, third)).total == 2
    await delete(rig, ids[1])
    await delete(rig, third)
    rows = await rig.rows(tables.routes, tables.route_cells, tables.tracks)
    assert set(rows.values()) == {0}


@on_one_database
async def test_a_stranger_sees_no_route(rig: Rig) -> None:
    workout_id = await record(rig, ridden(loop(1, 2000)))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await matched(rig.as_user(STRANGER), workout_id)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@on_one_database
async def test_two_rides_on_one_road_are_compared_place_by_place(rig: Rig) -> None:
    road = loop(1, 4000)
    slow = await record(rig, ridden(road, speed_mps=7.0, heart_rate=150))
    fast = await record(rig, ridden(road, speed_mps=8.0, day=3, heart_rate=140))
    answer = await compare(rig, slow, fast)
    assert answer.alignment == wire.ALIGNMENT_ROUTE
    assert len(answer.axis) == 400
    assert answer.workouts[1].coverage > 0.97
    gaps = np.array(answer.workouts[1].gap_s)
    assert np.nanmin(gaps) == pytest.approx(4000 / 8 - 4000 / 7, rel=0.05)
    assert answer.changes[0].measure == "elapsed"
    assert any("heart rate 10 bpm lower" in change.text for change in answer.changes)
    assert not any(change.measure == "power" for change in answer.changes)
    hearts = [
        column for column in answer.workouts[0].columns if column.channel == channel_pb2.CHANNEL_HEART_RATE
    ]
    assert np.nanmean(hearts[0].values) == pytest.approx(150)
    assert answer.splits


@on_one_database
async def test_workouts_without_positions_are_compared_by_distance_and_by_time(rig: Rig) -> None:
    first, second = await rig.workout(60), await rig.workout(90, start_ms=1_750_100_000_000)
    assert (await compare(rig, first, second)).alignment == wire.ALIGNMENT_DISTANCE
    by_time = await compare(rig, first, second, alignment=wire.ALIGNMENT_TIME, max_samples=50)
    assert len(by_time.axis) == 50
    assert len(by_time.workouts[0].gap_m) == 50
    assert not by_time.workouts[0].gap_s


@on_one_database
async def test_a_route_alignment_without_positions_is_refused(rig: Rig) -> None:
    first, second = await rig.workout(60), await rig.workout(90, start_ms=1_750_100_000_000)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await compare(rig, first, second, alignment=wire.ALIGNMENT_ROUTE)
    assert list(violated_fields(refused.value)) == ["alignment"]


@on_one_database
async def test_somebody_elses_workout_is_not_compared(rig: Rig) -> None:
    mine = await rig.workout(60)
    theirs = await rig.as_user(STRANGER).workout(60)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await compare(rig, mine, theirs)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_an_effort_on_a_route_is_ranked_among_the_athletes_own(rig: Rig) -> None:
    road = loop(1, 2000)
    ids = [await record(rig, ridden(road, speed_mps=speed, day=day)) for day, speed in enumerate((7, 9, 8))]
    answer = await standing(rig, ids[2], wire.Effort(route=wire.Effort.Route()))
    assert [each.window for each in answer.standings] == ["all", "2025", "90d", "42d"]
    assert {(each.rank, each.efforts) for each in answer.standings} == {(2, 3)}
    assert answer.standings[0].percentile == 50
    assert answer.standings[0].best_workout_id == ids[1]


async def test_power_over_a_duration_is_ranked_among_a_group(rig: Rig) -> None:
    road = loop(1, 2000)
    ids = [await record(rig, ridden(road, power=power, day=power)) for power in (180, 250, 200)]
    effort = wire.Effort(
        mean_maximal=wire.Effort.MeanMaximal(channel=channel_pb2.CHANNEL_POWER, duration_s=60)
    )
    answer = await standing(rig, ids[2], effort)
    assert answer.value == pytest.approx(200)
    assert answer.standings[0].rank == 2
    among = await standing(rig, ids[2], effort, (ids[0],))
    assert [(each.window, each.rank, each.efforts) for each in among.standings] == [("group", 1, 2)]


async def test_the_best_time_for_a_distance_is_ranked(rig: Rig) -> None:
    road = loop(1, 6000)
    ids = [await record(rig, ridden(road, speed_mps=speed, day=day)) for day, speed in enumerate((7, 9))]
    effort = wire.Effort(best_distance=wire.Effort.BestDistance(distance_m=5000))
    answer = await standing(rig, ids[1], effort)
    assert answer.value == pytest.approx(5000 / 9, rel=0.03)
    assert answer.standings[0].rank == 1
