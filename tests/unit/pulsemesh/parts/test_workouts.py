from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pulsemesh import Client, errors
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import workout_pb2
from tests.unit.pulsemesh.peers import UNAVAILABLE, Pauses, Platform, workout

ID = f"{1:026d}"


@pytest.fixture
def sixty(platform: Platform) -> None:
    made = [
        workout(n, sport=sport_pb2.SPORT_CYCLING if n % 2 else sport_pb2.SPORT_RUNNING) for n in range(60)
    ]
    platform.workouts.workouts = {one.workout_id: one for one in made}


@pytest.mark.usefixtures("sixty")
async def test_a_list_fetches_page_after_page(platform: Platform, client: Client) -> None:
    found = [one.workout_id async for one in client.workouts.list()]
    assert found == [f"{n:026d}" for n in range(60)]
    assert len(platform.script.seen("ListWorkouts")) == 3


@pytest.mark.usefixtures("sixty")
async def test_a_list_fetches_no_page_that_is_not_wanted(platform: Platform, client: Client) -> None:
    found = [one async for one in client.workouts.list(limit=30)]
    assert len(found) == 30
    assert len(platform.script.seen("ListWorkouts")) == 2


@pytest.mark.usefixtures("sixty")
async def test_a_limit_on_a_page_border_fetches_no_more(platform: Platform, client: Client) -> None:
    assert len([one async for one in client.workouts.list(limit=25)]) == 25
    assert len(platform.script.seen("ListWorkouts")) == 1


@pytest.mark.usefixtures("sixty")
async def test_a_page_that_fails_is_fetched_again(platform: Platform, client: Client) -> None:
    platform.script.fail("ListWorkouts", UNAVAILABLE)
    assert len([one async for one in client.workouts.list(page_size=60)]) == 60


async def test_filters_travel_as_the_contract_has_them(platform: Platform, client: Client) -> None:
    after = datetime(2026, 5, 1, tzinfo=UTC)
    _ = [
        one
        async for one in client.workouts.list(
            sports=["cycling", sport_pb2.SPORT_RUNNING], started_after=after
        )
    ]
    sent = platform.script.seen("ListWorkouts")[0].request.filter  # type: ignore[attr-defined]
    assert list(sent.sports) == [sport_pb2.SPORT_CYCLING, sport_pb2.SPORT_RUNNING]
    assert sent.started_after.ToDatetime(tzinfo=UTC) == after
    assert not sent.HasField("started_before")
    assert not sent.HasField("minimum_distance_m")


async def test_a_moment_without_a_zone_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        await anext(client.workouts.list(started_after=datetime(2026, 5, 1)))


async def test_an_update_names_exactly_what_changes(platform: Platform, client: Client) -> None:
    platform.workouts.workouts = {ID: workout(1, title="old", notes="kept", etag="e1")}
    changed = await client.workouts.update(ID, title="", sport="cycling", etag="e1")
    assert list(platform.script.seen("UpdateWorkout")[0].request.update_mask.paths) == ["title", "sport"]  # type: ignore[attr-defined]
    assert (changed.title, changed.notes, changed.sport) == ("", "kept", sport_pb2.SPORT_CYCLING)


async def test_an_update_of_what_changed_meanwhile_is_a_conflict(platform: Platform, client: Client) -> None:
    platform.workouts.workouts = {ID: workout(1, etag="e2")}
    with pytest.raises(errors.EtagMismatch):
        await client.workouts.update(ID, title="new", etag="e1")


async def test_an_update_of_nothing_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="nothing to change"):
        await client.workouts.update(ID)


async def test_a_repeated_delete_says_that_nothing_was_left(platform: Platform, client: Client) -> None:
    platform.workouts.workouts = {ID: workout(1)}
    assert await client.workouts.delete(ID)
    assert not await client.workouts.delete(ID)


def segments(count: int) -> list[workout_pb2.StreamSegment]:
    made = []
    for index in range(count):
        one = workout_pb2.StreamSegment(start_time_ms=index)
        one.columns.add(channel=channel_pb2.CHANNEL_SPEED, deltas=[1000 * index])
        made.append(one)
    return made


async def test_streams_are_asked_for_as_the_contract_has_them(platform: Platform, client: Client) -> None:
    platform.workouts.segments = segments(2)
    streams = await client.workouts.streams(
        ID,
        channels=["speed", channel_pb2.CHANNEL_POWER],
        end=datetime(1970, 1, 2, tzinfo=UTC),
        aligned=True,
        max_samples=500,
        downsampling="lttb",
    )
    assert streams.of("speed").columns["speed"] == [0.0, 1.0]
    sent = platform.script.seen("ReadStreams")[0].request
    assert list(sent.channels) == [channel_pb2.CHANNEL_SPEED, channel_pb2.CHANNEL_POWER]  # type: ignore[attr-defined]
    assert sent.end_time_ms == 86_400_000  # type: ignore[attr-defined]
    assert sent.downsampling == workout_pb2.DOWNSAMPLING_LTTB  # type: ignore[attr-defined]


async def test_a_stream_that_breaks_half_way_is_read_again_and_nothing_doubles(
    platform: Platform, client: Client, pauses: Pauses
) -> None:
    platform.workouts.segments = segments(5)
    platform.workouts.break_after.extend([3, 0, 4])
    streams = await client.workouts.streams(ID)
    assert streams.of("speed").times_ms == [0, 1, 2, 3, 4]
    assert len(platform.script.seen("ReadStreams")) == 4
    assert len(pauses.taken) == 3


async def test_an_unknown_channel_is_refused_with_the_known_ones(client: Client) -> None:
    with pytest.raises(ValueError, match="there are latitude, longitude"):
        await client.workouts.streams(ID, channels=["mana"])
