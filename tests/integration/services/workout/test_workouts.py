"""History, editing, deletion."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import events_pb2, recording_pb2, workout_pb2, workout_service_pb2
from services.workout import tables
from tests.integration.services.workout.conftest import (
    START_MS,
    STRANGER,
    Rig,
    reason_of,
    ride,
    violated_fields,
)
from tests.integration.services.workout.test_files import upload

DAY_MS = 86_400_000


async def listed(rig: Rig, **fields: Any) -> Any:
    return await rig.workouts.ListWorkouts(
        workout_service_pb2.ListWorkoutsRequest(**fields), metadata=rig.who
    )


async def update(rig: Rig, workout_id: str, paths: list[str], **fields: Any) -> Any:
    options = {name: fields.pop(name) for name in ("etag", "request_id") if name in fields}
    request = workout_service_pb2.UpdateWorkoutRequest(
        workout=workout_pb2.Workout(workout_id=workout_id, **fields),
        update_mask=FieldMask(paths=paths),
        **options,
    )
    return (await rig.workouts.UpdateWorkout(request, metadata=rig.who)).workout


async def delete(rig: Rig, workout_id: str) -> bool:
    request = workout_service_pb2.DeleteWorkoutRequest(workout_id=workout_id)
    return bool((await rig.workouts.DeleteWorkout(request, metadata=rig.who)).deleted)


async def five_days(rig: Rig) -> list[str]:
    """Workouts of five days, the latest first."""
    return [await rig.workout(10 + day, start_ms=START_MS + day * DAY_MS) for day in range(5)][::-1]


async def test_pages_follow_each_other_without_gap_or_repeat(rig: Rig) -> None:
    expected = await five_days(rig)
    first = await listed(rig, page_size=2)
    second = await listed(rig, page_size=2, page_token=first.next_page_token)
    third = await listed(rig, page_size=2, page_token=second.next_page_token)
    pages = [first, second, third]
    assert [workout.workout_id for page in pages for workout in page.workouts] == expected
    assert not third.next_page_token


async def test_a_list_leaves_out_what_only_one_workout_needs(rig: Rig) -> None:
    await rig.workout(61)
    (workout,) = (await listed(rig)).workouts
    assert workout.summary.elapsed_s == 60
    assert not workout.sessions


async def test_workouts_that_begin_together_are_all_listed(rig: Rig) -> None:
    ids = {await rig.workout(10) for _ in range(3)}
    found: set[str] = set()
    token = ""
    while len(found) < 3:
        page = await listed(rig, page_size=1, page_token=token)
        found.add(page.workouts[0].workout_id)
        token = page.next_page_token
    assert found == ids
    assert not token


async def test_filters_restrict_the_list(rig: Rig) -> None:
    ids = await five_days(rig)
    runs = await rig.workout(100, sport=sport_pb2.SPORT_RUNNING, start_ms=START_MS - DAY_MS)
    await update(rig, ids[4], ["title"], title="Hills_and 100% rain")
    after = workout_service_pb2.WorkoutFilter()
    after.started_after.FromMilliseconds(START_MS + 2 * DAY_MS)
    before = workout_service_pb2.WorkoutFilter()
    before.started_before.FromMilliseconds(START_MS + DAY_MS)
    filters = {
        "after": after,
        "before": before,
        "sport": workout_service_pb2.WorkoutFilter(sports=[sport_pb2.SPORT_RUNNING]),
        "far": workout_service_pb2.WorkoutFilter(minimum_distance_m=200),
        "near": workout_service_pb2.WorkoutFilter(maximum_distance_m=80),
        "long": workout_service_pb2.WorkoutFilter(minimum_elapsed_s=13, maximum_elapsed_s=50),
        "title": workout_service_pb2.WorkoutFilter(title_contains="S_AND 100%"),
        "no title": workout_service_pb2.WorkoutFilter(title_contains="HillsXand"),
    }
    found = {
        name: [workout.workout_id for workout in (await listed(rig, filter=each)).workouts]
        for name, each in filters.items()
    }
    assert found == {
        "after": ids[:2],
        "before": [ids[4], runs],
        "sport": [runs],
        "far": [runs],
        "near": ids[3:],
        "long": [ids[0]],
        "title": [ids[4]],
        "no title": [],
    }


@pytest.mark.parametrize("token", ["nonsense", "AAAA", "!!!!", "é"])
async def test_a_made_up_page_token_is_refused(rig: Rig, token: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await listed(rig, page_token=token)
    assert reason_of(caught.value) == "PAGE_TOKEN_INVALID"


async def test_a_page_token_belongs_to_its_filter(rig: Rig) -> None:
    await five_days(rig)
    token = (await listed(rig, page_size=1)).next_page_token
    other = workout_service_pb2.WorkoutFilter(minimum_elapsed_s=1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await listed(rig, page_token=token, filter=other)
    assert reason_of(caught.value) == "PAGE_TOKEN_INVALID"


async def test_nobody_sees_or_touches_the_workout_of_another(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    stranger = rig.as_user(STRANGER)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stranger.get(workout_id)
    assert reason_of(caught.value) == "NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(stranger, workout_id, ["title"], title="mine")
    assert reason_of(caught.value) == "NOT_FOUND"
    assert not await delete(stranger, workout_id)
    assert not (await listed(stranger)).workouts
    request = workout_service_pb2.ReadStreamsRequest(workout_id=workout_id)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        _ = [each async for each in rig.workouts.ReadStreams(request, metadata=stranger.who)]
    assert reason_of(caught.value) == "NOT_FOUND"
    assert await rig.get(workout_id)


async def test_an_edit_changes_only_what_the_mask_names(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    before = await rig.get(workout_id)
    after = await update(rig, workout_id, ["notes"], title="ignored", notes="Windy.")
    assert (after.title, after.notes) == (before.title, "Windy.")
    assert after.etag != before.etag
    assert await rig.get(workout_id) == after


async def test_an_edit_is_told_with_the_fields_that_changed(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    await update(rig, workout_id, ["*"], title="Hills", sport=sport_pb2.SPORT_CYCLING)
    (told,) = [each for each in await rig.events() if each.type.endswith("WorkoutUpdated")]
    assert list(events_pb2.WorkoutUpdated.FromString(told.payload).changed_fields) == ["title"]


async def test_an_edit_to_what_is_there_already_changes_nothing(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    before = await rig.get(workout_id)
    assert await update(rig, workout_id, ["title"], title=before.title) == before
    assert "WorkoutUpdated" not in await rig.event_types()


async def test_an_edit_of_an_old_version_is_refused(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    etag = (await rig.get(workout_id)).etag
    await update(rig, workout_id, ["title"], title="first", etag=etag)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(rig, workout_id, ["title"], title="second", etag=etag)
    assert reason_of(caught.value) == "ETAG_MISMATCH"
    assert (await rig.get(workout_id)).title == "first"


async def test_of_edits_at_once_with_one_etag_only_one_succeeds(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    etag = (await rig.get(workout_id)).etag
    edits = [update(rig, workout_id, ["title"], title=f"number {n}", etag=etag) for n in range(5)]
    outcomes = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1


async def test_a_repeated_edit_returns_the_first_answer(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    first = await update(rig, workout_id, ["title"], title="first", request_id="a")
    await update(rig, workout_id, ["title"], title="second")
    assert await update(rig, workout_id, ["title"], title="first", request_id="a") == first
    assert (await rig.get(workout_id)).title == "second"


async def test_a_request_id_is_not_used_for_another_edit(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    await update(rig, workout_id, ["title"], title="first", request_id="a")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(rig, workout_id, ["title"], title="another", request_id="a")
    assert reason_of(caught.value) == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("paths", [[], ["summary"], ["title", "etag"]])
async def test_a_mask_that_names_nothing_editable_is_refused(rig: Rig, paths: list[str]) -> None:
    workout_id = await rig.workout(20)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(rig, workout_id, paths, title="x")
    assert "update_mask" in violated_fields(caught.value)


async def test_text_that_a_database_cannot_hold_is_refused(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await update(rig, workout_id, ["title"], title="a\0b")
    assert list(violated_fields(caught.value)) == ["workout.title"]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await listed(rig, filter=workout_service_pb2.WorkoutFilter(title_contains="a\0"))
    assert list(violated_fields(caught.value)) == ["filter.title_contains"]


async def test_a_deleted_workout_leaves_nothing_behind(rig: Rig) -> None:
    content = b"the original file" * 100
    recording_id, response = await rig.append([ride(20)])
    workout_id = response.closed.workout_id
    uploaded = await upload(rig, content, recording_id=recording_id)
    assert (await rig.get(workout_id)).file_id == uploaded.file.file_id
    await update(rig, workout_id, ["title"], title="secret", request_id="a")
    assert await delete(rig, workout_id)
    assert set((await rig.rows(*tables.metadata.sorted_tables)).values()) == {0}
    (told,) = [each for each in await rig.events() if each.type.endswith("WorkoutDeleted")]
    assert events_pb2.WorkoutDeleted.FromString(told.payload).workout_id == workout_id


async def test_deleting_again_changes_nothing(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    assert await delete(rig, workout_id)
    assert not await delete(rig, workout_id)
    assert (await rig.event_types()).count("WorkoutDeleted") == 1


async def test_deleting_one_workout_leaves_the_others(rig: Rig) -> None:
    kept, gone = await rig.workout(20), await rig.workout(30)
    await delete(rig, gone)
    assert [workout.workout_id for workout in (await listed(rig)).workouts] == [kept]
    assert (await rig.get(kept)).summary.elapsed_s == 19


async def test_answers_are_forgotten_after_a_day(rig: Rig) -> None:
    workout_id = await rig.workout(20)
    await update(rig, workout_id, ["title"], title="first", request_id="a")
    rig.clock.ahead_ms = 2 * DAY_MS
    await rig.background[0].tidy()
    assert (await rig.rows(tables.answers))["answers"] == 0


async def test_the_details_title_is_the_workouts(rig: Rig) -> None:
    details = recording_pb2.RecordingDetails(title="Round the lake")
    _, response = await rig.append([ride(20)], details=details)
    assert (await rig.get(response.closed.workout_id)).title == "Round the lake"
