"""Segments: made, searched, ranked, changed, deleted, over the wire."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf import field_mask_pb2

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import comparison_service_pb2 as comparison_wire
from pulsemesh.workout.v1 import segment_pb2
from pulsemesh.workout.v1 import segment_service_pb2 as wire
from services.workout import tables
from tests.fixtures.gps import loop
from tests.integration.services.workout.comparing.rig import (
    on_one_database,
    record,
    ridden,
    segments,
    work_off,
)
from tests.integration.services.workout.comparing.test_routes import standing
from tests.integration.services.workout.conftest import STRANGER, Rig, reason_of, violated_fields
from tests.integration.services.workout.revisions.rig import crop, revise
from tests.integration.services.workout.test_workouts import delete

DONE = segment_pb2.SegmentMatching.STATE_DONE


def metres(start_m: float, end_m: float) -> wire.Stretch:
    return wire.Stretch(distances=wire.Stretch.Distances(start_m=start_m, end_m=end_m))


async def create(rig: Rig, workout_id: str, stretch: wire.Stretch, **options: Any) -> Any:
    request = wire.CreateSegmentRequest(
        workout_id=workout_id, stretch=stretch, name=options.pop("name", "The hill"), **options
    )
    return (await segments(rig).CreateSegment(request, metadata=rig.who)).segment


async def get(rig: Rig, segment_id: str) -> Any:
    request = wire.GetSegmentRequest(segment_id=segment_id)
    return (await segments(rig).GetSegment(request, metadata=rig.who)).segment


async def efforts(rig: Rig, segment_id: str, **options: Any) -> Any:
    request = wire.ListSegmentEffortsRequest(segment_id=segment_id, **options)
    return await segments(rig).ListSegmentEfforts(request, metadata=rig.who)


async def change(rig: Rig, segment_id: str, paths: list[str], **options: Any) -> Any:
    etag = options.pop("etag", "")
    request = wire.UpdateSegmentRequest(
        segment_id=segment_id,
        change=wire.SegmentChange(**options),
        update_mask=field_mask_pb2.FieldMask(paths=paths),
        etag=etag,
    )
    return (await segments(rig).UpdateSegment(request, metadata=rig.who)).segment


async def test_a_new_segment_is_found_in_old_workouts_and_in_new_ones(rig: Rig) -> None:
    road = loop(1, 3000)
    old = [await record(rig, ridden(road, speed_mps=speed, day=day)) for day, speed in enumerate((7, 8))]
    segment = await create(rig, old[0], metres(500, 1500))
    assert segment.distance_m == pytest.approx(1000, rel=0.02)
    assert segment.elevation_gain_m >= 0
    assert segment.matching.state == segment_pb2.SegmentMatching.STATE_RUNNING
    await work_off(rig)
    new = await record(rig, ridden(road, speed_mps=9, day=2))
    found = await get(rig, segment.segment_id)
    assert found.matching.state == DONE
    assert (found.matching.workouts, found.matching.searched, found.matching.efforts) == (2, 2, 3)
    assert found.best.workout_id == new
    ranked = await efforts(rig, segment.segment_id)
    assert [each.workout_id for each in ranked.efforts] == [new, old[1], old[0]]
    assert [each.rank for each in ranked.efforts] == [1, 2, 3]
    assert [each.was_personal_best for each in ranked.efforts] == [True, True, True]
    assert ranked.efforts[2].elapsed_s == pytest.approx(1000 / 7, abs=3)
    assert ranked.efforts[0].average_power_w == pytest.approx(180)


async def test_several_laps_are_several_efforts_in_the_order_of_time(rig: Rig) -> None:
    road = loop(1, 1500)
    workout_id = await record(rig, ridden(road, length_m=4500))
    segment = await create(rig, workout_id, metres(200, 900))
    await work_off(rig)
    request = wire.ListWorkoutEffortsRequest(workout_id=workout_id)
    found = (await segments(rig).ListWorkoutEfforts(request, metadata=rig.who)).efforts
    assert [each.ordinal for each in found] == [1, 2, 3]
    assert {each.segment_id for each in found} == {segment.segment_id}
    assert found[0].segment_name == "The hill"
    latest = await efforts(rig, segment.segment_id, order=wire.EFFORT_ORDER_LATEST, page_size=2)
    assert [each.ordinal for each in latest.efforts] == [3, 2]
    rest = await efforts(
        rig,
        segment.segment_id,
        order=wire.EFFORT_ORDER_LATEST,
        page_size=2,
        page_token=latest.next_page_token,
    )
    assert [each.ordinal for each in rest.efforts] == [1]
    assert rest.total == 3


@on_one_database
async def test_the_opposite_direction_and_another_sport_have_no_efforts(rig: Rig) -> None:
    road = loop(1, 2500)
    workout_id = await record(rig, ridden(road))
    await record(rig, ridden(road, day=1, reverse=True))
    await record(rig, ridden(road, day=2), sport=sport_pb2.SPORT_RUNNING)
    segment = await create(rig, workout_id, metres(500, 1500))
    await work_off(rig)
    assert (await efforts(rig, segment.segment_id)).total == 1


async def test_a_repeated_request_makes_one_segment(rig: Rig) -> None:
    workout_id = await record(rig, ridden(loop(1, 2500)))
    first = await create(rig, workout_id, metres(500, 1500), request_id="once")
    again = await create(rig, workout_id, metres(500, 1500), request_id="once")
    assert again.segment_id == first.segment_id
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(rig, workout_id, metres(500, 1600), request_id="once")
    assert reason_of(refused.value) == "REQUEST_ID_REUSED"


@pytest.mark.parametrize(
    ("stretch", "field"),
    [
        (metres(500, 550), "stretch"),
        (metres(500, 400), "stretch.distances.end_m"),
        (wire.Stretch(elapsed=wire.Stretch.Elapsed(start_s=50, end_s=40)), "stretch.elapsed.end_s"),
    ],
)
@on_one_database
async def test_a_stretch_that_is_none_is_refused(rig: Rig, stretch: wire.Stretch, field: str) -> None:
    workout_id = await record(rig, ridden(loop(1, 2500)), work=False)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(rig, workout_id, stretch)
    assert list(violated_fields(refused.value)) == [field]


@on_one_database
async def test_a_workout_without_positions_makes_no_segment(rig: Rig) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(rig, await rig.workout(60), metres(100, 300))
    assert list(violated_fields(refused.value)) == ["workout_id"]


async def test_a_segment_takes_a_new_name_and_refuses_an_old_etag(rig: Rig) -> None:
    workout_id = await record(rig, ridden(loop(1, 2500)))
    segment = await create(rig, workout_id, metres(500, 1500))
    renamed = await change(rig, segment.segment_id, ["name"], name="Home straight", etag=segment.etag)
    assert renamed.name == "Home straight"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await change(rig, segment.segment_id, ["name"], name="Other", etag=segment.etag)
    assert reason_of(refused.value) == "ETAG_MISMATCH"


async def test_a_segment_of_another_sport_forgets_its_efforts_and_searches_again(rig: Rig) -> None:
    road = loop(1, 2500)
    workout_id = await record(rig, ridden(road))
    run = await record(rig, ridden(road, speed_mps=3.5, day=1), sport=sport_pb2.SPORT_RUNNING)
    segment = await create(rig, workout_id, metres(500, 1500))
    await work_off(rig)
    await change(rig, segment.segment_id, ["sport"], sport=sport_pb2.SPORT_RUNNING)
    assert (await efforts(rig, segment.segment_id)).total == 0
    await work_off(rig)
    assert [each.workout_id for each in (await efforts(rig, segment.segment_id)).efforts] == [run]


async def test_efforts_follow_a_workout_that_is_cropped_and_one_that_is_deleted(rig: Rig) -> None:
    road = loop(1, 2500)
    ids = [await record(rig, ridden(road, day=day)) for day in range(2)]
    segment = await create(rig, ids[0], metres(500, 1500))
    await work_off(rig)
    assert (await efforts(rig, segment.segment_id)).total == 2
    first = (await efforts(rig, segment.segment_id, order=wire.EFFORT_ORDER_LATEST)).efforts[-1]
    await revise(rig, ids[0], crop(end_ms=first.end_time_ms - 30_000))
    await work_off(rig)
    assert [each.workout_id for each in (await efforts(rig, segment.segment_id)).efforts] == [ids[1]]
    await delete(rig, ids[1])
    assert (await get(rig, segment.segment_id)).matching.efforts == 0


async def test_a_deleted_segment_takes_its_efforts_and_leaves_the_workout(rig: Rig) -> None:
    workout_id = await record(rig, ridden(loop(1, 2500)))
    segment = await create(rig, workout_id, metres(500, 1500))
    await work_off(rig)
    request = wire.DeleteSegmentRequest(segment_id=segment.segment_id)
    assert (await segments(rig).DeleteSegment(request, metadata=rig.who)).deleted
    assert not (await segments(rig).DeleteSegment(request, metadata=rig.who)).deleted
    assert (await rig.rows(tables.segment_efforts))["segment_efforts"] == 0
    await rig.get(workout_id)


@on_one_database
async def test_segments_are_their_owners_alone(rig: Rig) -> None:
    workout_id = await record(rig, ridden(loop(1, 2500)))
    segment = await create(rig, workout_id, metres(500, 1500))
    stranger = rig.as_user(STRANGER)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await get(stranger, segment.segment_id)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    listed = await segments(stranger).ListSegments(wire.ListSegmentsRequest(), metadata=stranger.who)
    assert not listed.segments


async def test_segments_are_listed_in_pages_the_latest_first(rig: Rig) -> None:
    workout_id = await record(rig, ridden(loop(1, 2500)))
    made = [await create(rig, workout_id, metres(500, 1500), name=name) for name in "ABC"]
    await work_off(rig)
    page = await segments(rig).ListSegments(wire.ListSegmentsRequest(page_size=2), metadata=rig.who)
    rest = await segments(rig).ListSegments(
        wire.ListSegmentsRequest(page_size=2, page_token=page.next_page_token), metadata=rig.who
    )
    assert [each.name for each in (*page.segments, *rest.segments)] == ["C", "B", "A"]
    assert page.segments[0].best.rank == 1
    assert not page.segments[0].latitudes_deg
    assert made[0].latitudes_deg


async def test_an_effort_on_a_segment_is_ranked_among_the_best_of_each_workout(rig: Rig) -> None:
    road = loop(1, 2500)
    ids = [await record(rig, ridden(road, speed_mps=speed, day=day)) for day, speed in enumerate((7, 9, 8))]
    segment = await create(rig, ids[0], metres(500, 1500))
    await work_off(rig)
    effort = comparison_wire.Effort(segment=comparison_wire.Effort.OnSegment(segment_id=segment.segment_id))
    answer = await standing(rig, ids[2], effort)
    assert (answer.standings[0].rank, answer.standings[0].efforts) == (2, 3)
