"""The SDK against the real platform, from samples to workouts and back."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

import pulsemesh
from pulsemesh import Client, errors
from pulsemesh.testing import SyncPlatform
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import (
    recording_pb2,
    recording_service_pb2,
    workout_pb2,
    workout_service_pb2,
    workout_service_pb2_grpc,
)

START = datetime(2026, 6, 1, 7, tzinfo=UTC)
_numbers = itertools.count()


@pytest.fixture
async def client(pulsemesh_platform: SyncPlatform) -> AsyncIterator[Client]:
    """The client of a new person, in the loop of the test."""
    token = pulsemesh_platform.token(f"integration-{next(_numbers)}")
    async with pulsemesh.connect(pulsemesh_platform.target, token) as connected:
        yield connected


async def ride(
    client: Client, *, title: str = "Ride", start: datetime = START, seconds: int = 60, sport: str = "cycling"
) -> str:
    async with client.ingest.record(sport, ["heart_rate", "power"], title=title, start=start) as live:
        for second in range(seconds):
            await live.add(
                start + timedelta(seconds=second), heart_rate=120 + second % 50, power=200 + second
            )
    assert live.rejections == []
    return live.workout_id


async def test_what_was_recorded_comes_back_in_the_same_units(client: Client) -> None:
    workout_id = await ride(client)
    workout = await client.workouts.get(workout_id)
    assert (workout.title, workout.sport) == ("Ride", sport_pb2.SPORT_CYCLING)
    series = (await client.workouts.streams(workout_id)).of("power")
    assert series.times_ms == [round(START.timestamp() * 1000) + 1000 * n for n in range(60)]
    assert series.columns["power"] == [200 + n for n in range(60)]
    assert series.columns["heart_rate"] == [120 + n % 50 for n in range(60)]


async def test_streams_are_cut_chosen_and_thinned(client: Client) -> None:
    workout_id = await ride(client, seconds=600)
    cut = await client.workouts.streams(
        workout_id,
        channels=["power"],
        start=START + timedelta(seconds=10),
        end=START + timedelta(seconds=20),
    )
    assert cut.of("power").columns == {"power": [210 + n for n in range(10)]}
    thin = await client.workouts.streams(
        workout_id, channels=["power"], max_samples=50, downsampling="min_max"
    )
    times, values = thin.of("power").present("power")
    assert 10 < len(times) <= 50
    assert (min(values), max(values)) == (200, 799)


async def test_history_is_filtered_and_paged(client: Client) -> None:
    for day in range(5):
        sport = "cycling" if day % 2 else "running"
        await ride(client, title=f"Day {day}", start=START + timedelta(days=day), seconds=3, sport=sport)
    assert [one.title async for one in client.workouts.list(page_size=2)] == [
        f"Day {day}" for day in (4, 3, 2, 1, 0)
    ]
    runs = client.workouts.list(sports=["running"], started_after=START + timedelta(days=1))
    assert [one.title async for one in runs] == ["Day 4", "Day 2"]
    assert [one.title async for one in client.workouts.list(title_contains="day 3")] == ["Day 3"]
    assert len([one async for one in client.workouts.list(limit=3, page_size=2)]) == 3


async def test_an_edit_is_guarded_by_the_etag(client: Client) -> None:
    workout = await client.workouts.get(await ride(client, seconds=2))
    changed = await client.workouts.update(
        workout.workout_id, title="Renamed", notes="Windy", sport="running", etag=workout.etag
    )
    assert (changed.title, changed.notes, changed.sport) == ("Renamed", "Windy", sport_pb2.SPORT_RUNNING)
    assert changed.etag != workout.etag
    with pytest.raises(errors.EtagMismatch):
        await client.workouts.update(workout.workout_id, title="Late", etag=workout.etag)


async def test_an_edit_sent_twice_has_its_effect_once(client: Client) -> None:
    workout_id = await ride(client, seconds=2)
    first = await client.workouts.update(workout_id, title="Once", request_id="edit-1")
    again = await client.workouts.update(workout_id, title="Once", request_id="edit-1")
    assert again.etag == first.etag


async def test_a_deleted_workout_is_gone(client: Client) -> None:
    workout_id = await ride(client, seconds=2)
    assert await client.workouts.delete(workout_id)
    assert not await client.workouts.delete(workout_id)
    with pytest.raises(errors.NotFound):
        await client.workouts.get(workout_id)


async def test_the_workout_of_another_person_does_not_exist(
    client: Client, pulsemesh_platform: SyncPlatform
) -> None:
    workout_id = await ride(client, seconds=2)
    async with pulsemesh.connect(pulsemesh_platform.target, pulsemesh_platform.token("mallory")) as other:
        with pytest.raises(errors.NotFound):
            await other.workouts.get(workout_id)
        assert not await other.workouts.delete(workout_id)
    assert (await client.workouts.get(workout_id)).workout_id == workout_id


async def test_a_recording_is_watched_live_until_it_is_a_workout(client: Client) -> None:
    async def watch(recording_id: str) -> list[recording_service_pb2.WatchRecordingResponse]:
        return [update async for update in client.recordings.watch(recording_id)]

    async with client.ingest.record("cycling", ["power"]) as live:
        await live.add(power=231)
        await live.flush()
        watching = asyncio.create_task(watch(live.recording_id))
        (open_one,) = [one async for one in client.recordings.list(states=["open"])]
        assert open_one.recording_id == live.recording_id
        for n in range(5):
            await live.add(power=240 + n)
            await asyncio.sleep(0.05)
    updates = await asyncio.wait_for(watching, 30)
    assert updates[0].values[0].value >= 231
    assert updates[-1].workout_id == live.workout_id
    assert max(update.samples for update in updates) >= 1


async def interrupt(client: Client, recording_id: str = "", samples: range = range(10)) -> str:
    """Begin or go on with a recording, and fail in the middle of it."""
    recording = client.ingest.record("running", ["heart_rate"], start=START, recording_id=recording_id)
    with suppress(ZeroDivisionError):
        async with recording as live:
            for n in samples:
                await live.add(START + timedelta(seconds=n), heart_rate=100 + n)
            await live.flush()
            raise ZeroDivisionError
    return recording.recording_id


async def test_an_abandoned_recording_is_closed_into_what_is_there(client: Client) -> None:
    workout_id = await client.recordings.close(await interrupt(client))
    series = (await client.workouts.streams(workout_id)).of("heart_rate")
    assert series.columns["heart_rate"] == [100 + n for n in range(10)]


async def test_an_abandoned_recording_is_discarded(client: Client) -> None:
    discarded = await client.recordings.discard(await interrupt(client))
    assert discarded.state == recording_pb2.RECORDING_STATE_DISCARDED
    assert [one async for one in client.workouts.list()] == []


async def test_an_original_file_goes_there_and_back(client: Client) -> None:
    content = hashlib.sha256(b"seed").digest() * 40_000  # more than a megabyte
    progress: list[int] = []
    uploaded = await client.files.upload(
        content, name="ride.fit", progress=lambda sent, _: progress.append(sent)
    )
    assert not uploaded.existed
    assert progress[-1] == len(content)
    assert await client.files.read(uploaded.file.file_id) == content
    assert (await client.files.upload(content, name="again.fit")).existed


async def test_a_device_may_record_and_not_edit(pulsemesh_platform: SyncPlatform) -> None:
    token = pulsemesh_platform.token("gateway-owner", device=True)
    async with pulsemesh.connect(pulsemesh_platform.target, token) as device:
        workout_id = await ride(device, seconds=2)
        with pytest.raises(errors.PermissionDenied):
            await device.workouts.update(workout_id, title="Mine")


async def test_without_a_token_nothing_is_seen(pulsemesh_platform: SyncPlatform) -> None:
    async with pulsemesh.connect(pulsemesh_platform.target) as nobody:
        with pytest.raises(errors.Unauthenticated):
            await anext(nobody.workouts.list())
        recording = nobody.ingest.record("running", ["heart_rate"])
        with pytest.raises(errors.Unauthenticated):
            async with recording as live:
                await live.add(heart_rate=1)


async def test_the_platform_checks_what_the_client_did_not(pulsemesh_platform: SyncPlatform) -> None:
    token = pulsemesh_platform.token("unchecked")
    async with pulsemesh.connect(pulsemesh_platform.target, token, validate=False) as client:
        with pytest.raises(errors.InvalidArgument) as caught:
            await client.workouts.get("short")
    assert caught.value.from_platform
    assert [violation.field for violation in caught.value.violations] == ["workout_id"]


async def test_a_stub_of_ones_own_reaches_the_platform(client: Client) -> None:
    stub = client.stub(workout_service_pb2_grpc.WorkoutServiceStub)
    await ride(client, seconds=2)
    page = await stub.ListWorkouts(workout_service_pb2.ListWorkoutsRequest(page_size=1))
    assert isinstance(page.workouts[0], workout_pb2.Workout)
